"""Hypothesis strategies: layouts of every type, usage, encoding, framing and shape."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal
from typing import Any, Literal

from hypothesis import strategies as st

from oracle.codepages import EBCDIC, SINGLE_BYTE, encode
from posicional.contract.layout import (
    Check,
    Control,
    Field,
    Framing,
    Layout,
    Match,
    RecordKind,
    Role,
    Sequence,
    Sign,
    Trim,
    Unit,
    Usage,
    When,
)

DATE_FORMATS = ("%Y%m%d", "%d%m%Y", "%d/%m/%Y", "%d%m%y", "%y%m%d", "%Y%j", "%y%j", "%Y%m", "%Y-%m-%d")
Short = Literal["reject", "pad"]
Counted = Literal["all", "detail", "group", "kinds"]

TIME_FORMATS = ("%H%M%S", "%H:%M:%S", "%H%M")
TIMESTAMP_FORMATS = ("%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S%f", "%d%m%y%H%M")
FORMAT_WIDTHS = {"%Y": 4, "%j": 3, "%f": 6}
SPELLINGS = ((("S",), ("N",)), (("1", "Y"), ("0",)), (("SIM",), ("NAO",)))
LETTERS = "ABCXYZabcxyz 0123456789.,-+/"
ACCENTS = "ãçéÀñö"


FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2020, 12, 31)
"""Bounds of dates that have any."""

DAY = date(2026, 11, 22)
"""The business date that headers must say."""


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
    made = Field("", 0, width, kind, digits, scale, sign, point, usage, missing=missing)
    if usage == "binary" or draw(st.integers(0, 5)):
        return made
    # Bounds inside what the digits allow: some values must be possible, and some not.
    low, high = (10**digits // 3, 10**digits // 2) if decimal else (0, 10**digits // 2)
    bound = (lambda n: Decimal(n).scaleb(-scale, Context(prec=60))) if decimal else int
    return replace(made, minimum=draw(st.sampled_from([None, bound(low)])), maximum=bound(high))


@st.composite
def moments(draw: st.DrawFn) -> Field:
    """A date, a time or a timestamp."""
    kind: Any = draw(st.sampled_from(["date", "time", "timestamp"]))
    form = draw(st.sampled_from({"date": DATE_FORMATS, "time": TIME_FORMATS, "timestamp": TIMESTAMP_FORMATS}[kind]))
    width = format_width(form)
    # Spellings that are no date or time themselves.
    missing = draw(st.sampled_from([(), ("9" * width,) if kind == "time" else ("0" * width, "9" * width)]))
    pivot = draw(st.sampled_from([50, 0, 99])) if "%y" in form else None
    made = Field("", 0, width, kind, format=form, pivot=pivot, missing=missing)
    if kind != "date" or draw(st.integers(0, 3)):
        return made
    return replace(made, minimum=draw(st.sampled_from([None, FIRST_DAY])), maximum=LAST_DAY)


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


@dataclass(frozen=True)
class Plan:
    """What the kinds of one layout have in common. `numbered`: the scope in which records are counted, if any."""

    encoding: str
    display: bool
    numbered: str = ""

    def code(self, text: str, at: int = 0) -> When:
        """A condition on one character."""
        return When((Match(at, 1, (encode(text, self.encoding),)),))


CODES = 2
"""Characters in front of the fields, where conditions look."""

NUMBER = Field("number", CODES, 4, "integer", 4)
COUNT = Field("count", 0, 7, "integer", 7)
TOTAL = Field("total", 0, 24, "decimal", 23, sign="leading")
TODAY = Field("today", 0, 8, "date", format="%Y%m%d")
SENDER = Field("sender", 0, 5, "string")


@st.composite
def kinds(draw: st.DrawFn, name: str, plan: Plan, when: When, role: Role = "detail") -> RecordKind:
    """One kind of record: room for its code, its number where records have one, then fields."""
    numbered = plan.numbered == "file" or (plan.numbered == "lot" and role == "detail")
    start = NUMBER.stop if numbered else CODES if when.matches else 0
    placed = laid_out(draw(st.lists(fields(display=plan.display), min_size=1, max_size=4)), start, "f", draw)
    length = placed[-1].stop + draw(st.sampled_from([0, 0, 3]))
    if not numbered:
        return RecordKind(name, role, when, length, placed)
    sequence = Sequence(NUMBER, 1, plan.numbered)
    return RecordKind(name, role, when, length, (NUMBER, *placed), sequence=sequence)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """A layout with one kind of record, or with header, groups, several details and trailer."""
    framing: Framing = draw(st.sampled_from(["newline", "newline", "newline", "fixed", "rdw", "bdw"]))
    encodings = ["utf-8", *(e for e in SINGLE_BYTE if framing != "newline" or e not in EBCDIC)]
    encoding = draw(st.sampled_from(encodings))
    unit: Unit = draw(st.sampled_from(["bytes", "chars"]))
    if framing == "fixed" and encoding == "utf-8":
        unit = "bytes"  # records of characters of several bytes have no fixed length
    made = draw(all_kinds(Plan(encoding, display=unit == "chars" and encoding == "utf-8")))
    short: Short = draw(st.sampled_from(["reject", "reject", "pad"]))
    if framing == "fixed":
        made = [replace(kind, length=max(k.length for k in made)) for kind in made]
        short = "reject"
    return Layout("made", "0" * 64, encoding, unit, framing, short, tuple(made))


@st.composite
def all_kinds(draw: st.DrawFn, plan: Plan) -> list[RecordKind]:
    """The kinds of one layout: a single one, several details, or these between headers and trailers."""
    shape = draw(st.sampled_from(["single", "single", "details", "framed", "grouped", "nested"]))
    if shape == "single":
        return [draw(kinds("record", plan, draw(st.sampled_from([When(), When(), plan.code("1")]))))]
    scopes = ["", "", "file", "lot"] if shape in {"grouped", "nested"} else ["", "", "file"]
    plan = replace(plan, numbered=draw(st.sampled_from(scopes)))
    made = [draw(kinds("one", plan, plan.code("1")))]
    if draw(st.booleans()):
        # A condition elsewhere: a record can meet it and the other one as well.
        rest = [plan.code("2"), plan.code("2", at=1)] + ([When(otherwise=True)] if not plan.numbered else [])
        made.append(draw(kinds("two", plan, draw(st.sampled_from(rest)))))
    if shape == "details":
        return made
    header, trailer = draw(headers(plan)), draw(trailers("trailer", plan, "9", made, grouped=shape != "framed"))
    if shape == "framed":
        return [header, *made, trailer]
    lot = replace(draw(kinds("lot", plan, plan.code("5"), "header")), opens="lot", table=draw(st.booleans()))
    end = replace(draw(trailers("end", plan, "6", made)), closes="lot")
    if shape == "grouped":
        return [header, lot, *made, end, trailer]
    region = replace(draw(kinds("region", plan, plan.code("7"), "header")), opens="region")
    finish = replace(draw(trailers("finish", plan, "8", made, grouped=True)), closes="region")
    return [header, region, lot, *made, end, finish, trailer]


@st.composite
def headers(draw: st.DrawFn, plan: Plan) -> RecordKind:
    """A file's header, which may have to say the day and the sender."""
    kind = draw(kinds("header", plan, plan.code("0"), "header"))
    kind = replace(kind, table=draw(st.booleans()))
    if draw(st.booleans()):
        return kind
    today = replace(TODAY, start=kind.length)
    sender = replace(SENDER, start=today.stop)
    checks = (Check("today", "date", is_date=True), Check("sender", "ERP"))
    return replace(kind, length=sender.stop, fields=(*kind.fields, today, sender), checks=checks)


@st.composite
def trailers(
    draw: st.DrawFn, name: str, plan: Plan, code: str, details: list[RecordKind], *, grouped: bool = False
) -> RecordKind:
    """A trailer with a count, and with the sum of some number of a detail where there is one."""
    kind = draw(kinds(name, plan, plan.code(code), "trailer"))
    count = replace(COUNT, start=kind.length)
    added = [count]
    of: Counted = draw(st.sampled_from(["all", "detail", "kinds", *(["group"] if grouped else [])]))
    counted = (details[0].name,) if of == "kinds" else ()
    controls = [Control("count", of, counted, "", count, zero_unfilled=draw(st.booleans()))]
    for detail in details:
        summed = [f for f in detail.fields if f.type in {"integer", "decimal"} and f.repeat == 1 and f.digits <= 18]
        if summed:
            added.append(replace(TOTAL, start=count.stop, scale=summed[-1].scale))
            controls.append(Control("sum", "kinds", (), f"{detail.name}.{summed[-1].name}", added[-1]))
            break
    fields = (*kind.fields, *added)
    return replace(kind, length=added[-1].stop, fields=fields, controls=tuple(controls))
