"""`mode: upsert`: one index for all days, in which rows replace those with the same key.

Each document has a version made of its business date and the number of the publication, and the index takes only what
is as new or newer. So days may come in any order, and again: the latest word about a key stands. Nothing is ever
deleted, because OpenSearch forgets the version of a deleted document after a minute, and an older day would bring it
back: a row that is flagged as deleted leaves a document without values, which the alias of the readers hides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from posicional.documents.bodies import Form
from posicional.documents.mapping import DELETED, OWN, mapping
from posicional.documents.rows import schema_of
from posicional.documents.sample import differences
from posicional.errors import TargetError, UsageError
from posicional.ports import Document
from posicional.steps.filling import Filled, count, fill, missing, refuse_differences, refuse_too_many
from posicional.steps.publication import Attempt, Shown

PUBLICATIONS = 1_000_000
"""More than a day ever has."""

HIDDEN = {"bool": {"must_not": {"term": {f"{OWN}.{DELETED}": True}}}}
"""What the alias shows: all but what is gone."""


def version_of(day: date, publication: int) -> int:
    """The version of what a publication says: that of a later day wins, then that of the later publication."""
    return day.toordinal() * PUBLICATIONS + publication


def prepare(attempt: Attempt, each: Shown) -> None:
    """Make the index with its alias, where it is not there; let it know the columns that are new.

    Raises `UsageError` when a column has become something else, `TargetError` for an index that is not ours.
    """
    target = attempt.target
    schema = schema_of(attempt.ledger.outside.store, each.made.parts[0].key)
    _check_flag(schema, each)
    meta = attempt.meta(each.dataset.name)
    words = mapping(schema, meta, each.to, upsert=True)
    aliases = {each.to.index: {"filter": HIDDEN}}
    created = each.index not in target.indices(each.index) and target.create_index(
        each.index, {"mappings": words, "settings": dict(each.to.settings), "aliases": aliases}
    )
    if created:
        return
    state = target.indices(each.index).get(each.index)
    if state is None or state.meta != meta or each.to.index not in state.aliases:
        raise TargetError(
            f"there is an index of this name, which is not this feed's or has not the alias {each.to.index!r}",
            where=attempt.at(each.index),
            hint="remove it, and run the days anew; or give the dataset another index:",
        )
    try:
        target.add_fields(each.index, words)
    except TargetError as error:
        if "illegal_argument_exception" not in error.got:
            raise
        raise UsageError(
            "the index cannot take the dataset's columns as they are now",
            where=attempt.at(each.index),
            got=error.got,
            hint="give the dataset another index: and run the days anew, or say the old type under fields:",
        ) from None


def _check_flag(schema: pa.Schema, each: Shown) -> None:
    flag = each.to.deleted
    if flag and not any(one.name.lower() == flag.lower() and pa.types.is_boolean(one.type) for one in schema):
        raise UsageError(
            f"{flag!r} is no boolean column of the dataset {each.to.dataset}",
            where=f"publish.opensearch.datasets.{each.to.dataset}.deleted",
            expected="a column that is true where the row is gone",
        )


def change(attempt: Attempt, each: Shown) -> Filled:
    """Send every row of a dataset with its version."""
    version = version_of(attempt.date, attempt.number)
    return fill(attempt, each, Form(attempt.feed.timezone, each.to.nulls, version, each.to.deleted))


def verify_changes(attempt: Attempt, each: Shown, changed: Filled) -> None:
    """Raise unless the rows that were looked at are there: as they were sent, or as something newer says."""
    refuse_too_many(attempt, each, changed)
    rows = changed.sample.rows(each.dataset.key, attempt.hashed(each.dataset))
    count(attempt, each, each.made.rows - changed.fact.refused)
    found = attempt.target.documents(each.index, list(rows)) if rows else {}
    version = version_of(attempt.date, attempt.number)
    _refuse_another_ledger(attempt, each, [one.version for one in found.values()])
    older = {name for name in rows if name not in found or found[name].version < version}
    wrong = [
        _differences(attempt, each, row, found[name])
        for name, row in rows.items()
        if name in found and found[name].version == version
    ]
    refuse_differences(attempt, each, missing(changed, older), list(wrong))


def _refuse_another_ledger(attempt: Attempt, each: Shown, versions: Sequence[int]) -> None:
    """Raise where a later publication of this date has been there: ours is the last one of this ledger."""
    if any(version_of(attempt.date, attempt.number) < one < version_of(attempt.date, PUBLICATIONS) for one in versions):
        raise TargetError(
            "the index holds later publications of this date, which this ledger did not make",
            where=attempt.at(each.index),
            hint="remove it, if the store was emptied, and run the days anew; or give the dataset another index:",
        )


def _differences(attempt: Attempt, each: Shown, row: Mapping[str, Any], document: Document) -> Counter[str]:
    flag = each.to.deleted.lower()
    values = {name: value for name, value in row.items() if name.lower() != flag}
    gone = any(value for name, value in row.items() if flag and name.lower() == flag)
    if not gone:
        return differences(values, document.source, attempt.feed.timezone)
    left = [word for word in document.source if word != OWN]
    return Counter(left if document.source.get(OWN, {}).get(DELETED) is True else [*left, DELETED])
