"""Convert one large file by this process's threads and by local Spark: `python -m bench.large_file` (2 GB).

One record in a hundred is wrong. Both must give the same outcome (rows, rejects, account, hash) and the same parts,
byte for byte; what each took is printed. `--gigabytes 0.3` for a quick look.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.files import Built, build
from bench.measure import tree_cpu
from posicional.backends.engines import together
from posicional.backends.store import open_store
from posicional.contract.feed import EngineName, EngineSettings
from posicional.contract.layout import Layout
from posicional.records.conversion import Conversion
from posicional.records.reader import convert

BY: dict[str, EngineName] = {"threads": "duckdb", "spark": "spark"}


def main(words: Sequence[str] | None = None) -> None:
    """Build the file, convert it twice, compare. Exit code 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2, help="size of the file, in 10**9 bytes (2)")
    parser.add_argument("--cache", type=Path, help="folder for file and parts (a temporary one, removed at the end)")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="posicional-bench-") as temporary:
        cache = given.cache or Path(temporary)
        built = build("faulty", cache, given.gigabytes * 1000)
        sys.stdout.write(f"{built.size:,} bytes, {built.rows:,} records\n")
        made = {name: _converted(built, cache / name, use) for name, use in BY.items()}
        files = {name: _digests(cache / name) for name in BY}
    here, there = made["threads"], made["spark"]
    sys.stdout.write(f"{sum(part.rows for part in here.parts):,} rows in {len(here.parts)} parts\n")
    sys.stdout.write(f"{here.account}\nsha256 {here.sha256}\n")
    same = here == there, files["threads"] == files["spark"]
    sys.stdout.write(f"outcome the same: {same[0]}; {len(files['spark'])} files the same: {same[1]}\n")
    sys.exit(not all(same))


def _converted(built: Built, out: Path, use: EngineName) -> Conversion:
    shutil.rmtree(out, ignore_errors=True)
    source, target = open_store(built.path.parent), open_store(out)
    by = together(EngineSettings(use))
    if by is not None:
        list(by(os.path.basename, ["start"]))
    began, cpu = time.perf_counter(), tree_cpu(os.getpid())
    made = convert(
        source.source(source.head(built.path.name)), Layout.load(built.layout), target.sink("rows/"), target.sink("r/"),
        file="faulty", path=built.path.name, tolerance=lambda _rejects, _records: True, together=by,
    )  # fmt: skip
    seconds, cpu = time.perf_counter() - began, tree_cpu(os.getpid()) - cpu
    sys.stdout.write(f"  {out.name:<8} {seconds:7.1f} s, {cpu:.1f} s of the cores\n")
    return made


def _digests(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its place in it."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


if __name__ == "__main__":
    main()
