"""Why a layout does not fit a file, probably.

Each cause is a guess from evidence: what it was seen by, and what to write into the layout. No value of a personal
field is in it. Causes of the whole file are in `file_causes`, of single fields in `field_causes`, of kinds here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from posicional.contract.layout import Match, RecordKind
from posicional.records import file_causes
from posicional.records.evidence import Cause, Evidence, KindSeen
from posicional.records.field_causes import cause_of, one_spelling
from posicional.records.probe import ASIDE, Cells, Leaf, Probed
from posicional.records.visible import cells_of

NEARLY_ALL = 0.9
LOOKED_AT = 500
"""Records that a guess is tried on."""

_OF_ALL = (file_causes.packed, file_causes.utf16, file_causes.code_page, file_causes.framing)
_ASIDE = tuple(shift for step in range(1, ASIDE + 1) for shift in (step, -step))


def causes_of(evidence: Evidence) -> tuple[tuple[Cause, ...], bool]:
    """All likely causes: of the file, of kinds of records, of fields; and whether there is one that explains it all."""
    for look in _OF_ALL:
        if cause := look(evidence):
            return (cause,), True
    found = list(file_causes.encoding(evidence))
    is_encoded_otherwise = bool(found)
    found += () if found else _lengths(evidence)
    found += _strange(evidence)
    for seen in evidence.kinds.values():
        found += _of_fields(seen, None if is_encoded_otherwise else _shift(evidence, seen))
    return tuple(found), False


def _of_fields(seen: KindSeen, shift: _Shift | None) -> Iterator[Cause]:
    """The causes of a kind's fields, and the shift instead of those behind it: unless one alone has its own."""
    own = {one.leaf.name: cause_of(one, seen.rows + seen.suspects.count) for one in seen.fields.values()}
    moved = {one.leaf.name for one in seen.fields.values() if shift and one.leaf.starts[0] >= shift.begin}
    if len(moved) == 1 and own[next(iter(moved))]:
        moved.clear()
    elif shift:
        yield shift.cause
    for one in seen.fields.values():
        if one.leaf.name not in moved and (cause := own[one.leaf.name] or one_spelling(one)):
            yield replace(cause, kind=seen.kind.name, field=one.leaf.name)


# --- lengths ---


def _lengths(evidence: Evidence) -> Iterator[Cause]:
    """Records are longer or shorter than their kind says; said once where it is the same of several kinds."""
    unit = evidence.layout.unit
    misfits = [seen for seen in evidence.kinds.values() if seen.lengths]
    others = "bytes" if unit == "chars" else "chars"
    trimmed = [seen for seen in misfits if _are_trimmed(seen)]
    alike: dict[tuple[int, int], list[KindSeen]] = {}
    for seen in misfits:
        ((length, count),) = seen.lengths.most_common(1)
        if count >= NEARLY_ALL * seen.records:
            alike.setdefault((length, seen.kind.length), []).append(seen)
    if evidence.layout.encoding == "utf-8" and misfits and _with_accents_fit(evidence, others):
        yield Cause(f"lines are as long as they should be in {others}: that is what positions count", f"unit: {others}")
    elif trimmed:
        kind = "" if len(trimmed) == len(misfits) > 1 else trimmed[0].kind.name
        text = "the short records end at their last character: somebody has trimmed the blanks behind it"
        yield Cause(text, "record: {short: pad}", kind)
    else:
        for (length, declared), kinds in alike.items():
            many, every = (sum(each) for each in zip(*((k.lengths[length], k.records) for k in kinds), strict=True))
            all_of = f"all {many:,}" if many == every else f"{many:,} of {every:,}"
            text = f"{all_of} records are {length} {unit} long; the layout says {declared}"
            wider = (
                f"{{filler: {length - declared}}} for what is new"
                if length > declared
                else "what is not there left out"
            )
            hint = f"record: {{length: {length}}}, and fields that cover it, {wider}"
            yield Cause(text, hint, kinds[0].kind.name if len(kinds) == 1 else "")


def _with_accents_fit(evidence: Evidence, unit: str) -> bool:
    """Whether nearly all records with accents have, in a unit, a length that some kind has."""
    lengths = {kind.length for kind in evidence.layout.kinds}
    records = [record for record in evidence.sample.contents if not record.isascii()]
    sizes = [len(record) if unit == "bytes" else len(record.decode(errors="replace")) for record in records]
    return bool(records) and sum(size in lengths for size in sizes) >= NEARLY_ALL * len(records)


