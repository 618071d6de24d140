"""From a document back to the line that it came from: index, run, arrival, file, byte, and the line under its layout.

A document says in its `posicional` object of which run it is, and where its row stood. The run's claim says which
arrival that was, and the arrival's fact which version of which object.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.facts import InputFact, RunClaim, Seen
from posicional.day.journal import Ledger
from posicional.day.keys import INCOMING, RUNS, SeenKey, TurnKey
from posicional.documents.mapping import DELETED, LINEAGE, OWN
from posicional.errors import DataRefused, ObjectMissing, UsageError
from posicional.ports import Outside, Source, StoredObject
from posicional.records.trial import TriedKind
from posicional.steps import decide
from posicional.steps.dataset import current_dataset
from posicional.steps.publication import secret_of_ids


@dataclass(frozen=True, slots=True)
class Origin:
    """What a document says of itself. `index` is empty where it was looked for in a run's dataset.

    `path` is empty, and line and byte -1, where its dataset is summed up of many rows. `gone`: it stands for a document
    that is no more. `others`: business dates under which it is there as well. `of`: the
    one under which its row came.
    """

    id: str
    dataset: str
    index: str
    of: date
    run: int
    path: str = ""
    line: int = -1
    byte: int = -1
    gone: bool = False
    others: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """The arrival of a file that a row came from."""

    file: str
    number: int
    seen: datetime
    size: int
    found: StoredObject = field(repr=False)
    layout_changed: bool
    """Whether the layout, or what else the reading depends on, has changed since the run."""


@dataclass(frozen=True, slots=True)
class Traced:
    """All that could be found out. `shown` is the record under its layout; `problem` says why there is none."""

    origin: Origin
    arrived: Arrived | None = None
    shown: TriedKind | None = None
    unit: str = ""
    problem: str = ""


def trace(
    feed: Feed,
    name: str,
    outside: Outside,
    *,
    dataset: str = "",
    day: date | None = None,
    offline: bool = False,
    reveal: str = "",
) -> Traced:
    """Follow the document whose id is `name`; `day` looks at that business date instead of what readers see now.

    `offline` looks into the current run's dataset of `day` instead of OpenSearch. `reveal` is the reason to show what
    is personal: it is written into the day's ledger first. Raises `UsageError` where there is no such document,
    `NotDone`, `TargetError`, `StoreError`.
    """
    names = _datasets(feed, dataset)
    if offline:
        if day is None:
            raise UsageError("which date?", hint="say it with --date")
        origin = _in_parts(feed, name, names, day, outside)
    else:
        origin = _in_indices(feed, name, names, day, outside)
    if not origin.path:
        return Traced(origin, problem="its dataset is summed up of many rows, so it came from no single line")
    arrived = _arrived(feed, origin, outside)
    expected = feed.files[arrived.file]
    if reveal:
        about: dict[str, str | int] = {
            "file": arrived.file,
            "arrival": arrived.number,
            "line": origin.line,
            "revealed": origin.path,
        }
        decide.note(feed, origin.of, outside, why=reveal, about=about)
    try:
        shown = _shown(expected, origin, outside.store.source(arrived.found), reveal=bool(reveal))
    except ObjectMissing:
        text = f"{origin.path} is no longer what arrived as arrival {arrived.number}: it was changed or removed since"
        return Traced(origin, arrived, problem=f"{text}; the run's datasets still have its rows")
    except DataRefused as error:
        return Traced(origin, arrived, problem=f"the line cannot be read: {error.message}")
    return Traced(origin, arrived, shown, expected.layout.unit)


def _datasets(feed: Feed, wanted: str) -> tuple[str, ...]:
    shown = tuple(feed.opensearch.datasets) if feed.opensearch else ()
    if not wanted:
        return shown or tuple(feed.datasets)
    if wanted not in feed.datasets:
        near = difflib.get_close_matches(wanted, feed.datasets, 1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(feed.datasets)}"
        raise UsageError(f"{feed.name} has no dataset {wanted!r}", where=str(feed.path), hint=hint)
    return (wanted,)


# --- the document -----------------------------------------------------------------------------------------------------


def _in_indices(feed: Feed, name: str, datasets: tuple[str, ...], day: date | None, outside: Outside) -> Origin:
    """The newest of the documents of this id that readers see, or that of one date."""
    if feed.opensearch is None or outside.target is None:
        hint = "name a target under publish:, or look into the datasets with --offline and --date"
        raise UsageError("there is nowhere to look for it", where=str(feed.path), hint=hint)
    target = outside.target(feed.opensearch)
    looked: list[str] = []
    for dataset in datasets:
        to = feed.opensearch.datasets.get(dataset)
        if to is None:
            raise UsageError(f"{dataset} is not published", where=str(feed.path), hint="look with --offline and --date")
        alias = f"{to.index}-{day.isoformat()}" if day and not feed.opensearch.upsert else to.index
        looked.append(alias)
        found: list[Origin] = []
        for index in target.indices(alias):
            document = target.documents(index, [name]).get(name)
            if document is not None:
                found.append(_origin(name, dataset, index, document.source.get(OWN, {})))
        if found:
            newest, *others = sorted(found, key=lambda one: (one.of, one.run), reverse=True)
            return replace(newest, others=tuple(one.of for one in others))
    raise UsageError(
        f"there is no document {name!r}",
        where=f"{target.where} {', '.join(looked)}",
        hint="give the _id as the index has it; --date looks at another day",
    )


def _origin(name: str, dataset: str, index: str, own: Mapping[str, Any]) -> Origin:
    """What the `posicional` object of a document says."""
    try:
        made, run = date.fromisoformat(own["date"]), int(own["run"])
    except (LookupError, ValueError, TypeError):
        raise UsageError(
            f"the document {name!r} is not ours: it does not say of which run it is", where=index
        ) from None
    place = (str(own["file"]), int(own["line"]), int(own["byte"])) if "file" in own else ("", -1, -1)
    return Origin(name, dataset, index, made, run, *place, gone=bool(own.get(DELETED)))


def _in_parts(feed: Feed, name: str, datasets: tuple[str, ...], day: date, outside: Outside) -> Origin:
    """The row of this id in what the current run of a date made."""
    from posicional.documents.bodies import ids
    from posicional.documents.rows import batches

    for dataset in datasets:
        run, made = current_dataset(feed, dataset, day, outside)
        hashed = secret_of_ids(feed.datasets[dataset], outside.secret)
        key = feed.datasets[dataset].key
        only = {*(column.lower() for column in key), *LINEAGE}
        for batch in batches(outside.store, [part.key for part in made.parts], only=only):
            row = ids(batch, key, hashed).index(name).as_py()
            if row >= 0:
                own = {
                    LINEAGE[column]: batch[column][row].as_py() for column in LINEAGE if column in batch.schema.names
                }
                return _origin(name, dataset, "", {"date": day.isoformat(), "run": run.number, **own})
    raise UsageError(
        f"no row has the id {name!r}",
        where=f"{feed.name} {feed.calendar.format_date(day)} {', '.join(datasets)}",
        hint="parts of a key are joined with |; personal keys are hashed",
    )


# --- the file ---------------------------------------------------------------------------------------------------------


def _arrived(feed: Feed, origin: Origin, outside: Outside) -> Arrived:
    """The arrival that a run took its rows from. Raises `UsageError` where this store's ledger knows none."""
    facts = Ledger(outside, feed.name, origin.of).read()
    claim = facts.entries.get(TurnKey(RUNS, origin.run, "claim"))
    if not isinstance(claim, RunClaim):
        raise UsageError(
            f"the ledger knows no run {origin.run}",
            where=f"{outside.store.url} {feed.name} {feed.calendar.format_date(origin.of)}",
            hint="the document was published from another store: name it with --store",
        )
    for expected, taken, seen in _inputs(feed, claim, origin.of, outside):
        for one in seen.objects:
            if one.key == f"{INCOMING}{origin.path}":
                found = StoredObject(one.key, one.size, one.object_version, one.modified, one.tag)
                changed = taken.reading != revision.reading(expected)
                return Arrived(expected.name, taken.arrival, seen.at, one.size, found, changed)
    raise UsageError(
        f"run {origin.run} took no file {origin.path} that the feed still has",
        where=f"{feed.name} {feed.calendar.format_date(origin.of)}",
        hint="has a file of the feed been renamed or removed since?",
    )


