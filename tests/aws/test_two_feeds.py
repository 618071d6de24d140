"""A second feed on the bucket of the first: a file too large for a Lambda, secrets, and what is left of a stack."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from botocore.exceptions import ClientError

from aws.cloud import Stack, administrator, documents, until
from aws.feeds import HASH_KEY, PASSWORD, today
from worlds import CPFS, clientes, contratos

pytestmark = pytest.mark.aws


def test_a_large_file_is_read_by_glue_and_the_day_is_made(saude: Stack, planos: Stack) -> None:
    """Size decides before the first byte. The first feed sees none of it."""
    day = today()
    saude.put({f"SAUDE_CONTRATOS_{day:%Y%m%d}.txt": contratos(day=day)})
    until(lambda: saude.look(day)[0].files["contratos"].current, lambda: saude.told(day))
    assert [run["Arguments"]["--owner"] for run in saude.glue_runs(day)] == ["-"]
    saude.put({f"SAUDE_CLIENTES_{day:%Y%m%d}.txt": clientes()})
    until(lambda: saude.look(day)[0].published("opensearch"), lambda: saude.told(day))
    assert planos.look(day)[0].files["contratos"].arrivals == ()


def test_secrets_reach_the_job_and_stand_nowhere(saude: Stack, endpoint: str) -> None:
    """The password opened the door and the key made the hashes; no argument, setting, fact or log line holds them."""
    wanted = {hmac.new(HASH_KEY.encode(), cpf.encode(), hashlib.sha256).hexdigest() for cpf in CPFS}
    shown = documents(endpoint, "saude-ativos")
    assert shown
    assert {one["cpf"] for one in shown} <= wanted
    emulator, day = saude.emulator, today()
    assert saude.glue_ends(day) == ["SUCCEEDED"] * 2
    functions = emulator.client("lambda")
    job = emulator.client("glue").get_job(JobName=f"{saude.name}-processar")["Job"]
    described = emulator.client("cloudformation").describe_stacks(StackName=saude.name)["Stacks"][0]
    told = [str(job), str(saude.glue_runs(day)), str(described), emulator.log]
    told += [emulator.glue_log(run["Id"]) for run in saude.glue_runs(day)]
    for name in ("receber", "varrer", "prazo"):
        told += [*saude.lines(name), str(functions.get_function(FunctionName=f"{saude.name}-{name}"))]
    store = emulator.client("s3")
    for key in saude.keys(f"controle/saude/{day}/"):
        told.append(store.get_object(Bucket=saude.bucket, Key=key)["Body"].read().decode())
    for word in (PASSWORD, HASH_KEY):
        assert not [text for text in told if word in text]


def test_what_was_destroyed_keeps_its_data_and_is_taken_up_again(saude: Stack, door: str, secret: str) -> None:
    """The stack goes, the bucket stays with all in it; deploying goes on with every day."""
    day = today()
    kept = saude.keys(f"controle/saude/{day}/")
    assert saude.command("destroy", "--yes").code == 0
    assert saude.keys(f"controle/saude/{day}/") == kept != []
    said = saude.deploy("-p", f"OpenSearchUrl={door}", "-p", f"SecretArn={secret}")
    assert not re.search(r"(?m)^  create_complete +Data$", said.out)
    saude.sweep()
    assert saude.ends(day) == ["succeeded"]


def test_a_bucket_of_others_is_left_as_it_was_but_for_the_ledger_s_rules(notas: Stack) -> None:
    """S3 takes no other change of a bucket beside a notification to a Lambda which is gone: ours goes, theirs stays."""
    s3, bucket = notas.emulator.client("s3"), notas.bucket
    facts = notas.keys("controle/notas/")
    assert notas.command("destroy", "--yes").code == 0
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert [one["Id"] for one in found["QueueConfigurations"]] == ["deles"]
    assert "LambdaFunctionConfigurations" not in found
    assert notas.keys("controle/notas/") == facts != []


def test_a_bucket_that_the_stack_made_outlives_it_and_is_taken_up_again(planos: Stack, endpoint: str) -> None:
    """With every fact, and the rules that protect them; the next stack takes it as it is."""
    facts = planos.keys("controle/planos/")
    assert planos.command("destroy", "--yes").code == 0
    assert planos.keys("controle/planos/") == facts != []
    with pytest.raises(ClientError, match="AccessDenied"):
        administrator(planos).delete_object(Bucket=planos.bucket, Key=facts[0])
    said = planos.deploy("-p", f"OpenSearchUrl={endpoint}")
    assert not re.search(r"(?m)^  create_complete +Data$", said.out)
    assert planos.sweep()["looked_at"] > 0
