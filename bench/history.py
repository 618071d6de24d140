"""Years of a feed's days as facts alone, made from a seed: what the board and its tests look back on.

Days are as they are: most good, files a little earlier or later, smaller at weekends; now and then one is late or
refused, a run fails and is tried again, a day is skipped, or noon passes. Nothing of the files themselves is there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

from posicional.contract.feed import Feed
from posicional.day import revision
from posicional.day.facts import (
    AccountFact,
    Alert,
    DatasetFact,
    Decision,
    Done,
    Fact,
    PartFact,
    ProblemFact,
    PublicationClaim,
    PublicationEnd,
    PublishedFact,
    RunClaim,
    RunEnd,
    Seen,
    Started,
)
from posicional.day.journal import Facts, Signature
from posicional.day.keys import (
    INCOMING,
    RUNS,
    AlertKey,
    DecisionKey,
    DoneKey,
    FactKey,
    SeenKey,
    TurnKey,
    ledger_prefix,
    parts_prefix,
    publications,
    results_prefix,
)
from posicional.day.state import Day, fold, targets
from posicional.demo.day import ARRIVALS

WRONG = ("late", "refused", "failed", "skipped", "stuck")
"""What may be wrong with a day."""

SHARES = (0.04, 0.03, 0.03, 0.01, 0.01)
"""How many of the days each is wrong with."""

ROWS = {"planos": 12, "corretores": 8, "clientes": 1_400, "contratos": 2_000, "dependentes": 1_168, "sinistros": 178}
USUAL_ROWS = 1_389


@dataclass
class _Telling:
    """The facts of one day, told in the order in which they happen."""

    feed: Feed
    date: date
    random: random.Random
    now: datetime
    entries: dict[FactKey, Fact] = field(default_factory=dict)

    @property
    def day(self) -> Day:
        return fold(self.feed, Facts(self.feed.name, self.date, dict(self.entries)))

    def sign(self, who: str = "posicional@servidor") -> Signature:
        """A signature of this moment."""
        self.now += timedelta(seconds=self.random.randint(1, 4))
        return {"writer": f"{self.random.getrandbits(48):012x}", "at": self.now, "who": who}

    def arrives(self, name: str, at: datetime, *, refused: bool = False) -> None:
        """A file comes and is read."""
        self.now = max(self.now, at)
        number = 1 + sum(isinstance(key, SeenKey) and key.file == name for key in self.entries)
        rows = self._rows(name)
        size = 121 * (rows + 2)
        path = self.feed.files[name].pattern.format(self.date)
        self.entries[SeenKey(name, number)] = Seen(
            **self.sign(), key=f"{INCOMING}{path}", object_version=f"v{number}", size=size, modified=at
        )
        rejects = self.random.choice((1, 2, 3)) if self.random.random() < 0.02 else 0
        reading = revision.reading(self.feed.files[name])
        problem = ProblemFact(
            reason="control", text=f"the trailer (line {rows + 2}) says {rows + 9} records, {rows} were read"
        )
        prefix = parts_prefix(self.feed.name, name, self.date, number, "historia")
        self.entries[DoneKey(name, number, reading)] = Done(
            **self.sign(),
            status="refused" if refused else "converted",
            layout=self.feed.files[name].layout.digest,
            sha256=f"{self.random.getrandbits(256):064x}",
            size=size,
            account=AccountFact(
                bytes=size,
                data=121 * (rows - rejects),
                control=242,
                rejected=121 * rejects,
                records=rows + 2,
                rows=rows - rejects,
                rejects=rejects,
                controls=2,
            ),
            tables={name: rows - rejects},
            parts=(PartFact(key=f"{prefix}part-00000.parquet", table=name, rows=rows - rejects, bytes=size // 4),),
            problems=(problem,) if refused else (),
            seconds=0.4,
        )

    def _rows(self, name: str) -> int:
        usual = ROWS.get(name, USUAL_ROWS)
        weekend = 0.72 if self.date.weekday() >= 5 and usual > 100 else 1.0  # lists of plans and brokers are the same
        return max(3, round(usual * weekend * self.random.gauss(1, 0.03)))

    def runs(self, *, fails: bool = False) -> None:
        """A run over what is here."""
        day = self.day
        number = len(day.runs) + 1
        self.entries[TurnKey(RUNS, number, "claim")] = RunClaim(
            **self.sign(),
            lease_until=self.now + timedelta(hours=1),
            revision=day.revision,
            content=day.content,
            contract=day.contract,
            inputs=day.inputs,
        )
        self.entries[TurnKey(RUNS, number, "started")] = Started(**self.sign())
        seconds = round(self.random.uniform(20, 70), 1)
        self.now += timedelta(seconds=seconds)
        if fails:
            self.entries[TurnKey(RUNS, number, "end")] = RunEnd(
                **self.sign(), status="failed", reason="the connection broke", blame="outside", seconds=seconds
            )
            self.now += timedelta(minutes=6)
            return
        made = {
            name: DatasetFact(
                rows=11_000,
                parts=(
                    PartFact(
                        key=f"{results_prefix(self.feed.name, name, self.date, number)}part-00000.parquet",
                        table=name,
                        rows=11_000,
                        bytes=400_000,
                    ),
                ),
            )
            for name in self.feed.datasets
        }
        self.entries[TurnKey(RUNS, number, "end")] = RunEnd(
            **self.sign(), status="succeeded", datasets=made, seconds=seconds
        )
        for target in targets(self.feed):
            self._published(target, number)

    def _published(self, target: str, run: int) -> None:
        series = publications(target)
        shown = self.feed.opensearch.datasets if self.feed.opensearch else {}
        indices = {name: f"{to.index}-{self.date}-{run:04d}-0001" for name, to in shown.items()}
        self.entries[TurnKey(series, 1, "claim")] = PublicationClaim(
            **self.sign(), lease_until=self.now + timedelta(hours=1), run=run, indices=indices
        )
        self.entries[TurnKey(series, 1, "started")] = Started(**self.sign())
        self.now += timedelta(seconds=self.random.randint(10, 40))
        done = {
            name: PublishedFact(index=index, aliases=(shown[name].index,), documents=11_000)
            for name, index in indices.items()
        }
        self.entries[TurnKey(series, 1, "end")] = PublicationEnd(
            **self.sign(), status="succeeded", run=run, datasets=done, seconds=20.0
        )

    def decides(self, kind: str, why: str) -> None:
        """Somebody decides about the day."""
        self.entries[DecisionKey(1)] = Decision(**self.sign("ana@board"), decision=kind, why=why)  # type: ignore[arg-type]

    def alarm(self, text: str, actor: str) -> None:
        """People are told at the deadline."""
        number = 1 + sum(isinstance(key, AlertKey) and key.what == "due" for key in self.entries)
        both: tuple[Literal["due", "sent"], ...] = ("due", "sent")
        for what in both:
            self.entries[AlertKey("deadline", number, what)] = Alert(
                **self.sign(), condition="waiting", actor=actor, text=text
            )


def history(feed: Feed, days: Sequence[date], seed: int = 7) -> Iterator[tuple[str, bytes]]:
    """The facts of so many days: keys below the store, and their bytes."""
    for day in days:
        telling = _told(feed, day, random.Random(f"{seed}-{day}"))  # noqa: S311 - to be the same again
        prefix = ledger_prefix(feed.name, day)
        for key, fact in telling.entries.items():
            words = {"fact": fact.KIND, **fact.model_dump(mode="json")}
            yield f"{prefix}{key}", json.dumps(words, ensure_ascii=False).encode()


def _told(feed: Feed, day: date, chance: random.Random) -> _Telling:
    wrong = chance.choices((*WRONG, ""), (*SHARES, 1 - sum(SHARES)))[0]
    telling = _Telling(feed, day, chance, datetime.combine(day, time(7), feed.timezone).astimezone(UTC))
    if wrong == "skipped":
        telling.decides("skip_day", "feriado do cliente, nada é enviado")
        return telling
    at = dict(ARRIVALS)
    plan = [(name, at.get(name, time(8, 30))) for name in feed.files]
    comes = [
        (name, datetime.combine(day, when, feed.timezone) + timedelta(minutes=chance.gauss(0, 6)))
        for name, when in plan
    ]
    odd = chance.randrange(len(comes)) if wrong in ("late", "refused", "stuck") else -1
    late = timedelta(hours=chance.uniform(3, 7)) if wrong != "stuck" else timedelta(hours=22)
    moved = [
        (name, when + late if place == odd and wrong != "refused" else when) for place, (name, when) in enumerate(comes)
    ]
    due = datetime.combine(day, time(12), feed.timezone)
    for place, (name, when) in enumerate(sorted(moved, key=lambda pair: pair[1])):
        if when > due and place == len(moved) - 1:
            telling.now = due.astimezone(UTC)
            telling.alarm(f"LATE  {feed.name} {day}: the deadline was 12:00, and {name} is missing", name)
        telling.arrives(name, when.astimezone(UTC), refused=wrong == "refused" and name == comes[odd][0])
    if wrong == "refused":
        name, when = comes[odd]
        telling.arrives(name, (when + timedelta(minutes=50)).astimezone(UTC))
    if wrong == "failed":
        telling.runs(fails=True)
    telling.runs()
    return telling


def write_history(folder: Path, feed: Feed, days: Sequence[date], seed: int = 7) -> int:
    """The same in a folder's store, without waiting for the disk; how many facts."""
    count = 0
    for count, (key, data) in enumerate(history(feed, days, seed), start=1):  # noqa: B007 - counted
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return count


def days_before(day: date, count: int) -> list[date]:
    """So many dates before one, the oldest first."""
    return [day - timedelta(days=back) for back in range(count, 0, -1)]
