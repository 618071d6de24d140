"""Each way to make the planos day's datasets from its parts, or its parts from its files; one a process.

`python -m bench.engine_contenders NAME STORE OUT` does one and prints the seconds of the work itself, and those of
processor time that it took in all its processes: not those of the interpreter's start, nor of Spark's.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bench.measure import tree_cpu
from posicional.backends.engines import open_engine, together
from posicional.backends.store import open_store
from posicional.contract.feed import Dataset, EngineName, EngineSettings, Feed
from posicional.records.reader import convert
from posicional.sql.feed import read_sql, schemas_of
from posicional.sql.plan import Plan, plan

DAY = date(2026, 11, 22)
FEED = Path(__file__).parents[1] / "examples" / "planos" / "feed.yaml"
MEMORY = 4 * 10**9
"""Bytes that every contender may use, but the one that has a quarter of it."""

Tables = dict[str, list[str]]
Make = Callable[[Dataset, Tables, str], list[str]]
"""Makes a dataset's parts below a folder."""


def parts(store: Path, feed: Feed) -> Tables:
    """The parts of the day's files."""
    return {
        name: sorted(map(str, (store / "dados-parquet" / feed.name / name).rglob("*.parquet"))) for name in feed.files
    }


def ours(use: EngineName, memory: int, *, checked: bool) -> Make:
    """The product's engine; unchecked, it does not look whether the key is one, and protects nothing."""
    settings = EngineSettings(use, memory)
    engine, by = open_engine(settings), together(settings)
    if by is not None:
        list(by(os.path.basename, ["start"]))

    def make(dataset: Dataset, tables: Tables, out: str) -> list[str]:
        sink = open_store(out).sink(f"{dataset.name}/")
        wanted = dataset if checked else replace(dataset, key=(), protect={})
        return [
            sink.locate(part.name) for part in engine.run(wanted, tables, sink, b"a secret of thirty-two bytes....")
        ]

    return make


def duckdb_by_hand() -> Make:
    """The same query in DuckDB's words, copied to Parquet by DuckDB itself."""
    import duckdb

    planned = plans(Feed.load(FEED))
    settings: dict[str, Any] = {"memory_limit": f"{MEMORY}B", "preserve_insertion_order": False}

    def make(dataset: Dataset, tables: Tables, out: str) -> list[str]:
        database = duckdb.connect(config=settings)
        for name, files in tables.items():
            listed = ", ".join(f"'{file}'" for file in files)
            database.execute(f"create view {name} as select * from read_parquet([{listed}], hive_partitioning = false)")  # noqa: S608 - ours
        query = planned[dataset.name].duckdb
        Path(out).mkdir(exist_ok=True)
        file = f"{out}/{dataset.name}.parquet"
        database.execute(f"copy ({query}) to '{file}' (format parquet, compression zstd, compression_level 1)")
        return [file]

    return make


def spark_by_hand() -> Make:
    """The same query in Spark, written by Spark itself, in a session with Spark's own settings but for its meaning."""
    from posicional.backends.spark_session import LocalSpark, open_session

    planned = plans(Feed.load(FEED))
    spark = open_session(LocalSpark(f"{MEMORY >> 20}m"))

    def make(dataset: Dataset, tables: Tables, out: str) -> list[str]:
        for name, files in tables.items():
            spark.read.option("recursiveFileLookup", "true").parquet(*files).createOrReplaceTempView(name)
        folder = f"{out}/{dataset.name}"
        query = planned[dataset.name].spark
        spark.sql(query).write.option("compression", "zstd").mode("overwrite").parquet(folder)
        return sorted(map(str, Path(folder).glob("*.parquet")))

    return make


def plans(feed: Feed) -> dict[str, Plan]:
    """What the product tells its engines, so that the query by hand gives the same columns in the same types."""
    known = {
        table: columns for name, file in feed.files.items() for table, columns in schemas_of(file.layout, name).items()
    }
    known |= {name: dict(columns) for name, columns in read_sql(feed).columns.items()}
    return {name: plan(dataset, known) for name, dataset in feed.datasets.items()}


Taken = tuple[float, float]
"""Seconds, and seconds of processor time."""


def _now() -> Taken:
    return time.perf_counter(), tree_cpu(os.getpid())


def _since(began: Taken) -> Taken:
    seconds, cpu = _now()
    return seconds - began[0], cpu - began[1]


def datasets(make: Make, store: Path, out: Path) -> Taken:
    """All datasets of the day, each from those before it."""
    feed = Feed.load(FEED)
    tables = parts(store, feed)
    began = _now()
    for dataset in feed.datasets.values():
        tables[dataset.name] = make(dataset, dict(tables), str(out))
    return _since(began)


def conversion(use: EngineName, store: Path, out: Path) -> Taken:
    """All files of the day, by this process's threads or by Spark's executors."""
    feed, incoming, target = Feed.load(FEED), open_store(store / "dados-posicionais"), open_store(out)
    by = together(EngineSettings(use, MEMORY))
    if by is not None:
        list(by(os.path.basename, ["start"]))
    began = _now()
    for file in feed.files.values():
        name = file.pattern.format(DAY)
        source = incoming.source(incoming.head(name))
        convert(
            source, file.layout, target.sink(f"{file.name}/"), target.sink(f"{file.name}-r/"),
            file=file.name, path=name, date=DAY, together=by,
        )  # fmt: skip
    return _since(began)


WAYS: dict[str, Callable[[Path, Path], Taken]] = {
    "duckdb by hand": lambda *at: datasets(duckdb_by_hand(), *at),
    "duckdb, ours, unchecked": lambda *at: datasets(ours("duckdb", MEMORY, checked=False), *at),
    "duckdb, ours": lambda *at: datasets(ours("duckdb", MEMORY, checked=True), *at),
    "duckdb, ours, 1 GB": lambda *at: datasets(ours("duckdb", MEMORY // 4, checked=True), *at),
    "spark by hand": lambda *at: datasets(spark_by_hand(), *at),
    "spark, ours, unchecked": lambda *at: datasets(ours("spark", MEMORY, checked=False), *at),
    "spark, ours": lambda *at: datasets(ours("spark", MEMORY, checked=True), *at),
    "conversion, threads": lambda *at: conversion("duckdb", *at),
    "conversion, spark": lambda *at: conversion("spark", *at),
}
"""Name -> what does it, given the store and a folder for what is made."""


def main(words: Sequence[str]) -> None:
    """Do one, and print what it took."""
    name, store, out = words
    seconds, cpu = WAYS[name](Path(store), Path(out))
    sys.stdout.write(f"{seconds} {cpu}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
