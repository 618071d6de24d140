"""Looking for rows of a dataset: in what readers see where that can be asked, else in the parts that the run wrote.

What is looked for is a text and never a query: the id of a document, a part of a text, or the whole of a number or
date. Personal columns that stand in a dataset as they are, or may since the contract was another one, are neither
looked in nor handed out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from posicional.contract.feed import Dataset, Feed
from posicional.day import revision
from posicional.day.facts import DatasetFact, RunClaim
from posicional.documents.mapping import DELETED, LINEAGE, OWN
from posicional.errors import StoreError, TargetError, UsageError
from posicional.ports import Outside
from posicional.steps.dataset import current_dataset
from posicional.steps.publication import secret_of_ids

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 20
"""Rows that are handed out."""

LOOKED = 500_000
"""Rows of the parts that are looked at."""

LONGEST = 200
"""Characters of a text that is looked for."""

BATCH = 8192

NO_INDEX = "index_not_found_exception"
"""How OpenSearch calls it when there is no such alias."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the id of its document, the line it came from (0 where its dataset does not say), its values by column.

    The id is empty where it cannot be said here: it is hashed with a secret that this process does not have.
    """

    id: str
    file: str
    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found. `at`: the alias that was asked; empty where `rows` of the dataset's `of` were looked through.

    `more`: there may be more than these. `problem`: why the alias did not answer. `absent`: an alias that is none.
    """

    rows: tuple[Row, ...]
    at: str = ""
    looked: int = 0
    of: int = 0
    more: bool = False
    problem: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """A dataset as the current run of a date made it. `hidden`: columns that may hold personal values as they are.

    `plain_ids`: ids may be made of such values, so that no document is named.
    """

    dataset: Dataset
    run: int
    made: DatasetFact
    columns: Mapping[str, pa.DataType]
    hidden: frozenset[str]
    outside: Outside = field(repr=False)
    plain_ids: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns that people may see, without those that say where a row came from."""
        return tuple(name for name in self.columns if name not in (*self.hidden, *LINEAGE))

    def first(self, count: int) -> list[Row]:
        """The first rows. Raises `StoreError`."""
        return list(itertools.islice((row for batch in self._batches(count) for row in self._rows(batch)), count))

    def matching(self, text: str) -> Looked:
        """The rows that hold a text, from the first `LOOKED` of the parts. Raises `StoreError`."""
        import pyarrow.compute as pc

        found: list[Row] = []
        looked = 0
        for batch in self._batches(BATCH):
            mask = pc.equal(self._ids(batch), text)
            for name in self.shown:
                mask = pc.or_(mask, pc.fill_null(_matches(batch.column(name), text), fill_value=False))
            found += self._rows(batch.filter(mask))
            looked += batch.num_rows
            if len(found) > MOST or looked >= LOOKED:
                break
        return Looked(
            tuple(found[:MOST]), looked=looked, of=self.made.rows, more=len(found) > MOST or looked < self.made.rows
        )

    def _batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        from posicional.documents.rows import batches

        return batches(self.outside.store, [part.key for part in self.made.parts], rows)

    def _ids(self, batch: pa.RecordBatch) -> pa.Array:
        import pyarrow as pa

        from posicional.documents.bodies import ids

        if self.plain_ids:
            return pa.array([""] * batch.num_rows, pa.string())
        try:
            hashed = secret_of_ids(self.dataset, self.outside.secret)
        except UsageError:  # no secret here
            return pa.array([""] * batch.num_rows, pa.string())
        return ids(batch, self.dataset.key, hashed)

    def _rows(self, batch: pa.RecordBatch) -> Iterator[Row]:
        shown = batch.select(self.shown).to_pylist()
        files = _column(batch, "_file", "")
        lines = _column(batch, "_line", 0)
        for name, file, line, values in zip(self._ids(batch).to_pylist(), files, lines, shown, strict=True):
            yield Row(name, file, line, values)


def result(feed: Feed, name: str, day: date, outside: Outside) -> Result:
    """A dataset of the feed as it counts for a date. Raises `NotDone`, `StoreError`."""
    from posicional.documents.rows import schema_of

    run, made = current_dataset(feed, name, day, outside)
    dataset = feed.datasets[name]
    schema = schema_of(outside.store, made.parts[0].key) if made.parts else ()
    columns = {column.name: column.type for column in schema}
    changed = not isinstance(run.claim, RunClaim) or run.claim.contract != revision.contract(feed)
    personal = _personal(feed) if changed else _plain(dataset)
    hidden = frozenset(column for column in columns if column.lower() in personal)
    key = {column.lower() for column in dataset.key}
    plain_ids = changed and bool(key & personal or key - {column.lower() for column in columns})
    return Result(dataset, run.number, made, columns, hidden, outside, plain_ids)


def _plain(dataset: Dataset) -> set[str]:
    """The columns in which personal values stand as they are."""
    return {column.lower() for column, (word, _) in dataset.protect.items() if word == "plain"}


def _personal(feed: Feed) -> set[str]:
    """Every name that something personal goes by. Under another contract nobody knows how it stood in a dataset."""
    protected = {column.lower() for dataset in feed.datasets.values() for column in dataset.protect}
    kinds = (kind for file in feed.files.values() for kind in file.layout.kinds)
    return protected | {field.name.lower() for kind in kinds for field in kind.fields if field.holds_personal}


def search(feed: Feed, found: Result, day: date, text: str) -> Looked:
    """Rows that hold a text, or whose document has it as its id. Raises `StoreError`."""
    text = text[:LONGEST]
    problem = absent = ""
    try:
        if (answer := _in_index(feed, found, day, text)) is not None:
            return answer
    except TargetError as error:
        if error.got == NO_INDEX:
            absent = _alias(feed, found, day)
        else:
            problem = error.message
    except UsageError as error:  # what is needed to ask is not installed here
        problem = error.message
    try:
        return replace(found.matching(text), problem=problem, absent=absent)
    except StoreError:
        if problem:
            raise StoreError(problem, hint="the dataset's parts cannot be read either") from None
        raise


def _in_index(feed: Feed, found: Result, day: date, text: str) -> Looked | None:
    """What the alias of the date has; None where the dataset is not published, or ids are nobody's to see."""
    to = feed.opensearch.datasets.get(found.dataset.name) if feed.opensearch else None
    if feed.opensearch is None or to is None or found.outside.target is None or found.plain_ids:
        return None
    alias = _alias(feed, found, day)
    said = {column.lower(): how for column, how in to.fields.items()}
    words = [name for name in found.shown if _is_text(found.columns[name]) and name.lower() not in said]
    words += [f"{name}.keyword" for name in found.shown if said.get(name.lower()) == "text"]
    values = [name for name in found.shown if name not in words and said.get(name.lower()) != "text"]
    values = [name for name in values if _is_value(found.columns[name])]
    answer = found.outside.target(feed.opensearch).find(alias, text, words, values, most=MOST)
    return Looked(
        tuple(_row(name, source, found) for name, source in answer.documents.items()), alias, more=answer.more
    )


