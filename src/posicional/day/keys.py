"""The keys of a store: where a day's facts and parts live. Formatting and parsing are inverses of each other.

dados-posicionais/…                                                   what arrives
dados-parquet/<feed>/<file>/data=<date>/arrival=<n>/<try>/            an arrival's parts
dados-rejeitados/<feed>/<file>/data=<date>/arrival=<n>/<try>/         its rejects
dados-rejeitados/<feed>/<dataset>/data=<date>/opensearch=<n>/         documents that a publication could not place
dados-processados/<feed>/<dataset>/data=<date>/run=<n>/               a run's parts
controle/<feed>/<date>/                                               the facts of a day: its ledger
controle/<feed>/dates/<file>/                                         dates that stand in headers, an object each
controle/<feed>/usual/                                                how files came before a date, an object a date
controle/<feed>/silences/                                             until when nobody is to be told
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

INCOMING = "dados-posicionais/"
PARQUET = "dados-parquet/"
REJECTED = "dados-rejeitados/"
RESULTS = "dados-processados/"
LEDGER = "controle/"

RUNS = "runs"

DIGEST_LENGTH = 12
"""Hexadecimal digits of a reading's digest that stand in a key."""


def publications(target: str) -> str:
    """The series of one target's publications."""
    return f"publications/{target}"


@dataclass(frozen=True, slots=True)
class SeenKey:
    """Arrival `number` of `file` was seen."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"arrivals/{self.file}/{self.number:04d}.seen.json"


@dataclass(frozen=True, slots=True)
class DoneKey:
    """Arrival `number` of `file` was read in the way that `reading` (a digest) stands for."""

    file: str
    number: int
    reading: str

    def __str__(self) -> str:
        return f"arrivals/{self.file}/{self.number:04d}.{self.reading}.done.json"


@dataclass(frozen=True, slots=True)
class TurnKey:
    """One fact of a numbered turn. `series` is `runs` or `publications/<target>`."""

    series: str
    number: int
    what: Literal["claim", "started", "end"]

    def __str__(self) -> str:
        return f"{self.series}/{self.number:04d}.{self.what}.json"


@dataclass(frozen=True, slots=True)
class DecisionKey:
    """The day's decision `number`."""

    number: int

    def __str__(self) -> str:
        return f"decisions/{self.number:04d}.json"


@dataclass(frozen=True, slots=True)
class AlertKey:
    """Alert `number` about `condition`: due, or sent; the same of each later `attempt`."""

    condition: str
    number: int
    what: Literal["due", "sent"]
    attempt: int = 1

    def __str__(self) -> str:
        again = f"-{self.attempt:04d}" if self.attempt > 1 else ""
        return f"alerts/{self.condition}-{self.number:04d}.{self.what}{again}.json"


FactKey = SeenKey | DoneKey | TurnKey | DecisionKey | AlertKey

_NUMBER = r"(0*[1-9]\d*)"
_NAME = r"([^/]+)"
_SHAPES: tuple[tuple[re.Pattern[str], Callable[..., FactKey]], ...] = (
    (re.compile(rf"arrivals/{_NAME}/{_NUMBER}\.seen\.json"), lambda file, n: SeenKey(file, int(n))),
    (
        re.compile(rf"arrivals/{_NAME}/{_NUMBER}\.([0-9a-f]+)\.done\.json"),
        lambda file, n, reading: DoneKey(file, int(n), reading),
    ),
    (
        re.compile(rf"(runs|publications/[^/]+)/{_NUMBER}\.(claim|started|end)\.json"),
        lambda series, n, what: TurnKey(series, int(n), what),
    ),
    (re.compile(rf"decisions/{_NUMBER}\.json"), lambda n: DecisionKey(int(n))),
    (
        re.compile(rf"alerts/{_NAME}-{_NUMBER}\.(due|sent)(?:-{_NUMBER})?\.json"),
        lambda condition, n, what, attempt: AlertKey(condition, int(n), what, int(attempt or 1)),
    ),
)


