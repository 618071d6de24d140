"""How long each page of the board takes over five years of a feed with seven files: `python -m bench.board`.

The board's own application answers over a folder, without a network: first as in a process that has just begun (cold),
then again and again. Times are of the wall and of the processor; how loaded the machine is is printed, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from starlette.testclient import TestClient

from bench.history import days_before, write_history
from bench.run import say
from posicional.backends.duckdb import DuckDbEngine
from posicional.backends.process import who
from posicional.backends.remember import Remembering
from posicional.backends.store import open_store
from posicional.board.app import create
from posicional.board.guard import Guard
from posicional.board.watched import Watched
from posicional.contract.feed import Feed
from posicional.day.keys import INCOMING
from posicional.demo.clock import DemoClock
from posicional.demo.day import planos
from posicional.demo.sample import write_sample
from posicional.ports import Outside
from posicional.steps.advance import advance

TODAY = date(2026, 11, 22)
GOAL = 300
"""Milliseconds that a page may take."""


def main() -> None:
    """Build the years, ask for every page, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=5, help="how far the history goes back (5)")
    parser.add_argument("--turns", type=int, default=15, help="how often each page is asked for when warm (15)")
    parser.add_argument("--rows", type=int, default=20_000, help="contracts of today's files (20000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="posicional-bench-") as folder:
        measure(Path(folder), round(given.years * 365.25), given.turns, given.rows)


def measure(folder: Path, days: int, turns: int, rows: int) -> None:
    """Print a line for each page."""
    feed = replace(Feed.load(planos() / "feed.yaml"), opensearch=None)
    count = write_history(folder, feed, days_before(TODAY, days))
    clock = DemoClock(datetime(2026, 11, 22, 15, tzinfo=ZoneInfo("America/Sao_Paulo")))
    outside = outside_of(folder, clock)
    write_sample(folder / INCOMING, TODAY, rows)
    if problem := advance(feed, TODAY, outside).problem:
        raise SystemExit(f"the day is not done: {problem}")
    load = os.getloadavg()[0]
    say(f"{count:,} facts of {days:,} days, and a day of {rows:,} contracts; {os.cpu_count()} cores, load {load:.1f}\n")
    say(f"{'page':28} {'cold ms':>8} {'CPU ms':>7} {'warm ms':>8} {'CPU ms':>7}  kB")
    for name, path in pages(feed):
        client = board(feed, outside)
        client.get("/sign-in")  # the templates are read, and the modules loaded
        cold = timed(lambda client=client, path=path: client.get(path).status_code)
        warm = [timed(lambda client=client, path=path: client.get(path).status_code) for _ in range(turns)]
        size = len(client.get(path).content) / 1000
        wall, cpu = statistics.median(one.wall for one in warm), statistics.median(one.cpu for one in warm)
        mark = "" if max(cold.wall, wall) <= GOAL else "  above the goal"
        say(f"{name:28} {cold.wall:8.0f} {cold.cpu:7.0f} {wall:8.0f} {cpu:7.0f} {size:3.0f}{mark}")
    say(f"\nload {os.getloadavg()[0]:.1f}")


def pages(feed: Feed) -> list[tuple[str, str]]:
    """Every page with a name."""
    here = f"/feed/{feed.name}"
    return [
        ("today", here),
        ("a date a year ago", f"{here}/2025-11-20"),
        ("this month", f"{here}/past"),
        ("a month three years ago", f"{here}/past?month=2023-05"),
        ("hand-over", "/hand-over"),
        ("a file", f"{here}/{TODAY}/file/contratos"),
        ("a dataset", f"{here}/{TODAY}/dataset/contratos_ativos"),
        ("a search in its rows", f"{here}/{TODAY}/dataset/contratos_ativos?q=zzz"),
        ("a line", f"{here}/{TODAY}/dataset/contratos_ativos/line?id=0001000001"),
    ]


def board(feed: Feed, outside: Outside) -> TestClient:
    """The application of a process that has just begun."""
    words = {name: getattr(outside, name) for name in outside.__slots__}
    fresh = Outside(**words | {"store": Remembering(outside.store, outside.clock)})
    return TestClient(create([Watched(feed, fresh)], Guard(local=True)), base_url="http://localhost")


def outside_of(folder: Path, clock: DemoClock) -> Outside:
    """A folder, DuckDB, and nobody to publish to."""
    return Outside(
        store=open_store(folder),
        clock=clock,
        new_id=iter(f"bench-{number}" for number in range(10**6)).__next__,
        who=who(),
        engine=DuckDbEngine,
        target=None,
        tell=lambda _event: None,
        secret=b"a key that is long enough for this",
    )


@dataclass(frozen=True)
class Time:
    """Milliseconds on the wall, and of the processor."""

    wall: float
    cpu: float


def timed(ask: Callable[[], int]) -> Time:
    """How long a page takes. It must be one."""
    cpu, wall = time.process_time(), time.perf_counter()
    status = ask()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if status != 200:
        raise SystemExit(f"the page answers {status}")
    return Time(wall * 1000, cpu * 1000)


if __name__ == "__main__":
    main()
