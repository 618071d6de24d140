"""A crash at every step of a whole day: whatever operation is a process's last one, the day ends as it would have.

The day has seven files, of which one is sent twice; a run whose first attempt fails; a correction that comes while the
second runs, and another when readers see the day; and a person who rolls that one back. A store and a target count
their operations, and the n-th one is the last of its process, or fails: for every n of the day.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from commands import PLANOS
from invariants import Content, History, check_always, check_at_rest, check_cleaned, current_run, ledger_of
from light import SEVEN, LightEngine, Shelf, light
from posicional.contract.feed import Feed
from posicional.day.journal import Ledger
from posicional.day.state import fold
from posicional.demo.sample import write_sample
from posicional.errors import EngineError, OutsideError
from posicional.ports import Engine, Outside, Store
from posicional.steps.advance import Outcome, advance
from posicional.steps.cleanup import AGE, clean_up
from posicional.steps.decide import rollback
from shaky import Fate, Gone, How, Process
from worlds import DAY, ToldClock, new_store, send

HOWS: tuple[How, ...] = tuple(how for how in get_args(How) if how)
KINDS = ("memory", "folder")
FLOOR = 400
"""The day has at least so many operations; less would mean that not all of them are counted."""


@cache
def feed_of_seven() -> Feed:
    """The demo's seven files with light datasets."""
    return light(Feed.load(PLANOS), SEVEN)


