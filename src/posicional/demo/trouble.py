"""A sample day on which things go wrong: a file is late, another refused, noon passes, and a file is corrected.

Three good days go before it, so that it is known what is usual. Everything happens through the same steps as ever.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from posicional.contract.feed import Feed
from posicional.day.keys import INCOMING
from posicional.demo.clock import DemoClock
from posicional.demo.day import DemoFolder, arrive, moments
from posicional.demo.sample import FILES, write_sample
from posicional.demo.sample_records import CONTRATOS
from posicional.ports import Outside
from posicional.steps.advance import Outcome, advance
from posicional.steps.alerts import alert_deadline
from posicional.steps.decide import accept

GOOD_DAYS = 3

LATE, REFUSED, CORRECTED = "clientes", "sinistros", "contratos"
ACCEPTED_AT, LATE_AT, CORRECTED_AT = time(12, 6), time(12, 31), time(14, 10)
WHY = "the sender says: the trailer counts cancelled claims too, the rows are right"

REDUCED = 30_000
"""By so many cents the corrected contract is cheaper, where it costs twice as much."""
TOTAL = slice(21, 39)
"""Where the trailer of the contracts has the sum of their prices."""

QUIET = frozenset({"arrived", "missing", "run", "dataset", "publication", "index", "alias", "done", "alert"})
"""Steps that are not shown: there is enough to see."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it is played: the demo's places and feed, the day, its clock and outside."""

    places: DemoFolder
    feed: Feed
    day: date
    clock: DemoClock
    outside: Outside

    def at(self, moment: time) -> datetime:
        """A moment of the day."""
        return datetime.combine(self.day, moment, tzinfo=self.feed.timezone)

    def comes(self, name: str, day: date, moment: datetime) -> Outcome:
        """A file arrives, and whatever can be done is done."""
        self.clock.jump_to(moment)
        arrive(self.places, self.feed, name, day, moment)
        return advance(self.feed, day, self.outside)


def first_day(day: date) -> date:
    """The first of the good days."""
    return day - timedelta(days=GOOD_DAYS)


def good_days(stage: Stage, rows: int) -> Iterator[date]:
    """The days before, each from its first file to its publication."""
    for back in range(GOOD_DAYS, 0, -1):
        day = stage.day - timedelta(days=back)
        write_sample(stage.places.outbox, day, rows)
        for name, moment in moments(day, stage.feed.timezone):
            stage.comes(name, day, moment)
        yield day


def spoil(places: DemoFolder, day: date, rows: int) -> None:
    """Let the trailer of one of the day's files count wrong. Raises `UsageError` for a sample that is too small."""
    with tempfile.TemporaryDirectory() as folder:
        flawed = write_sample(Path(folder), day, rows, flaws=True)
        place = next(path for path, file in zip(flawed, FILES, strict=True) if file.name == REFUSED)
        (places.outbox / place.name).write_bytes(place.read_bytes())


def morning(stage: Stage) -> None:
    """Six of the seven files come; one of them is refused."""
    for name, moment in moments(stage.day, stage.feed.timezone):
        if name != LATE:
            stage.comes(name, stage.day, moment)


def noon(stage: Stage) -> None:
    """The deadline: nothing is published, and people are told why."""
    stage.clock.jump_to(stage.feed.calendar.due_at(stage.feed.deadline, stage.day, stage.feed.timezone))
    alert_deadline(stage.feed, stage.day, stage.outside)


def accepted(stage: Stage) -> str:
    """A person takes the refused file as it is; what came of it, in words."""
    stage.clock.jump_to(stage.at(ACCEPTED_AT))
    return accept(stage.feed, stage.day, stage.outside, file=REFUSED, why=WHY).text


def late_file(stage: Stage) -> Outcome:
    """The last file comes: the day is processed, and people are told that it is over."""
    outcome = stage.comes(LATE, stage.day, stage.at(LATE_AT))
    alert_deadline(stage.feed, stage.day, stage.outside)
    return outcome


def any_contract(stage: Stage) -> str:
    """The number of a contract."""
    return _contracts(stage).splitlines()[1][CONTRATOS.fields["numero_contrato"]].decode()


def correction(stage: Stage, contract: str) -> Outcome:
    """The file of contracts comes again, with one contract cheaper."""
    name = stage.feed.files[CORRECTED].pattern.format(stage.day)
    (stage.places.outbox / name).write_bytes(cheaper(_contracts(stage), contract))
    return stage.comes(CORRECTED, stage.day, stage.at(CORRECTED_AT))


def cheaper(data: bytes, contract: str) -> bytes:
    """The file of contracts with one of them reduced, and the total in its trailer with it."""
    lines = data.splitlines(keepends=True)
    number, price = CONTRATOS.fields["numero_contrato"], CONTRATOS.fields["valor"]
    place = next(n for n, line in enumerate(lines) if line[number] == contract.encode())
    cents = min(REDUCED, int(lines[place][price]) // 2)
    lines[place] = _less(lines[place], price, cents)
    lines[-1] = _less(lines[-1], TOTAL, cents)
    return b"".join(lines)


def _contracts(stage: Stage) -> bytes:
    return (stage.places.store / INCOMING / stage.feed.files[CORRECTED].pattern.format(stage.day)).read_bytes()


def _less(line: bytes, digits: slice, cents: int) -> bytes:
    width = digits.stop - digits.start
    return line[: digits.start] + f"{int(line[digits]) - cents:0{width}d}".encode() + line[digits.stop :]
