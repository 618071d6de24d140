"""A feed: N positional files that belong to one business date, what is made of them, and when it is due.

Values only. The words of the YAML and their checks are in `feed_source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from posicional.contract.calendar import Calendar, Due
from posicional.contract.layout import Layout
from posicional.contract.pattern import Pattern
from posicional.contract.tolerance import Tolerance

View = Literal["latest", "all"]
Severity = Literal["alarm", "warning"]
EngineName = Literal["duckdb", "spark"]

SEVERITIES: tuple[Severity, ...] = ("alarm", "warning")

REMIND_EVERY = timedelta(minutes=60)
"""How often an alarm is told again until somebody acknowledges it, where a feed says nothing."""

CONVERT_ABOVE = 2 * 10**9
"""Bytes of a file beyond which Spark converts it, where a feed says nothing: for less it is not worth a job."""


@dataclass(frozen=True, slots=True)
class DateFrom:
    """Where a file's business date comes from when it is not in the name.

    `header` names `kind.field` of a control record; else the time of arrival, with `cutoff` (from that local time on,
    the next business date).
    """

    header: str = ""
    cutoff: time | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """A file in several objects: complete with `count` of them, or when `marker` (a pattern) is there."""

    count: int = 0
    marker: Pattern | None = None


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """One of the N files of a feed."""

    name: str
    pattern: Pattern
    layout: Layout
    required: bool = True
    wait_until: Due | None = None
    expected_by: Due | None = None
    owner: str = ""
    max_rejects: Tolerance = field(default_factory=Tolerance)
    allow_empty: bool = False
    use_latest: bool = False
    date_from: DateFrom | None = None
    parts: Parts | None = None
    member: str = ""
    marker: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A result table: its SQL (Spark's dialect, the text itself) and what the result must hold.

    `columns`: name -> type as written, the optional output contract. `expect`: file as written -> its SQL.
    `protect`: column -> (`hmac` | `mask` | `year` | `drop` | `plain`, characters kept by a mask).
    """

    name: str
    sql: str
    sql_path: Path
    key: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    lineage: str = ""
    protect: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexOf:
    """How one dataset is shown in OpenSearch.

    `fields`: column -> its mapping, or its type alone, where it is not to be that of the column's type. `settings`:
    those of the index, in OpenSearch's own words. `nulls`: whether nulls stand in the documents. `max_refused`: how
    many documents the endpoint may refuse. `deleted`: the column that says that a document is gone (upsert only).
    """

    dataset: str
    index: str
    view: View = "latest"
    fields: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    nulls: bool = False
    max_refused: Tolerance = field(default_factory=Tolerance)
    deleted: str = ""


@dataclass(frozen=True, slots=True)
class Keep:
    """What stays in OpenSearch: so many publications of each day, so many days; 0 is all of them."""

    runs: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Basic:
    """A user with a password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Aws:
    """Requests are signed with the credentials of AWS. Empty: as the address says, or AWS's own settings."""

    service: str = ""
    region: str = ""


@dataclass(frozen=True, slots=True)
class OpenSearchTarget:
    """Where datasets are published. `url` may hold a password: never print it, print `host`.

    `upsert`: each dataset is one index, whose documents change with every day; else each publication makes its own.
    `compress`: whether what is sent is compressed; None: unless the endpoint is on this machine.
    """

    url: str = field(repr=False)
    datasets: Mapping[str, IndexOf]
    keep: Keep = field(default_factory=Keep)
    upsert: bool = False
    auth: Basic | Aws | None = None
    compress: bool | None = None

    @property
    def host(self) -> str:
        """The URL without user and password."""
        from urllib.parse import urlsplit

        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who is told of alerts. `url` is an address of Apprise's and may hold secrets: print `name` instead.

    `when`: of which alerts.
    """

    name: str
    url: str = field(repr=False)
    when: frozenset[Severity] = frozenset(SEVERITIES)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What runs the datasets' SQL, and what it may use of a machine: none of it changes what a dataset holds.

    `memory` in bytes, `threads` (both 0: the engine's own choice), `temp` an absolute folder ("": the system's). Where
    Spark is the engine, a file of more than `convert_above` bytes is converted by its executors.
    """

    use: EngineName = "duckdb"
    memory: int = 0
    threads: int = 0
    temp: str = ""
    convert_above: int = CONVERT_ABOVE


@dataclass(frozen=True, slots=True)
class Feed:
    """The whole contract of a feed. `store` is a folder (absolute) or a URL; `path` is the YAML it came from.

    `board`: where people find its board, without a slash at the end; empty where nobody says.
    """

    name: str
    path: Path
    timezone: ZoneInfo
    calendar: Calendar
    deadline: Due
    store: str
    files: Mapping[str, ExpectedFile]
    datasets: Mapping[str, Dataset]
    opensearch: OpenSearchTarget | None = None
    alerts: tuple[Recipient, ...] = ()
    remind_every: timedelta = REMIND_EVERY
    board: str = ""
    settle: timedelta = timedelta(seconds=2)
    lookback: int = 35
    attempts: int = 3
    latest_only: bool = False
    engine: EngineSettings = EngineSettings()

    @staticmethod
    def load(path: str | Path, env: Mapping[str, str] | None = None) -> Feed:
        """Read a feed's YAML, its layouts and SQL. Raises `ContractError` with every fault of all of them.

        `env` is what `${VAR}` in the store, the URLs and the alerts stands for: the process's environment by default.
        """
        from posicional.contract.feed_source import load_feed

        return load_feed(Path(path), env)
