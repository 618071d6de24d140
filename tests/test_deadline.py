"""The deadline's check: what it decides from the ledger alone, what it says, and when it is about which date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from alarms import CASES, LANGUAGES, Case, all_cases, world
from oracle import golden as records
from oracle.product import Bytes, Parts
from posicional.contract.calendar import Calendar, Days, Due
from posicional.contract.feed import Feed
from posicional.contract.tolerance import parse_tolerance
from posicional.day.alarm_words import WORDS, Language
from posicional.day.deadline import GOOD, Standing
from posicional.day.facts import ControlFact, Decision, Done
from posicional.day.journal import Ledger
from posicional.day.keys import DecisionKey, DoneKey, SeenKey
from posicional.day.problems_pt import in_portuguese
from posicional.errors import DataRefused, NotDone
from posicional.records.reader import convert
from posicional.steps.deadline import check_deadline, due_dates
from worlds import DAY, Story, ToldClock, feed_of, file_of, new_store, outside_of

NOON = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.path.name)
def test_what_people_are_told(case: Case, language: Language) -> None:
    """Each story ends in the text that a person has looked through, in both languages."""
    assert case.told(language) == case.expected(language)


EXPECTED: Mapping[str, Standing] = {
    "failed_bug": "failed",
    "failed_contract": "failed",
    "failed_data": "failed",
    "failed_outside": "failed",
    "held": "held",
    "no_day": "no business day",
    "not_due": "not due",
    "not_processed": "not processed",
    "not_published": "not processed",
    "nothing_arrived": "nothing arrived",
    "optional": "waiting",
    "published": "published",
    "published_late": "published late",
    "refused": "refused",
    "retried": "running",
    "running": "running",
    "silent": "not processed",
    "skipped": "skipped",
    "unread": "not processed",
    "waiting": "waiting",
}


@pytest.mark.parametrize(("name", "standing"), EXPECTED.items(), ids=EXPECTED)
def test_how_a_date_stands(name: str, standing: Standing) -> None:
    """One word for each story; the error, hence the exit code, follows from it. Refused data goes first."""
    case = next(case for case in all_cases() if case.path == CASES / name)
    found = check_deadline(case.feed, case.date, world(case))
    assert (found.standing, found.met) == (standing, standing in GOOD)
    expected = DataRefused if found.refused else NotDone
    assert (found.problem is None) if standing in GOOD else isinstance(found.problem, expected)


def test_the_first_line_is_enough() -> None:
    """Feed, date, time, and the matter stand in the first line of every alarm: a telephone shows no more."""
    for case in all_cases():
        first, *rest = case.expected("pt").splitlines()
        assert first.startswith("[planos] ")
        assert all(line.startswith("  ") for line in rest)


def test_both_languages_have_the_same_words() -> None:
    """No sentence of one names something that the other leaves out."""
    pt, en = WORDS["pt"], WORDS["en"]
    for name in pt.__dataclass_fields__:
        ours, theirs = getattr(pt, name), getattr(en, name)
        if isinstance(ours, str):
            assert _holes(ours) == _holes(theirs), name
        elif isinstance(ours, Mapping):
            assert {word: _holes(text) for word, text in ours.items()} == {
                word: _holes(text) for word, text in theirs.items()
            }


def _holes(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_the_error_names_a_month_as_a_person_does() -> None:
    """And a day as a day."""
    now = ToldClock(datetime(2026, 12, 20, tzinfo=UTC))
    monthly = replace(feed_of(file_of("a")), calendar=Calendar("monthly"))
    for feed, day, expected in (
        (monthly, date(2026, 11, 1), "f 2026-11: "),
        (feed_of(file_of("a")), DAY, f"f {DAY}: "),
    ):
        problem = check_deadline(feed, day, outside_of(new_store("memory", Path()), now)).problem
        assert str(problem).startswith(f"{expected}the deadline is missed: nothing arrived")


def test_no_value_of_a_field_is_told() -> None:
    """Control records stand in the facts, with values; none of them comes into the text."""
    story = Story(feed_of(file_of("a"), file_of("b")))
    story.seen("a")
    story.done("a", problems=["the trailer (line 3) says another figure records, 2 were read"], status="refused")
    key = next(key for key in story.entries if isinstance(key, DoneKey))
    done = story.entries[key]
    assert isinstance(done, Done)
    values = {"cpf": "98765432101", "nome": "Maria", "total": str(Decimal("12.34"))}
    story.entries[key] = done.model_copy(update={"controls": (ControlFact(kind="trailer", line=3, values=values),)})
    for language in LANGUAGES:
        text = told(story, language=language)
        assert not [value for value in values.values() if value in text]


def told(story: Story, now: datetime = NOON, language: Language = "pt") -> str:
    """The text about a day whose facts are told."""
    store = new_store("memory", Path())
    ledger = Ledger(outside_of(store), story.feed.name, DAY)
    for key, fact in story.entries.items():
        assert ledger.write(key, fact)  # type: ignore[arg-type]  # these stories hold no unreadable fact
    return check_deadline(story.feed, DAY, outside_of(store, ToldClock(now)), language).text


def test_reasons_are_told_in_portuguese() -> None:
    """The sentence of DESIGN's example; one that is not known stays as it is."""
    assert in_portuguese("the trailer (line 9) says 1745 records, 506 were read") == (
        "o trailer (linha 9) diz 1745 registros, foram lidos 506"
    )
    assert in_portuguese("line 44, nome 13-62: not in the encoding") == "linha 44, nome 13-62: fora da codificação"
    assert in_portuguese("A_2.txt: line 3: too short, expected 40 bytes") == (
        "A_2.txt: linha 3: curto demais, esperado: 40 bytes"
    )
    assert in_portuguese("something new") == "something new"


