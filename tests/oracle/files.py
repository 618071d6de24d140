"""Hypothesis strategies: good files, written by the independent writer with any layout, and ways to break them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from itertools import chain
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from oracle.codepages import encode
from oracle.encoder import Style, encode_record
from oracle.layouts import DAY, FIRST_DAY, LAST_DAY, letters
from posicional.contract.layout import Control, Field, Layout, RecordKind


def values(one: Field, encoding: str, *, in_characters: bool) -> st.SearchStrategy[Any]:
    """What a field may hold, all of its occurrences."""
    if one.type == "group":
        inner = {f.name: values(f, encoding, in_characters=in_characters) for f in one.fields}
        return st.lists(st.fixed_dictionaries(inner), min_size=one.repeat, max_size=one.repeat)
    value = _value(one, encoding, in_characters)
    if not one.required and one.type != "bytes" and one.usage != "binary":
        value = st.none() | value
    return value if one.repeat == 1 else st.lists(value, min_size=one.repeat, max_size=one.repeat)


def _value(one: Field, encoding: str, in_characters: bool) -> st.SearchStrategy[Any]:
    match one.type:
        case "string":
            return st.sampled_from(one.enum) if one.enum else _texts(one, encoding, in_characters)
        case "integer" | "decimal":
            return _numbers(one)
        case "boolean":
            return st.booleans()
        case "bytes":
            return st.binary(min_size=one.width, max_size=one.width)
        case _:
            return _moments(one)


def _texts(one: Field, encoding: str, in_characters: bool) -> st.SearchStrategy[str]:
    """Texts as they come back: cut to the field's width, filled with blanks, trimmed as the field says."""

    def wide(text: str) -> int:
        return len(text) if in_characters else len(encode(text, encoding))

    def settled(text: str) -> str:
        while wide(text) > one.width:
            text = text[:-1]
        match one.trim:
            case "both":
                return text.strip(" ")
            case "left":  # the writer fills on the right, where nothing is trimmed
                text = text.lstrip(" ")
                return text + " " * (one.width - wide(text))
            case "right":
                return text.rstrip(" ")
            case "none":
                return text + " " * (one.width - wide(text))

    made = st.text(st.sampled_from(letters(encoding)), min_size=1, max_size=one.width).map(settled)
    return made.filter(lambda text: bool(text.strip(" ")) and text.strip(" ") not in one.missing)


def _numbers(one: Field) -> st.SearchStrategy[Any]:
    most = 10**one.digits - 1
    if one.usage == "binary":
        bits = 8 * one.width - (one.sign != "none")
        most = min(most, 2**bits - 1)
    least = 0 if one.sign == "none" else -most
    if one.minimum is not None:
        least = int(Decimal(str(one.minimum)).scaleb(one.scale, Context(prec=60)))
    if one.maximum is not None:
        most = min(most, int(Decimal(str(one.maximum)).scaleb(one.scale, Context(prec=60))))
    unscaled = st.integers(least, most) | st.sampled_from([least, most, max(least, 0)])
    if one.type == "integer":
        return unscaled
    return unscaled.map(
        lambda n: Decimal((int(n < 0), tuple(int(digit) for digit in str(abs(n))), -one.scale))
    )  # fmt: skip


def _moments(one: Field) -> st.SearchStrategy[Any]:
    first, last = date(1, 1, 1), date(9999, 12, 31)
    if one.pivot is not None:
        first, last = date(1900 + one.pivot, 1, 1), date(1999 + one.pivot, 12, 31)
    if isinstance(one.maximum, date):
        first, last = max(first, FIRST_DAY), min(last, LAST_DAY)
    if one.type == "time":
        return st.times().map(lambda t: t.strftime("%H:%M:%S" if "%S" in one.format else "%H:%M:00"))
    if one.type == "date":
        days = st.dates(first, last)
        return days if "%d" in one.format or "%j" in one.format else days.map(lambda day: day.replace(day=1))
    moments = st.datetimes(datetime(first.year, 1, 1), datetime(last.year, 12, 31))  # noqa: DTZ001 a wall clock
    if "%f" not in one.format:
        moments = moments.map(lambda m: m.replace(microsecond=0, second=m.second if "%S" in one.format else 0))
    return moments


@dataclass(frozen=True)
class Written:
    """A good file before it is framed: each record's kind, values and bytes."""

    layout: Layout
    records: list[tuple[RecordKind, dict[str, Any], bytes]]

    @property
    def raws(self) -> list[bytes]:
        """The records' bytes."""
        return [raw for _, _, raw in self.records]


styles = st.builds(
    Style,
    pad=st.sampled_from(["0", " "]),
    plus=st.sampled_from(["+"]),
    packed_plus=st.sampled_from([0xC, 0xF]),
    null=st.sampled_from(["", ".", "N/A"]),
)


