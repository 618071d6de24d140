"""Facts are written once, by one writer, whatever the store says on the way, and every reader sees the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from posicional.day.facts import Decision, RunClaim, RunEnd, Unreadable
from posicional.day.journal import TRIES, Ledger, Signature
from posicional.day.keys import RUNS, DecisionKey, TurnKey
from posicional.day.series import Turn
from posicional.errors import ObjectExists, StoreError
from posicional.ports import Store, StoredObject
from worlds import DAY, MORNING, ToldClock, new_store, outside_of

KEY = DecisionKey(1)
BOOM = StoreError("500 from the server")


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return new_store(request.param, tmp_path)


def ledger_of(store: Store, who: str = "ana@maquina", clock: ToldClock | None = None) -> Ledger:
    """The ledger of the day, as one process sees it."""
    return Ledger(outside_of(store, clock, who=who), "f", DAY)


def note(ledger: Ledger, why: str = "") -> Decision:
    """A fact of this process."""
    return Decision(**ledger.sign(), decision="note", why=why)


@dataclass
class Faulty:
    """A real store whose next creates and reads meet the faults that are listed; it notes which objects are read.

    `before`: fails without having done anything · `after`: does it and reports failure · `own`: does it and reports
    that the object exists, as a store whose own retry met what it had written.
    """

    real: Store
    creates: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    read_keys: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def create(self, key: str, data: bytes) -> None:
        """Create with the next fault."""
        fault = self.creates.pop(0) if self.creates else ""
        if fault == "before":
            raise BOOM
        self.real.create(key, data)
        if fault == "after":
            raise BOOM
        if fault == "own":
            raise ObjectExists("there is an object already", where=key)

    def read(self, key: str) -> bytes:
        """Read with the next fault."""
        self.read_keys.append(key)
        if self.reads and self.reads.pop(0) == "before":
            raise BOOM
        return self.real.read(key)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """List as the real one does."""
        return self.real.list(prefix)


@pytest.mark.parametrize(
    "faults", [[], ["before"], ["after"], ["own"], ["before", "after"], ["before", "before", "own"]]
)
def test_a_write_wins_through_faults(store: Store, faults: list[str]) -> None:
    """A store may apply a write and report failure, or refuse because of our own earlier try: it still is ours."""
    ledger = ledger_of(Faulty(store, creates=list(faults)))
    fact = note(ledger)
    assert ledger.write(KEY, fact)
    assert {KEY: fact} == ledger.read().entries


@pytest.mark.parametrize("faults", [[], ["before"], ["before", "before"]])
def test_anothers_fact_stays(store: Store, faults: list[str]) -> None:
    """Whoever comes second loses, and knows it, whatever the store says meanwhile."""
    first = note(ledger_of(store, "ana@um"))
    assert ledger_of(store, "ana@um").write(KEY, first)
    other = ledger_of(Faulty(store, creates=list(faults)), "bia@dois")
    assert not other.write(KEY, note(other))
    assert {KEY: first} == other.read().entries


def test_a_fact_that_cannot_be_read_back_at_once(store: Store) -> None:
    """An unclear write whose reading back fails is asked again, and is ours in the end."""
    ledger = ledger_of(Faulty(store, creates=["after"], reads=["before"]))
    assert ledger.write(KEY, note(ledger))


def test_a_store_that_never_answers(store: Store) -> None:
    """After some tries, further apart each time, the store's own error goes up."""
    clock = ToldClock()
    ledger = ledger_of(Faulty(store, creates=["before"] * 99), clock=clock)
    with pytest.raises(StoreError, match="500"):
        ledger.write(KEY, note(ledger))
    assert list(TRIES[1:]) == clock.slept
    assert sorted(clock.slept) == clock.slept


def test_a_torn_fact_of_another_counts_as_theirs(store: Store) -> None:
    """What stands there and is not ours is another's, even when nobody can read it."""
    store.create(f"controle/f/{DAY}/decisions/0001.json", b"{")
    ledger = ledger_of(store)
    assert not ledger.write(KEY, note(ledger))
    assert isinstance(ledger.read().entries[KEY], Unreadable)


