"""Trying a layout on a file: what its first records look like with it, what of the whole file is bad, and why probably.

Nothing in a `Trial` is the value of a personal field: it may be printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from posicional.contract.layout import Layout
from posicional.errors import DataRefused
from posicional.ports import Source
from posicional.records.causes import causes_of
from posicional.records.compressed import Unreadable, is_compressed, unpacked
from posicional.records.conversion import Account, Problem
from posicional.records.evidence import Cause, Evidence, FieldSeen, KindSeen, gather
from posicional.records.pages import Page, page_of
from posicional.records.probe import ASIDE, Cells, Leaf, Probed
from posicional.records.visible import HIDDEN, cells_of, legible, shown, spelling, visible

PERSONAL = "(personal)"
SPELLINGS_SHOWN = 3
OCCURRENCES_SHOWN = 3
BEYOND = 40  # positions that are shown behind the end of what the layout knows


@dataclass(frozen=True, slots=True)
class TriedField:
    """One field: name (dotted in a group), positions as people count them, type, whether personal."""

    name: str
    positions: str
    type: str
    personal: bool


@dataclass(frozen=True, slots=True)
class TriedRecord:
    """One of the first records of a kind.

    `cells` has a character for each position; bytes of numbers that are no text have their high digit (hexadecimal)
    there and the low one in `below`, which is empty where there are none. A record that goes on far behind what the
    layout knows is cut; `length` is its own. `values` are those of the kind's fields; `wrong` which of them are bad.
    `refused`: why the record is none of the rows; with no `values`, as a whole.
    """

    line: int
    byte: int
    length: int
    cells: str
    below: str
    refused: str
    values: tuple[str, ...] = ()
    wrong: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class TriedKind:
    """A kind of record (empty name: records of none), its fields with their offsets, and its first records.

    `spans`: (name, begin, end) of each occurrence of each field, 0-based, for a ruler. `refused` counts of `records`.
    """

    name: str
    length: int
    records: int
    refused: int
    fields: tuple[TriedField, ...]
    spans: tuple[tuple[str, int, int], ...]
    first: tuple[TriedRecord, ...]
    reasons: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BadField:
    """A field with bad values: how many of how many, why, and the commonest spellings (none if personal)."""

    kind: str
    field: TriedField
    bad: int
    values: int
    reasons: Mapping[str, int]
    spellings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. `alone`: the only cause is one that explains everything; what else is said follows from it."""

    size: int
    account: Account
    kinds: tuple[TriedKind, ...]
    bad: tuple[BadField, ...]
    problems: tuple[Problem, ...]
    causes: tuple[Cause, ...]
    alone: bool

    @property
    def good(self) -> bool:
        """Whether all of the file can be read so."""
        return not self.account.rejects and not self.problems and self.account.records > 0


def try_layout(source: Source, layout: Layout, *, path: str = "", records: int = 3) -> Trial:
    """Read a file with a layout; of each kind, the first `records` as they stand there.

    The ending of `path` (`.gz`, `.zst`, `.zip`) says whether it is compressed. The file is read twice; memory does not
    grow with it. Raises `StoreError` where it cannot be read, `DataRefused` where it is compressed and damaged.
    """
    with ExitStack() as stack:
        if is_compressed(path):
            try:
                source = stack.enter_context(unpacked(source, path))
            except Unreadable as error:
                raise DataRefused(str(error), where=path) from error
        evidence = gather(source, layout, records)
    causes, alone = causes_of(evidence)
    moved = {cause.kind for cause in causes if not cause.field}
    kinds = [_kind(evidence, kind.name, moved=kind.name in moved) for kind in layout.kinds]
    if evidence.strangers.count:
        kinds.append(_strangers(evidence))
    bad = [
        _bad(kind.name, seen, evidence)
        for kind in layout.kinds
        for seen in sorted(evidence.kinds[kind.name].fields.values(), key=lambda one: one.leaf.starts)
    ]
    return Trial(evidence.size, evidence.account, tuple(kinds), tuple(bad), evidence.problems, causes, alone)


def _field(leaf: Leaf) -> TriedField:
    first, _, last = leaf.where.partition("-")
    return TriedField(leaf.name, first if first == last else leaf.where, _type(leaf), leaf.personal)


def _type(leaf: Leaf) -> str:
    """A field's type as its layout says it, in short: `decimal(15,2)`, `date %Y%m%d`."""
    field = leaf.field
    detail = {
        "decimal": f"({field.digits},{field.scale})",
        "date": f" {field.format}",
        "time": f" {field.format}",
        "timestamp": f" {field.format}",
    }.get(field.type, "")
    usage = "" if field.usage == "display" else f" {field.usage}"
    times = f" x{len(leaf.starts)}" if len(leaf.starts) > 1 else ""
    return f"{field.type}{detail}{usage}{times}"


def _bad(kind: str, seen: FieldSeen, evidence: Evidence) -> BadField:
    of = evidence.kinds[kind]
    page = page_of(evidence.layout.encoding)
    spellings = {} if seen.leaf.personal else dict(seen.spellings.most_common(SPELLINGS_SHOWN))
    return BadField(
        kind,
        _field(seen.leaf),
        seen.bad,
        (of.rows + of.suspects.count) * len(seen.leaf.starts),
        dict(seen.reasons.most_common()),
        {spelling(text, page, is_text=seen.leaf.is_text): count for text, count in spellings.items()},
    )


