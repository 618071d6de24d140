"""Days on AWS: files in any order, events doubled and odd, corrections, refusals, failures of every kind, upgrades."""

from __future__ import annotations

import json
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from botocore.exceptions import ClientError

from aws.cloud import Stack, administrator, day_of_planos, documents, only, until

pytestmark = pytest.mark.aws

FIRST = date(2026, 10, 20)
DAYS = [FIRST + timedelta(days=count) for count in range(20)]
LATER = [FIRST + timedelta(days=count) for count in range(20, 33)]
"""Dates for tests that spoil theirs."""


def object_event(bucket: str, key: str) -> dict[str, Any]:
    """The event that EventBridge gives for an object."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}, "reason": "PutObject"}
    return {"id": "evento-1", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def lived(stack: Stack, day: date, folder: Path) -> date:
    """A date that has been published, by an earlier test or now."""
    if not stack.look(day)[0].runs:
        stack.put(day_of_planos(folder, day))
    stack.done(day)
    return day


@pytest.mark.parametrize("first", range(0, len(DAYS), 2))
def test_twenty_days_lead_to_one_glue_run_each(planos: Stack, saude: Stack, tmp_path: Path, first: int) -> None:
    """Seven files of a day at the same moment, in any order, two days at once: one run of Glue, one of the ledger."""
    assert saude.look(DAYS[0])[0].runs == ()
    pair = DAYS[first : first + 2]
    for day in pair:
        planos.put(day_of_planos(tmp_path, day))
    for day in pair:
        planos.done(day)
        assert planos.ends(day) == ["succeeded"]
        assert planos.glue_ends(day) == ["SUCCEEDED"]
        assert planos.glue_runs(day)[0]["Arguments"]["--engine"] == "spark"


def test_readers_see_the_newest_of_the_twenty_days(planos: Stack, endpoint: str, tmp_path: Path) -> None:
    """Under the alias; and no event has failed on the way."""
    lived(planos, DAYS[-1], tmp_path)
    assert len(documents(endpoint, "contratos")) == len(documents(endpoint, f"contratos-{DAYS[-1]}")) > 0
    assert planos.emulator.client("sqs").get_queue_attributes(
        QueueUrl=planos.output("Failures"), AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"] == {"ApproximateNumberOfMessages": "0"}


def test_doubled_and_odd_events_do_no_harm(planos: Stack, tmp_path: Path) -> None:
    """The same event again, a bucket's own with several records, encoded keys, test events, nonsense: nothing new."""
    day = lived(planos, DAYS[0], tmp_path)
    key = f"dados-posicionais/CONTRATOS_{day:%Y%m%d}.txt"
    odd = "dados-posicionais/relatório de ontem.txt"
    records = [{"s3": {"bucket": {"name": planos.bucket}, "object": {"key": quote_plus(one)}}} for one in (odd, key)]
    event = object_event(planos.bucket, key)
    assert [planos.event("receber", event) for _ in range(3)] == [{"dates": [day.isoformat()]}] * 3
    assert planos.event("receber", {"Records": [*records, {"kinesis": {}}]}) == {"dates": [day.isoformat()]}
    for strange in ({"Event": "s3:TestEvent"}, {"source": "aws.glue", "detail": {"jobRunId": "jr_x"}}, {}):
        assert planos.event("receber", strange) == {"dates": []}
    planos.put_one(odd.removeprefix("dados-posicionais/"), b"x")
    assert planos.ends(day) == ["succeeded"]
    assert len(planos.glue_runs(day)) == 1
    measured = _metrics(planos)
    assert {"UnknownEvents", "Rows", "Rejects", "Refused", "Heartbeat", "DaysOverdue"} <= set(measured)
    assert set().union(*measured.values()) == {"feed", "file"}


def test_log_lines_carry_the_event_that_led_to_them(planos: Stack) -> None:
    """So that all that one event did can be found."""
    lines = [json.loads(line) for line in planos.lines("receber") if line.startswith('{"level"')]
    assert {"INFO", "WARNING"} <= {line["level"] for line in lines}
    assert all(line["correlation_id"] for line in lines)
    assert "evento-1" in {line["correlation_id"] for line in lines}


def test_a_correction_redoes_its_own_day_only(planos: Stack, tmp_path: Path) -> None:
    """It comes as a multipart upload, after the run; the same content once more leads to nothing."""
    day, other = lived(planos, DAYS[3], tmp_path), lived(planos, DAYS[4], tmp_path)
    changed = only(day_of_planos(tmp_path, day, seed=5), ["PAGAMENTOS"])
    for name, data in changed.items():
        planos.put_in_pieces(name, data)
    planos.done(day, run=2)
    for name, data in changed.items():
        planos.put_one(name, data)
    planos.sweep()
    assert planos.ends(day) == ["succeeded", "succeeded"]
    assert len(planos.glue_runs(day)) == 2
    assert planos.ends(other) == ["succeeded"]