def _are_trimmed(seen: KindSeen) -> bool:
    """Whether records lack only blanks behind: they end in something else, and nothing that must be there is cut."""
    needed = max(
        (
            start + leaf.field.width
            for leaf in seen.leaves
            if leaf.field.type != "string" or leaf.field.required
            for start in leaf.starts
        ),
        default=0,
    )
    one_length = len(seen.lengths) == 1 and seen.misfits.count >= 3 and next(iter(seen.lengths)) != needed
    whole = min(seen.lengths) >= needed and max(seen.lengths) < seen.kind.length
    return whole and not one_length and not any(content.endswith(b" ") for content in seen.misfits.contents)


# --- records of no kind ---


def _strange(evidence: Evidence) -> Iterator[Cause]:
    """What stands where kinds of records are told apart, in records that are of none."""
    unknown = evidence.strange["unknown kind"]
    if not unknown:
        return
    many = "1 record is" if unknown == 1 else f"{unknown:,} records are"
    contents = evidence.strangers.contents
    for shift in _ASIDE:
        known = sum(any(_is_kind(kind, content, shift) for kind in evidence.layout.kinds) for content in contents)
        if known >= NEARLY_ALL * len(contents):
            text = f"{many} of no kind; they look shifted by {_times(abs(shift))} to the {_side(shift)}"
            yield Cause(text, "look at what stands in front of the first field")
            return
    places = {(match.start, match.width): match for kind in evidence.layout.kinds for match in kind.when.matches}
    said = [_standing(evidence, match) for match in places.values() if not _is_personal(match, evidence)]
    where = "; ".join(filter(None, said))
    hint = "add a kind for them, or say when: {otherwise: true} of one that takes the rest"
    yield Cause(f"{many} of no kind" + (f": {where}" if where else ""), hint)


def _is_kind(kind: RecordKind, content: bytes, shift: int) -> bool:
    """Whether a record would be of a kind if it stood a few positions beside (of texts beyond ASCII: roughly)."""
    begins = [match.start + shift for match in kind.when.matches]
    return bool(begins) and all(
        begin >= 0 and content[begin : begin + match.width] in match.values
        for begin, match in zip(begins, kind.when.matches, strict=True)
    )


def _standing(evidence: Evidence, match: Match) -> str:
    layout = evidence.layout
    stop = match.start + match.width
    found = Counter(cells_of(raw, layout)[match.start : stop] for raw in evidence.strangers.contents)
    whole = {text: count for text, count in found.most_common() if len(text) == match.width}
    listed = [f"{text!r} {f'{count:,} times' if count > 1 else 'once'}" for text, count in list(whole.items())[:4]]
    listed += [f"and {len(whole) - 4:,} other values"] if len(whole) > 4 else []
    short = sum(count for text, count in found.items() if len(text) < match.width)
    listed += [f"{short:,} end before"] if short else []
    return f"at {match.start + 1}-{stop} stands {', '.join(listed)}" if listed else ""


def _is_personal(match: Match, evidence: Evidence) -> bool:
    """Whether a personal field of some kind stands where records are told apart, or so near that it may have moved."""
    return any(
        leaf.personal and start - ASIDE < match.start + match.width and match.start < start + leaf.field.width + ASIDE
        for seen in evidence.kinds.values()
        for leaf in seen.leaves
        for start in leaf.starts
    )


# --- positions ---


@dataclass(frozen=True, slots=True)
class _Shift:
    """Fields from the offset `begin` on stand elsewhere."""

    begin: int
    cause: Cause