def _inputs(feed: Feed, claim: RunClaim, day: date, outside: Outside) -> Iterator[tuple[ExpectedFile, InputFact, Seen]]:
    for name, taken in claim.inputs.items():
        if name not in feed.files:
            continue
        seen = Ledger(outside, feed.name, taken.of or day).read().entries.get(SeenKey(name, taken.arrival))
        if isinstance(seen, Seen):
            yield feed.files[name], taken, seen


def _shown(expected: ExpectedFile, origin: Origin, source: Source, *, reveal: bool) -> TriedKind:
    """The record at its place, under its layout."""
    from posicional.backends.sources import MemorySource
    from posicional.records.compressed import Unreadable, is_compressed, unpacked
    from posicional.records.lone import lone, record_at
    from posicional.records.trial import try_layout

    with ExitStack() as stack:
        plain: Source = source
        if is_compressed(origin.path):
            try:
                plain = stack.enter_context(unpacked(source, origin.path, expected.member))
            except Unreadable as error:
                raise DataRefused(str(error), where=origin.path) from error
        raw = record_at(plain, expected.layout, origin.byte)
    trial = try_layout(MemorySource(memoryview(raw)), lone(expected.layout, reveal=reveal), records=1)
    kind = next((kind for kind in trial.kinds if kind.first), None)
    if kind is None:
        raise DataRefused("no record begins there", where=origin.path)
    first = replace(kind.first[0], line=origin.line, byte=origin.byte)
    return replace(kind, first=(first,))