def test_of_many_writers_exactly_one_wins(store: Store) -> None:
    """Eight threads, each with its own process's name, thirty facts: one winner each, and it is the one that stands."""
    for number in range(1, 31):
        barrier = threading.Barrier(8)
        won: list[Decision] = []

        def write(me: int, key: DecisionKey, barrier: threading.Barrier, won: list[Decision]) -> None:
            ledger = ledger_of(store, f"p{me}@maquina")
            fact = note(ledger)
            barrier.wait()
            if ledger.write(key, fact):
                won.append(fact)

        key = DecisionKey(number)
        threads = [threading.Thread(target=write, args=(me, key, barrier, won)) for me in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [ledger_of(store).read().entries[key]]


def test_a_day_reads_only_its_own_facts(store: Store) -> None:
    """Another day, another feed whose name begins alike, and stray names are not this day's facts."""
    ledger = ledger_of(store)
    ledger.write(KEY, fact := note(ledger))
    for other in (Ledger(ledger.outside, "f2", DAY), Ledger(ledger.outside, "f", DAY + timedelta(days=1))):
        other.write(KEY, note(other))
    store.create(f"{ledger.prefix}LEIA-ME.txt", b"hello")
    found = ledger.read()
    assert ({KEY: fact}, ("LEIA-ME.txt",)) == (found.entries, found.strangers)


def test_known_facts_are_not_read_again(store: Store) -> None:
    """Facts never change: a second reading costs a listing and the new facts only."""
    faulty = Faulty(store)
    ledger = ledger_of(faulty)
    ledger.write(KEY, note(ledger))
    known = ledger.read()
    ledger.write(DecisionKey(2), note(ledger))
    faulty.read_keys.clear()
    assert [KEY, DecisionKey(2)] == list(ledger.read(known).entries)
    assert [f"{ledger.prefix}decisions/0002.json"] == faulty.read_keys


def test_every_signature_is_used_once(store: Store) -> None:
    """Two facts never carry the same writer id."""
    ledger = ledger_of(store)
    assert ledger.sign()["writer"] != ledger.sign()["writer"]
    assert (ledger.sign()["at"], ledger.sign()["who"]) == (MORNING, "ana@maquina")


# Claims


def claim_of(ledger: Ledger, until: timedelta = timedelta(hours=1)) -> RunClaim:
    """A claim of this process."""
    clock = ledger.outside.clock
    return RunClaim(**ledger.sign(), lease_until=clock.now() + until, revision="r", content="c", contract="k")


def abandoned(_number: int, signature: Signature, reason: str) -> RunEnd:
    """The end of a silent run."""
    return RunEnd(**signature, status="abandoned", reason=reason)


def turns_of(ledger: Ledger) -> list[Turn[RunClaim, RunEnd]]:
    """The runs as the ledger has them."""
    entries = ledger.read().entries
    turns = []
    for number in sorted(key.number for key in entries if isinstance(key, TurnKey) and key.what == "claim"):
        claim, end = entries[TurnKey(RUNS, number, "claim")], entries.get(TurnKey(RUNS, number, "end"))
        assert isinstance(claim, RunClaim)
        assert isinstance(end, RunEnd | None)
        turns.append(Turn(number, claim, None, end))
    return turns


def test_claims_are_taken_one_after_another(store: Store) -> None:
    """The next number is free only when the last has its end."""
    ledger = ledger_of(store)
    assert ledger.claim(RUNS, turns_of(ledger), claim_of(ledger), abandoned) == 1
    assert ledger.claim(RUNS, turns_of(ledger), claim_of(ledger), abandoned) is None
    ledger.write(TurnKey(RUNS, 1, "end"), RunEnd(**ledger.sign(), status="succeeded"))
    assert ledger.claim(RUNS, turns_of(ledger), claim_of(ledger), abandoned) == 2


def test_a_silent_turn_is_ended_first_and_its_sleeper_loses(store: Store) -> None:
    """After the lease anybody may end it as abandoned; the sleeper's own end loses, and the next number is free."""
    clock = ToldClock()
    sleeper, other = ledger_of(store, "ana@um", clock), ledger_of(store, "bia@dois", clock)
    assert sleeper.claim(RUNS, [], claim_of(sleeper), abandoned) == 1
    clock.sleep(3601)
    assert other.claim(RUNS, turns_of(other), claim_of(other), abandoned) is None
    assert [turn.status for turn in turns_of(other)] == ["abandoned"]
    assert not sleeper.write(TurnKey(RUNS, 1, "end"), RunEnd(**sleeper.sign(), status="succeeded"))
    assert other.claim(RUNS, turns_of(other), claim_of(other), abandoned) == 2


def test_a_stale_view_cannot_claim(store: Store) -> None:
    """Whoever decided on old facts loses the number and has to read again."""
    fast, slow = ledger_of(store, "ana@um"), ledger_of(store, "bia@dois")
    stale = turns_of(slow)
    assert fast.claim(RUNS, turns_of(fast), claim_of(fast), abandoned) == 1
    assert slow.claim(RUNS, stale, claim_of(slow), abandoned) is None


def test_a_dead_owner_is_not_waited_for(store: Store) -> None:
    """When the owner is known to have ended, its lease does not matter."""
    ledger = ledger_of(store)
    ledger.claim(RUNS, [], claim_of(ledger), abandoned)
    knowing = Ledger(replace(ledger.outside, gone=lambda who: who == "ana@maquina"), "f", DAY)
    assert knowing.claim(RUNS, turns_of(knowing), claim_of(knowing), abandoned) is None
    assert [turn.status for turn in turns_of(knowing)] == ["abandoned"]


def test_missing_day(store: Store) -> None:
    """A day that nobody has touched has no facts."""
    assert ledger_of(store).read().entries == {}