def test_many_faults_of_a_contract_are_one_line() -> None:
    """The first three and how many more there are; each names in brackets what to do, the line has no arrow."""
    story = Story(feed_of(file_of("a")))
    story.arrived("a")
    story.claim(1)
    faults = [f"ativos.sql:{n}: column 8: there is no column 'x' -> did you mean y?" for n in range(1, 6)]
    story.end(1, "failed", "\n".join([*faults, "5 faults in the contract"]), "contract")
    reason, turn = told(story).splitlines()[1:3]
    shown = " · ".join(f"ativos.sql:{n}: coluna 8: não há a coluna 'x' (seria y?)" for n in (1, 2, 3))
    assert reason == f"  motivo    {shown} · e mais 2"
    assert turn.startswith("  ação      quem cuida do contrato -> ")
    assert "(did you mean y?) · and 2 more" in told(story, language="en")


def test_a_decision_that_cannot_be_read_holds_the_day() -> None:
    """The cautious case is told as what it is."""
    store = new_store("memory", Path())
    feed = feed_of(file_of("a"))
    store.create(f"controle/f/{DAY}/{DecisionKey(1)}", b"{}")
    found = check_deadline(feed, DAY, outside_of(store, ToldClock(NOON)))
    assert (found.standing, "suspenso por uma decisão que não pode ser lida" in found.text) == ("held", True)


def test_a_release_ends_a_hold() -> None:
    """What counts is the last word."""
    story = Story(feed_of(file_of("a")))
    for number, word in enumerate(("hold", "release"), start=1):
        story.entries[DecisionKey(number)] = Decision.model_validate({**story.sign(), "decision": word, "why": "so"})
    assert "nada chegou" in told(story)


