"""What Glue is asked and told, without a Glue: the SDK's own stubs answer."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from posicional.backends.aws import MARGIN, BriefStore, GlueJob, Topic, secret_variables
from posicional.backends.store_objects import memory_store
from posicional.errors import EngineError, NotifyError, OutOfTime, OutsideError, UsageError
from posicional.ports import Notice
from worlds import DAY, MORNING, ToldClock

RUN = {"--feed": "f", "--date": "2026-11-22", "--owner": "x"}


@pytest.fixture
def glue() -> Iterator[Stubber]:
    """A client of Glue that answers as told, and must be asked all of it."""
    client = boto3.client("glue", region_name="sa-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def job_of(glue: Stubber, clock: ToldClock | None = None) -> GlueJob:
    """The job as a Lambda has it that lives another minute."""
    ids = itertools.count(1)
    return GlueJob(
        glue.client, "job", clock or ToldClock(), lambda: f"id{next(ids)}", {"--store": "s3://b"}, 10, lambda: 60.0
    )


def runs(glue: Stubber, *states: str, **arguments: str) -> None:
    """Glue knows runs in these states."""
    found: list[Any] = [{"Id": f"jr_{state}", "JobRunState": state, "Arguments": RUN | arguments} for state in states]
    glue.add_response("get_job_runs", {"JobRuns": found}, {"JobName": "job"})


def test_a_run_is_started_with_all_that_it_needs(glue: Stubber) -> None:
    """Feed, date and the name of its claim, beside what every run gets."""
    words = {"--store": "s3://b", "--feed": "f", "--date": "2026-11-22", "--owner": "glue job 20261122T110100Z-id1"}
    glue.add_response("start_job_run", {"JobRunId": "jr_1"}, {"JobName": "job", "Arguments": words})
    job = job_of(glue)
    job.begin("f", DAY, job.owner())


@pytest.mark.parametrize(("code", "refused"), [("ConcurrentRunsExceededException", True), ("InternalFailure", False)])
def test_only_a_clear_refusal_is_one(glue: Stubber, code: str, refused: bool) -> None:
    """What may have been started nevertheless is not ended by us: Glue is asked later."""
    glue.add_client_error("start_job_run", code)
    if refused:
        with pytest.raises(EngineError, match=code):
            job_of(glue).begin("f", DAY, "x")
    else:
        job_of(glue).begin("f", DAY, "x")


@pytest.mark.parametrize("state", ["STARTING", "RUNNING", "STOPPING", "WAITING"])
def test_a_live_run_is_at_work_and_not_gone(glue: Stubber, state: str) -> None:
    """However old its claim is."""
    owner = "glue job 20200101T000000Z-a"
    runs(glue, state, **{"--owner": owner})
    assert not job_of(glue).gone(owner)
    runs(glue, "FAILED", state)
    assert job_of(glue).working("f", DAY)
    runs(glue, state)
    assert not job_of(glue).working("f", DAY + timedelta(days=1))


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"])
def test_a_run_that_ended_is_gone(glue: Stubber, state: str) -> None:
    """Whether it is asked by the claim's name or by its own; one of two that lives keeps both."""
    owner = "glue job 20261122T110000Z-a"
    runs(glue, state, **{"--owner": owner})
    assert job_of(glue).gone(owner)
    runs(glue, state, "RUNNING", **{"--owner": owner})
    assert not job_of(glue).gone(owner)
    found = {"JobRun": {"Id": "jr_1", "JobRunState": state}}
    glue.add_response("get_job_run", found, {"JobName": "job", "RunId": "jr_1"})
    assert job_of(glue).gone("glue job jr_1")


def test_a_run_that_was_never_started_is_gone_when_its_starter_is_dead_and_not_before(glue: Stubber) -> None:
    """The claim's name says until when its Lambda can live."""
    clock = ToldClock()
    job = job_of(glue, clock)
    owner = job.owner()
    clock.time = MORNING + timedelta(seconds=60) + MARGIN
    runs(glue, "SUCCEEDED")
    assert not job.gone(owner)
    clock.time += timedelta(seconds=1)
    runs(glue, "SUCCEEDED")
    assert job.gone(owner)


