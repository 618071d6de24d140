"""What is usual of a file: when it comes, how large it is, how much of it is rejected; pure, from its past.

Statistics that one bad day does not move: medians, the spread that the median deviation stands for, and the second
most extreme value instead of the most extreme one. A range is wide on purpose. Whoever is warned of what turns out to
be nothing stops reading warnings, so something is unusual only when it lies outside the spread of the middle *and*
clearly outside almost all that has ever been seen, which lets weekends, Mondays and ends of months be.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import ClassVar

from posicional.contract.feed import Feed
from posicional.day.facts import Done, Fact, Seen, Shape
from posicional.day.state import FileDay

LEAST = 10
"""On fewer dates than these nothing is usual."""

MOST = 60
"""No more dates than these are looked at: two months, so that the end of a month is among them."""

SPREADS = 5.0
"""How many times the usual spread (a standard deviation, reckoned from the median deviation) is still usual."""

GRACE = timedelta(minutes=15)
"""How much later than that a file may come at the least before anybody is told."""

FACTOR = 2.0
"""How many times larger or smaller than almost all of the past a file must be."""

_SIGMA = 1.4826
"""A standard deviation in median deviations, where values are spread normally."""


@dataclass(frozen=True, slots=True)
class Past:
    """A file on one date that is over. `came`: the local time, counted from the start of its period's last day.

    `rows`, `rejects` and `sha256` are of what counted in the end.
    """

    date: date
    came: timedelta
    rows: int
    rejects: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of a file. Times are counted as in `Past`.

    `by`: nine dates of ten it was here by then; `late`: it is worth a warning from then on. `rows`: the least and the
    most that is usual. `rejects`: the share of records that may well be rejected. `repeats`: whether it was the same on
    two dates in a row, so that this means nothing. `dates`: how many of them tell.
    """

    by: timedelta
    late: timedelta
    rows: tuple[int, int]
    rejects: float
    repeats: bool
    dates: int


def period_start(feed: Feed, when: date) -> datetime:
    """The moment from which a file's times of arrival are counted."""
    return datetime.combine(feed.calendar.period_end(when), time(), feed.timezone)


def past_of(feed: Feed, when: date, file: FileDay) -> Past | None:
    """What a file's date tells of what is usual; None where nothing that counts came."""
    done, first = file.taken if file.current else None, file.arrivals[0].seen if file.arrivals else None
    if not isinstance(done, Done) or not isinstance(first, Seen):
        return None
    local = first.modified.astimezone(feed.timezone)
    return Past(when, local - period_start(feed, when), done.account.rows, done.account.rejects, done.sha256)


def usual(past: Sequence[Past]) -> Usual | None:
    """What is usual, from the dates before in any order; None where there are too few."""
    newest = sorted(past, key=lambda one: one.date)[-MOST:]
    if len(newest) < LEAST:
        return None
    came = sorted(one.came.total_seconds() for one in newest)
    by = came[math.ceil(0.9 * len(came)) - 1]
    late = max(by, came[-2], median(came) + SPREADS * _spread(came)) + GRACE.total_seconds()
    return Usual(
        by=timedelta(seconds=by),
        late=timedelta(seconds=late),
        rows=_range([one.rows for one in newest]),
        rejects=FACTOR * sorted(map(_share, newest))[-2],
        repeats=any(one.sha256 == other.sha256 for one, other in itertools.pairwise(newest)),
        dates=len(newest),
    )


def _range(rows: Sequence[int]) -> tuple[int, int]:
    """Counts that are usual. They spread in proportion, so logarithms are compared."""
    logs = sorted(math.log1p(count) for count in rows)
    middle, far = median(logs), SPREADS * _spread(logs)
    low = min(logs[1] - math.log(FACTOR), middle - far)
    high = max(logs[-2] + math.log(FACTOR), middle + far)
    return max(0, math.ceil(math.expm1(low))), math.floor(math.expm1(high))


def _share(one: Past) -> float:
    return one.rejects / (one.rows + one.rejects) if one.rejects else 0.0


def _spread(values: Sequence[float]) -> float:
    middle = median(values)
    return _SIGMA * median(abs(value - middle) for value in values)


@dataclass(frozen=True, slots=True)
class Unusual:
    """Something about a file that came: `rows` are few or many, `rejects` are many, or it is the `same` as before.

    `got` beside the `usual` range: counts of rows, or of rejects; zeros for what is the same.
    """

    file: str
    what: str
    got: int = 0
    usual: tuple[int, int] = (0, 0)


def unusual(file: str, known: Usual, rows: int, rejects: int, sha256: str, before: Past | None) -> Iterator[Unusual]:
    """What is unusual about what came for a date; `before`: the same file on the date before."""
    low, high = known.rows
    if not low <= rows <= high:
        yield Unusual(file, "rows", rows, known.rows)
    if rejects > (most := _most_rejects(known, rows + rejects)):
        yield Unusual(file, "rejects", rejects, (0, most))
    if before is not None and before.sha256 == sha256 and not known.repeats:
        yield Unusual(file, "same")


def _most_rejects(known: Usual, records: int) -> int:
    """How many of so many records may be rejected; few of them are a matter of chance."""
    expected = known.rejects * records
    return math.floor(expected + SPREADS * (1 + math.sqrt(expected)))


@dataclass(frozen=True, slots=True)
class Early:
    """What a date's files are like beside their past, at a moment: what an early warning is made of.

    `known`: what is usual of each file. `late`: those that are not here and usually are. `unusual`: what is so about
    those that came. None where nobody has looked.
    """

    now: datetime
    known: Mapping[str, Usual] = field(default_factory=dict)
    late: tuple[str, ...] | None = None
    unusual: tuple[Unusual, ...] | None = None


def early(
    feed: Feed,
    day: date,
    files: Mapping[str, FileDay],
    missing: Sequence[str],
    past: Mapping[str, Sequence[Past]],
    now: datetime,
) -> Early:
    """What is early to be told of a date, from its `files`, of which these are `missing`, and the dates before it."""
    known = {name: one for name in files if (one := usual(past.get(name, ())))}
    start = period_start(feed, day)
    late = [name for name in missing if name in known and not files[name].arrivals and now >= start + known[name].late]
    return Early(now, known, tuple(late), tuple(_unusual(files, known, past)))


def _unusual(
    files: Mapping[str, FileDay], known: Mapping[str, Usual], past: Mapping[str, Sequence[Past]]
) -> Iterator[Unusual]:
    for name, one in known.items():
        done = files[name].taken if files[name].current else None
        if done is not None:
            before = max(past[name], key=lambda each: each.date)
            yield from unusual(name, one, done.account.rows, done.account.rejects, done.sha256, before)


# --- as it is written down --------------------------------------------------------------------------------------------


class PastFact(Shape):
    """A file on one date that is over, as `Past` has it; `came` in seconds."""

    date: date
    came: int
    rows: int
    rejects: int
    sha256: str


class UsualFact(Fact):
    """How each file came on the dates before one, the newest last: from that it is reckoned what is usual.

    It stands beside the days, and can be read from them anew.
    """

    KIND: ClassVar[str] = "usual"

    files: Mapping[str, tuple[PastFact, ...]] = {}

    def to_bytes(self) -> bytes:
        """In one line: it is long, and the ledgers say the same to people."""
        words = {"fact": self.KIND, **self.model_dump(mode="json")}
        return (json.dumps(words, separators=(",", ":")) + "\n").encode()
