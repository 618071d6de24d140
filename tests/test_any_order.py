"""Whatever happens to a day, in whatever order, what is promised of it holds (`invariants`), at every moment.

Files arrive, are corrected, come back, come twice, are broken; people decide; the contract changes; clocks jump, also
backward; engines fail; processes die at any operation, or fall asleep between two and go on much later. hypothesis
makes up the orders, the same ones in every run (`conftest`), and cuts a failure down to what matters.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from commands import LONG_AGO
from invariants import Content, History, check_always, check_at_rest, check_cleaned
from light import TWO, LightEngine, Shelf, light
from posicional.contract.feed import Feed
from posicional.contract.tolerance import Tolerance
from posicional.errors import EngineError, PosicionalError
from posicional.ports import Outside
from posicional.steps.advance import advance
from posicional.steps.cleanup import AGE
from posicional.steps.decide import accept, hold, release, rerun, rollback, skip, waive
from posicional.steps.sweep import sweep
from shaky import Fate, Gone, How, Process
from worlds import ToldClock, clientes, contratos, new_store, send, write_feed

NOW = datetime.now(UTC)  # stores stamp what we write with the real time
DAY = NOW.astimezone(ZoneInfo("America/Sao_Paulo")).date()
HOURS = 8
"""The clock goes not much further, so that what sleeps does so for less than a day: then clean-up may come."""

FILES = tuple(TWO)
SHORT = b"1000009\n"
"""A record that is cut off."""


def _contracts(plans: Sequence[str], *, short: bool = False, counted: int = 0) -> bytes:
    data = contratos(plans, DAY, counted=counted or len(plans) + 2 + short)
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:-1], *([SHORT] if short else []), lines[-1]])


CONTENTS: Mapping[str, Mapping[str, bytes]] = {
    "contratos": {
        "A": _contracts(["OURO", "PRATA"]),
        "B": _contracts(["OURO", "OURO", "OURO"]),
        "C": _contracts(["BASICO"]),
        "one reject": _contracts(["PRATA", "PRATA"], short=True),
        "broken": _contracts(["BRONZE"], counted=9),
    },
    "clientes": {
        "A": clientes(),
        "B": clientes().replace(b"SP", b"RJ"),
        "C": clientes()[:21],
        "one reject": clientes().replace(b"SP", b"MG") + SHORT,
        "broken": SHORT + clientes() + SHORT,
    },
}
"""What each file may hold. With one reject it is refused until the contract allows one; broken it is refused always."""


NAMES = ("A", "A", "B", "C", "one reject", "broken")


def content_of(file: str, name: str) -> Content:
    """One of the contents."""

    def good(feed: Feed) -> bool:
        return name != "broken" and (name != "one reject" or feed.files[file].max_rejects.count > 0)

    data = CONTENTS[file][name]
    return Content(data, tuple(TWO[file].rows(data)), good)


class Sleeper:
    """A process that goes on when it is told, as many operations as it is told, and sleeps between two.

    One thread runs at a time, so that what happens depends on nothing else.
    """

    def __init__(self, job: Callable[[Sleeper], object]) -> None:
        self.over = False
        self.error: BaseException | None = None
        self._left = 0
        self._how: How = ""
        self._wake, self._asleep = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, args=(job,), daemon=True)
        self._thread.start()
        self._wait()

    def next(self, _what: str) -> How:
        """Called by the process before each operation: sleep, if it has done what it was told to."""
        if self._left == 0:
            self._asleep.release()
            self._wake.acquire()
        self._left -= 1
        return self._how if self._left == 0 else ""

    def go_on(self, operations: int, how: How = "") -> None:
        """So many operations more, the last of which ends as `how` says."""
        if not self.over:
            self._left, self._how = operations, how
            self._wake.release()
            self._wait()

    def _run(self, job: Callable[[Sleeper], object]) -> None:
        try:
            job(self)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self.error = error
        self.over = True
        self._asleep.release()

    def _wait(self) -> None:
        assert self._asleep.acquire(timeout=60), "a process hangs"
        if self.error is not None and not isinstance(self.error, Gone | PosicionalError):
            raise self.error


MANY = 10**6
ENDINGS = st.sampled_from(("dies before", "dies after", "fails before", "fails after"))


class AnyOrder(RuleBasedStateMachine):
    """A day of two files, and everything that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        shared = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
        self.folder = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
        made = write_feed(self.folder / "feed")
        self.base = replace(made, attempts=5)
        self.version, self.rejects = 1, 0
        self.clock = ToldClock(NOW)
        self.shelf = Shelf()
        self.history = History(DAY, [self.contract])
        self.sleepers: list[Sleeper] = []
        self.dead: set[str] = set()
        self.numbers = itertools.count(1)

    @initialize(kind=st.sampled_from(("memory", "folder")))
    def begin(self, kind: str) -> None:
        """An empty store, and the files of the day."""
        self.store = new_store(kind, self.folder)
        self.failures: list[Exception] = []
        self.engine = LightEngine(self.store, self.fail)
        for file in FILES:
            self.arrives(file, "A")

    def fail(self) -> None:
        """The engine fails, if it has been told to."""
        if self.failures:
            raise self.failures.pop()

    @property
    def contract(self) -> Feed:
        """The contract as it is now."""
        files = {name: replace(file, max_rejects=Tolerance(self.rejects)) for name, file in self.base.files.items()}
        return light(replace(self.base, files=files), TWO, self.version)

    def process(self, next_of: Callable[[str], How], *, near: bool = True) -> Outside:
        """A process; one that is near knows at once who has died."""
        process = Process(f"p{next(self.numbers)}@maquina", self.history, next_of)
        gone: Callable[[str], bool] = self.dead.__contains__ if near else lambda _who: False
        return process.outside(self.store, self.shelf, self.clock, self.engine, gone)

    def attempt(self, job: Callable[[Outside], object], fate: Fate | None = None, *, near: bool = True) -> None:
        """A process does something in one go; it may die, or meet an error, which people are told."""
        outside = self.process((fate or Fate()).next, near=near)
        try:
            job(outside)
        except Gone:
            self.dead.add(outside.who)
        except PosicionalError:
            pass

    # --- what arrives -----------------------------------------------------------------------------------------------

    @rule(file=st.sampled_from(FILES), content=st.sampled_from(NAMES))
    def arrives(self, file: str, content: str) -> None:
        """A correction, a duplicate, a file that comes back, one that is no good."""
        name = f"{file.upper()}_{DAY:%Y%m%d}.txt"
        found = content_of(file, content)
        send(self.store, name, found.data)
        if not self.store.atomic:  # it stands still, and no two versions are of one moment
            at = LONG_AGO + len(self.history.arrived)
            os.utime(self.store.locate(f"dados-posicionais/{name}"), (at, at))
        there = self.store.head(f"dados-posicionais/{name}")
        self.history.arrived[there.key, there.version] = found

    # --- who looks at the day -----------------------------------------------------------------------------------------

    @rule(insist=st.booleans(), near=st.booleans())
    def somebody_looks(self, insist: bool, near: bool) -> None:
        """A process does what there is to do."""
        self.attempt(partial(advance, self.history.feed, DAY, insist=insist), near=near)

    @rule(at=st.integers(1, 120), how=ENDINGS, file=st.sampled_from(FILES), content=st.sampled_from(NAMES))
    def somebody_fails(self, at: int, how: How, file: str, content: str) -> None:
        """A process does not come through what has come."""
        self.arrives(file, content)
        self.attempt(partial(advance, self.history.feed, DAY), Fate(at, how))

    @rule()
    def the_sweep_comes(self) -> None:
        """It does what nobody did."""
        self.attempt(partial(sweep, self.history.feed))

    # --- who falls asleep ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.sleepers) < 3)
    @rule(operations=st.integers(1, 120), again=st.booleans(), near=st.booleans(), content=st.sampled_from(NAMES))
    def somebody_falls_asleep(self, operations: int, again: bool, near: bool, content: str) -> None:
        """A process begins when something has come, and sleeps after some operations."""
        self.arrives("clientes", content)
        feed = self.history.feed

        def job(sleeper: Sleeper) -> None:
            outside = self.process(sleeper.next, near=near)
            try:
                advance(feed, DAY, outside, again=again, insist=not again)
            except Gone:
                self.dead.add(outside.who)
                raise

        sleeper = Sleeper(job)
        self.sleepers.append(sleeper)
        sleeper.go_on(operations)

    @precondition(lambda self: self.sleepers)
    @rule(which=st.integers(0, 2), operations=st.integers(1, 40))
    def a_sleeper_goes_on(self, which: int, operations: int) -> None:
        """A few operations further."""
        self.sleepers[which % len(self.sleepers)].go_on(operations)

    @precondition(lambda self: self.sleepers)
    @rule(which=st.integers(0, 2), how=ENDINGS)
    def a_sleeper_fails(self, which: int, how: How) -> None:
        """At its next operation."""
        self.sleepers[which % len(self.sleepers)].go_on(1, how)

    @precondition(lambda self: self.sleepers)
    @rule(which=st.integers(0, 2))
    def a_sleeper_comes_to_its_end(self, which: int) -> None:
        """All that it has to do."""
        self.sleepers.pop(which % len(self.sleepers)).go_on(MANY)

    # --- what else happens --------------------------------------------------------------------------------------------

    @rule(minutes=st.integers(1, 90))
    def time_goes_by(self, minutes: int) -> None:
        """Leases end."""
        self.clock.time = min(self.clock.time + timedelta(minutes=minutes), NOW + timedelta(hours=HOURS))

    @rule(minutes=st.integers(1, 30))
    def the_clock_is_set_back(self, minutes: int) -> None:
        """Nothing depends on it."""
        self.clock.time -= timedelta(minutes=minutes)

    @precondition(lambda self: not self.failures)
    @rule()
    def an_engine_fails(self) -> None:
        """The next time that it is used."""
        self.failures.append(EngineError("no memory"))

    @rule(version=st.integers(1, 2), rejects=st.integers(0, 1))
    def the_contract_changes(self, version: int, rejects: int) -> None:
        """Other SQL, or another tolerance."""
        if (version, rejects) != (self.version, self.rejects):
            self.version, self.rejects = version, rejects
            self.history.feeds.append(self.contract)

    # --- what people decide -------------------------------------------------------------------------------------------

    @rule(file=st.sampled_from(FILES))
    def a_person_accepts(self, file: str) -> None:
        """… what was refused."""
        self.arrives(file, "broken")
        self.attempt(partial(advance, self.history.feed, DAY))
        self.attempt(partial(accept, self.history.feed, DAY, file=file, why="so"))

    @rule(file=st.sampled_from(FILES))
    def a_person_waives(self, file: str) -> None:
        """… a file."""
        self.attempt(partial(waive, self.history.feed, DAY, file=file, why="so"))

    @precondition(lambda self: self.shelf.held)
    @rule(run=st.integers(1, 4), at=st.integers(0, 12), how=ENDINGS)
    def a_person_rolls_back(self, run: int, at: int, how: How) -> None:
        """… to an earlier run; the process may fail at it."""
        self.attempt(partial(rollback, self.history.feed, DAY, run=run, why="so"), Fate(at, how))

    @rule(decision=st.sampled_from((hold, release, skip, rerun)))
    def a_person_decides(self, decision: Callable[..., Any]) -> None:
        """… to hold, skip or release the day, or to process it anew."""
        self.attempt(lambda outside: decision(self.history.feed, DAY, outside, why="so"))

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def always(self) -> None:
        """What holds at every moment."""
        if hasattr(self, "store"):
            check_always(self.store, self.history)

    @precondition(lambda self: self.clock.time < NOW + timedelta(hours=HOURS))
    @rule()
    def everybody_comes_to_rest(self) -> None:
        """What holds when nobody is at it any more."""
        check_at_rest(self.store, self.history, self.shelf, self.settle())

    def settle(self) -> str:
        """Whoever sleeps goes on to the end; then somebody looks until nothing is left. How the day stands then."""
        while self.sleepers:
            self.sleepers.pop().go_on(MANY)
        self.failures.clear()
        self.clock.time += timedelta(hours=2)
        for _ in range(10):
            outcome = advance(self.history.feed, DAY, self.process(Fate().next))
            if not outcome.did:
                return outcome.rest.why
        raise AssertionError("the day does not come to rest")

    def teardown(self) -> None:
        """In the end: processed anew under the contract that is in force, and a day later."""
        try:
            if hasattr(self, "store"):
                self.end()
        finally:
            while self.sleepers:
                self.sleepers.pop().go_on(1, "dies before")
            shutil.rmtree(self.folder)

    def end(self) -> None:
        """See `teardown`."""
        check_at_rest(self.store, self.history, self.shelf, self.settle())
        self.attempt(lambda outside: release(self.history.feed, DAY, outside, why="so"))
        self.attempt(lambda outside: rerun(self.history.feed, DAY, outside, why="so"))
        check_at_rest(self.store, self.history, self.shelf, self.settle(), self.history.feeds[-1:])
        self.clock.time += AGE + timedelta(hours=1)
        self.attempt(partial(sweep, self.history.feed))
        check_cleaned(self.store, self.history)
        assert not advance(self.history.feed, DAY, self.process(Fate().next)).did


QUIET = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example)


@pytest.mark.parametrize(
    ("examples", "steps"), [(20, 25), pytest.param(100, 50, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_any_order(examples: int, steps: int) -> None:
    """Orders that hypothesis makes up."""
    AnyOrder.TestCase.settings = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=QUIET)
    AnyOrder.TestCase().runTest()
