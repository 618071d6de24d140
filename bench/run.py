"""Measure the reader beside others: `make bench`, or `python -m bench.run --megabytes 20` for a quick look.

Every contender turns the same file into Parquet in a process of its own, in turn, several times over; results are
proven equal; ratios are of medians. Machines are noisy: trust the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.equal import first_rows, unequal
from bench.files import Built, build, head_of
from bench.measure import Run, undisturbed

BESIDE = ("product", "polars", "polars_by_text", "duckdb")
SLOW = {"pandas": 20, "article": 5}
"""They are given only a part of the file: its twentieth, its fifth. Their time is that of the whole file, reckoned from
the part's without the interpreter's start."""

FEW = 1000
"""Records of a slice that takes no time but the start's."""

TARGETS = {"polars": 1.5, "polars_by_text": 1.5, "duckdb": 3.5, "article": 12.0}
VARIANTS = {"faulty": 1.3, "cp1252": 1.8, "crlf": 1.8, "ragged": 1.8, "cp037": 1.8, "utf8": None}
"""At most so many times `nine`'s time."""


@dataclass(frozen=True)
class Line:
    """One line of the report: medians over the turns, for the whole file. `met` is None where no target is set."""

    file: str
    contender: str
    rows: int
    seconds: float
    cpu: float
    peak: float
    turns: int
    scaled_from: int
    foreign: float
    ratio: float = 1.0
    target: float | None = None
    met: bool | None = None


@dataclass(frozen=True)
class Bench:
    """Where and how often."""

    cache: Path
    megabytes: float
    turns: int

    def measure(self, contender: str, built: Built) -> Run:
        """One run; its result stays in the cache for the comparison."""
        out = self.result(contender, built)

        def clear() -> None:
            shutil.rmtree(out, ignore_errors=True)
            if out.is_file():
                out.unlink()

        words = [contender, str(built.path), str(built.layout), str(out)]
        return undisturbed(["-m", "bench.contenders", *words], self.cache, clear)

    def result(self, contender: str, built: Built) -> Path:
        """Where a contender's Parquet goes: a folder for the product's parts."""
        suffix = "" if contender == "product" else ".parquet"
        return self.cache / f"{built.path.stem}.{contender}{suffix}"


def main() -> None:
    """Build, measure, compare, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=500, help="size of the two main files (500)")
    parser.add_argument("--turns", type=int, default=5, help="how often each contender runs (5)")
    parser.add_argument("--cache", type=Path, help="folder for files and results (a temporary one, removed at the end)")
    parser.add_argument("--only", default="", help="of beside, wide, variants, packed, small, big: some, with commas")
    parser.add_argument("--big", action="store_true", help="also convert a file of 4 GB and compare the memory")
    parser.add_argument("--json", type=Path, help="where the figures go, for docs/performance.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="posicional-bench-") as temporary:
        cache = given.cache or Path(temporary)
        cache.mkdir(parents=True, exist_ok=True)
        chosen = set(given.only.split(",")) if given.only else {"beside", "wide", "variants", "packed", "small"}
        chosen |= {"big"} if given.big else set()
        lines = measure_all(Bench(cache, given.megabytes, given.turns), chosen)
    say(goals(lines))
    if given.json:
        figures = {"machine": machine(), "lines": [asdict(line) for line in lines]}
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


def measure_all(bench: Bench, chosen: set[str]) -> list[Line]:
    """Every part of the measurement that is asked for, printed as it comes."""
    lines: list[Line] = []
    say(f"{machine()}\n")
    for name in ("nine", "wide"):
        if ("beside" if name == "nine" else "wide") in chosen:
            lines += told(f"{name}: beside others", beside(bench, build(name, bench.cache, bench.megabytes)))
    if "variants" in chosen:
        lines += told("nine in other forms, product alone", forms(bench, "nine", VARIANTS))
    if "packed" in chosen:
        lines += told("packed beside display numbers, product alone", forms(bench, "display", {"packed": 1.0}))
    if "small" in chosen:
        lines += told("one megabyte, interpreter start included", small(bench))
    if "big" in chosen:
        lines += told("memory at 4 GB", big(bench))
    return lines


def beside(bench: Bench, built: Built) -> list[Line]:
    """All contenders over one file, in turn."""
    slices = {name: head_of(built, max(FEW, built.rows // share)) for name, share in SLOW.items()}
    if built.name == "wide":
        slices = {}  # a slice of it would have no trailer; the slow ones are seen in `nine`
    given = dict.fromkeys(BESIDE, built) | slices
    runs = in_turn(bench, given)
    check_equal(bench, built, slices)
    lines = [summed(name, built, runs[name]) for name in BESIDE]
    few = head_of(built, FEW)
    for name, part in slices.items():
        starts = [bench.measure(name, few) for _ in range(bench.turns)]
        lines.append(reckoned(name, built, part, runs[name], starts))
    return [rated(line, lines[0].seconds, TARGETS.get(line.contender)) for line in lines]


def in_turn(bench: Bench, given: dict[str, Built]) -> dict[str, list[Run]]:
    """Each contender once, then each again, so that a noisy minute hurts all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in given}
    for built in {one.path: one for one in given.values()}.values():
        built.path.read_bytes()  # from memory, for all alike
    for _ in range(bench.turns):
        for name, built in given.items():
            runs[name].append(bench.measure(name, built))
    return runs


