"""Golden alarms: each folder of tests/cases/alarms tells a day in plain words (`story.yaml`), and what people are told.

`python tests/alarms.py` writes every text anew; look at the difference before you commit it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, get_args

import yaml

from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.alarm import Reminder
from posicional.day.alarm_words import Language
from posicional.day.alerts import DEADLINE
from posicional.day.facts import (
    AccountFact,
    Decision,
    Done,
    Fact,
    PartFact,
    ProblemFact,
    PublicationClaim,
    PublicationEnd,
    RunClaim,
    RunEnd,
    Seen,
)
from posicional.day.journal import Ledger
from posicional.day.keys import RUNS, DecisionKey, DoneKey, FactKey, SeenKey, TurnKey, publications
from posicional.day.state import fold
from posicional.ports import Outside, Store
from posicional.steps.deadline import assess, told
from posicional.steps.usual import look_early
from worlds import ToldClock, feed_of, file_of, new_store, outside_of

CASES = Path(__file__).parent / "cases" / "alarms"
LANGUAGES: tuple[Language, ...] = get_args(Language)

LEASE = timedelta(minutes=30)

OWNERS = {
    "contratos": "mainframe-ops@example.com",
    "clientes": "mainframe-ops@example.com",
    "planos": "produtos@example.com",
    "dependentes": "mainframe-ops@example.com",
    "pagamentos": "cobranca@example.com",
    "corretores": "comercial@example.com",
    "sinistros": "sinistros-ti@example.com",
}
"""The files of the feed that the stories are about, and whom to ask."""


@dataclass(frozen=True, slots=True)
class Case:
    """A story and where its texts stand."""

    path: Path
    words: Mapping[str, Any]

    @property
    def feed(self) -> Feed:
        """The feed `planos`, as far as the story does not say otherwise."""
        said = self.words.get("feed", {})
        files = [_file(name, said.get("files", {}).get(name, {})) for name in said.get("only", OWNERS)]
        feed = feed_of(*files, publish=said.get("publish", True))
        calendar = Calendar(said.get("days", "daily"))
        due = _due(said.get("deadline", "12:00"))
        return replace(feed, name="planos", calendar=calendar, deadline=due, board=said.get("board", ""))

    @property
    def date(self) -> date:
        """The business date that it is about."""
        return date.fromisoformat(str(self.words["date"]))

    def told(self, language: Language) -> str:
        """What people are told at the moment that the story ends with."""
        outside = world(self)
        day, found = assess(self.feed, Ledger(outside, self.feed.name, self.date).read(), outside)
        early = look_early(self.feed, day, found, outside)
        return (
            told(self.feed, day, found, outside, language, self.condition, early=early, reminder=self.reminder) + "\n"
        )

    @property
    def reminder(self) -> Reminder | None:
        """Which reminder it is, and since when it stands, where the story says so."""
        said = self.words.get("reminder")
        return Reminder(said["number"], _moment(self.feed, self.date, said["since"])) if said else None

    @property
    def condition(self) -> str:
        """What it is told about: the deadline, if the story does not say otherwise."""
        return str(self.words.get("condition", DEADLINE))

    def expected(self, language: Language) -> str:
        """What they should be told."""
        return (self.path / f"{language}.txt").read_text(encoding="utf-8")


def all_cases() -> list[Case]:
    """Every story."""
    stories = sorted(CASES.glob("*/story.yaml"))
    return [Case(path.parent, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in stories]


def world(case: Case) -> Outside:
    """A store in which all of the story has happened, at the moment with which it ends."""
    feed, store = case.feed, new_store("memory", Path())
    clock = ToldClock()
    for day, events in _days(case):
        for event in events:
            tell(feed, day, store, clock, event)
    clock.time = _moment(feed, case.date, str(case.words["now"]))
    # Processes that the stories name are alive, but for those of this person.
    return outside_of(store, clock, gone=lambda who: who.startswith("gone@"))


def _days(case: Case) -> Iterator[tuple[date, list[str]]]:
    """Dates and what happened on them; `usual` stands for so many days before the story, one like the other."""
    usual = case.words.get("usual", {})
    day = case.date
    before = []
    for _ in range(usual.get("days", 0)):
        day = case.feed.calendar.previous(day)
        before.append(day)
    for each in reversed(before):
        yield each, usual["events"]
    for text, events in case.words.get("days", {}).items():
        yield date.fromisoformat(str(text)), events


def tell(feed: Feed, day: date, store: Store, clock: ToldClock, event: str) -> None:
    """One thing that happened, such as `08:37 clientes comes`; the fact of it."""
    found = re.fullmatch(r"((?:\+\d+ )?\d\d:\d\d) (\S+) (\w+)(?: (\d+))?(?: \((\w+)\))?(?:: (.*))?", event)
    assert found, event
    moment, subject, verb, number, blame, why = found.groups()
    clock.time = _moment(feed, day, moment)
    ledger = Ledger(outside_of(store, clock, who=f"{subject}@servidor"), feed.name, day)
    for key, fact in _facts(feed, ledger, subject, verb, int(number or 1), blame or "", why or ""):
        assert ledger.write(key, fact), event


def _facts(
    feed: Feed, ledger: Ledger, subject: str, verb: str, number: int, blame: str, why: str
) -> Iterator[tuple[FactKey, Fact]]:
    if subject in feed.files:
        yield from _arrival(feed.files[subject], ledger, verb, why)
    elif verb in ("begins", "ends", "fails"):
        yield from _turn(feed, ledger, subject, verb, number, blame, why)
    else:
        words = {"holds": "hold", "skips": "skip_day", "releases": "release"}
        yield DecisionKey(number), Decision.model_validate({**ledger.sign(), "decision": words[verb], "why": why})


def _arrival(expected: ExpectedFile, ledger: Ledger, verb: str, why: str) -> Iterator[tuple[FactKey, Fact]]:
    """`comes` (and is read; `comes: 1745 rows, 3 rejects`, with a content of its own, or `same`), `is_seen`,
    or `is_refused: reasons`, which are parted by `; `.
    """
    clock, path = ledger.outside.clock, expected.pattern.format(ledger.date)
    number = 1 + sum(isinstance(key, SeenKey) and key.file == expected.name for key in ledger.read().entries)
    yield (
        SeenKey(expected.name, number),
        Seen(
            **ledger.sign(),
            key=f"dados-posicionais/{path}",
            object_version=f"v{number}",
            size=10,
            modified=clock.now(),
        ),
    )
    if verb == "is_seen":
        return
    counts = {word: int(n) for n, word in re.findall(r"([0-9]+) (rows|rejects)", why)} if verb == "comes" else {}
    key = f"dados-parquet/{ledger.feed}/{expected.name}/{ledger.date}/{number}.parquet"
    problems = tuple(ProblemFact(reason="control", text=text) for text in why.split("; ") if verb == "is_refused")
    yield (
        DoneKey(expected.name, number, revision.reading(expected)),
        Done(
            **ledger.sign(),
            status="refused" if verb == "is_refused" else "converted",
            layout=expected.layout.digest,
            sha256=f"{expected.name} {'same' if 'same' in why else f'{number} {ledger.date}' if counts else number}",
            account=AccountFact.model_validate(counts),
            parts=() if "came for the same date" in why else (PartFact(key=key, table=expected.name, rows=3, bytes=9),),
            problems=problems,
        ),
    )


def _turn(
    feed: Feed, ledger: Ledger, subject: str, verb: str, number: int, blame: str, why: str
) -> Iterator[tuple[FactKey, Fact]]:
    """`run begins 1`, `publication ends 1`, `run fails 2 (outside): reason`; `alive` and `gone` name who runs it."""
    series = RUNS if subject != "publication" else publications("opensearch")
    day, now = fold(feed, ledger.read()), ledger.outside.clock.now()
    if verb == "begins":
        signed = {**ledger.sign(), "who": f"{why or 'ana@servidor'} pid 7", "lease_until": now + LEASE}
        if series == RUNS:
            inputs = {name: one.model_dump() for name, one in day.inputs.items()}
            digests = {"revision": day.revision, "content": day.content, "contract": day.contract}
            yield TurnKey(series, number, "claim"), RunClaim.model_validate({**signed, **digests, "inputs": inputs})
        else:
            run = day.run.number if day.run else 0
            yield TurnKey(series, number, "claim"), PublicationClaim.model_validate({**signed, "run": run})
        return
    said = {**ledger.sign(), "status": "succeeded" if verb == "ends" else "failed", "reason": why, "blame": blame}
    if series == RUNS:
        yield TurnKey(series, number, "end"), RunEnd.model_validate(said)
    else:
        run = day.run.number if day.run else 0
        yield TurnKey(series, number, "end"), PublicationEnd.model_validate({**said, "run": run})


def _file(name: str, said: Mapping[str, Any]) -> ExpectedFile:
    due = {word: _due(said[word]) for word in ("expected_by", "wait_until") if word in said}
    return file_of(name, owner=OWNERS[name], required=said.get("required", True), **due)


def _due(said: Any) -> Due:
    words = said if isinstance(said, dict) else {"at": said}
    return Due(time.fromisoformat(words["at"]), words.get("after", 0), words.get("business", False))


def _moment(feed: Feed, day: date, text: str) -> datetime:
    """`08:37` on the period's last day, `+1 08:37` on the day after it."""
    days, _, clock = text.rpartition(" ")
    on = feed.calendar.period_end(day) + timedelta(days=int(days or 0))
    return datetime.combine(on, time.fromisoformat(clock), tzinfo=feed.timezone)


if __name__ == "__main__":
    for one in all_cases():
        for tongue in LANGUAGES:
            (one.path / f"{tongue}.txt").write_text(one.told(tongue), encoding="utf-8")