def _legible(text: str | bytes, page: Page) -> str:
    return visible(text) if isinstance(text, str) else legible(text, page)


# --- the first records ---


def _kind(evidence: Evidence, name: str, *, moved: bool) -> TriedKind:
    """A kind with its first records. `moved`: its fields seem to stand elsewhere, and what is personal with them."""
    seen = evidence.kinds[name]
    leaves = tuple(leaf for leaf in seen.leaves if not leaf.figure)
    lines = evidence.first.get(name, {})
    return TriedKind(
        name,
        seen.kind.length,
        seen.records,
        seen.misfits.count + seen.suspects.count,
        tuple(map(_field, leaves)),
        tuple(
            sorted(((leaf.name, s, s + leaf.field.width) for leaf in leaves for s in leaf.starts), key=lambda x: x[1])
        ),
        tuple(_record(evidence, line, why, leaves, seen, moved=moved) for line, why in lines.items()),
        dict(seen.reasons.most_common()),
    )


def _strangers(evidence: Evidence) -> TriedKind:
    """Records of no kind; what may be personal in any kind is hidden in them."""
    first = []
    for line, why in evidence.first[""].items():
        byte, content = evidence.found[line]
        hidden = [place for seen in evidence.kinds.values() for leaf in seen.leaves for place in _hidden(leaf, ASIDE)]
        cells = _masked(_cells(content, evidence, 0), hidden)
        first.append(TriedRecord(line, byte, evidence.length(content), cells, "", why))
    count = evidence.strangers.count
    return TriedKind("", 0, count, count, (), (), tuple(first), dict(evidence.strange.most_common()))


def _record(
    evidence: Evidence, line: int, why: str, leaves: tuple[Leaf, ...], seen: KindSeen, *, moved: bool
) -> TriedRecord:
    byte, content = evidence.found[line]
    layout, length = evidence.layout, seen.kind.length
    whole = evidence.length(content)
    fits = whole == length or (whole < length and layout.short == "pad")
    aside = ASIDE if why and (moved or not fits) else 0
    hidden = [place for leaf in leaves for place in _hidden(leaf, aside)]
    cells, below = _in_digits(_cells(content, evidence, length), content, leaves)
    masked, masked_below = _masked(cells, hidden), _masked(below, hidden) if below else ""
    if not fits:
        return TriedRecord(line, byte, whole, masked, masked_below, why)
    taken = Cells([content], layout, length)
    probed = [(leaf, taken.take(leaf)) for leaf in leaves]
    values = tuple(_value(leaf, one) for leaf, one in probed)
    wrong = tuple(bool(len(one.wrong)) for _, one in probed)
    return TriedRecord(line, byte, whole, masked, masked_below, why, values, wrong)


def _cells(content: bytes, evidence: Evidence, length: int) -> str:
    """A record's cells, as far as a person wants to see them: its kind's length (0: any kind's), and a little more."""
    longest = length or max(seen.kind.length for seen in evidence.kinds.values())
    chars = 4 if evidence.layout.unit == "chars" else 1
    return cells_of(content[: (longest + BEYOND) * chars], evidence.layout)[: longest + BEYOND]


def _hidden(leaf: Leaf, aside: int) -> range | list[int]:
    """The places that a personal field's characters take, and so many beside them."""
    if not leaf.personal:
        return []
    width = leaf.field.width + aside
    return [place for start in leaf.starts for place in range(max(start - aside, 0), start + width)]


def _masked(cells: str, hidden: list[int]) -> str:
    places = set(hidden)
    return "".join(HIDDEN if place in places else cell for place, cell in enumerate(cells))


def _in_digits(cells: str, content: bytes, leaves: tuple[Leaf, ...]) -> tuple[str, str]:
    """Bytes that are no text as two hexadecimal digits, one above the other."""
    places = [
        place
        for leaf in leaves
        if not leaf.is_text
        for start in leaf.starts
        for place in range(start, min(start + leaf.field.width, len(cells)))
    ]
    if not places:
        return cells, ""
    above, below = list(cells), [" "] * len(cells)
    for place in places:
        digits = f"{content[place]:02X}"
        above[place], below[place] = digits[0], digits[1]
    return "".join(above), "".join(below)


def _value(leaf: Leaf, probed: Probed) -> str:
    """The decoded value of one record; how it is spelled where it is bad."""
    if leaf.personal:
        return PERSONAL
    wrong = set(probed.wrong.tolist())
    texts = []
    for row in range(len(probed.inner)):
        spelled = probed.text(leaf, row) if row in wrong else None
        if spelled is None:
            texts.append(shown(probed.values[row].as_py()))
        else:
            texts.append(_legible(spelled, probed.page) if leaf.is_text else shown(spelled))
    if len(texts) == 1:
        return texts[0]
    more = [f"… {len(texts) - OCCURRENCES_SHOWN} more"] if len(texts) > OCCURRENCES_SHOWN else []
    return f"[{', '.join(texts[:OCCURRENCES_SHOWN] + more)}]"