def _alias(feed: Feed, found: Result, day: date) -> str:
    """Where readers see a dataset of a date."""
    if feed.opensearch is None:
        return ""
    index = feed.opensearch.datasets[found.dataset.name].index
    return index if feed.opensearch.upsert else f"{index}-{day.isoformat()}"


def _row(name: str, source: Mapping[str, Any], found: Result) -> Row:
    own = source.get(OWN, {})
    values = {} if own.get(DELETED) else {column: source.get(column) for column in found.shown}
    return Row(name, str(own.get("file", "")), int(own.get("line", 0)), values)


def _is_text(type_: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _is_value(type_: pa.DataType) -> bool:
    """Whether somebody can say the whole of such a value, as they do a number or a date."""
    import pyarrow as pa

    return not (pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_nested(type_))


def _matches(column: pa.Array, text: str) -> pa.Array:
    """Which values hold a text, whatever its case; which are it, where they are no text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _is_text(column.type):
        return pc.match_substring(column, text, ignore_case=True)
    if not _is_value(column.type):
        return pa.array([False] * len(column), pa.bool_())
    return pc.equal(column.cast(pa.string()), text)


def _column(batch: pa.RecordBatch, name: str, absent: Any) -> list[Any]:
    if name not in batch.schema.names:
        return [absent] * batch.num_rows
    return [absent if value is None else value for value in batch.column(name).to_pylist()]
