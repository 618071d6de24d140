"""AWS: the Glue job that goes on with a day where a Lambda cannot, the topic of alerts, the contract in a bucket.

Nobody's clock ends a run that was claimed for a Glue job: `GlueJob.gone` asks Glue what became of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
)

from posicional.backends.store import open_store
from posicional.backends.store_objects import ObjectStore
from posicional.contract.feed import SEVERITIES, Severity
from posicional.errors import EngineError, NotifyError, OutOfTime, OutsideError, UsageError
from posicional.ports import Clock, Notice, Source, StoredObject

if TYPE_CHECKING:
    from typing_extensions import Buffer

LIVE = frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"})
"""The states of a Glue run that has not ended."""

MARGIN = timedelta(seconds=30)
"""How much later than whoever would have started a run is dead, Glue knows of it or never will; and clocks differ."""

LEASE = timedelta(days=7)
"""Longer than a Glue run can last, whatever its timeout: until then only Glue's word ends a claim."""

RECENT = timedelta(days=1)
"""How long ago a run without an owner failed that still counts: so a day that fails for good costs little."""

_UNCLEAR = ("InternalServiceException", "OperationTimeoutException", "InternalFailure", "ServiceUnavailable")
"""What Glue answers when it may have started the run nevertheless."""


@dataclass(frozen=True, slots=True)
class GlueJob:
    """A Glue job `name` that runs `posicional.glue` (see `ports.Elsewhere`); `arguments` go to every run of it.

    `limit`: bytes of an arrival that are read here, not there. `seconds_left`: how long this process may yet live.
    """

    client: Any
    name: str
    clock: Clock
    new_id: Callable[[], str]
    arguments: Mapping[str, str]
    limit: int = 0
    seconds_left: Callable[[], float] = lambda: 900.0

    @property
    def lease(self) -> timedelta:
        """Longer than a run can last."""
        return LEASE

    def owner(self) -> str:
        """A name that says when whoever gave it is dead, so that one that Glue never heard of ends then."""
        dead = self.clock.now().astimezone(UTC) + timedelta(seconds=self.seconds_left())
        return f"glue {self.name} {dead:%Y%m%dT%H%M%SZ}-{self.new_id()}"

    def working(self, feed: str, day: date) -> bool:
        """Whether a run is at a business date. Raises `EngineError` when Glue does not answer."""
        wanted = {"--feed": feed, "--date": day.isoformat()}
        try:
            return any(_is_live(run) and wanted.items() <= _arguments(run).items() for run in self._runs(self.name))
        except (BotoCoreError, ClientError) as error:
            raise _refused("asked for its runs", self.name, error) from error

    def failures(self, feed: str, day: date) -> int:
        """How many runs without an owner failed since the last one that did not, within a day. Raises `EngineError`."""
        wanted = {"--feed": feed, "--date": day.isoformat(), "--owner": "-"}
        since = self.clock.now() - RECENT
        try:
            runs = [run for run in self._runs(self.name) if wanted.items() <= _arguments(run).items()]
        except (BotoCoreError, ClientError) as error:
            raise _refused("asked for its runs", self.name, error) from error
        count = 0
        for run in sorted(runs, key=lambda run: run["StartedOn"], reverse=True):
            if run["JobRunState"] == "SUCCEEDED" or run["StartedOn"] < since:
                break
            count += 1
        return count

    def begin(self, feed: str, day: date, owner: str = "") -> None:
        """Start a run. Returns when Glue has, or may have, started it; else raises `EngineError`."""
        own = {"--feed": feed, "--date": day.isoformat(), "--owner": owner or "-"}
        try:
            self.client.start_job_run(JobName=self.name, Arguments={**self.arguments, **own})
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "") in _UNCLEAR:
                return
            raise _refused("started", self.name, error) from error
        except (ReadTimeoutError, ConnectionClosedError):
            return
        except BotoCoreError as error:
            raise _refused("started", self.name, error) from error

    def gone(self, who: str) -> bool:
        """Whether the Glue run that `who` names has ended, or was never started. False when Glue does not say."""
        found = re.fullmatch(r"glue (\S+) (?:(\d{8}T\d{6}Z)-)?(\S+)", who)
        if found is None:
            return False
        job, dead, run_id = found.groups()
        try:
            if not dead:
                return not _is_live(self.client.get_job_run(JobName=job, RunId=run_id)["JobRun"])
            runs = [run for run in self._runs(job) if _arguments(run).get("--owner") == who]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "EntityNotFoundException":
                return False
            runs = []  # Glue forgets runs after a while; and a job that was removed has none
            if not dead:
                return True
        except BotoCoreError:
            return False
        if runs:
            return not any(map(_is_live, runs))
        return self.clock.now() > datetime.strptime(dead, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + MARGIN

    def date_of(self, run_id: str) -> tuple[str, date] | None:
        """Feed and business date that a run is for; None when it is not one of ours, or Glue knows it no more."""
        try:
            words = _arguments(self.client.get_job_run(JobName=self.name, RunId=run_id)["JobRun"])
            return words["--feed"], date.fromisoformat(words["--date"])
        except (ClientError, KeyError, ValueError):
            return None

    def _runs(self, job: str) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator("get_job_runs").paginate(JobName=job):
            yield from page["JobRuns"]


def _is_live(run: Mapping[str, Any]) -> bool:
    return run["JobRunState"] in LIVE


def _arguments(run: Mapping[str, Any]) -> dict[str, str]:
    return dict(run.get("Arguments") or {})


def _refused(what: str, job: str, error: Exception) -> EngineError:
    code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    return EngineError(f"the Glue job could not be {what}: {code}", where=job)


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic: whoever subscribes is told."""

    client: Any
    arn: str
    name: str = "sns"
    when: frozenset[Severity] = frozenset(SEVERITIES)

    def send(self, notice: Notice) -> None:
        """Publish the text; the subject, in ASCII, says of which feed, date and condition. Raises `NotifyError`."""
        over = " (over)" if notice.over else ""
        subject = f"[{notice.feed}] {notice.date.isoformat()} {notice.condition}{over}"
        words = {"feed": notice.feed, "date": notice.date.isoformat(), "condition": notice.condition}
        try:
            self.client.publish(
                TopicArn=self.arn,
                Subject=subject.encode("ascii", "replace").decode()[:100],
                Message=notice.text,
                MessageAttributes={key: {"DataType": "String", "StringValue": text} for key, text in words.items()},
            )
        except (BotoCoreError, ClientError) as error:
            raise NotifyError("the alert cannot be published", where=self.arn, got=type(error).__name__) from error


def contract(url: str, folder: Path) -> Path:
    """The `feed.yaml` of a contract that was uploaded as a zip: fetched and unpacked below `folder` once.

    Raises `StoreError`, `UsageError` when it is no such zip.
    """
    bucket, _, key = url.removeprefix("s3://").partition("/")
    place = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
    if not (place / "feed.yaml").is_file():
        data = open_store(f"s3://{bucket}").read(key)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                packed.extractall(place)
        except zipfile.BadZipFile:
            raise UsageError("not a contract as `posicional deploy` uploads them", where=url) from None
    return place / "feed.yaml"


def secret_variables(client: Any, arn: str) -> dict[str, str]:
    """The environment variables that a secret of Secrets Manager holds, as a JSON object of texts.

    Raises `UsageError` when it is none, `OutsideError`; neither says what it holds.
    """
    try:
        text = client.get_secret_value(SecretId=arn).get("SecretString", "")
    except (BotoCoreError, ClientError) as error:
        code = error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""
        raise OutsideError("the secret cannot be read", where=arn, got=code or type(error).__name__) from error
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(
        _VARIABLE.fullmatch(name) and isinstance(value, str) for name, value in found.items()
    ):
        raise UsageError(
            "not the variables of a feed",
            where=arn,
            expected="a JSON object of texts, each under the name of its variable",
        ) from None
    return found


_VARIABLE = re.compile(r"(?!AWS_)[A-Z][A-Z0-9_]*")
"""The name of a variable that a contract may ask for; those of the SDK are not a feed's to set."""


@dataclass(frozen=True, eq=False)
class BriefStore(ObjectStore):
    """A bucket whose objects are read as long as there is time: then reading raises `OutOfTime`.

    `seconds_left` says how much of it there is.
    """

    seconds_left: Callable[[], float]
    reserve: float

    def source(self, found: StoredObject) -> Source:
        """The bytes of exactly that version."""
        return _BriefSource(super().source(found), self)


@dataclass(frozen=True, slots=True)
class _BriefSource:
    inner: Source
    store: BriefStore

    @property
    def size(self) -> int:
        return self.inner.size

    def open(self, start: int = 0, stop: int | None = None) -> BinaryIO:
        return cast("BinaryIO", _BriefStream(self.inner.open(start, stop), self.store))


class _BriefStream(io.RawIOBase):
    def __init__(self, inner: BinaryIO, store: BriefStore) -> None:
        self._inner = inner
        self._store = store

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        if self._store.seconds_left() < self._store.reserve:
            raise OutOfTime("too little time is left to read this file here", where=self._store.url)
        return cast("io.RawIOBase", self._inner).readinto(buffer) or 0
