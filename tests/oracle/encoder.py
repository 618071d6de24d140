"""A writer of positional files, independent of every reader: a layout and values make bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from oracle.codepages import encode
from posicional.contract.layout import Field, Layout, RecordKind


@dataclass(frozen=True)
class Style:
    """What a sender may choose: all of these spell the same values.

    `pad` fills numbers in front; `plus` is the sign of positive numbers with a leading sign (a blank needs blanks in
    front); `packed_plus` the nibble of positive packed numbers; `null` the spelling of nothing (empty = blanks).
    """

    pad: str = "0"
    plus: str = "+"
    packed_plus: int = 0xC
    null: str = ""
    filler: str = " "


def encode_record(layout: Layout, kind: RecordKind, values: Mapping[str, Any], style: Style = Style()) -> bytes:
    """One record's bytes, without line end or descriptor: conditions, then fields, filler everywhere else."""
    if layout.unit == "chars" and layout.encoding == "utf-8":
        cells = [style.filler] * kind.length
        for match in kind.when.matches:
            cells[match.start : match.start + match.width] = match.values[0].decode()
        for one in kind.fields:
            text = encode_field(one, values[one.name], "utf-8", style, in_characters=True).decode()
            assert len(text) == one.stop - one.start, one
            cells[one.start : one.stop] = text
        return "".join(cells).encode()
    record = bytearray(encode(style.filler, layout.encoding) * kind.length)
    for match in kind.when.matches:
        record[match.start : match.start + match.width] = match.values[0]
    for one in kind.fields:
        raw = encode_field(one, values[one.name], layout.encoding, style)
        assert len(raw) == one.stop - one.start, one
        record[one.start : one.stop] = raw
    assert len(record) == kind.length
    return bytes(record)


def encode_file(
    layout: Layout,
    records: Iterable[bytes],
    *,
    line_end: bytes = b"\n",
    last_end: bool = True,
    block: int = 3,
) -> bytes:
    """Records framed as the layout says; `block` is the number of records in a block of `bdw`."""
    framed = list(records)
    match layout.framing:
        case "newline":
            return line_end.join(framed) + (line_end if framed and last_end else b"")
        case "fixed":
            return b"".join(framed)
        case "rdw":
            return b"".join(map(_described, framed))
        case "bdw":
            described = [*map(_described, framed)]
            blocks = [b"".join(described[i : i + block]) for i in range(0, len(described), block)]
            return b"".join(map(_described, blocks))


def _described(data: bytes) -> bytes:
    return (len(data) + 4).to_bytes(2, "big") + b"\0\0" + data


def encode_field(one: Field, value: Any, encoding: str, style: Style, *, in_characters: bool = False) -> bytes:
    """All occurrences of a field."""
    if one.type == "group":
        return b"".join(_occurrence(one, item, encoding, style, in_characters) for item in value)
    items = value if one.repeat > 1 else [value]
    return b"".join(encode_value(one, item, encoding, style, in_characters=in_characters) for item in items)


def _occurrence(one: Field, item: Mapping[str, Any], encoding: str, style: Style, in_characters: bool) -> bytes:
    blank = encode(" ", encoding)
    made = b""
    width = 0
    for inner in sorted(one.fields, key=lambda f: f.start):
        made += blank * (inner.start - width)
        made += encode_field(inner, item[inner.name], encoding, style, in_characters=in_characters)
        width = inner.stop
    return made + blank * (one.width - width)


def encode_value(one: Field, value: Any, encoding: str, style: Style, *, in_characters: bool = False) -> bytes:
    """One occurrence, exactly as wide as the field."""
    if value is None:
        spelled = style.null if style.null in one.missing else ""
        return _left(spelled, one.width, encoding, in_characters)
    if one.type == "bytes":
        return bytes(value)
    if one.type in {"integer", "decimal"}:
        return _number(one, value, encoding, style)
    if one.type == "string":
        text = str(value)
    elif one.type == "boolean":
        text = (one.true if value else one.false)[0]
    else:
        text = _moment(one, value)
    return _left(text, one.width, encoding, in_characters)


def _left(text: str, width: int, encoding: str, in_characters: bool) -> bytes:
    if in_characters:
        return text.ljust(width).encode()
    return encode(text, encoding).ljust(width, encode(" ", encoding))


def _number(one: Field, value: int | Decimal, encoding: str, style: Style) -> bytes:
    if isinstance(value, Decimal):
        sign, decimals, exponent = value.as_tuple()
        assert exponent == -one.scale, "values are written with the scale of their field"
        unscaled = int("".join(map(str, decimals)))
    else:
        sign, unscaled = int(value < 0), abs(value)
    if one.usage == "binary":
        signed = one.sign != "none"
        return (-unscaled if sign else unscaled).to_bytes(one.width, "big", signed=signed)
    if one.usage == "packed":
        nibbles = f"{unscaled:0{one.width * 2 - 1}d}" + (f"{0xD:x}" if sign else f"{style.packed_plus:x}")
        return bytes.fromhex(nibbles)
    return encode(_display(one, str(unscaled), bool(sign), style), encoding)


def _display(one: Field, digits: str, negative: bool, style: Style) -> str:
    if one.sign == "overpunch":
        letters = "}JKLMNOPQR" if negative else "{ABCDEFGHI"
        digits = digits[:-1] + letters[int(digits[-1])]
    if one.point != "implied":
        digits = digits.rjust(one.scale + 1, "0")
        digits = digits[: len(digits) - one.scale] + one.point + digits[len(digits) - one.scale :]
    if one.sign == "trailing":
        return digits.rjust(one.width - 1, style.pad) + ("-" if negative else "+")
    if one.sign == "leading":
        sign = "-" if negative else style.plus
        if style.pad == " ":
            return (sign + digits).rjust(one.width)
        return sign + digits.rjust(one.width - 1, "0")
    return digits.rjust(one.width, style.pad)


def _moment(one: Field, value: date | datetime | str) -> str:
    """A date, a timestamp, or a time `HH:MM:SS` in the field's format."""
    text = str(value)
    day, _, clock = ("", "", text) if one.type == "time" else text.partition(" ")
    year, month, of_month = day.split("-") if day else ("", "", "")
    hour, minute, second = (clock or "00:00:00").split(".")[0].split(":")
    spelled = {"%Y": year, "%y": year[-2:], "%m": month, "%d": of_month, "%H": hour, "%M": minute, "%S": second}
    if isinstance(value, date):
        spelled["%j"] = f"{value.timetuple().tm_yday:03d}"
    if isinstance(value, datetime):
        spelled["%f"] = f"{value.microsecond:06d}"
    form = one.format
    for directive, meant in spelled.items():
        form = form.replace(directive, meant)
    return form