def test_failures_are_counted_back_to_the_last_success_and_for_a_day(glue: Stubber) -> None:
    """Runs that a claim waits for are no part of it: they are turns of the ledger."""
    ages = {"FAILED": 1, "TIMEOUT": 2, "SUCCEEDED": 3, "STOPPED": 4}
    found = [
        {"JobRunState": state, "StartedOn": MORNING - timedelta(hours=hours), "Arguments": RUN | {"--owner": "-"}}
        for state, hours in ages.items()
    ]
    found.append({"JobRunState": "FAILED", "StartedOn": MORNING, "Arguments": RUN})
    glue.add_response("get_job_runs", {"JobRuns": found}, {"JobName": "job"})
    assert job_of(glue).failures("f", DAY) == 2
    glue.add_response("get_job_runs", {"JobRuns": found[:2]}, {"JobName": "job"})
    assert job_of(glue, ToldClock(MORNING + timedelta(hours=23))).failures("f", DAY) == 1


def test_nothing_is_gone_while_glue_does_not_say(glue: Stubber) -> None:
    """A refused question, another's name: nothing is known."""
    glue.add_client_error("get_job_runs", "AccessDeniedException")
    assert not job_of(glue).gone("glue job 20200101T000000Z-a")
    assert not job_of(glue).gone("ana@maquina pid 12")


def test_a_run_that_glue_has_forgotten_is_gone(glue: Stubber) -> None:
    """It keeps them for some months."""
    glue.add_client_error("get_job_run", "EntityNotFoundException")
    assert job_of(glue).gone("glue job jr_1")


def test_an_alert_goes_to_the_topic() -> None:
    """With a subject that SNS takes; a failure is ours to handle."""
    client = boto3.client("sns", region_name="sa-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    notice = Notice("saúde", DAY, "deadline", 1, over=False, text="faltam 2 de 7")
    wanted = {"TopicArn": "arn:t", "Subject": "[sa?de] 2026-11-22 deadline", "Message": "faltam 2 de 7"}
    with Stubber(client) as stubber:
        stubber.add_response("publish", {"MessageId": "1"}, wanted | {"MessageAttributes": ANY})
        Topic(client, "arn:t").send(notice)
        stubber.add_client_error("publish", "Throttled")
        with pytest.raises(NotifyError):
            Topic(client, "arn:t").send(notice)


def test_reading_stops_when_time_runs_out() -> None:
    """In the middle of an object; what was written by then is named by nobody."""
    inner = memory_store("memory://brief")
    inner.create("dados-posicionais/a", b"x" * 100)
    left = iter([100.0, 100.0, 44.0])
    store = BriefStore(inner.url, inner.client, lambda: next(left), 45.0)
    with store.source(store.head("dados-posicionais/a")).open() as stream:
        assert stream.read(10) == b"x" * 10
        assert stream.read(10) == b"x" * 10
        with pytest.raises(OutOfTime):
            stream.read(10)


ARN = "arn:aws:secretsmanager:sa-east-1:123456789012:secret:planos-AbCdEf"


@pytest.fixture
def secrets() -> Iterator[Stubber]:
    """A client of Secrets Manager that answers as told, and must be asked all of it."""
    words = {"region_name": "sa-east-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    with Stubber(boto3.client("secretsmanager", **words)) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_secret_holds_variables_by_name(secrets: Stubber) -> None:
    """Read by its ARN."""
    secrets.add_response("get_secret_value", {"SecretString": '{"OPENSEARCH_PASSWORD": "x"}'}, {"SecretId": ARN})
    assert secret_variables(secrets.client, ARN) == {"OPENSEARCH_PASSWORD": "x"}


@pytest.mark.parametrize(
    "held",
    ["naodiga", '["naodiga"]', '{"A": {"naodiga": 1}}', '{"naodiga": "x"}', '{"AWS_PROFILE": "naodiga"}'],
    ids=["no JSON", "no object", "no text", "no variable", "the SDK's own"],
)
def test_a_secret_that_holds_anything_else_is_refused_and_not_told(secrets: Stubber, held: str) -> None:
    """Neither in the message nor in what led to it."""
    secrets.add_response("get_secret_value", {"SecretString": held}, {"SecretId": ARN})
    with pytest.raises(UsageError, match="a JSON object of texts") as refused:
        secret_variables(secrets.client, ARN)
    assert "naodiga" not in "".join(traceback.format_exception(refused.value))


def test_a_secret_that_may_not_be_read_says_which(secrets: Stubber) -> None:
    """With the word of AWS."""
    secrets.add_client_error("get_secret_value", "AccessDeniedException")
    with pytest.raises(OutsideError, match=r"planos-AbCdEf.*AccessDeniedException"):
        secret_variables(secrets.client, ARN)
