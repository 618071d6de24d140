"""Readers ask all the time, processes are killed and put to sleep: a whole day is seen, and never an older one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import planos_by_hand as by_hand
from commands import PLANOS, arrive_bytes, posicional
from planos_day import ALIASES, DATE, ROWS, path_of
from planos_day import DAY as PLANOS_DAY
from planos_day import World as Planos
from posicional.demo.sample import write_sample
from publishing import YESTERDAY, World, world_at
from worlds import DAY

TESTS = Path(__file__).parent


@pytest.fixture
def world(cluster: str, tmp_path: Path) -> World:
    """An empty store and an empty endpoint."""
    return world_at(cluster, tmp_path)


# --- readers ----------------------------------------------------------------------------------------------------------


@dataclass
class Readers:
    """Threads that search an alias as fast as they can; `seen` has what each found, in its order."""

    world: World
    alias: str
    seen: list[list[dict[tuple[str, int], int]]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    @contextmanager
    def asking(self, threads: int = 2) -> Iterator[None]:
        """While the block runs, and a moment before and after."""
        stop = threading.Event()
        self.seen = [[] for _ in range(threads)]
        made = [threading.Thread(target=self._ask, args=(mine, stop)) for mine in self.seen]
        for one in made:
            one.start()
        try:
            self._wait()
            yield
            self._wait()
        finally:
            stop.set()
            for one in made:
                one.join()

    def _wait(self) -> None:
        """Until each has found something five times more."""
        wanted = [len(mine) + 5 for mine in self.seen]
        while not self.errors and any(len(mine) < count for mine, count in zip(self.seen, wanted, strict=True)):
            threading.Event().wait(0.01)

    def _ask(self, mine: list[dict[tuple[str, int], int]], stop: threading.Event) -> None:
        """Documents by date and run."""
        dates = {"terms": {"field": "posicional.date", "format": "yyyy-MM-dd"}, "aggs": {"runs": RUNS_OF}}
        body = {"size": 0, "track_total_hits": True, "aggs": {"dates": dates}}
        try:
            endpoint = self.world.endpoint.endpoint
            while not stop.is_set():
                answer = endpoint.ask("POST", f"/{self.alias}/_search", body)
                assert answer["_shards"]["failed"] == 0
                found = {
                    (day["key_as_string"], run["key"]): run["doc_count"]
                    for day in answer["aggregations"]["dates"]["buckets"]
                    for run in day["runs"]["buckets"]
                }
                assert sum(found.values()) == answer["hits"]["total"]["value"]
                mine.append(found)
        except BaseException as error:  # noqa: BLE001 - the test raises it
            self.errors.append(error)


RUNS_OF = {"terms": {"field": "posicional.run"}}


def test_readers_see_whole_days_and_never_an_older_one(world: World) -> None:
    """While two corrections, a backfill and a new day are published, every answer is one whole run, ever newer."""
    tomorrow = DAY + timedelta(days=1)
    steps: list[tuple[date, int, int]] = [(DAY, 2, 900), (DAY, 3, 700), (YESTERDAY, 1, 500), (tomorrow, 1, 800)]
    world.run(1, rows=1000)
    world.publish()
    for day, run, rows in steps:
        world.run(run, rows=rows, day=day)
    readers = Readers(world, "contratos")
    with readers.asking():
        for day, run, _ in steps:
            world.publish(run, day=day)
    assert readers.errors == []
    whole = [{("2026-11-22", 1): 1000}, {("2026-11-22", 2): 900}, {("2026-11-22", 3): 700}, {("2026-11-23", 1): 800}]
    for mine in readers.seen:
        order = [whole.index(answer) for answer in mine]
        assert order == sorted(order)
        assert (order[0], order[-1]) == (0, 3)
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0001-0001"]


def test_readers_of_all_days_see_each_day_once(world: World, cluster: str, tmp_path: Path) -> None:
    """`view: all`: a corrected day changes over at once, and the other days are there all the time."""
    world = world_at(cluster, tmp_path, view="all")
    for day, rows in ((YESTERDAY, 400), (DAY, 600)):
        world.run(1, rows=rows, day=day)
        world.publish(day=day)
    world.run(2, rows=300)
    world.run(2, rows=200, day=YESTERDAY)
    readers = Readers(world, "contratos")
    with readers.asking():
        world.publish(2)
        world.publish(2, day=YESTERDAY)
    assert readers.errors == []
    first, second = {("2026-11-21", 1): 400}, {("2026-11-21", 2): 200}
    whole = [
        {**first, ("2026-11-22", 1): 600},
        {**first, ("2026-11-22", 2): 300},
        {**second, ("2026-11-22", 2): 300},
    ]
    for mine in readers.seen:
        order = [whole.index(answer) for answer in mine]
        assert order == sorted(order)
        assert (order[0], order[-1]) == (0, 2)


# --- processes --------------------------------------------------------------------------------------------------------

CHILD = """
import os, signal, sys
from dataclasses import dataclass
from pathlib import Path
from posicional.backends.opensearch import OpenSearchBackend
import publishing

