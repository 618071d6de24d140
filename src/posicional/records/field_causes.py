"""Why the values of one field are bad: guessed from how the bad ones are spelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from posicional.records.evidence import Cause, FieldSeen
from posicional.records.visible import shown

MOST, NEARLY_ALL = 0.5, 0.9
NUMBERS, MOMENTS = ("integer", "decimal"), ("date", "time", "timestamp")

_FILLERS = frozenset(["0", "9", "*", "-", ".", "x", "X", "#", "?", "/"])
_FILLER_DATES = frozenset({"99991231", "31129999", "00010101", "01010001", "9999-12-31", "31/12/9999", "0001-01-01"})
_YEARS = range(1850, 2200)
_FORMATS = (
    "%Y%m%d", "%d%m%Y", "%d%m%y", "%y%m%d", "%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d/%m/%y",
    "%Y%j", "%y%j", "%Y%m", "%m%Y", "%m/%Y", "%m%d%Y", "%m/%d/%Y", "%m%d%y",
    "%Y%m%d%H%M%S", "%d%m%Y%H%M%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S",
    "%H%M%S", "%H:%M:%S", "%H%M", "%H:%M",
)  # fmt: skip


def cause_of(seen: FieldSeen, records: int) -> Cause | None:
    """The likeliest cause of a field's bad values; None where their spellings say nothing.

    What to change in the layout is only said where it would be right for most of the `records`.
    """
    if cause := _spelled_nothing(seen) or _other_values(seen):
        return cause
    found = next((cause for look in _LOOKS if (cause := look(seen))), None)
    if found and seen.bad < MOST * records * len(seen.leaf.starts):
        return replace(found, hint="the other values are as the layout says: ask who sends them")
    return found


def _spelled_nothing(seen: FieldSeen) -> Cause | None:
    """Nearly all bad values are one spelling, or two or three, that seems to stand for nothing."""
    if not seen.leaf.is_text or seen.leaf.field.type == "string":
        return None
    common = [(text, count) for text, count in seen.spellings.most_common(3) if _is_filler(text)]
    covered = sum(count for _, count in common)
    if not common or covered < NEARLY_ALL * seen.bad:
        return None
    texts = [str(text).strip(" ") for text, _ in common]
    listed = ", ".join(f'"{text}"' for text in texts)
    return Cause(f"{_so_many(covered, seen)} {' or '.join(texts)}", f"add missing: [{listed}]")


def one_spelling(seen: FieldSeen) -> Cause | None:
    """All bad values are spelled alike: a weak cause, for want of a better."""
    if seen.leaf.personal or len(seen.spellings) != 1 or seen.bad < 3:
        return None
    text = next(iter(seen.spellings))
    if not isinstance(text, str):
        return None
    return Cause(
        f"{_so_many(seen.bad, seen)} {shown(text)!r}", f'if it stands for nothing: missing: ["{text.strip(" ")}"]'
    )


def _is_filler(text: str | bytes) -> bool:
    """Whether a spelling holds nothing of anybody: one sign over and over, or a date beyond all dates."""
    if not isinstance(text, str):
        return False
    bare = text.strip(" ")
    return (len(set(bare)) == 1 and bare[0] in _FILLERS) or bare in _FILLER_DATES


def _not_unpacked(seen: FieldSeen) -> Cause | None:
    """Packed digits are read as text, or text as packed digits."""
    field = seen.leaf.field
    if field.type not in NUMBERS or field.usage == "binary":
        return None
    spelled = {_bytes(text): count for text, count in seen.spellings.items()}
    if field.usage == "packed":
        digits = sum(n for raw, n in spelled.items() if re.fullmatch(rb" *[0-9]+|[\xf0-\xf9]+", raw))
        return (
            Cause(f"{_so_many(digits, seen)} digits as text, not packed", "usage: display")
            if _most(digits, seen)
            else None
        )
    packed = sum(n for raw, n in spelled.items() if not _is_printed(raw) and re.fullmatch("[0-9]+[cdf]", raw.hex()))
    if not _most(packed, seen):
        return None
    return Cause(f"{_so_many(packed, seen)} packed digits, two a byte", "usage: packed")


def _is_printed(raw: bytes) -> bool:
    """Whether the bytes are plain characters: those of digits have decimal digits for hexadecimal ones too."""
    return all(0x20 <= byte < 0x7F for byte in raw)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1", "replace")


def _patterned(seen: FieldSeen) -> Cause | None:
    """Bad numbers have something in common: a point, blanks behind, a sign."""
    field = seen.leaf.field
    if field.type not in NUMBERS or field.usage != "display":
        return None
    for applies, pattern, text, hint in _PATTERNS:
        count = _count(seen.spellings, pattern) if applies(field.sign, field.point) else 0
        if _most(count, seen):
            return Cause(f"{_so_many(count, seen)} {text}", hint)
    return None


_PATTERNS: tuple[tuple[Callable[[str, str], bool], str, str, str], ...] = (
    (lambda _, point: point != ".", r" *[+-]?[0-9]*\.[0-9]+[+-]?", "written with a point", 'point: "."'),
    (lambda _, point: point != ",", r" *[+-]?[0-9]*,[0-9]+[+-]?", "written with a decimal comma", 'point: ","'),
    (
        lambda _, __: True,
        r" *[+-]?[0-9]{1,3}([.,][0-9]{3})+([.,][0-9]+)? *",
        "written with separators between the thousands, which no layout reads",
        "read it as a string, and convert it in the SQL",
    ),
    (
        lambda _, __: True,
        r" *[+-]?[0-9.,]+ +",
        "padded with blanks behind the digits; numbers may have them only in front",
        "read it as a string, and convert it in the SQL",
    ),
    (lambda sign, _: sign != "leading", r" *[+-][0-9.,]+", "written with a sign in front", "sign: leading"),
    (lambda sign, _: sign != "trailing", r" *[0-9.,]+[+-]", "written with a sign behind", "sign: trailing"),
    (
        lambda sign, _: sign != "overpunch",
        r" *[0-9]*[{}A-R]",
        "written with a sign within the last digit",
        "sign: overpunch",
    ),
    (lambda sign, _: sign in ("leading", "trailing"), r" *[0-9.,]+", "written without a sign", "sign: none"),
)


def _other_format(seen: FieldSeen) -> Cause | None:
    """Bad dates are good ones in another format."""
    field = seen.leaf.field
    if field.type not in MOMENTS or seen.bad < 3:
        return None
    spelled = [text for text in seen.spellings if isinstance(text, str) and not _is_filler(text)]
    if not spelled:
        return None
    fits = [(sum(_reads(text, each) for text in spelled), each) for each in _FORMATS if each != field.format]
    count, best = max(fits, key=lambda fit: fit[0])
    if count < NEARLY_ALL * len(spelled):
        return None
    of_type = "date" if not re.search("%[HM]", best) else "timestamp" if "%d" in best else "time"
    other = "" if of_type == field.type else f", type: {of_type}"
    century = ", century: {pivot: 50}" if "%y" in best and "%y" not in field.format else ""
    values = sum(seen.spellings[text] for text in spelled if _reads(text, best))
    return Cause(f"{_so_many(values, seen)} right as {best}", f'format: "{best}"{other}{century}')


def _reads(text: str, format_: str) -> bool:
    try:
        found = datetime.strptime(text, format_)  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return len(text) == len(found.strftime(format_)) and (found.year in _YEARS or "%Y" not in format_)


def _other_values(seen: FieldSeen) -> Cause | None:
    """Values that the layout does not list."""
    field = seen.leaf.field
    if seen.leaf.personal or not (field.enum or field.type == "boolean"):
        return None
    texts = [text.strip(" ") for text, _ in seen.spellings.most_common(5) if isinstance(text, str) and text.strip(" ")]
    if not texts or len(seen.spellings) > 12:
        return None
    listed = ", ".join(f'"{shown(text)}"' for text in texts)
    if field.type == "boolean":
        return Cause(f"other spellings stand there: {listed}", "add them to true or false, or to missing")
    return Cause(f"other values stand there: {listed}", f"add to enum: [{listed}]")


def _nothing_there(seen: FieldSeen) -> Cause | None:
    """A required value is blank, or one of the spellings of nothing."""
    if not _most(seen.reasons["required"], seen):
        return None
    return Cause(
        f"{_so_many(seen.reasons['required'], seen)} empty, and the layout wants a value", "leave required out"
    )


def _no_numbers(seen: FieldSeen) -> Cause | None:
    """Letters stand where a number should: the field is a text."""
    if seen.leaf.field.type not in NUMBERS or seen.leaf.field.usage != "display" or seen.bad < 3:
        return None
    count = _count(seen.spellings, r".*[^\W\d_].*")
    if count < NEARLY_ALL * seen.bad:
        return None
    return Cause(f"{_so_many(count, seen)} no numbers but text", "type: string, or other positions")


_LOOKS: tuple[Callable[[FieldSeen], Cause | None], ...] = (
    _nothing_there,
    _not_unpacked,
    _patterned,
    _other_format,
    _no_numbers,
)


def _count(spellings: Counter[str | bytes], pattern: str) -> int:
    """How many values have a spelling like this."""
    return sum(count for text, count in spellings.items() if isinstance(text, str) and re.fullmatch(pattern, text))


def _most(count: int, seen: FieldSeen) -> bool:
    return count > 0 and count >= MOST * seen.bad


def _so_many(count: int, seen: FieldSeen) -> str:
    if count >= seen.bad:
        return "it is" if seen.bad == 1 else f"all {seen.bad:,} are"
    return f"{count:,} of {seen.bad:,} are"
