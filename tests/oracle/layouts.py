"""Hypothesis strategies: layouts of every type, usage, encoding, framing and shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from hypothesis import strategies as st

from oracle.codepages import EBCDIC, SINGLE_BYTE, encode
from posicional.contract.layout import Control, Field, Framing, Layout, Match, RecordKind, Sign, Trim, Unit, Usage, When

DATE_FORMATS = ("%Y%m%d", "%d%m%Y", "%d/%m/%Y", "%d%m%y", "%y%m%d", "%Y%j", "%y%j", "%Y%m", "%Y-%m-%d")
Short = Literal["reject", "pad"]

TIME_FORMATS = ("%H%M%S", "%H:%M:%S", "%H%M")
TIMESTAMP_FORMATS = ("%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S%f", "%d%m%y%H%M")
FORMAT_WIDTHS = {"%Y": 4, "%j": 3, "%f": 6}
SPELLINGS = ((("S",), ("N",)), (("1", "Y"), ("0",)), (("SIM",), ("NAO",)))
LETTERS = "ABCXYZabcxyz 0123456789.,-+/"
ACCENTS = "ãçéÀñö"


def format_width(form: str) -> int:
    """Bytes of a text in a date format."""
    for directive in ("%Y", "%y", "%m", "%d", "%j", "%H", "%M", "%S", "%f"):
        form = form.replace(directive, "0" * FORMAT_WIDTHS.get(directive, 2))
    return len(form)


def letters(encoding: str) -> str:
    """Characters that every generated text is made of: some of them beyond ASCII."""
    if encoding == "utf-8":
        return LETTERS + ACCENTS + "€漢😀"
    return LETTERS + ACCENTS + ("€…" if encoding == "cp1252" else "")


@st.composite
def strings(draw: st.DrawFn) -> Field:
    """A text, trimmed in any way, perhaps with spellings of nothing."""
    trim: Trim = draw(st.sampled_from(["both", "both", "left", "right", "none"]))
    width = draw(st.integers(1, 9))
    enum = draw(st.sampled_from([(), (), (), ("A", "B")])) if trim == "both" else ()
    missing = draw(st.sampled_from([(), (), ("-",), ("N/A", "-") if width >= 3 else ("-",)]))
    return Field("", 0, width, "string", trim=trim, enum=enum, missing=missing)


@st.composite
def numbers(draw: st.DrawFn, *, display: bool = False) -> Field:
    """An integer or decimal of any usage, sign and point; `display`: only digits that can be read."""
    decimal = draw(st.booleans())
    usage: Usage = "display" if display else draw(st.sampled_from(["display", "display", "packed", "binary"]))
    missing = draw(st.sampled_from([(), (), (".",)])) if usage == "display" else ()
    if usage == "binary":
        width = draw(st.sampled_from([1, 2, 4, 8]))
        sign: Sign = draw(st.sampled_from(["none", "leading"]))
        digits = len(str(2 ** (8 * width - (sign != "none")) - 1))
        point: Any = "implied"
    elif usage == "packed":
        width = draw(st.integers(1, 19))
        sign = draw(st.sampled_from(["none", "leading"]))
        digits = max(1, width * 2 - 1 - draw(st.integers(0, 1)))
        point = "implied"
    else:
        sign = draw(st.sampled_from(["none", "none", "leading", "trailing", "overpunch"]))
        digits = draw(st.integers(1, 19) | st.integers(20, 38))
        point = draw(st.sampled_from(["implied", "implied", ".", ","])) if decimal and digits > 1 else "implied"
        width = digits + (sign in {"leading", "trailing"}) + (point != "implied")
    explicit = point != "implied"
    scale = draw(st.integers(int(explicit), min(digits - explicit, 6))) if decimal else 0
    kind: Any = "decimal" if decimal else "integer"
    return Field("", 0, width, kind, digits, scale, sign, point, usage, missing=missing)


@st.composite
def moments(draw: st.DrawFn) -> Field:
    """A date, a time or a timestamp."""
    kind: Any = draw(st.sampled_from(["date", "time", "timestamp"]))
    form = draw(st.sampled_from({"date": DATE_FORMATS, "time": TIME_FORMATS, "timestamp": TIMESTAMP_FORMATS}[kind]))
    width = format_width(form)
    # Spellings that are no date or time themselves.
    missing = draw(st.sampled_from([(), ("9" * width,) if kind == "time" else ("0" * width, "9" * width)]))
    pivot = draw(st.sampled_from([50, 0, 99])) if "%y" in form else None
    return Field("", 0, width, kind, format=form, pivot=pivot, missing=missing)


@st.composite
def booleans(draw: st.DrawFn) -> Field:
    """A boolean by its spellings."""
    true, false = draw(st.sampled_from(SPELLINGS))
    return Field("", 0, max(map(len, true + false)), "boolean", true=true, false=false)


raws = st.builds(lambda width: Field("", 0, width, "bytes"), st.integers(1, 5))


def plain_fields(*, display: bool) -> st.SearchStrategy[Field]:
    """A field without name and place; `display`: only what is text in the file."""
    texts = [strings(), numbers(display=True), moments(), booleans()]
    return st.one_of(*texts) if display else st.one_of(*texts, numbers(), raws)


@st.composite
def fields(draw: st.DrawFn, *, display: bool) -> Field:
    """A field without name and place, perhaps repeated, perhaps required, perhaps a group of fields."""
    if draw(st.integers(0, 11)) == 0:
        inner = laid_out(draw(st.lists(plain_fields(display=display), min_size=1, max_size=2)), 0, "g", draw)
        return Field("", 0, inner[-1].stop, "group", repeat=draw(st.integers(1, 3)), fields=inner)
    one = draw(plain_fields(display=display))
    required = draw(st.sampled_from([False, False, True]))
    return replace(one, required=required, repeat=draw(st.sampled_from([1, 1, 1, 1, 2, 3])))


def laid_out(made: list[Field], start: int, prefix: str, draw: st.DrawFn) -> tuple[Field, ...]:
    """Fields one behind the other, now and then with a hole of filler between them."""
    placed = []
    for number, one in enumerate(made):
        placed.append(replace(one, name=f"{prefix}{number}", start=start))
        start = placed[-1].stop + draw(st.sampled_from([0, 0, 0, 2]))
    return tuple(placed)


@st.composite
def kinds(draw: st.DrawFn, name: str, code: bytes | None, display: bool) -> RecordKind:
    """One kind, known by `code` in its first bytes; `code` None takes whatever is left."""
    size = 0 if code is None else len(code)
    placed = laid_out(draw(st.lists(fields(display=display), min_size=1, max_size=5)), size, "f", draw)
    when = When(otherwise=True) if code is None else When((Match(0, size, (code,)),))
    return RecordKind(name, "detail", when, placed[-1].stop + draw(st.sampled_from([0, 0, 3])), placed)


COUNT = Field("count", 0, 7, "integer", 7)
TOTAL = Field("total", 0, 24, "decimal", 23, sign="leading")


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """A layout with one kind of record, or with header, groups, several details and trailer."""
    framing: Framing = draw(st.sampled_from(["newline", "newline", "newline", "fixed", "rdw", "bdw"]))
    encodings = ["utf-8", *(e for e in SINGLE_BYTE if framing != "newline" or e not in EBCDIC)]
    encoding = draw(st.sampled_from(encodings))
    unit: Unit = draw(st.sampled_from(["bytes", "chars"]))
    if framing == "fixed" and encoding == "utf-8":
        unit = "bytes"  # records of characters of several bytes have no fixed length
    display = unit == "chars" and encoding == "utf-8"
    made = draw(all_kinds(encoding, display))
    if framing == "fixed":
        made = [replace(kind, length=max(k.length for k in made)) for kind in made]
    short: Short = draw(st.sampled_from(["reject", "reject", "pad"]))
    return Layout("made", "0" * 64, encoding, unit, framing, short, tuple(made))


@st.composite
def all_kinds(draw: st.DrawFn, encoding: str, display: bool) -> list[RecordKind]:
    """The kinds of one layout: a single one, several details, or these between headers and trailers."""
    shape = draw(st.sampled_from(["single", "single", "details", "framed", "grouped"]))
    if shape == "single":
        return [draw(kinds("record", None, display))]
    made = [draw(kinds("one", encode("1", encoding), display))]
    if draw(st.booleans()):
        made.append(draw(kinds("two", draw(st.sampled_from([encode("2", encoding), None])), display)))
    if shape == "details":
        return made
    header = replace(draw(kinds("header", encode("0", encoding), display)), role="header", table=draw(st.booleans()))
    trailer = draw(trailers("trailer", encode("9", encoding), made, display))
    if shape == "framed":
        return [header, *made, trailer]
    lot = replace(draw(kinds("lot", encode("5", encoding), display)), role="header", opens="lot")
    end = replace(draw(trailers("end", encode("6", encoding), made, display)), closes="lot")
    return [header, lot, *made, end, trailer]


@st.composite
def trailers(draw: st.DrawFn, name: str, code: bytes, details: list[RecordKind], display: bool) -> RecordKind:
    """A trailer with a count, and with the sum of some number of a detail where there is one."""
    kind = draw(kinds(name, code, display))
    count = replace(COUNT, start=kind.length)
    added = [count]
    controls = [Control("count", draw(st.sampled_from(["all", "detail"])), (), "", count)]
    for detail in details:
        summed = [f for f in detail.fields if f.type in {"integer", "decimal"} and f.repeat == 1 and f.digits <= 18]
        if summed:
            added.append(replace(TOTAL, start=count.stop, scale=summed[0].scale))
            controls.append(Control("sum", "all", (), f"{detail.name}.{summed[0].name}", added[-1]))
            break
    fields = (*kind.fields, *added)
    return replace(kind, role="trailer", length=added[-1].stop, fields=fields, controls=tuple(controls))
