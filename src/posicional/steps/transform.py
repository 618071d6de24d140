"""A claimed run: the datasets of one complete set of files, made in the order in which they read one another.

The first act is the `started` fact: whoever meets another's stops. Before each dataset the facts are read again: a run
that was ended by somebody else stops, and one whose set of files is no longer the newest ends as superseded.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from posicional.contract.feed import Dataset, Feed
from posicional.day.facts import Blame, DatasetFact, EndStatus, PartFact, RunEnd, Started, blame_of
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import RUNS, TurnKey, results_prefix
from posicional.day.state import Day, fold
from posicional.errors import ContractError, DataRefused, PosicionalError
from posicional.ports import Engine, Event

Tables = dict[str, Sequence[str]]


def transform(feed: Feed, ledger: Ledger, day: Day, number: int, engine: Engine, known: Facts | None = None) -> None:
    """Make every dataset of run `number`, which this process has claimed for `day`'s set, and write its end.

    A start or a dataset that fails ends the run as failed, with the reason and whose turn it is. Bugs and interruptions
    end it too, and are raised again. `known`: facts of the day that need not be read again. Raises `StoreError`.
    """
    began = time.monotonic()
    made: dict[str, DatasetFact] = {}
    absent: list[PartFact] = []

    def end(status: EndStatus, reason: str = "", blame: Blame = "") -> None:
        seconds = round(time.monotonic() - began, 3)
        fact = RunEnd(
            **ledger.sign(),
            status=status,
            reason=reason,
            blame=blame,
            datasets=made,
            absent=tuple(absent),
            seconds=seconds,
        )
        _tell_end(ledger, number, fact, won=ledger.write(TurnKey(RUNS, number, "end"), fact))

    try:
        if not ledger.write(TurnKey(RUNS, number, "started"), Started(**ledger.sign(), run_id=ledger.outside.run_id)):
            return
        made_of = f"{_count(len(feed.datasets), 'dataset')} from {_count(len(day.inputs), 'file')}"
        tell(ledger, "run", f"run {number}: {made_of}")
        absent += _empty_tables(ledger, day, number)
        status, reason = _make_all(feed, ledger, day, number, engine, made, absent, known)
    except PosicionalError as error:
        end("failed", str(error), blame_of(error))
    except BaseException as error:
        end("failed", f"stopped by {type(error).__name__}", blame_of(error))
        raise
    else:
        end(status, reason)


def _make_all(
    feed: Feed,
    ledger: Ledger,
    day: Day,
    number: int,
    engine: Engine,
    made: dict[str, DatasetFact],
    absent: Sequence[PartFact],
    facts: Facts | None,
) -> tuple[EndStatus, str]:
    from posicional.sql.feed import feed_faults, order
    from posicional.sql.protect import protection

    faults = feed_faults(feed)
    if faults:
        raise ContractError(faults)
    for dataset in feed.datasets.values():
        protection(dataset.protect, ledger.outside.secret)  # a key that is missing is told before anything is made

    tables = _tables(ledger, day, absent)
    for dataset in order(feed.datasets.values()):
        facts = ledger.read(facts)
        if TurnKey(RUNS, number, "end") in facts.entries:
            return "abandoned", "taken over by somebody else"
        if fold(feed, dataclasses.replace(facts, earlier=day.earlier)).revision != day.revision:
            return "superseded", "other files or another contract came while it ran"
        began = time.monotonic()
        made[dataset.name] = _make(engine, ledger, dataset, number, tables)
        tables[dataset.name] = [ledger.outside.store.locate(part.key) for part in made[dataset.name].parts]
        rows, seconds = made[dataset.name].rows, time.monotonic() - began
        tell(ledger, "dataset", f"{dataset.name}: {_count(rows, 'row')}, in {seconds:.1f} s")
    check_expectations(feed, engine, tables)
    return "succeeded", ""


def check_expectations(feed: Feed, engine: Engine, tables: Tables) -> None:
    """Raises `DataRefused` with every expectation that does not hold: how many rows, and the lines of some of them.

    They are asked when all datasets are made, since each may read any of them.
    """
    broken = []
    for dataset in feed.datasets.values():
        for path, sql in dataset.expect.items():
            found = engine.offending(sql, path, tables)
            if found.rows:
                lines = ", ".join(f"{file} line {line}" for file, line in found.places)
                where = f": {lines}{', …' if found.rows > len(found.places) else ''}" if lines else ""
                broken.append(f"dataset {dataset.name}: {_count(found.rows, 'row')} in {path}{where}")
    if broken:
        raise DataRefused(
            "; ".join(broken),
            where=str(feed.path),
            expected="these queries to give no row",
            hint="correct the data and send it again, or the query",
        )


def _make(engine: Engine, ledger: Ledger, dataset: Dataset, number: int, tables: Tables) -> DatasetFact:
    prefix = results_prefix(ledger.feed, dataset.name, ledger.date, number)
    outside = ledger.outside
    written = engine.run(dataset, tables, outside.store.sink(prefix), outside.secret)
    parts = tuple(
        PartFact(key=prefix + part.name, table=dataset.name, rows=part.rows, bytes=part.bytes) for part in written
    )
    return DatasetFact(rows=sum(part.rows for part in parts), parts=parts)


def _tables(ledger: Ledger, day: Day, absent: Sequence[PartFact]) -> Tables:
    """Table name -> located parts, of every file's current arrival, and of the files that are not there."""
    tables: dict[str, list[str]] = {}
    dones = [file.taken for file in day.files.values()]
    for part in [*(part for done in dones if done for part in done.parts), *absent]:
        tables.setdefault(part.table, []).append(ledger.outside.store.locate(part.key))
    return dict(tables)


def _empty_tables(ledger: Ledger, day: Day, number: int) -> list[PartFact]:
    """Parts without a row, for the tables of the files that the run goes on without: their columns are the layouts'.

    They stand below the run's own prefixes, as its datasets do; no dataset has the name of a file's table.
    """
    from posicional.records.parquet import PartWriter
    from posicional.records.reading import Reading

    parts = []
    for file in day.files.values():
        if file.taken is not None:
            continue
        layout = file.expected.layout
        for table in Reading(layout, file=file.name, path="", date=day.date).tables:
            if table.name:
                prefix = results_prefix(ledger.feed, table.name, ledger.date, number)
                sink = ledger.outside.store.sink(prefix)
                part = PartWriter(sink, "part-00000.parquet", table.name, table.schema).close({"layout": layout.name})
                parts.append(PartFact(key=prefix + part.name, table=table.name, rows=0, bytes=part.bytes))
    return parts


def _tell_end(ledger: Ledger, number: int, end: RunEnd, *, won: bool) -> None:
    if not won:
        tell(ledger, "abandoned", f"run {number}: somebody else has ended it; what it made does not count")
    elif end.status == "succeeded":
        tell(ledger, "succeeded", f"run {number}, in {end.seconds:.1f} s")
    else:
        tell(ledger, end.status, f"run {number}: {end.reason}")


def tell(ledger: Ledger, step: str, text: str) -> None:
    """Say what happened."""
    ledger.outside.tell(Event(step, text))


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
