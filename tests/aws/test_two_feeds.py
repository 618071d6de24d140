"""A second feed on the bucket of the first: a schedule that rings, Spark, a file too large for a Lambda, the end."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from aws.cloud import Stack, until
from aws.emulator import Emulator
from aws.locked import locked
from aws.test_days import documents, message, subscribe
from worlds import CPFS, FEED, clientes, contratos, write_feed

pytestmark = pytest.mark.aws

SOON = timedelta(minutes=4)
"""When the feed is due, from when it is deployed: what was due before, the deployment's own sweep tells."""

SAUDE = FEED.replace("America/Sao_Paulo", "UTC")
SAUDE = SAUDE.replace("CONTRATOS_", "SAUDE_CONTRATOS_").replace("CLIENTES_", "SAUDE_CLIENTES_")
SAUDE = SAUDE.replace('    expected_by: "09:30"\n', "")
SAUDE = SAUDE.replace("    key: [numero]\n", "    key: [numero]\n    protect: {cpf: hmac}\n")
SAUDE += """\
publish:
  opensearch:
    url: ${OPENSEARCH_URL}
    auth: {user: posicional, password: "${OPENSEARCH_PASSWORD:-}"}
    datasets: {ativos: {index: saude-ativos}}
"""

ATIVOS = """\
select c.numero, c.plano, c.cpf, l.uf
from contratos c join clientes l on l.cpf = c.cpf
where c.plano <> 'BASICO'
"""

PASSWORD = "uma senha que ninguem ve"  # noqa: S105 - of a door that this test makes
HASH_KEY = "uma chave que ninguem conhece"


@pytest.fixture(scope="module")
def door(endpoint: str) -> Iterator[str]:
    """The endpoint, behind a door that asks for a password."""
    with locked(endpoint, "posicional", PASSWORD) as url:
        yield url


@pytest.fixture(scope="module")
def secret(aws: Emulator) -> str:
    """What the feed must not tell, in Secrets Manager; the secret's ARN."""
    held = json.dumps({"OPENSEARCH_PASSWORD": PASSWORD, "POSICIONAL_HMAC_KEY": HASH_KEY})
    return str(aws.client("secretsmanager").create_secret(Name="saude", SecretString=held)["ARN"])


@pytest.fixture(scope="module")
def saude(planos: Stack, aws: Emulator, door: str, secret: str, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A feed of two files, due in a few minutes and looked at every minute, on the bucket of the other."""
    folder = tmp_path_factory.mktemp("saude")
    due = datetime.now(UTC) + SOON
    write_feed(folder, feed=SAUDE.replace('deadline: "12:00"', f'deadline: "{due:%H:%M}"'), ativos=ATIVOS)
    deployed = Stack(aws, "posicional-saude", folder / "feed.yaml", planos.bucket)
    words = {
        "OpenSearchUrl": door,
        "SecretArn": secret,
        "Engine": "spark",
        "LambdaLimit": str(len(clientes())),
        "DeadlineCron": "cron(* * * * ? *)",
    }
    said = deployed.deploy(*(word for name, value in words.items() for word in ("-p", f"{name}={value}")))
    assert not re.search(r"(?m)^  create_complete +Data$", said.out)  # the emulator's plans name what is not made, too
    return deployed


def test_the_schedule_leads_to_an_alert_with_the_missing_files(saude: Stack) -> None:
    """Nothing ever began; whoever subscribes is told what is missing, and whose it is."""
    queue = subscribe(saude)
    said = until(lambda: message(saude, queue, "contratos"), lambda: "\n".join(saude.lines("prazo")), 360)
    assert "clientes" in said
    assert "mainframe-ops@example.com" in said
    assert f"{datetime.now(UTC).date()}" in said


def test_a_large_file_is_read_by_glue_and_spark_makes_the_day(saude: Stack, planos: Stack) -> None:
    """Size decides before the first byte. The first feed sees none of it."""
    today = datetime.now(UTC).date()
    saude.put({f"SAUDE_CONTRATOS_{today:%Y%m%d}.txt": contratos(day=today)})
    until(lambda: saude.look(today)[0].files["contratos"].current, lambda: saude.told(today), 240)
    assert [run["Arguments"]["--owner"] for run in saude.glue_runs(today)] == ["-"]
    saude.put({f"SAUDE_CLIENTES_{today:%Y%m%d}.txt": clientes()})
    until(lambda: saude.look(today)[0].published("opensearch"), lambda: saude.told(today), 240)
    assert planos.look(today)[0].files["contratos"].arrivals == ()
    assert "spark" in " ".join(run["Arguments"].get("--engine", "") for run in saude.glue_runs(today))


def test_secrets_reach_the_job_and_stand_nowhere(saude: Stack, endpoint: str) -> None:
    """The password opened the door and the key made the hashes; no argument, setting, fact or log line holds them."""
    wanted = {hmac.new(HASH_KEY.encode(), cpf.encode(), hashlib.sha256).hexdigest() for cpf in CPFS}
    shown = documents(endpoint, "saude-ativos")
    assert shown
    assert {one["cpf"] for one in shown} <= wanted
    emulator, today = saude.emulator, datetime.now(UTC).date()
    functions = emulator.client("lambda")
    job = emulator.client("glue").get_job(JobName=f"{saude.name}-processar")["Job"]
    described = emulator.client("cloudformation").describe_stacks(StackName=saude.name)["Stacks"][0]
    told = [str(job), str(saude.glue_runs(today)), str(described), emulator.log]
    told += [emulator.glue_log(run["Id"]) for run in saude.glue_runs(today)]
    for name in ("receber", "varrer", "prazo"):
        told += [*saude.lines(name), str(functions.get_function(FunctionName=f"{saude.name}-{name}"))]
    store = emulator.client("s3")
    for key in saude.keys(f"controle/saude/{today}/"):
        told.append(store.get_object(Bucket=saude.bucket, Key=key)["Body"].read().decode())
    for word in (PASSWORD, HASH_KEY):
        assert not [text for text in told if word in text]


def test_what_was_destroyed_keeps_its_data_and_is_taken_up_again(saude: Stack, door: str, secret: str) -> None:
    """The stack goes, the bucket stays with all in it; deploying goes on with every day."""
    today = datetime.now(UTC).date()
    kept = saude.keys(f"controle/saude/{today}/")
    assert saude.command("destroy", "--yes").code == 0
    assert saude.keys(f"controle/saude/{today}/") == kept != []
    saude.deploy("-p", f"OpenSearchUrl={door}", "-p", f"SecretArn={secret}", "-p", "Engine=duckdb")
    saude.sweep()
    assert [run.status for run in saude.look(today)[0].runs] == ["succeeded"]