def _shift(evidence: Evidence, seen: KindSeen) -> _Shift | None:
    """From some field on, everything stands a few positions beside where the layout says."""
    contents = (seen.suspects.contents or seen.misfits.contents)[:LOOKED_AT]
    leaves = [leaf for leaf in seen.leaves if not leaf.figure]
    if len(contents) < 3 or not leaves or not set(seen.reasons) <= {"too long", "too short"}:
        return None
    cells = Cells(contents, evidence.layout, seen.kind.length)
    bad = {shift: _bad(cells, leaves, shift) for shift in (0, *_ASIDE)}
    if bad[0].sum() < len(contents) / 2:  # a bad value here and there, or none that tells
        return None
    fits = [_best_begin(bad[0] + _odd(cells, leaves, shift), bad[shift], shift) for shift in _ASIDE]
    cost, low, high, shift = min(fits, key=lambda fit: fit[0])
    if high == len(leaves) or cost > (1 - NEARLY_ALL) * bad[0].sum():
        return None
    begin = leaves[high].starts[0]
    after = max((leaf.starts[-1] + leaf.field.width for leaf in leaves[:high]), default=0)
    which = f"every field after {after}" if high else "every field"
    text = f"{which} (from {leaves[high].name} on) looks shifted by {_times(abs(shift))} to the {_side(shift)}"
    first = max((leaf.starts[-1] + leaf.field.width for leaf in leaves[:low]), default=0) + 1
    where = f"in front of {leaves[high].name}" if low == high else f"somewhere from {first} to {begin + 1}"
    has = "lacks" if shift > 0 else "has"
    hint = f"the layout {has} {_positions(abs(shift))}{'' if shift > 0 else ' too many'} {where}"
    return _Shift(begin, Cause(text, hint, kind=seen.kind.name))


def _bad(cells: Cells, leaves: list[Leaf], shift: int) -> npt.NDArray[np.float64]:
    """How many values of each field would be bad, so many positions beside (for one of several occurrences, a part).

    A value that is only blank there is bad too, unless it is blank where the layout has it. One that would go beyond
    its record is as good or bad as it stands.
    """
    bad = np.zeros(len(leaves))
    for number, leaf in enumerate(leaves):
        here, there = cells.take(leaf), cells.take(leaf, shift)
        stops = (np.array(leaf.starts) + leaf.field.width + shift)[None, :]
        beyond = (stops > cells.lengths[:, None]).reshape(-1)
        wrong = np.where(beyond, _wrong(here), _wrong(there) | (_blank(there) & ~_blank(here)))
        bad[number] = wrong.sum() / len(leaf.starts)
    return bad


def _wrong(values: Probed) -> npt.NDArray[np.bool_]:
    wrong = np.zeros(len(values.inner), bool)
    wrong[values.wrong] = True
    return wrong


def _blank(values: Probed) -> npt.NDArray[np.bool_]:
    blank: npt.NDArray[np.bool_] = (values.inner == ord(" ")).all(axis=1)
    return blank


def _odd(cells: Cells, leaves: list[Leaf], shift: int) -> npt.NDArray[np.float64]:
    """How many texts of each field look cut off by an edge as they stand, and would not, so many positions beside.

    Nearly all of them begin with a blank, or end without one; beside, they do not, and begin with something.
    """
    edge = 0 if shift > 0 else -1
    odd = np.zeros(len(leaves))
    for number, leaf in enumerate(leaves):
        if leaf.is_text and leaf.field.width >= 3 and (shift > 0 or leaf.field.type == "string"):
            here, there = cells.take(leaf).inner == ord(" "), cells.take(leaf, shift).inner == ord(" ")
            before, behind = here[:, edge].mean(), there[:, edge].mean()
            cut = (before, behind) if shift > 0 else (1 - before, 1 - behind)
            if cut[0] >= NEARLY_ALL and cut[1] <= 1 - NEARLY_ALL and there[:, 0].mean() <= 1 - NEARLY_ALL:
                odd[number] = cells.count * (cut[0] - cut[1])
    return odd


def _best_begin(
    bad: npt.NDArray[np.float64], moved: npt.NDArray[np.float64], shift: int
) -> tuple[float, int, int, int]:
    """From which field on to shift: what stays bad, the first and the last field that leave as little, the shift."""
    costs = np.concatenate([[0.0], np.cumsum(bad)]) + np.concatenate([np.cumsum(moved[::-1])[::-1], [0.0]])
    best = np.flatnonzero(costs == costs.min())
    return float(costs.min()), int(best[0]), int(best[-1]), shift


def _times(number: int) -> str:
    return ("one", "two", "three")[number - 1]


def _side(shift: int) -> str:
    return "right" if shift > 0 else "left"


def _positions(number: int) -> str:
    return f"{_times(number)} position{'s' if number > 1 else ''}"