def check_equal(bench: Bench, built: Built, slices: dict[str, Built]) -> None:
    """End with a message unless every result holds the product's values."""
    reference = bench.result("product", built)
    for name in BESIDE[1:]:
        _demand_equal(name, bench.result(name, built), reference, built)
    for name, part in slices.items():
        first = first_rows(reference, built.layout, part.rows, bench.cache / f"{part.path.stem}.reference.parquet")
        _demand_equal(name, bench.result(name, part), first, part)


def _demand_equal(name: str, result: Path, reference: Path, built: Built) -> None:
    wrong = unequal(result, reference, built.layout)
    if wrong:
        sys.exit(f"{name} and the product differ on {built.path.name}: {', '.join(wrong)}")


def forms(bench: Bench, first: str, others: dict[str, float | None]) -> list[Line]:
    """The product over one file and over others of as many rows, each beside the first."""
    files = {name: build(name, bench.cache, bench.megabytes) for name in (first, *others)}
    runs: dict[str, list[Run]] = {name: [] for name in files}
    for built in files.values():
        built.path.read_bytes()
    for _ in range(bench.turns):
        for name, built in files.items():
            runs[name].append(bench.measure("product", built))
    lines = [summed("product", built, runs[name]) for name, built in files.items()]
    return [at_most(line, line.seconds / lines[0].seconds, others.get(line.file)) for line in lines]


def small(bench: Bench) -> list[Line]:
    """A file of one megabyte: nearly all of it is the interpreter and imports."""
    built = build("nine", bench.cache, 1)
    line = summed("product", built, [bench.measure("product", built) for _ in range(bench.turns)])
    return [at_most(line, line.seconds, 0.7)]


def big(bench: Bench) -> list[Line]:
    """Eight times the file must not take more memory."""
    lines = []
    for megabytes in (500, 4000):
        built = build("nine", bench.cache, megabytes)
        lines.append(summed("product", built, [bench.measure("product", built)]))
    return [at_most(lines[0], lines[0].peak, 350), at_most(lines[1], lines[1].peak / lines[0].peak, 1.1)]


def summed(name: str, built: Built, runs: list[Run]) -> Line:
    """The medians of a contender's runs over the whole file."""
    seconds, cpu, peak = medians(runs)
    return Line(built.name, name, built.rows, seconds, cpu, peak, len(runs), built.rows, foreign(runs))


def reckoned(name: str, built: Built, part: Built, runs: list[Run], starts: list[Run]) -> Line:
    """What the whole file would take, from the runs over a part of it and those over next to nothing."""
    times = built.rows / part.rows
    seconds, cpu, peak = medians(runs)
    start, start_cpu, _ = medians(starts)
    whole = start + (seconds - start) * times
    whole_cpu = start_cpu + (cpu - start_cpu) * times
    return Line(built.name, name, built.rows, whole, whole_cpu, peak, len(runs), part.rows, foreign([*runs, *starts]))


def foreign(runs: list[Run]) -> float:
    """How much of the machine others took meanwhile, at most in half of the runs."""
    return statistics.median(one.foreign for one in runs)


def medians(runs: list[Run]) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and peak memory."""
    seconds, cpu, peak = (statistics.median(getattr(one, what) for one in runs) for what in ("seconds", "cpu", "peak"))
    return seconds, cpu, peak


def rated(line: Line, product: float, target: float | None) -> Line:
    """How many times the product's time a contender takes; the target is a least."""
    ratio = line.seconds / product
    return Line(**asdict(line) | {"ratio": ratio, "target": target, "met": None if target is None else ratio >= target})


def at_most(line: Line, ratio: float, target: float | None) -> Line:
    """The target is a most."""
    return Line(**asdict(line) | {"ratio": ratio, "target": target, "met": None if target is None else ratio <= target})


def told(title: str, lines: list[Line]) -> list[Line]:
    """Print a part of the report as a table for docs/performance.md, and pass it on."""
    say(f"{title}\n")
    say("| file | contender | M rows/s | seconds | CPU s | peak MB | ratio | CPU ratio | goal | taken by others |")
    say("|---|---|---|---|---|---|---|---|---|---|")
    for line in lines:
        speed = line.rows / line.seconds / 1e6
        scaled = "" if line.scaled_from == line.rows else f" (reckoned from {line.scaled_from:,} rows)"
        goal = "" if line.target is None else f"{line.target:g} {'met' if line.met else 'MISSED'}"
        figures = f"{speed:.2f} | {line.seconds:.2f} | {line.cpu:.2f} | {line.peak:.0f} | {line.ratio:.2f}"
        beside = f"{line.cpu / lines[0].cpu:.2f} | {goal} | {line.foreign:.0%}"
        say(f"| {line.file} | {line.contender}{scaled} | {figures} | {beside} |")
    say()
    return lines


def goals(lines: list[Line]) -> str:
    """Which goals are met, in one sentence."""
    judged = [line for line in lines if line.met is not None]
    missed = [
        f"{line.file}, {line.contender}: {line.ratio:.2f} instead of {line.target:g}" for line in judged if not line.met
    ]
    return f"{len(judged) - len(missed)} of {len(judged)} goals are met" + (
        f"; missed: {'; '.join(missed)}" if missed else ""
    )


def say(text: str = "") -> None:
    """A line of the report."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {"python": platform.python_version(), "pyarrow": pa.__version__, "cores": os.cpu_count()}


if __name__ == "__main__":
    main()