url, folder, when, number = sys.argv[1:]
world = publishing.world_at(url, Path(folder))
at_once = lambda: os.kill(os.getpid(), int(number))

@dataclass(frozen=True)
class Mortal(publishing.Interrupted):
    def load(self, index, bodies, *, most=0):
        if when == "half":
            OpenSearchBackend.load(self, index, [next(iter(bodies))])
            at_once()
        return super().load(index, bodies, most=most)

    def swap(self, moves):
        if when == "moved":
            assert OpenSearchBackend.swap(self, moves)
            at_once()
        return super().swap(moves)

if when == "created":
    world.during = at_once
if when == "moving":
    world.before = at_once
publishing.Interrupted = Mortal
world.publish()
print(world.told.text)
"""


def child(world: World, folder: Path, when: str, number: int) -> subprocess.Popen[str]:
    """A process that publishes run 1 and gives itself a signal at a moment of it."""
    command = [sys.executable, "-c", CHILD, world.url, str(folder), when, str(number)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("when", ["created", "half", "moving", "moved"])
def test_a_killed_publication_is_done_again(world: World, tmp_path: Path, when: str) -> None:
    """Kill -9 with an empty index, a half full one, before and after the aliases moved: the next one makes it good."""
    world.run(1, rows=50, day=YESTERDAY)
    world.publish(day=YESTERDAY)
    world.run(1, rows=200)
    with child(world, tmp_path, when, signal.SIGKILL) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert world.statuses() == ["live"]
    assert len(world.search("contratos")) == (200 if when == "moved" else 50), "a whole day, either way"
    world.publish(gone=lambda _who: True)  # ends the dead one as abandoned
    world.publish()
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0001-0002"]
    assert len(world.search("contratos")) == 200
    left = any(name.endswith("11-22-0001-0001") for name in world.everything())
    assert left == (when == "moved"), "a reader may be in the midst of what was shown"


@pytest.mark.parametrize("first", [True, False], ids=["the very first", "after others"])
def test_a_process_that_is_stopped_between_looking_and_moving(world: World, tmp_path: Path, first: bool) -> None:
    """It sleeps where nothing can wake it; the day is taken over and corrected; awake, it changes nothing any more."""
    if not first:
        world.run(1, rows=50, day=YESTERDAY)
        world.publish(day=YESTERDAY)
    world.run(1, rows=200)
    with child(world, tmp_path, "moving", signal.SIGSTOP) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            world.clock.time += timedelta(hours=3)
            world.publish(who="bia@outra")  # ends it as abandoned
            world.run(2, rows=300)
            world.publish(2, who="bia@outra")
        finally:
            process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "somebody else has ended it" in out
    assert world.statuses() == ["abandoned", "succeeded"]
    assert world.shown("contratos") == world.shown("contratos-2026-11-22") == ["contratos-2026-11-22-0002-0002"]
    assert world.shown("resumo") == ["resumo-2026-11-22-0002-0002"]
    assert len(world.search("contratos")) == 300


# --- the whole program ------------------------------------------------------------------------------------------------


def test_a_day_of_the_demo_feed(cluster: str, tmp_path: Path) -> None:
    """From the seven files through the command line to documents, value by value; a correction; a rollback."""
    sample = tmp_path / "sample"
    write_sample(sample, PLANOS_DAY, ROWS)
    day = Planos(tmp_path / "dados", cluster)
    day.arrive(sample)
    said = day.run()
    assert said.code == 0, said.text
    expected = by_hand.datasets(sample, PLANOS_DAY)
    for dataset, alias in ALIASES.items():
        assert len(day.documents(alias)) == len(expected[dataset])
    before = day.documents("contratos")

    number = next(iter(before))
    lines = path_of(sample, "contratos").read_bytes().split(b"\n")
    at = next(place for place, line in enumerate(lines) if line.startswith(number.encode()))
    lines[at] = lines[at][:48] + b"%015d" % (int(lines[at][48:63]) + 100) + lines[at][63:]
    lines[-2] = lines[-2][:21] + b"%018d" % (int(lines[-2][21:39]) + 100) + lines[-2][39:]
    arrive_bytes(day.store, path_of(sample, "contratos").name, b"\n".join(lines), after=60)
    said = day.run()
    assert said.code == 0, said.text
    assert _values(day.documents("contratos")) != _values(before)
    assert day.shown_by("contratos") == [f"contratos-{DATE}-0002-0002"]

    env = {"OPENSEARCH_URL": cluster}
    words = ("rollback", PLANOS, "--to-run", "1", "--date", DATE, "--why", "so", "--store", day.store)
    said = posicional(*words, env=env)
    assert said.code == 0, said.text
    said = day.run()
    assert said.code == 0, said.text
    assert day.documents("contratos") == before
    assert "nothing to do" in day.run().out


def _values(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Documents without what says where they came from."""
    return {name: {**document, "posicional": None} for name, document in found.items()}