def sample_of_seven(folder: Path) -> dict[str, bytes]:
    """The seven files of the day, as small as they come."""
    write_sample(folder, DAY, 3)
    return {name: (folder / path_of(name)).read_bytes() for name in SEVEN}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The same, made once."""
    return sample_of_seven(tmp_path_factory.mktemp("sample"))


def path_of(name: str) -> str:
    """What a file is called."""
    return f"{name.upper()}_{DAY:%Y%m%d}.txt"


def corrected(name: str, data: bytes, text: str) -> bytes:
    """The file with another text in the field that is shown of its first record."""
    shown = SEVEN[name]
    lines = data.split(b"\n")
    width = shown.stop - shown.start
    lines[1] = lines[1][: shown.start] + text.encode().ljust(width)[:width] + lines[1][shown.stop :]
    return b"\n".join(lines)


EngineOf = Callable[[Store, Callable[[], None]], Engine]
"""Makes an engine that calls something behind every dataset."""


@dataclass
class Scene:
    """A day, what happens on it, and what becomes of the operations of those who are at it."""

    store: Store
    sample: Mapping[str, bytes]
    fate: Fate
    engine: EngineOf = LightEngine
    shelf: Shelf = field(default_factory=Shelf)
    clock: ToldClock = field(default_factory=lambda: ToldClock(datetime.now(UTC)))  # stores stamp with the real time
    failures: list[Exception] = field(default_factory=lambda: [EngineError("no memory")])
    during: bool = False
    rolled_back_to: int = 0
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.history = History(DAY, [feed_of_seven()])

    def outside(self, fate: Fate | None = None) -> Outside:
        """A process of its own."""
        process = Process(f"ana@maquina pid {next(self.names)}", self.history, (fate or self.fate).next)
        self.processes.append(process)
        return process.outside(self.store, self.shelf, self.clock, self.engine(self.store, self.meanwhile))

    def send(self, name: str, data: bytes | None = None) -> None:
        """A file arrives."""
        data = self.sample[name] if data is None else data
        send(self.store, path_of(name), data)
        found = self.store.head(f"dados-posicionais/{path_of(name)}")
        self.history.arrived[found.key, found.version] = Content(data, tuple(SEVEN[name].rows(data)))

    def advance(self) -> Outcome:
        """A process does what there is to do."""
        return advance(self.history.feed, DAY, self.outside())

    def look(self) -> Outcome:
        """The same when nothing happens to anybody any more."""
        return advance(self.history.feed, DAY, self.outside(Fate()))

    def play(self) -> None:
        """The day, step by step; what one process does not come through is done again by another, after its lease."""
        for step in (self.some_arrive, self.all_arrive, self.one_is_corrected, self.a_person_rolls_back):
            self.until_done(step())

    def until_done(self, does: Callable[[], object]) -> None:
        """What several processes do one after the other until one comes through; the first does, mostly the second."""
        for _ in range(3):
            try:
                does()
            except Gone:
                self.clock.sleep(3601)
            except OutsideError:
                self.clock.sleep(3601)
            else:
                return
        raise AssertionError("three processes in a row did not come through")

    # The steps: what happens outside happens once; what is done about it is given back.

    def some_arrive(self) -> Callable[[], object]:
        """Three of the seven."""
        for name in ("contratos", "clientes", "planos"):
            self.send(name)
        return self.advance

    def all_arrive(self) -> Callable[[], object]:
        """One of the three once more, and the rest: a run that fails, one that is superseded, one that succeeds."""
        for name in ("clientes", "dependentes", "pagamentos", "corretores", "sinistros"):
            self.send(name)
        return self.advance

    def one_is_corrected(self) -> Callable[[], object]:
        """A correction after the day was shown."""
        self.rolled_back_to = current_run(ledger_of(self.history))[0]
        self.send("planos", corrected("planos", self.sample["planos"], "Correto Depois"))
        return self.advance

    def a_person_rolls_back(self) -> Callable[[], object]:
        """… which was no good."""

        def decide() -> None:
            rollback(self.history.feed, DAY, self.outside(), run=self.rolled_back_to, why="the correction is wrong")
            self.advance()

        return decide

    def meanwhile(self) -> None:
        """Behind a dataset: of the first the engine fails, during the next somebody else looks at a correction."""
        if self.failures:
            raise self.failures.pop()
        if not self.during:
            self.during = True
            self.send("contratos", corrected("contratos", self.sample["contratos"], "Durante"))
            with suppress(Gone, OutsideError):  # the other process may end; this one goes on
                self.advance()

    def a_day_later(self) -> None:
        """Clean-up when everything is a day old."""
        self.clock.time = datetime.now(UTC) + AGE + timedelta(hours=2)
        ledger = Ledger(self.outside(), self.history.feed.name, DAY)
        clean_up(self.history.feed, ledger, fold(self.history.feed, ledger.read()))


def whole_day(
    kind: str, folder: Path, sample: Mapping[str, bytes], fate: Fate, engine: EngineOf = LightEngine
) -> Scene:
    """A day with one crash or failure, and all that is promised of it."""
    scene = Scene(new_store(kind, folder), sample, fate, engine)
    scene.play()
    scene.until_done(scene.advance)
    last = scene.look()
    assert (last.did, last.rest.why) == (False, "done")
    check_at_rest(scene.store, scene.history, scene.shelf, last.rest.why)
    assert current_run(ledger_of(scene.history))[0] == scene.rolled_back_to
    scene.until_done(scene.a_day_later)
    check_cleaned(scene.store, scene.history)
    assert not scene.look().did
    check_always(scene.store, scene.history)
    return scene


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: such a day syncs three hundred times, and no power is cut."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else tmp_path) as made:
        yield Path(made)


@pytest.mark.parametrize("kind", KINDS)
def test_the_day_itself(kind: str, folder: Path, sample: Mapping[str, bytes]) -> None:
    """Without a crash: what happens, in its order, and nothing that clean-up leaves behind."""
    scene = whole_day(kind, folder, sample, Fate())
    ends = [one for name, one in ledger_of(scene.history).items() if name.startswith("runs/") and "end" in name]
    assert [end["status"] for end in ends] == ["failed", "superseded", "succeeded", "succeeded"]
    assert [end["blame"] for end in ends] == ["outside", "", "", ""]
    assert scene.rolled_back_to == 3
    assert scene.fate.count > FLOOR


def sweep(kind: str, how: How, folder: Path, sample: Mapping[str, bytes], first: int, step: int) -> None:
    """The day once for each n of `first`, `first + step`, … until it has fewer operations than n."""
    for n in itertools.count(first, step):
        fate = Fate(n, how)
        place = folder / str(n)
        try:
            whole_day(kind, place, sample, fate)
        except BaseException as error:
            error.add_note(f"operation {n} {how}: {fate.hit}")
            raise
        shutil.rmtree(place, ignore_errors=True)
        if not fate.hit:
            break
    print(f"{kind}, {how}: operations {first} to {n - step}, every {step}th")
    assert n > FLOOR


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_some_steps(kind: str, how: How, folder: Path, sample: Mapping[str, bytes]) -> None:
    """A few of all."""
    sweep(kind, how, folder, sample, 1 + HOWS.index(how) * 71, 293)


SLICES = 4


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_step(kind: str, how: How, part: int, folder: Path, sample: Mapping[str, bytes]) -> None:
    """Every operation of the day; `part` of it, so that two cores share the work."""
    sweep(kind, how, folder, sample, 1 + part, SLICES)
