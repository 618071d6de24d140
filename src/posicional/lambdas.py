"""The Lambda handlers: an event in, a step called, log lines and metrics out.

`receive` gets what happened (objects that arrived, Glue runs that ended), `sweep_feed` and `check_deadline` come from
schedules. Whatever an event says is a hint at a business date, and nothing more.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent, S3Event
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from posicional.backends.aws import BriefStore, GlueJob, Topic, contract
from posicional.backends.clock import SystemClock
from posicional.backends.store_objects import s3_store
from posicional.contract.feed import Feed
from posicional.day.journal import Ledger
from posicional.errors import EngineError, NotifyError, OutOfTime, PosicionalError
from posicional.ports import Engine, Event, Outside
from posicional.steps.advance import advance
from posicional.steps.alerts import alert_deadline, raise_alerts
from posicional.steps.deadline import dates_to_check
from posicional.steps.hints import dates_of
from posicional.steps.overdue import overdue_days
from posicional.steps.sweep import sweep

NAMESPACE = "posicional"

RESERVE = 45.0
"""Seconds before its own end at which a Lambda gives up a conversion: enough to begin it elsewhere, and to say so."""

log = Logger(service="posicional")

Lambda = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class World:
    """What one invocation works with."""

    feed: Feed
    outside: Outside
    job: GlueJob
    unsent: list[str]
    """Alerts that the topic has not taken."""


def receive(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Go on with the dates of the objects, or of the Glue run, that an event is about. Raises the first failure."""
    world = _world(event, context)
    dates: set[date] = set()
    failures: list[PosicionalError] = []
    for hint in _hints(event, world):
        try:
            dates |= set(hint())
        except PosicionalError as error:  # each record on its own: the others are looked at all the same
            failures.append(error)
    for day in sorted(dates):
        try:
            _go_on(world, day)
        except PosicionalError as error:
            log.error("a date could not be gone on with", date=day.isoformat(), error=str(error))
            failures.append(error)
    if failures:
        raise failures[0]
    _refuse_unsent(world)
    return {"dates": [day.isoformat() for day in sorted(dates)]}


