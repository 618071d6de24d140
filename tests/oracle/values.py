"""The value that a field's bytes stand for, rule by rule as the design says, one value at a time."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from oracle.codepages import decode, encode
from posicional.contract.layout import Field

DIRECTIVE_WIDTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2}
OVERPUNCH = {character: (digit, 1) for digit, character in enumerate("{ABCDEFGHI")}
OVERPUNCH |= {character: (digit, -1) for digit, character in enumerate("}JKLMNOPQR")}
OVERPUNCH |= {character: (digit, 1) for digit, character in enumerate("0123456789")}


class Bad(Exception):
    """A field cannot be decoded: its dotted name and the category of the reason."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason, field)
        self.reason = reason
        self.field = field


def read_value(field: Field, raw: bytes, encoding: str) -> Any:
    """The value of one occurrence: str, int, Decimal, date, datetime, 'HH:MM:SS', bool, bytes, or None.

    Raises `Bad` with reason `encoding`, `required`, `value`, `digits`, `enum` or `range`.
    """
    value = _convert(field, raw, encoding)
    if value is None:
        if field.required:
            raise Bad("required")
        return None
    if field.enum and _as_text(field, raw, encoding) not in field.enum:
        raise Bad("enum")
    if field.minimum is not None and value < field.minimum:
        raise Bad("range")
    if field.maximum is not None and value > field.maximum:
        raise Bad("range")
    return value


def read_text(field: Field, raw: bytes, encoding: str) -> str:
    """The field's text, trimmed as a literal in the contract would be compared with it. Raises `Bad`."""
    return _as_text(field, raw, encoding)


def _convert(field: Field, raw: bytes, encoding: str) -> Any:  # noqa: PLR0911
    if field.usage == "packed":
        if raw == encode(" ", encoding) * len(raw):
            return None
        return _number(field, _packed(field, raw))
    if field.usage == "binary":
        return _number(field, int.from_bytes(raw, "big", signed=field.sign != "none"))
    if field.type == "bytes":
        return raw
    text = _decoded(raw, encoding)
    trimmed = text.strip(" ")
    if field.type == "boolean" and (text in field.true or text in field.false):
        return text in field.true
    if not trimmed or text in field.missing or trimmed in field.missing:
        return None
    match field.type:
        case "string":
            return _trim(field, text)
        case "integer" | "decimal":
            return _number(field, _display(field, text))
        case "boolean":
            if trimmed not in field.true and trimmed not in field.false:
                raise Bad("value")
            return trimmed in field.true
        case _:
            return _moment(field, text)


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        return decode(raw, encoding)
    except UnicodeDecodeError:
        raise Bad("encoding") from None


def _as_text(field: Field, raw: bytes, encoding: str) -> str:
    text = _decoded(raw, encoding)
    return _trim(field, text) if field.type == "string" else text.strip(" ")


def _trim(field: Field, text: str) -> str:
    match field.trim:
        case "both":
            return text.strip(" ")
        case "left":
            return text.lstrip(" ")
        case "right":
            return text.rstrip(" ")
        case "none":
            return text


def _number(field: Field, unscaled: int) -> int | Decimal:
    """The number with its scale, when it has no more digits than the field declares."""
    if abs(unscaled) >= 10**field.digits:
        raise Bad("digits")
    if field.type == "integer":
        return unscaled
    digits = tuple(int(digit) for digit in str(abs(unscaled)))
    return Decimal((1 if unscaled < 0 else 0, digits, -field.scale))


def _packed(field: Field, raw: bytes) -> int:
    *digits, sign = [nibble for byte in raw for nibble in (byte >> 4, byte & 15)]
    if sign not in {0xC, 0xD, 0xF} or any(digit > 9 for digit in digits):
        raise Bad("value")
    if sign == 0xD and field.sign == "none":
        raise Bad("value")
    value = int("".join(map(str, digits)) or "0")
    return -value if sign == 0xD else value


def _display(field: Field, text: str) -> int:
    """The unscaled number of a text of digits."""
    text = text.lstrip(" ")
    sign = 1
    match field.sign:
        case "leading":
            # A blank where the sign would be is a plus: the number was padded in front.
            had_blank = text != "" and len(text) < field.width
            if text[0] in "+-":
                sign, text = (-1 if text[0] == "-" else 1), text[1:]
            elif not had_blank:
                raise Bad("value")
        case "trailing":
            if text[-1] not in "+-":
                raise Bad("value")
            sign, text = (-1 if text[-1] == "-" else 1), text[:-1]
        case "overpunch":
            if text[-1] not in OVERPUNCH:
                raise Bad("value")
            last, sign = OVERPUNCH[text[-1]]
            text = text[:-1] + str(last)
        case "none":
            pass
    if field.point == "implied":
        whole, behind = text, ""
    else:
        whole, _, behind = text.partition(field.point)
        if len(behind) > field.scale or not re.fullmatch("[0-9]+", whole + behind):
            raise Bad("value")
        behind = behind.ljust(field.scale, "0")
    if not re.fullmatch("[0-9]+", whole + behind):
        raise Bad("value")
    return sign * int(whole + behind)


def _moment(field: Field, text: str) -> Any:
    """A date, a timestamp, or a time as `HH:MM:SS`, by the field's format."""
    parts = _directives(field.format, text)
    if "y" in parts:
        assert field.pivot is not None, "the loader demands a century for %y"
        parts["Y"] = parts["y"] + (2000 if parts["y"] < field.pivot else 1900)
    try:
        clock = time(parts.get("H", 0), parts.get("M", 0), parts.get("S", 0), parts.get("f", 0))
        if field.type == "time":
            return f"{clock:%H:%M:%S}"
        if "j" in parts:
            day = date(parts["Y"], 1, 1) + timedelta(days=parts["j"] - 1)
            if parts["j"] == 0 or day.year != parts["Y"]:
                raise Bad("value")
        else:
            day = date(parts["Y"], parts.get("m", 1), parts.get("d", 1))
    except (ValueError, OverflowError):
        raise Bad("value") from None
    return day if field.type == "date" else datetime.combine(day, clock)


def _directives(form: str, text: str) -> dict[str, int]:
    """What each directive of the format reads in the text; every directive has all of its digits."""
    tokens = re.findall("%.|[^%]", form)
    fraction = len(text) - sum(DIRECTIVE_WIDTHS.get(token[-1], 0) if token[0] == "%" else 1 for token in tokens)
    found: dict[str, int] = {}
    at = 0
    for token in tokens:
        if token[0] != "%":
            if text[at : at + 1] != token:
                raise Bad("value")
            at += 1
            continue
        directive = token[1]
        width = fraction if directive == "f" else DIRECTIVE_WIDTHS[directive]
        digits = text[at : at + width]
        if not re.fullmatch(f"[0-9]{{{max(width, 1)}}}", digits) or width > 6:
            raise Bad("value")
        found[directive] = int(digits.ljust(6, "0")) if directive == "f" else int(digits)
        at += width
    if at != len(text):
        raise Bad("value")
    return found
