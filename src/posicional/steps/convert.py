"""One arrival becomes Parquet parts, its rejects, and the fact that names them.

Every try writes below a prefix of its own, and the parts are durable before the fact: so whatever happens meanwhile,
parts count only when a fact names them, and a fact names only parts that are there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day import revision
from posicional.day.facts import (
    AccountFact,
    ControlFact,
    Done,
    PartFact,
    ProblemFact,
    Seen,
    SeenObject,
    plain,
)
from posicional.day.journal import Facts, Ledger
from posicional.day.keys import INCOMING, DoneKey, SeenKey, parts_prefix, rejects_prefix
from posicional.errors import ObjectMissing, StoreError
from posicional.ports import Event, Store, StoredObject
from posicional.records.conversion import Conversion, Part
from posicional.steps.cleanup import AGE
from posicional.steps.first_reject import first_reject


@dataclass(frozen=True, slots=True)
class _Read:
    """One object of an arrival as it was read, and the prefixes below which its parts and rejects stand."""

    path: str
    conversion: Conversion
    parts: str
    rejects: str


def convert_arrival(feed: Feed, ledger: Ledger, facts: Facts, file: str, number: int) -> None:
    """Read one seen arrival as the contract asks now and write its `done` fact.

    What is ambiguous is read all the same, so that a person can accept it. Somebody else's fact about the same reading
    stands as well as ours. Raises `StoreError`.
    """
    expected = feed.files[file]
    seen = facts.entries[SeenKey(file, number)]
    if not isinstance(seen, Seen):
        raise StoreError("the fact of this arrival cannot be read", where=f"{ledger.prefix}{SeenKey(file, number)}")
    reading = revision.reading(expected)
    began = ledger.outside.clock.now()
    done = _read(feed, expected, ledger, seen, number, _ambiguous(expected, facts, seen, number))
    if ledger.outside.clock.now() - began >= AGE / 2 and not _is_all_there(ledger.outside.store, done):
        return  # clean-up has taken a process that slept so long for a dead one: it is read once more
    if ledger.write(DoneKey(file, number, reading), done):
        _tell(ledger, file, number, done)


def _is_all_there(store: Store, done: Done) -> bool:
    """Whether every part that the fact would name is still where it was written."""
    try:
        return all(store.head(part.key).size == part.bytes for part in (*done.parts, *done.rejects))
    except ObjectMissing:
        return False


# --- what cannot be told apart ----------------------------------------------------------------------------------------


def _ambiguous(expected: ExpectedFile, facts: Facts, seen: Seen, number: int) -> list[ProblemFact]:
    """Why it cannot be told which objects are the file of this date, unless their names say which is the later one."""
    texts = []
    paths: dict[str, str] = {}
    for path in _paths(seen) if seen.parts else ():
        match = expected.pattern.match(path)
        part = match.part if match else ""
        if part in paths:
            texts.append(f"{path} and {paths[part]} are both part {part}: which one counts cannot be told")
        paths.setdefault(part, path)
    count = expected.parts.count if expected.parts else 0
    if count and len(paths) > count:
        texts.append(f"{len(paths)} parts are here, expected {count}: {', '.join(paths.values())}")
    first = _first(expected, facts, seen, number)
    if first is not None and not seen.parts and first.key != seen.key:
        texts.append(f"{_path(seen)} came for the same date as {_path(first)}: which one counts cannot be told")
    return [ProblemFact(reason="ambiguous", text=text) for text in texts]


def _first(expected: ExpectedFile, facts: Facts, seen: Seen, number: int) -> Seen | None:
    """The first arrival of the same file, date and version that was there when it was to be read."""
    earlier = {
        key.number: other
        for key, other in facts.entries.items()
        if isinstance(key, SeenKey) and key.file == expected.name and key.number < number and isinstance(other, Seen)
    }
    for earliest in sorted(earlier):
        gone = any(
            isinstance(key, DoneKey)
            and (key.file, key.number) == (expected.name, earliest)
            and isinstance(done, Done)
            and done.status == "superseded"
            for key, done in facts.entries.items()
        )
        if not gone and _order(expected, earlier[earliest]) == _order(expected, seen):
            return earlier[earliest]
    return None


def _order(expected: ExpectedFile, seen: Seen) -> tuple[tuple[int, ...], int] | None:
    match = expected.pattern.match(_path(seen))
    return match.order if match else None


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(
    feed: Feed, expected: ExpectedFile, ledger: Ledger, seen: Seen, number: int, ambiguous: Sequence[ProblemFact]
) -> Done:
    """Read all objects of an arrival, each a positional file of its own."""
    outside, store = ledger.outside, ledger.outside.store
    place = (ledger.feed, expected.name, ledger.date, number, outside.new_id())
    objects = [StoredObject(one.key, one.size, one.object_version, one.modified, one.tag) for one in seen.objects]
    read: list[_Read] = []
    began = time.monotonic()
    for count, found in enumerate(objects, 1):
        below = f"{count:04d}/" if seen.parts else ""
        parts, rejects = parts_prefix(*place) + below, rejects_prefix(*place) + below
        try:
            conversion = _convert(feed, expected, ledger, found, parts, rejects)
        except ObjectMissing:
            if _stands(store, found):
                raise
            return _superseded(expected, ledger, seen)
        read.append(_Read(found.key.removeprefix(INCOMING), conversion, parts, rejects))
    if not store.atomic and not all(_stands(store, found) for found in objects):
        return _superseded(expected, ledger, seen)
    done = _done(expected, ledger, read, ambiguous, time.monotonic() - began)
    if any(problem.reason == "rejects" for problem in done.problems):
        first = first_reject(store, done.rejects, alone=not seen.parts)
        return done.model_copy(update={"problems": (*done.problems, *([first] if first else []))})
    return done


def _convert(
    feed: Feed, expected: ExpectedFile, ledger: Ledger, found: StoredObject, parts: str, rejects: str
) -> Conversion:
    from posicional.records.reader import convert

    store = ledger.outside.store
    return convert(
        store.source(found),
        expected.layout,
        store.sink(parts),
        store.sink(rejects),
        file=expected.name,
        path=found.key.removeprefix(INCOMING),
        member=expected.member,
        date=ledger.date,
        tolerance=_any if expected.parts else expected.max_rejects.allows,
        allow_empty=expected.allow_empty,
        together=ledger.outside.together if found.size > feed.engine.convert_above else None,
    )


def _any(_rejects: int, _records: int) -> bool:
    """Of a part any share may be rejected: what counts is that of the whole file."""
    return True


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


# --- the fact ---------------------------------------------------------------------------------------------------------


def _done(
    expected: ExpectedFile, ledger: Ledger, read: Sequence[_Read], ambiguous: Sequence[ProblemFact], seconds: float
) -> Done:
    from posicional.records.hashing import content_hash

    account = {name: sum(getattr(one.conversion.account, name) for one in read) for name in AccountFact.model_fields}
    problems = [*ambiguous, *(problem for one in read for problem in _problems(one, alone=len(read) == 1))]
    if not expected.max_rejects.allows(account["rejects"], account["records"]) and expected.parts:
        text = f"{account['rejects']} of {account['records']} records are rejected, more than the contract allows"
        problems.append(ProblemFact(reason="rejects", text=text))
    hashes = [one.conversion.sha256 for one in read]
    tables = Counter[str]()
    for one in read:
        tables.update(one.conversion.tables)
    return Done(
        **ledger.sign(),
        status="refused" if problems else "converted",
        layout=expected.layout.digest,
        sha256=content_hash([bytes.fromhex(each) for each in hashes]) if expected.parts else hashes[0],
        size=sum(one.conversion.size for one in read),
        account=AccountFact(**account),
        tables=dict(tables),
        parts=tuple(_part(one.parts, part) for one in read for part in one.conversion.parts),
        rejects=tuple(_part(one.rejects, part) for one in read for part in one.conversion.rejects),
        controls=tuple(
            ControlFact(
                kind=record.kind,
                line=record.line,
                values={name: plain(value) for name, value in record.values.items()},
            )
            for one in read
            for record in one.conversion.controls
        ),
        problems=tuple(problems),
        seconds=round(seconds, 3),
    )


def _problems(read: _Read, *, alone: bool) -> list[ProblemFact]:
    where = "" if alone else f"{read.path}: "
    return [
        ProblemFact(reason=problem.reason, text=f"{where}{problem.text}", line=problem.line)
        for problem in read.conversion.problems
    ]


def _part(prefix: str, part: Part) -> PartFact:
    return PartFact(key=prefix + part.name, table=part.table, rows=part.rows, bytes=part.bytes)


def _path(seen: Seen | SeenObject) -> str:
    return seen.key.removeprefix(INCOMING)


def _paths(seen: Seen) -> list[str]:
    return [_path(one) for one in seen.objects]


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
