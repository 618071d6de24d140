"""Measure the engines: `make bench-engines`, or `python -m bench.engines --contracts 200000` for a quick look.

The planos day: seven files of about three records a contract, converted, then made into three datasets. Each way runs
in a process of its own, in turn; the seconds are those of the work, without the interpreter's start or Spark's. `cpu`
is what all its processes took of the cores, which says more than the seconds where others are at work; the memory is
that of the whole tree of processes. Ratios are of medians, to the engine used by hand.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.engine_contenders import DAY, WAYS
from bench.measure import run
from posicional.demo.sample import write_sample

BESIDE = {
    "duckdb, ours, unchecked": "duckdb by hand",
    "duckdb, ours": "duckdb by hand",
    "duckdb, ours, 1 GB": "duckdb by hand",
    "spark, ours, unchecked": "spark by hand",
    "spark, ours": "spark by hand",
    "conversion, spark": "conversion, threads",
}
"""What each is compared with."""


class Once(NamedTuple):
    """One run of a way: seconds, seconds of processor time, peak of memory in MB."""

    seconds: float
    cpu: float
    peak: float


def main(words: Sequence[str] | None = None) -> None:
    """Build the day, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contracts", type=int, default=10_000_000, help="size of the day (10,000,000)")
    parser.add_argument("--turns", type=int, default=3, help="how often each way runs (3)")
    parser.add_argument("--cache", type=Path, help="folder for files and results (a temporary one, removed at the end)")
    parser.add_argument("--only", default="", help="a pattern of the ways to measure: duckdb, ^spark, conversion")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="posicional-bench-") as temporary:
        cache = given.cache or Path(temporary)
        store = _day(cache, given.contracts)
        ways = [name for name in WAYS if re.search(given.only, name)]
        runs: dict[str, list[Once]] = {name: [] for name in ways}
        for _ in range(given.turns):
            for name in ways:
                runs[name].append(_once(name, store, cache))
                seconds, cpu, _ = runs[name][-1]
                sys.stderr.write(f"  {name}: {seconds:.1f} s, {cpu:.1f} s of the cores\n")
        _report(given.contracts, runs)


def _day(cache: Path, contracts: int) -> Path:
    """A store in which the day's files have arrived and been converted."""
    store = cache / f"planos-{contracts}"
    if not (store / "dados-parquet").is_dir():
        write_sample(store / "dados-posicionais", DAY, contracts)
        made = store / "dados-parquet" / "planos"
        run(["-m", "bench.engine_contenders", "conversion, threads", str(store), str(made)], cache)
    return store


def _once(name: str, store: Path, cache: Path) -> Once:
    out = cache / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    measured = run(["-m", "bench.engine_contenders", name, str(store), str(out)], cache)
    seconds, cpu = (cache / "last.log").read_text().split()[-2:]
    return Once(float(seconds), float(cpu), measured.peak)


def _report(contracts: int, runs: dict[str, list[Once]]) -> None:
    sys.stdout.write(f"planos, {contracts:,} contracts\n")
    sys.stdout.write(
        f"  {'way':<26}{'seconds':>9}{'from':>8}{'to':>8}{'ratio':>8}{'cpu':>9}{'ratio':>8}{'peak MB':>9}\n"
    )
    medians = {name: _median(each) for name, each in runs.items()}
    for name, each in runs.items():
        seconds, cpu, peak = medians[name]
        least, most = min(one.seconds for one in each), max(one.seconds for one in each)
        beside = medians.get(BESIDE.get(name, ""))
        ratios = [f"{seconds / beside.seconds:.2f}", f"{cpu / beside.cpu:.2f}"] if beside else ["", ""]
        sys.stdout.write(
            f"  {name:<26}{seconds:>9.2f}{least:>8.2f}{most:>8.2f}{ratios[0]:>8}{cpu:>9.2f}{ratios[1]:>8}{peak:>9.0f}\n"
        )


def _median(each: Sequence[Once]) -> Once:
    """The median of the times; the highest of the peaks."""
    return Once(
        statistics.median(one.seconds for one in each),
        statistics.median(one.cpu for one in each),
        max(one.peak for one in each),
    )


if __name__ == "__main__":
    main()