def parse_key(path: str) -> FactKey | None:
    """The fact that a path below a day's ledger stands for; None when it is no fact's name."""
    for shape, make in _SHAPES:
        if found := shape.fullmatch(path):
            key = make(*found.groups())
            return key if str(key) == path else None
    return None


def ledger_prefix(feed: str, day: date) -> str:
    """Where the facts of a day are."""
    return f"{LEDGER}{feed}/{day.isoformat()}/"


def days_prefix(feed: str) -> str:
    """Where the ledgers of a feed are, one folder a day."""
    return f"{LEDGER}{feed}/"


def dates_prefix(feed: str, file: str) -> str:
    """Where the dates stand that were read in the headers of a file's objects."""
    return f"{LEDGER}{feed}/dates/{file}/"


def usual_key(feed: str, day: date) -> str:
    """Where it stands how files came before a date."""
    return f"{LEDGER}{feed}/usual/{day.isoformat()}.json"


def silences_prefix(feed: str) -> str:
    """Where it stands until when nobody is to be told, an object for each time that somebody said so."""
    return f"{LEDGER}{feed}/silences/"


def silence_key(feed: str, number: int) -> str:
    """Where the silence of this number stands."""
    return f"{silences_prefix(feed)}{number:04d}.json"


@dataclass(frozen=True, slots=True)
class DatedKey:
    """The header of an object says `day`; None when it says none. `digest` is of the version and the way of reading."""

    digest: str
    day: date | None

    def __str__(self) -> str:
        return f"{self.digest}.{self.day.isoformat() if self.day else 'none'}.json"


def parse_dated(name: str) -> DatedKey | None:
    """What a name below `dates_prefix` says; None when it is no such name."""
    found = re.fullmatch(r"([0-9a-f]+)\.(none|[0-9]{4}-[0-9]{2}-[0-9]{2})\.json", name)
    try:
        return DatedKey(found[1], None if found[2] == "none" else date.fromisoformat(found[2])) if found else None
    except ValueError:
        return None


def parts_prefix(feed: str, file: str, day: date, arrival: int, attempt: str) -> str:
    """Where one try at an arrival writes its Parquet parts."""
    return f"{PARQUET}{_attempt(feed, file, day, arrival, attempt)}"


def rejects_prefix(feed: str, file: str, day: date, arrival: int, attempt: str) -> str:
    """Where one try at an arrival writes its rejects."""
    return f"{REJECTED}{_attempt(feed, file, day, arrival, attempt)}"


def results_prefix(feed: str, dataset: str, day: date, run: int) -> str:
    """Where a run writes a dataset's parts."""
    return f"{runs_prefix(feed, dataset, day)}run={run:04d}/"


def refused_prefix(feed: str, dataset: str, day: date, target: str, publication: int) -> str:
    """Where a publication writes which documents were refused."""
    return f"{REJECTED}{feed}/{dataset}/data={day.isoformat()}/{target}={publication:04d}/"


def runs_prefix(feed: str, dataset: str, day: date) -> str:
    """Where all runs write a dataset's parts."""
    return f"{RESULTS}{feed}/{dataset}/data={day.isoformat()}/"


def tries_prefixes(feed: str, file: str, day: date) -> tuple[str, str]:
    """Where all tries at all arrivals of a file write: their Parquet parts, their rejects."""
    below = f"{feed}/{file}/data={day.isoformat()}/"
    return f"{PARQUET}{below}", f"{REJECTED}{below}"


def try_of(key: str) -> tuple[int, str] | None:
    """The arrival and the try that wrote a part, or rejects; None for another object."""
    found = _TRY.match(key)
    return (int(found[1]), found[2]) if found else None


_TRY = re.compile(rf"(?:{PARQUET}|{REJECTED})[^/]+/[^/]+/data=[^/]+/arrival=([0-9]+)/([^/]+)/")


def _attempt(feed: str, file: str, day: date, arrival: int, attempt: str) -> str:
    return f"{feed}/{file}/data={day.isoformat()}/arrival={arrival:04d}/{attempt}/"