def test_a_correction_while_the_run_is_at_work(planos: Stack, tmp_path: Path) -> None:
    """What the run makes of the old file never shows; the set as it is now is processed, and published once."""
    day = LATER[9]
    planos.emulator.order("result-waits")
    planos.put(day_of_planos(tmp_path, day))
    until(lambda: planos.emulator.waiting == [], lambda: planos.told(day))
    planos.put(only(day_of_planos(tmp_path, day, seed=5), ["PAGAMENTOS"]))
    until(lambda: _converted(planos, day, "pagamentos") == 2, lambda: planos.told(day))
    planos.emulator.order("result-goes")
    planos.done(day, run=2)
    assert planos.ends(day) == ["superseded", "succeeded"]
    assert len(planos.look(day)[0].publications["opensearch"]) == 1


def _converted(stack: Stack, day: date, file: str) -> int:
    """The number of a file's arrival that counts."""
    current = stack.look(day)[0].files[file].current
    return current.number if current else 0


def test_a_refused_file_is_told_and_can_be_accepted(planos: Stack, tmp_path: Path) -> None:
    """Whoever subscribes gets the file and the reason; a person accepts it; the sweep goes on."""
    day = LATER[0]
    files = day_of_planos(tmp_path, day)
    name = f"SINISTROS_{day:%Y%m%d}.txt"
    lines = files[name].splitlines(keepends=True)[:-1]  # without its trailer
    lines[2] = b"?" * (len(lines[2]) - 1) + b"\n"
    files[name] = b"".join(lines)
    planos.put(files)
    said = until(lambda: planos.told_of("sinistros", day.isoformat(), "trailer"), lambda: planos.told(day))
    assert "linha 3" in said
    assert planos.glue_runs(day) == []
    done = planos.posicional("accept", "sinistros", "--date", day.isoformat(), "--why", "conferido por telefone")
    assert done.code == 0, done.text
    planos.done(day, sweeping=True)


KILLED = LATER[6]
"""The date whose Lambda is killed; it is looked at again when that Lambda would be dead in any case."""

ALIVE = 60
"""Seconds that Lambda might have lived."""


@pytest.fixture(scope="module")
def killed(planos: Stack, tmp_path_factory: pytest.TempPathFactory) -> float:
    """When a Lambda was killed, on the steady clock: after its claim of a run, before the start of that run."""
    functions = planos.emulator.client("lambda")
    functions.update_function_configuration(FunctionName=f"{planos.name}-receber", Timeout=ALIVE)
    files = day_of_planos(tmp_path_factory.mktemp("killed"), KILLED)
    planos.put({name: data for name, data in files.items() if not name.startswith("PLANOS")})
    until(lambda: planos.look(KILLED)[0].missing == ("planos",), lambda: planos.told(KILLED))
    planos.emulator.order("lambda-dies")
    planos.put(only(files, ["PLANOS"]))
    until(lambda: planos.emulator.waiting == [], lambda: planos.told(KILLED))
    functions.update_function_configuration(FunctionName=f"{planos.name}-receber", Timeout=900)
    return time.monotonic()


def test_a_claim_of_a_lambda_that_was_killed_holds_while_it_may_be_alive(planos: Stack, killed: float) -> None:
    """Nothing was started for it, and nobody can tell."""
    planos.sweep()
    assert time.monotonic() < killed + ALIVE
    assert planos.ends(KILLED) == ["live"]
    assert planos.glue_runs(KILLED) == []


@pytest.mark.parametrize(
    ("fault", "at", "wanted"),
    [
        ("glue-fail", 1, ["abandoned", "succeeded"]),
        ("glue-dies", 2, ["abandoned", "succeeded"]),
        ("glue-refuse", 3, ["failed", "succeeded"]),
        ("glue-lost", 4, ["succeeded"]),
        ("glue-twice", 5, ["succeeded"]),
    ],
)
def test_whatever_fails_in_glue_the_day_ends_right(
    planos: Stack, tmp_path: Path, fault: str, at: int, wanted: list[str]
) -> None:
    """A run that fails, one of which nobody hears, a refused and a lost start, two starts: one run is effective."""
    day = LATER[at]
    planos.emulator.order(fault)
    planos.put(day_of_planos(tmp_path, day))
    planos.done(day, run=len(wanted), sweeping=True)
    assert planos.emulator.waiting == []
    assert planos.ends(day) == wanted
    assert len(planos.look(day)[0].publications["opensearch"]) == 1