def sweep_feed(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what no event has led to, and show that somebody still does. Raises the first failure."""
    world = _world(event, context)
    swept = sweep(world.feed, world.outside)
    late = overdue_days(world.feed, world.outside)
    _measure(world, "DaysOverdue", len(late))
    _measure(world, "UnknownObjects", len(swept.unknown))
    _measure(world, "FailedDays", sum(rest.why == "failed" for rest in swept.moved.values()))
    for day, error in swept.failures.items():
        log.error("a date could not be swept", date=day.isoformat(), error=str(error))
    if swept.failures:
        raise next(iter(swept.failures.values()))
    _measure(world, "Heartbeat", 1)
    _refuse_unsent(world)
    return {"looked_at": swept.looked_at, "moved": [day.isoformat() for day in swept.moved], "late": len(late)}


def check_deadline(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell whoever is to be told of the dates that are due, and measure whether they were missed.

    Raises the first failure.
    """
    world = _world(event, context)
    standings, failures = {}, []
    for day in dates_to_check(world.feed, world.outside):
        try:
            found, _ = alert_deadline(world.feed, day, world.outside)
        except PosicionalError as error:  # the other dates are told of all the same
            log.error("a date could not be checked", date=day.isoformat(), error=str(error))
            failures.append(error)
            continue
        standings[day.isoformat()] = found.standing
        log.info("deadline", date=day.isoformat(), standing=found.standing, missing=found.missing)
        _measure(world, "MissedDeadline", 0 if found.met else 1)
    if failures:
        raise failures[0]
    _refuse_unsent(world)
    return standings


# --- what an event is about -------------------------------------------------------------------------------------------


def _hints(event: dict[str, Any], world: World) -> Iterator[Callable[[], tuple[date, ...]]]:
    """What each record of an event hints at; what is not known is said, and no more."""
    match event:
        case {"source": "aws.s3", "detail": {"object": {"key": str(key)}}}:  # its keys are as they are
            yield partial(_dates, world, key)
        case {"source": "aws.glue", "detail": {"jobRunId": str(run_id), **words}}:
            if words.get("state") not in ("SUCCEEDED", "RUNNING"):
                _measure(world, "FailedGlueRuns", 1)
            yield partial(_dates_of_run, world, run_id)
        case {"Records": list(records)}:
            for record in records:
                match record:
                    case {"s3": {"object": {"key": str()}}}:
                        yield partial(_dates, world, S3Event({"Records": [record]}).object_key)  # decoded
                    case _:
                        _unknown(world, record)
        case _:
            _unknown(world, event)


def _dates(world: World, key: str) -> tuple[date, ...]:
    dates = dates_of(world.feed, world.outside, key)
    if not dates:
        log.info("an object of no file or business date of this feed", key=key)
    return dates


def _dates_of_run(world: World, run_id: str) -> tuple[date, ...]:
    found = world.job.date_of(run_id)
    return (found[1],) if found and found[0] == world.feed.name else ()


def _unknown(world: World, event: object) -> None:
    kind = str(event.get("detail-type") or event.get("Event") or "") if isinstance(event, Mapping) else ""
    log.warning("an event of a kind that is not known", kind=kind)
    _measure(world, "UnknownEvents", 1)


def _go_on(world: World, day: date) -> None:
    try:
        rest = advance(world.feed, day, world.outside, insist=False).rest
    except OutOfTime as error:
        log.warning("handed over", date=day.isoformat(), error=str(error))
        return
    log.info("at rest", date=day.isoformat(), why=rest.why, text=rest.text)
    raise_alerts(world.feed, Ledger(world.outside, world.feed.name, day).read(), world.outside)


# --- the outside ------------------------------------------------------------------------------------------------------


def _world(event: dict[str, Any], context: LambdaContext) -> World:
    """The outside of this invocation. The environment says where everything is (see deploy/template.yaml)."""
    kind = EventBridgeEvent(event).get("id")
    log.set_correlation_id(str(kind or context.aws_request_id))
    feed = _feed(os.environ["POSICIONAL_CONTRACT"])
    clock = SystemClock()
    bucket = s3_store(os.environ["POSICIONAL_STORE"])

    def seconds_left() -> float:
        return context.get_remaining_time_in_millis() / 1000

    job = GlueJob(
        client=_client("glue"),
        name=os.environ["POSICIONAL_JOB"],
        clock=clock,
        new_id=_new_id,
        arguments={"--contract": os.environ["POSICIONAL_CONTRACT"], "--store": os.environ["POSICIONAL_STORE"]},
        limit=int(os.environ["POSICIONAL_LIMIT"]),
        seconds_left=seconds_left,
    )
    unsent: list[str] = []
    outside = Outside(
        store=BriefStore(bucket.url, bucket.client, seconds_left, RESERVE),
        clock=clock,
        new_id=_new_id,
        who=f"lambda {context.function_name} {context.aws_request_id}",
        engine=_no_engine,
        target=None,
        tell=partial(_tell, feed, unsent),
        gone=job.gone,
        channels=(Topic(_client("sns"), os.environ["POSICIONAL_TOPIC"]),),
        elsewhere=job,
    )
    return World(feed, outside, job, unsent)


@cache
def _feed(url: str) -> Feed:
    return Feed.load(contract(url, Path(tempfile.gettempdir()) / "posicional"))


@cache
def _client(service: str) -> Any:
    return boto3.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": 5}))


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


def _no_engine() -> Engine:
    raise EngineError("a Lambda makes no datasets", hint="the Glue job does")


# --- what is told -----------------------------------------------------------------------------------------------------

_COUNTS = {"rows": "Rows", "rejects": "Rejects"}


def _tell(feed: Feed, unsent: list[str], event: Event) -> None:
    """A log line; a file that was read or refused is measured too, and an alert that could not be sent."""
    log.info(event.text, extra={"step": event.step, **event.facts})
    if event.step == "alert" and not event.facts["sent"]:
        unsent.append(event.text)
        _count(feed, "UnsentAlerts", 1)
    file = event.facts.get("file")
    if isinstance(file, str) and event.step in ("converted", "refused"):
        counts = {"Refused": int(event.step == "refused")}
        counts |= {name: int(str(event.facts.get(word, 0))) for word, name in _COUNTS.items()}
        for name, value in counts.items():
            with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as metric:
                metric.add_dimension("feed", feed.name)
                metric.add_dimension("file", file)
        if counts["Refused"]:
            _count(feed, "RefusedFiles", 1)


def _refuse_unsent(world: World) -> None:
    """All is done; that nobody was told must not pass for well."""
    if world.unsent:
        raise NotifyError(world.unsent[0], where=world.feed.name, hint="the next sweep tries it again")


def _measure(world: World, name: str, value: int) -> None:
    _count(world.feed, name, value)


def _count(feed: Feed, name: str, value: int) -> None:
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as metric:
        metric.add_dimension("feed", feed.name)
