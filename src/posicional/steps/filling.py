"""A new index with every row of a dataset, and the proof that it holds them.

While it is filled the index has no copies and is not refreshed; then it gets back what the feed or the cluster says.
"""

from __future__ import annotations

import io
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from posicional.contract.feed import OpenSearchTarget
from posicional.day.facts import PartFact, PublishedFact
from posicional.day.keys import refused_prefix
from posicional.documents.bodies import Form, bodies
from posicional.documents.mapping import mapping
from posicional.documents.rows import batches, schema_of
from posicional.documents.sample import Sample, differences
from posicional.errors import DataRefused, TargetError, UsageError
from posicional.ports import Loaded, RefusedDocument, Store, Target
from posicional.steps.publication import Attempt, Shown

QUIET: Mapping[str, Any] = {"number_of_replicas": 0, "refresh_interval": "-1"}
"""The settings of an index while it is filled."""

KEPT = 1000
"""Refused documents that are written down one by one."""

COUNTED = 1000
"""So many documents may be refused before it is given up, though fewer are allowed: a message that counts says more."""

PATIENCE = (0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8)
"""Seconds between looks at a count that grows by itself, where nobody can ask for a refresh."""

_AGAIN = "run the command again; if it stays so, look at the cluster's log"


@dataclass(frozen=True, slots=True)
class Filled:
    """A dataset that was sent: what the ledger is told, the rows to look at, and which documents were refused."""

    fact: PublishedFact
    sample: Sample
    kept: tuple[RefusedDocument, ...]


def create(attempt: Attempt, each: Shown) -> Mapping[str, Any]:
    """Make the index, quiet, and give the settings that it is to have once it is filled.

    An index of the same name that an earlier ledger left and nobody sees makes way for it. Raises `UsageError` where
    the cluster shows it to somebody at once.
    """
    target = attempt.target
    there = target.indices(each.index).get(each.index)
    if there is not None:
        if there.aliases or there.meta.get("feed") != attempt.feed.name:
            raise _not_ours(attempt, each)
        target.delete_index(each.index)
    schema = schema_of(attempt.ledger.outside.store, each.made.parts[0].key)
    words = mapping(schema, attempt.meta(each.dataset.name), each.to)
    made = target.create_index(each.index, {"mappings": words, "settings": dict(each.to.settings)})
    state = target.indices(each.index).get(each.index)
    # It may be there already because we asked twice: the first answer was lost.
    if state is None or not (made or state.meta == attempt.meta(each.dataset.name)):
        raise _not_ours(attempt, each)
    if state.aliases:  # whoever looks there would see a day that is half filled, beside another one
        target.delete_index(each.index)
        raise UsageError(
            f"an index template of the cluster shows new indices as {', '.join(sorted(state.aliases))!r}",
            where=attempt.at(each.index),
            hint="take the alias out of the template: what is being filled is not to be seen",
        )
    # What it is to have is known only now: it may come from the cluster, or from a template of its owner's.
    return {word: state.settings.get(word) for word in _hush(attempt, each)}


def _not_ours(attempt: Attempt, each: Shown) -> TargetError:
    return TargetError(
        "there is an index of this name already, which this ledger did not make",
        where=attempt.at(each.index),
        hint="remove it, if the store was emptied; or give the feed another index:",
    )


def _hush(attempt: Attempt, each: Shown) -> Iterator[str]:
    """Make the index quiet, as far as the cluster lets us (some prescribe how many copies it has): which settings."""
    if attempt.target.serverless:
        return
    try:
        attempt.target.set_index(each.index, QUIET)
    except TargetError:
        for word, said in QUIET.items():
            try:
                attempt.target.set_index(each.index, {word: said})
            except TargetError as error:
                attempt.tell("settings", f"{each.index} keeps its {word}: {error}")
            else:
                yield word
    else:
        yield from QUIET


def fill(attempt: Attempt, each: Shown, form: Form) -> Filled:
    """Send every row of a dataset. What was refused is written down in the store."""
    outside, parts = attempt.ledger.outside, each.made.parts
    sending = _Sending(
        store=outside.store,
        index=each.index,
        sample=Sample(each.made.rows, each.index),
        key=each.dataset.key,
        extra={"run": attempt.run, "date": attempt.date.isoformat()},
        form=form,
        hashed=attempt.hashed(each.dataset),
        most=max(each.to.max_refused.most(each.made.rows), COUNTED),
    )
    if outside.together is None or len(parts) == 1 or attempt.feed.opensearch is None:
        loaded = sending.send(attempt.target, [part.key for part in parts], 0)
        return Filled(_fact(attempt, each, loaded), sending.sample, loaded.kept)
    firsts = itertools.accumulate((part.rows for part in parts), initial=0)
    numbered = list(zip((part.key for part in parts), firsts, strict=False))
    sent = list(outside.together(partial(sending.there, attempt.feed.opensearch), numbered))
    for _, sample in sent:
        sending.sample.add(sample)
    loaded = _altogether([each for each, _ in sent])
    return Filled(_fact(attempt, each, loaded), sending.sample, loaded.kept)