def test_nobody_overwrites_or_deletes_facts_and_arrivals(planos: Stack, tmp_path: Path) -> None:
    """Not even a user who may do everything: the bucket's policy says so. (The emulator lets its root pass.)"""
    owner, day = administrator(planos), lived(planos, DAYS[0], tmp_path)
    fact = planos.keys(f"controle/planos/{day}/runs/")[0]
    arrival = f"dados-posicionais/CONTRATOS_{day:%Y%m%d}.txt"
    with pytest.raises(ClientError, match="AccessDenied"):
        owner.put_object(Bucket=planos.bucket, Key=fact, Body=b"{}")
    for key in (fact, arrival):
        with pytest.raises(ClientError, match="AccessDenied"):
            owner.delete_object(Bucket=planos.bucket, Key=key)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        owner.put_object(Bucket=planos.bucket, Key=fact, Body=b"{}", IfNoneMatch="*")
    new = f"controle/planos/{day}/teste.json"
    owner.put_object(Bucket=planos.bucket, Key=new, Body=b"{}", IfNoneMatch="*")


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        (
            "ReceiveRole",
            ["write dados-processados/planos/x", "delete dados-parquet/planos/x", "write controle/outro/x"],
        ),
        ("SweepRole", ["write dados-processados/planos/x", "delete controle/planos/x", "delete dados-posicionais/x"]),
        (
            "DeadlineRole",
            ["write dados-parquet/planos/x", "read dados-posicionais/x", "write controle/planos/d/runs/x"],
        ),
        ("JobRole", ["delete dados-processados/planos/x", "write dados-posicionais/x"]),
    ],
)
def test_a_role_may_do_no_more_than_it_does(planos: Stack, role: str, refused: list[str]) -> None:
    """As AWS would answer, for each role of the deployed stack."""
    found = planos.emulator.client("cloudformation").describe_stack_resource(
        StackName=planos.name, LogicalResourceId=role
    )["StackResourceDetail"]["PhysicalResourceId"]
    iam = planos.emulator.client("iam")
    actions = {"write": "s3:PutObject", "delete": "s3:DeleteObject", "read": "s3:GetObject"}
    for one in refused:
        verb, key = one.split()
        answer = iam.simulate_principal_policy(
            PolicySourceArn=iam.get_role(RoleName=found)["Role"]["Arn"],
            ActionNames=[actions[verb]],
            ResourceArns=[f"arn:aws:s3:::{planos.bucket}/{key}"],
        )["EvaluationResults"]
        assert [result["EvalDecision"] for result in answer] == ["implicitDeny"], one


def test_an_upgrade_and_a_rollback_in_the_middle_of_a_day(planos: Stack, tmp_path: Path) -> None:
    """What was finished stays; what is begun after it is made by the contract of its time; going back is one word."""
    day, then, at_work, finished = LATER[7], LATER[8], LATER[10], lived(planos, DAYS[1], tmp_path)
    files = day_of_planos(tmp_path, day)
    first = only(files, ["CONTRATOS", "CLIENTES", "PLANOS"])
    planos.put(first)
    planos.emulator.order("result-waits")
    planos.put(day_of_planos(tmp_path, at_work))
    until(lambda: planos.emulator.waiting == [], lambda: planos.told(at_work))
    sql = planos.path.parent / "sql" / "resumo_planos.sql"
    before = sql.read_text()
    sql.write_text(before + "\n-- outra versao\n")
    assert "uploaded: posicional/contract-" in planos.deploy().out
    planos.emulator.order("result-goes")
    planos.put({name: data for name, data in files.items() if name not in first})
    planos.done(day)
    planos.done(at_work)
    assert planos.ends(finished) == planos.ends(at_work) == ["succeeded"]
    old, new = (planos.glue_runs(one)[0]["Arguments"]["--contract"] for one in (at_work, day))
    assert old != new

    assert "back to deployment 1" in planos.deploy("--rollback").out
    sql.write_text(before)
    planos.put(day_of_planos(tmp_path, then))
    planos.done(then)
    assert planos.glue_runs(then)[0]["Arguments"]["--contract"] == old
    assert planos.command("deploy", "--rollback").code == 2  # there is nothing before the first


def test_a_claim_of_a_lambda_that_was_killed_holds_no_longer(planos: Stack, killed: float) -> None:
    """When it is sure that the Lambda is dead, the sweep goes on with the day."""
    time.sleep(max(0, killed + ALIVE + 35 - time.monotonic()))
    planos.done(KILLED, run=2, sweeping=True)
    assert planos.ends(KILLED) == ["abandoned", "succeeded"]
    assert len(planos.glue_runs(KILLED)) == 1


def _metrics(stack: Stack) -> dict[str, set[str]]:
    """Name of a metric -> the names of its dimensions."""
    found = stack.emulator.client("cloudwatch").list_metrics(Namespace="posicional")["Metrics"]
    return {one["MetricName"]: {words["Name"] for words in one["Dimensions"]} for one in found}