def test_facts_of_other_dates_are_read_only_for_an_alarm() -> None:
    """A date that is published costs its own facts; an alarm a bounded number of dates, and of facts of each."""
    reads: list[str] = []
    store = new_store("memory", Path())
    feed = feed_of(file_of("a"), file_of("b"), publish=True)
    for back in range(30):
        day = DAY - timedelta(days=back)
        story = Story(feed)
        story.arrived("a") if back == 0 else story.arrived("a", "b")
        ledger = Ledger(outside_of(store), "f", day)
        for key, fact in story.entries.items():
            assert ledger.write(key, fact)  # type: ignore[arg-type]  # all readable

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

        def read(self, key: str) -> bytes:
            reads.append(key)
            return store.read(key)

    outside = replace(outside_of(store, ToldClock(NOON)), store=Counting())  # type: ignore[arg-type]  # forwards the rest
    check_deadline(feed, DAY, outside)
    own = [key for key in reads if f"/{DAY}/" in key]
    others = [key for key in reads if f"/{DAY}/" not in key]
    assert len(own) == 2
    assert len(others) == 10 * 2
    assert not [key for key in others if ".done." in key]
    reads.clear()
    check_deadline(feed, DAY, replace(outside, clock=ToldClock(NOON - timedelta(hours=1))))
    assert len(reads) == 2


# Without a date.


@pytest.mark.parametrize(
    ("days", "due", "now", "expected"),
    [
        pytest.param("daily", Due(time(12)), "2026-11-22T11:59", ["2026-11-21", "2026-11-22"], id="a minute early"),
        pytest.param("daily", Due(time(12)), "2026-11-22T12:00", ["2026-11-22"], id="at noon"),
        pytest.param("daily", Due(time(12)), "2026-11-22T23:59", ["2026-11-22"], id="until midnight"),
        pytest.param("weekdays", Due(time(12)), "2026-11-22T12:00", ["2026-11-20"], id="on Sunday, Friday's"),
        pytest.param("daily", Due(time(12), 1), "2026-11-22T12:00", ["2026-11-21"], id="yesterday's, due today"),
        pytest.param("weekdays", Due(time(12), 1, True), "2026-11-23T12:00", ["2026-11-20"], id="Friday's, on Monday"),
        pytest.param(
            "daily",
            Due(time(12), 1, True),
            "2026-11-23T12:00",
            ["2026-11-20", "2026-11-21", "2026-11-22"],
            id="all that are due on Monday",
        ),
        pytest.param("monthly", Due(time(12), 5, True), "2026-12-06T12:00", ["2026-10-01"], id="before the fifth"),
        pytest.param(
            "monthly", Due(time(12), 5, True), "2026-12-07T09:00", ["2026-10-01", "2026-11-01"], id="on the fifth"
        ),
    ],
)
def test_without_a_date_it_is_about_the_newest_that_is_due(days: Days, due: Due, now: str, expected: list[str]) -> None:
    """And about what is due later today: a trigger that comes early, or after midnight, forgets no date."""
    feed: Feed = replace(feed_of(file_of("a")), calendar=Calendar(days), deadline=due)
    moment = datetime.fromisoformat(now).replace(tzinfo=feed.timezone)
    assert [day.isoformat() for day in due_dates(feed, moment.astimezone(UTC))] == expected


def test_an_unreadable_arrival_is_told() -> None:
    """It cannot be used, and nothing of it can be accepted."""
    store = new_store("memory", Path())
    store.create(f"controle/f/{DAY}/{SeenKey('a', 1)}", b"?")
    text = check_deadline(feed_of(file_of("a")), DAY, outside_of(store, ToldClock(NOON))).text
    assert "o registro desta chegada não pode ser lido -> reenviar" in text
    assert "accept" not in text


@pytest.mark.parametrize("case", records.all_cases(), ids=lambda case: case.path.name)
def test_every_reason_of_a_refusal_is_known_in_portuguese(case: records.Case) -> None:
    """Those that the reader gives for the golden files: a sentence that is changed there needs its translation."""
    given = case.given
    tolerance = parse_tolerance(str(given.get("max_rejects", 0))).allows
    found = convert(
        Bytes(case.data),
        case.layout,
        Parts(),
        Parts(),
        file="f",
        path="f.txt",
        date=case.date,
        tolerance=tolerance,
        allow_empty=bool(given.get("allow_empty")),
    )
    assert [problem.text for problem in found.problems if in_portuguese(problem.text) == problem.text] == []