@dataclass(frozen=True, slots=True)
class _Sending:
    """How parts of a dataset are sent; picklable, since an engine's own processes may do it."""

    store: Store
    index: str
    sample: Sample
    key: tuple[str, ...]
    extra: Mapping[str, Any]
    form: Form
    hashed: bytes = field(repr=False)
    most: int

    def send(self, target: Target, keys: Sequence[str], first: int) -> Loaded:
        """Send the rows of parts, of which the first is row `first` of the dataset."""
        rows = self.sample.passing(batches(self.store, keys), first)
        made = bodies(rows, key=self.key, extra=self.extra, form=self.form, hashed=self.hashed)
        return target.load(self.index, made, most=self.most)

    def there(self, to: OpenSearchTarget, part: tuple[str, int]) -> tuple[Loaded, Sample]:
        """Send one part (its key, and the number of its first row) from a process that has no target yet."""
        from posicional.backends.opensearch import connect

        key, first = part
        return self.send(connect(to), [key], first), self.sample


def _altogether(loads: Sequence[Loaded]) -> Loaded:
    refused = Counter[str]()
    for one in loads:
        refused.update(one.refused)
    kept = tuple(document for one in loads for document in one.kept)[:KEPT]
    return Loaded(sum(one.documents for one in loads), dict(refused), kept, sum(one.stale for one in loads))


def _fact(attempt: Attempt, each: Shown, loaded: Loaded) -> PublishedFact:
    return PublishedFact(
        index=each.index,
        aliases=each.aliases,
        documents=loaded.documents,
        refused=sum(loaded.refused.values()),
        reasons=loaded.refused,
        rejects=tuple(_written(attempt, each, loaded.kept)),
        stale=loaded.stale,
    )


def _written(attempt: Attempt, each: Shown, kept: tuple[RefusedDocument, ...]) -> Iterator[PartFact]:
    """Which documents were refused, as a part: their ids, where they came from, and why."""
    if not kept:
        return
    name = each.dataset.name
    columns = {
        "_id": pa.array([one.id for one in kept], pa.string()),
        "_file": pa.array([one.file or None for one in kept], pa.string()),
        "_line": pa.array([one.line or None for one in kept], pa.int64()),
        "reason": pa.array([one.reason for one in kept], pa.string()),
    }
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data)
    prefix = refused_prefix(attempt.feed.name, name, attempt.date, attempt.target.name, attempt.number)
    part = "part-00000.parquet"
    with attempt.ledger.outside.store.sink(prefix).open(part) as stream:
        stream.write(data.getbuffer())
    yield PartFact(key=prefix + part, table=name, rows=len(kept), bytes=data.tell())


def verify(attempt: Attempt, each: Shown, filled: Filled, restore: Mapping[str, Any]) -> None:
    """Raise unless the index holds what was sent: all of it, by count, and a sample of it, value by value.

    `restore`: the settings that it then has.
    """
    refuse_too_many(attempt, each, filled)
    state = attempt.target.indices(each.index).get(each.index)
    if state is None or state.meta != attempt.meta(each.dataset.name):
        if state is not None and not state.aliases:
            attempt.target.delete_index(each.index)  # what was sent after its removal made it anew, with no mapping
        raise TargetError("the index was removed while it was filled", where=attempt.at(each.index), hint=_AGAIN)
    if restore:
        attempt.target.set_index(each.index, restore)
    wanted = each.made.rows - filled.fact.refused
    counted = count(attempt, each, wanted)
    if counted != wanted:
        raise TargetError(
            "the index does not hold what was sent",
            where=attempt.at(each.index),
            expected=f"{wanted} documents",
            got=str(counted),
            hint=_AGAIN,
        )
    rows = filled.sample.rows(each.dataset.key, attempt.hashed(each.dataset))
    found = attempt.target.documents(each.index, list(rows)) if rows else {}
    wrong = {
        name: differences(row, found[name].source, attempt.feed.timezone) for name, row in rows.items() if name in found
    }
    refuse_differences(attempt, each, missing(filled, set(rows) - set(found)), list(wrong.values()))


def refuse_too_many(attempt: Attempt, each: Shown, filled: Filled) -> None:
    """Raise `DataRefused` when more documents were refused than the feed allows."""
    fact, rows = filled.fact, each.made.rows
    if each.to.max_refused.allows(fact.refused, rows):
        return
    reasons = "; ".join(f"{count} x {reason}" for reason, count in sorted(fact.reasons.items()))
    raise DataRefused(
        f"{fact.refused} of {rows} documents were refused: {reasons}",
        where=attempt.at(each.index),
        hint=f"which ones: {fact.rejects[0].key}; mend the dataset's columns or its fields:, then run with --again",
    )


def count(attempt: Attempt, each: Shown, wanted: int) -> int:
    """How many documents can be found, once what was sent can be."""
    target = attempt.target
    if not target.serverless:
        target.refresh(each.index)
        return target.count(each.index)
    counted = target.count(each.index)
    for seconds in PATIENCE:
        if counted >= wanted:
            break
        attempt.ledger.outside.clock.sleep(seconds)
        counted = target.count(each.index)
    return counted


def missing(filled: Filled, absent: set[str]) -> int:
    """How many of the documents that are not there should be: those refused need not."""
    lacking = len(absent - {one.id for one in filled.kept})
    return max(0, lacking - (filled.fact.refused - len(filled.kept)))


def refuse_differences(attempt: Attempt, each: Shown, absent: int, wrong: list[Mapping[str, int]]) -> None:
    """Raise `TargetError` when documents of the sample are not there, or say something else than their rows."""
    columns = sorted({column for one in wrong for column in one})
    if not absent and not columns:
        return
    said = [f"{absent} are not there"] if absent else []
    said += [f"they differ in {', '.join(columns)}"] if columns else []
    raise TargetError(
        f"documents that were looked at are not what was sent: {'; '.join(said)}",
        where=attempt.at(each.index),
        hint="does an ingest pipeline change them? else run the command again",
    )