@st.composite
def good_files(draw: st.DrawFn, layout: Layout, *, most: int = 8) -> Written:
    """A file that keeps every rule of its layout: right order, right numbers, right counts, right sums."""
    style = draw(styles)
    in_characters = layout.unit == "chars" and layout.encoding == "utf-8"
    written = Written(layout, [])
    scopes = [_Scope("file")]
    for kind in draw(orders(layout, most)):
        if kind.opens:
            scopes[-1].groups += 1
            scopes.append(_Scope(kind.opens))
        row = {f.name: draw(values(f, layout.encoding, in_characters=in_characters)) for f in kind.fields}
        row |= {check.field: DAY if check.is_date else check.equals for check in kind.checks}
        if kind.sequence:
            row["number"] = next(scope for scope in scopes if scope.name == kind.sequence.per).numbered + 1
        for control in kind.controls:
            row[control.field.name] = scopes[-1].figure(control, layout)
        raw = encode_record(layout, kind, row, style)
        if _survives(raw, layout) and not _taken_for_another(raw, kind, layout):
            written.records.append((kind, row, raw))
            for scope in scopes:
                scope.add(kind, row)
        else:
            assume(not kind.is_control)
        if kind.closes:
            inner = scopes.pop()
            scopes[-1].groups += inner.groups
    return written


@st.composite
def orders(draw: st.DrawFn, layout: Layout, most: int) -> list[RecordKind]:
    """Kinds in an order that the layout allows."""
    by_name = {kind.name: kind for kind in layout.kinds}
    details = st.sampled_from(layout.details)
    if "lot" not in by_name:
        order = draw(st.lists(details, min_size=1, max_size=most))
    else:
        lots = st.lists(details, max_size=most // 2).map(lambda inside: [by_name["lot"], *inside, by_name["end"]])
        several = st.lists(lots, max_size=3).map(lambda groups: [*chain(*groups)])
        if "region" in by_name:
            regions = several.map(lambda inside: [by_name["region"], *inside, by_name["finish"]])
            several = st.lists(regions, max_size=2).map(lambda groups: [*chain(*groups)])
        order = draw(several)
        # Details may also stand outside every group, where they are not numbered within one.
        if not any(kind.sequence for kind in layout.details):
            order = [*draw(st.lists(details, max_size=1)), *order]
    return [by_name["header"], *order, by_name["trailer"]] if "header" in by_name else order


class _Scope:
    """What was written since the file began, or since a group's header."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.kinds: Counter[str] = Counter()
        self.sums: dict[str, Decimal] = {}
        self.groups = 0
        self.numbered = 0

    def add(self, kind: RecordKind, row: dict[str, Any]) -> None:
        self.kinds[kind.name] += 1
        self.numbered += kind.sequence is not None and kind.sequence.per == self.name
        for name, value in row.items():
            if isinstance(value, (int, Decimal)):
                path = f"{kind.name}.{name}"
                self.sums[path] = self.sums.get(path, Decimal(0)) + value

    def figure(self, control: Control, layout: Layout) -> Any:
        if control.what == "sum":
            total = self.sums.get(control.summed, Decimal(0))
            return total.quantize(Decimal(1).scaleb(-control.field.scale))
        match control.of:
            case "all":
                return self.kinds.total() + 1  # the trailer counts itself
            case "detail":
                return sum(self.kinds[kind.name] for kind in layout.details)
            case "kinds":
                return sum(self.kinds[name] for name in control.kinds)
            case "group":
                return self.groups


def _taken_for_another(raw: bytes, kind: RecordKind, layout: Layout) -> bool:
    """Whether a record meets the conditions of another kind too."""
    others = [other for other in layout.kinds if other is not kind and other.when.matches]
    return any(
        all(raw[match.start : match.start + match.width] in match.values for match in other.when.matches)
        for other in others
    )


def _survives(raw: bytes, layout: Layout) -> bool:
    """Whether a line holds nothing that ends a line, and no record is all blank: a sender would not write those."""
    blank = encode(" ", layout.encoding)
    if not raw.strip(blank + b"\r\n\x1a"):
        return False
    return layout.framing != "newline" or (b"\n" not in raw and raw[-1:] not in {b"\r", b"\x1a"} and raw[:1] != b"\xef")


@st.composite
def broken(draw: st.DrawFn, data: bytes, layout: Layout) -> bytes:
    """The same file after some accidents: bytes changed, lost or put in, lines lost, doubled or joined, an odd end."""
    blank = encode(" ", layout.encoding)
    odd = [
        b"\n",
        b"\r",
        b"\r\n",
        b"\x00",
        b"\x1a",
        b"\xff",
        b"\x81",
        b"\xc3",
        b"-",
        b"9",
        b"0",
        blank,
        b"A",
        b"{",
        b"\x4d",
    ]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["set", "put", "lose", "cut", "double"])):
            case "set":
                data = data[:at] + draw(st.sampled_from(odd)) + data[at + 1 :]
            case "put":
                data = data[:at] + draw(st.sampled_from(odd)) + data[at:]
            case "lose":
                data = data[:at] + data[at + draw(st.integers(1, 12)) :]
            case "cut":
                data = data[:at]
            case "double":
                data = data[:at] + data[max(0, at - draw(st.integers(1, 40))) :]
    start = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
    return (
        start
        + data
        + draw(st.sampled_from([b"", b"", b"", b"\x1a", b"\n\n", blank * 3, b"\r\n\x1a", b"\x1a\n", b"\r"]))
    )
