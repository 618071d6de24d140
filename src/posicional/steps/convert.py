"""One arrival becomes Parquet parts, its rejects, and the fact that names them.

Every try writes below a prefix of its own, and the parts are durable before the fact: so whatever happens meanwhile,
parts count only when a fact names them, and a fact names only parts that are there.
"""

from __future__ import annotations

import time

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.facts import (
    AccountFact,
    ControlFact,
    Done,
    PartFact,
    ProblemFact,
    Seen,
    plain,
)
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import INCOMING, DoneKey, SeenKey, parts_prefix, rejects_prefix
from posicional.errors import ObjectMissing, StoreError
from posicional.ports import Event, Store, StoredObject
from posicional.records.conversion import Conversion, Part


def convert_arrival(feed: Feed, ledger: Ledger, facts: Facts, file: str, number: int) -> None:
    """Read one seen arrival as the contract asks now and write its `done` fact.

    Somebody else's fact about the same reading stands as well as ours. Raises `StoreError`.
    """
    expected = feed.files[file]
    seen = facts.entries[SeenKey(file, number)]
    if not isinstance(seen, Seen):
        raise StoreError("the fact of this arrival cannot be read", where=f"{ledger.prefix}{SeenKey(file, number)}")
    reading = revision.reading(expected)
    refusal = _ambiguous(expected, facts, seen, number) or _compressed(expected, seen)
    done = _refused(expected, ledger, seen, refusal) if refusal else _read(expected, ledger, seen, number)
    if ledger.write(DoneKey(file, number, reading), done):
        _tell(ledger, file, number, done)


def _ambiguous(expected: ExpectedFile, facts: Facts, seen: Seen, number: int) -> ProblemFact | None:
    """Why a second object for the same file and date is refused, unless its name says which is the later one."""
    if expected.pattern.is_versioned:
        return None
    for key, other in facts.entries.items():
        earlier = isinstance(key, SeenKey) and key.file == expected.name and key.number < number
        if earlier and isinstance(other, Seen) and other.key != seen.key:
            text = f"{_path(seen)} came for the same date as {_path(other)}: which one counts cannot be told"
            return ProblemFact(reason="ambiguous", text=text)
    return None


def _compressed(expected: ExpectedFile, seen: Seen) -> ProblemFact | None:
    match = expected.pattern.match(_path(seen))
    if match is None or not match.compression:
        return None
    return ProblemFact(reason="stream", text=f"{_path(seen)}: compressed files are not supported yet")


def _refused(expected: ExpectedFile, ledger: Ledger, seen: Seen, problem: ProblemFact) -> Done:
    return Done(**ledger.sign(), status="refused", layout=expected.layout.digest, size=seen.size, problems=(problem,))


def _read(expected: ExpectedFile, ledger: Ledger, seen: Seen, number: int) -> Done:
    from posicional.records.reader import convert

    outside, store = ledger.outside, ledger.outside.store
    place = (ledger.feed, expected.name, ledger.date, number, outside.new_id())
    parts, rejects = parts_prefix(*place), rejects_prefix(*place)
    found = StoredObject(seen.key, seen.size, seen.object_version, seen.modified)
    began = time.monotonic()
    try:
        conversion = convert(
            store.source(found),
            expected.layout,
            store.sink(parts),
            store.sink(rejects),
            file=expected.name,
            path=_path(seen),
            date=ledger.date,
            tolerance=expected.max_rejects.allows,
            allow_empty=expected.allow_empty,
        )
    except ObjectMissing:
        if _stands(store, found):
            raise
        return _superseded(expected, ledger, seen)
    if not store.atomic and not _stands(store, found):
        return _superseded(expected, ledger, seen)
    return _done(expected, ledger, conversion, (parts, rejects), time.monotonic() - began)


def _stands(store: Store, found: StoredObject) -> bool:
    """Whether the object is still that version."""
    try:
        return store.head(found.key).version == found.version
    except ObjectMissing:
        return False


def _superseded(expected: ExpectedFile, ledger: Ledger, seen: Seen) -> Done:
    problem = ProblemFact(reason="stream", text=f"{_path(seen)} was changed or removed while it was read")
    return Done(
        **ledger.sign(), status="superseded", layout=expected.layout.digest, size=seen.size, problems=(problem,)
    )


def _done(
    expected: ExpectedFile, ledger: Ledger, conversion: Conversion, prefixes: tuple[str, str], seconds: float
) -> Done:
    account = conversion.account
    return Done(
        **ledger.sign(),
        status="refused" if conversion.problems else "converted",
        layout=expected.layout.digest,
        sha256=conversion.sha256,
        size=conversion.size,
        account=AccountFact(**{name: getattr(account, name) for name in AccountFact.model_fields}),
        tables=conversion.tables,
        parts=tuple(_part(prefixes[0], part) for part in conversion.parts),
        rejects=tuple(_part(prefixes[1], part) for part in conversion.rejects),
        controls=tuple(
            ControlFact(
                kind=record.kind,
                line=record.line,
                values={name: plain(value) for name, value in record.values.items()},
            )
            for record in conversion.controls
        ),
        problems=tuple(
            ProblemFact(reason=problem.reason, text=problem.text, line=problem.line) for problem in conversion.problems
        ),
        seconds=round(seconds, 3),
    )


def _part(prefix: str, part: Part) -> PartFact:
    return PartFact(key=prefix + part.name, table=part.table, rows=part.rows, bytes=part.bytes)


def _path(seen: Seen) -> str:
    return seen.key.removeprefix(INCOMING)


def _tell(ledger: Ledger, file: str, number: int, done: Done) -> None:
    words = {"file": file, "arrival": number, "rows": done.account.rows, "rejects": done.account.rejects}
    if done.status == "converted":
        text = f"{file}: {done.account.rows:,} rows"
        if done.account.rejects:
            text += f", {done.account.rejects:,} rejects"
        ledger.outside.tell(Event("converted", f"{text}, in {done.seconds:.1f} s", words))
    else:
        text = "; ".join(problem.text for problem in done.problems)
        ledger.outside.tell(Event(done.status, f"{file}: {text}", words))
