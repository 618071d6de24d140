"""A second feed on the bucket of the first: a schedule that rings, Spark, a file too large for a Lambda, the end."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from aws.cloud import Stack, until
from aws.emulator import Emulator
from aws.test_days import message, subscribe
from worlds import FEED, clientes, contratos, write_feed

pytestmark = pytest.mark.aws

SOON = timedelta(minutes=4)
"""When the feed is due, from when it is deployed: what was due before, the deployment's own sweep tells."""

SAUDE = FEED.replace("America/Sao_Paulo", "UTC")
SAUDE = SAUDE.replace("CONTRATOS_", "SAUDE_CONTRATOS_").replace("CLIENTES_", "SAUDE_CLIENTES_")
SAUDE = SAUDE.replace('    expected_by: "09:30"\n', "")
SAUDE += "publish:\n  opensearch:\n    url: ${OPENSEARCH_URL}\n    datasets: {ativos: {index: saude-ativos}}\n"


@pytest.fixture(scope="module")
def saude(planos: Stack, aws: Emulator, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A feed of two files, due in a few minutes and looked at every minute, on the bucket of the other."""
    folder = tmp_path_factory.mktemp("saude")
    due = datetime.now(UTC) + SOON
    write_feed(folder, feed=SAUDE.replace('deadline: "12:00"', f'deadline: "{due:%H:%M}"'))
    deployed = Stack(aws, "posicional-saude", folder / "feed.yaml", planos.bucket)
    words = {
        "OpenSearchUrl": endpoint,
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


def test_what_was_destroyed_keeps_its_data_and_is_taken_up_again(saude: Stack) -> None:
    """The stack goes, the bucket stays with all in it; deploying goes on with every day."""
    today = datetime.now(UTC).date()
    kept = saude.keys(f"controle/saude/{today}/")
    assert saude.command("destroy", "--yes").code == 0
    assert saude.keys(f"controle/saude/{today}/") == kept != []
    saude.deploy("-p", f"OpenSearchUrl={_url(saude)}", "-p", "Engine=duckdb")
    saude.sweep()
    assert [run.status for run in saude.look(today)[0].runs] == ["succeeded"]


def _url(stack: Stack) -> str:
    record = stack.emulator.client("s3").get_object(
        Bucket=f"posicional-000000000000-{'sa-east-1'}", Key=f"posicional/stacks/{stack.name}/000001.json"
    )
    return str(json.loads(record["Body"].read())["parameters"]["OpenSearchUrl"])
