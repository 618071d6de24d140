"""What one field means: its type, digits, sign, format, bounds and spellings, from its words and the defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Literal, cast

from posicional.contract import codepage
from posicional.contract.formats import check_format, has_short_year
from posicional.contract.layout import Bound, Field, Sign, Type, Unit, Usage
from posicional.contract.layout_words import DefaultsWords, FieldWords, TypeWords
from posicional.contract.pic import MOST_DIGITS, Pic, packed_width, parse_pic
from posicional.contract.source import Document
from posicional.contract.vocabulary import counted

NUMBERS = ("integer", "decimal")
MOMENTS = ("date", "time", "timestamp")

OF_TYPE: dict[Type, tuple[str, ...]] = {
    "string": ("missing", "required", "trim", "enum"),
    "integer": ("missing", "required", "digits", "sign", "usage", "min", "max"),
    "decimal": ("missing", "required", "digits", "scale", "sign", "point", "usage", "min", "max"),
    "date": ("missing", "required", "format", "century", "min", "max"),
    "time": ("missing", "required", "format", "min", "max"),
    "timestamp": ("missing", "required", "format", "century", "min", "max"),
    "boolean": ("missing", "required", "true", "false"),
    "bytes": ("required",),
}
"""The words that each type knows; others are faults."""

_ANY_TYPE = ("missing", "required")
_TYPED = tuple(dict.fromkeys(word for words in OF_TYPE.values() for word in words if word not in _ANY_TYPE))
_SAID_BY_PIC = ("digits", "scale", "sign", "usage")
_INSIDE: dict[Usage, Sign] = {"packed": "trailing", "binary": "leading"}
_BINARY_DIGITS = {1: 3, 2: 5, 4: 10, 8: 20}
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all fields of a layout share. `encoding` is empty where a fault hides it; so are `lost_kinds`."""

    document: Document
    encoding: str
    unit: Unit
    defaults: DefaultsWords
    missing: tuple[str, ...]
    lost_kinds: frozenset[str] = frozenset()

    @property
    def counts_bytes(self) -> bool:
        """Whether a position is a byte."""
        return self.unit == "bytes" or codepage.is_single_byte(self.encoding)

    def width_of(self, text: str) -> int | None:
        """How many positions a text takes; None where the encoding does not have it."""
        if not self.encoding:
            return len(text)
        try:
            encoded = codepage.encode(text, self.encoding)
        except ValueError:
            return None
        return len(encoded) if self.counts_bytes else len(text)

    def positions(self, encoded: bytes) -> bytes | str:
        """A value such that one item of it is one position."""
        return encoded if self.counts_bytes else encoded.decode(self.encoding)

    def of_type(self, kind: Type) -> TypeWords:
        """The defaults of a type."""
        return cast("TypeWords | None", getattr(self.defaults, kind)) or TypeWords()


def check_defaults(setting: Setting) -> None:
    """Faults for words under `defaults` that their type does not know."""
    for kind, allowed in OF_TYPE.items():
        words = setting.of_type(kind)
        for word in words.model_fields_set:
            if word not in allowed:
                setting.document.fault((*words.where, word), f"does not go with type {kind}")


def picture(words: FieldWords, setting: Setting) -> Pic | None:
    """What the field's `pic` says, if it has one that can be read."""
    if words.pic is None:
        return None
    try:
        pic = parse_pic(words.pic)
    except ValueError as error:
        setting.document.fault((*words.where, "pic"), str(error))
        return None
    for word in _SAID_BY_PIC:
        if words.says(word):
            setting.document.fault((*words.where, word), "said by pic already", "leave one of the two out")
    return pic


def compile_field(words: FieldWords, setting: Setting, start: int, width: int, *, personal: bool) -> Field | None:
    """The field at `start`, `width` wide; None where a fault keeps it from being understood."""
    return _Compiler(words, setting, start, width).field(personal=personal)


class _Compiler:
    """The checks of one field. `fault` notes; a field with faults is not used."""

    def __init__(self, words: FieldWords, setting: Setting, start: int, width: int) -> None:
        self.words = words
        self.setting = setting
        self.start = start
        self.width = width
        self.faults = 0
        self.pic = picture(words, setting)

    def fault(self, word: str, message: str, hint: str = "") -> None:
        self.faults += 1
        self.setting.document.fault((*self.words.where, word), message, hint)

    def field(self, *, personal: bool) -> Field | None:
        words = self.words
        kind = words.type or (self.pic.type if self.pic else None)
        if kind is None:
            if not words.lost("type", "pic") and not words.says("pic"):
                self.fault("type", "this word is missing", "types are never guessed: string, integer, decimal, date, …")
            return None
        self._check_words(kind)
        usage = self.pic.usage if self.pic else self.chosen("usage", kind) or "display"
        if usage != "display" and kind not in NUMBERS:
            self.fault("type", f"a {usage} {kind} is not read", "read it as an integer, and convert it in the SQL")
            return None
        parts: dict[str, Any] = {}
        if kind in NUMBERS:
            parts = self._number(kind, usage)
        elif kind in MOMENTS:
            parts = self._moment(kind)
        elif kind == "boolean":
            parts = {"true": self._spellings("true"), "false": self._spellings("false")}
            if set(parts["true"]) & set(parts["false"]):
                self.fault("false", "has a spelling that true has as well")
        elif kind == "string":
            parts = {"trim": self.chosen("trim", kind) or "both", "enum": self._enum()}
        if self.faults or words.doubtful:
            return None
        return Field(
            name=words.name or "",
            start=self.start,
            width=self.width,
            type=kind,
            missing=self._missing(kind, usage),
            required=bool(self.chosen("required", kind)),
            personal=personal or words.personal,
            repeat=words.repeat or 1,
            **parts,
        )

    def chosen(self, word: str, kind: Type) -> Any:
        """The field's own word, else its type's default."""
        own = getattr(self.words, word)
        return own if own is not None else getattr(self.setting.of_type(kind), word, None)

    def _check_words(self, kind: Type) -> None:
        for word in _TYPED:
            if getattr(self.words, word) is not None and word not in OF_TYPE[kind]:
                hint = "use type: decimal" if kind == "integer" and word in ("scale", "point") else ""
                self.fault(word, f"does not go with type {kind}", hint)

    # --- numbers ---

    def _number(self, kind: Type, usage: Usage) -> dict[str, Any]:
        scale = self.pic.scale if self.pic else self.words.scale or 0
        if kind == "decimal" and not self.pic and not self.words.says("scale"):
            self.fault("scale", "this word is missing", "say how many of the digits stand behind the point: scale: 2")
        if kind == "integer" and self.pic and scale:
            self.fault("type", f"pic has {scale} digits behind the point", "use type: decimal, or leave type out")
        sign = self._sign(kind, usage)
        point = "implied" if self.pic else self.chosen("point", kind) or "implied"
        if usage != "display" and point != "implied":
            self.fault("point", f"a {usage} number has no point in it")
        if usage != "display" and not self.setting.counts_bytes:
            self.fault("usage", f"a {usage} number needs positions in bytes", "say unit: bytes")
        digits = self._digits(usage, sign, explicit=point != "implied")
        if digits and scale > digits:
            self.fault("scale", f"{scale} digits behind the point, of {digits} in all")
        bounds = self._bounds(lambda value: self._number_bound(value, kind))
        return {"digits": digits, "scale": scale, "sign": sign, "point": point, "usage": usage, **bounds}

    def _sign(self, kind: Type, usage: Usage) -> Sign:
        if self.pic:
            return self.pic.sign
        if usage == "display":
            return cast("Sign", self.chosen("sign", kind) or "none")
        if self.words.sign not in (None, "none"):
            self.fault("sign", f"a {usage} number has its sign inside", "leave it out, or say sign: none for unsigned")
        return "none" if self.words.sign == "none" else _INSIDE[usage]

    def _digits(self, usage: Usage, sign: Sign, *, explicit: bool) -> int:
        said = self.pic.digits if self.pic else self.words.digits
        if usage == "packed":
            return self._packed_digits(said)
        if usage == "binary":
            return self._binary_digits(said, sign)
        room = self.width - (sign in ("leading", "trailing")) - explicit
        if room < 1:
            self.fault("width", f"{counted(self.width, 'position')}: no room for a digit")
        elif (said or 0) > room:
            self.fault("digits", f"{said} digits do not fit: the width leaves {room}")
        elif not said and room > MOST_DIGITS:
            self.fault("digits", f"{room} digits are more than {MOST_DIGITS}", "say how many there really are: digits")
        return said or room

    def _packed_digits(self, said: int | None) -> int:
        if said is not None and packed_width(said) != self.width:
            self.fault("digits", f"{said} packed digits take {packed_width(said)} bytes; the field has {self.width}")
        digits = said or 2 * self.width - 1
        if digits > MOST_DIGITS:
            self.fault("width", f"{self.width} packed bytes hold {digits} digits, more than {MOST_DIGITS}")
        return digits

    def _binary_digits(self, said: int | None, sign: Sign) -> int:
        if self.width not in _BINARY_DIGITS:
            self.fault("width", f"a binary number has 1, 2, 4 or 8 bytes; the field has {self.width}")
            return said or 1
        most = _BINARY_DIGITS[self.width] - (self.width == 8 and sign != "none")  # 2**63 has 19 digits
        if (said or 0) > most:
            self.fault("digits", f"{said} digits do not fit: {self.width} binary bytes hold {most}")
        return said or most

    def _number_bound(self, value: Any, kind: Type) -> Bound:
        if isinstance(value, int):
            return value if kind == "integer" else Decimal(value)
        if isinstance(value, Decimal) and kind == "decimal":
            return value
        raise ValueError("expected a whole number" if kind == "integer" else "expected a number")

    # --- dates and times ---

    def _moment(self, kind: Type) -> dict[str, Any]:
        text = self.chosen("format", kind) or ""
        century = self.chosen("century", kind)
        own = self.words.says("format")
        if not text:
            if not own:
                self.fault("format", "this word is missing", 'say how it is written: format: "%Y%m%d"')
            return {}
        word = "format" if own else "width"
        try:
            check_format(text, cast("Literal['date', 'time', 'timestamp']", kind), self.width)
        except ValueError as error:
            self.fault(word, str(error))
            return {}
        short = has_short_year(text)
        if short and century is None and not self.words.lost("century"):
            self.fault(
                "century", "this word is missing: %y has no century", "century: {pivot: 50} makes 49 2049 and 50 1950"
            )
        if not short and self.words.century is not None:
            self.fault("century", "the format has no %y")
        pivot = century.pivot if short and century else None
        return {"format": text, "pivot": pivot, **self._bounds(lambda value: _moment_bound(value, kind))}

    # --- bounds and spellings ---

    def _bounds(self, read: Callable[[Any], Bound]) -> dict[str, Bound | None]:
        bounds: dict[str, Bound | None] = {"minimum": None, "maximum": None}
        for word, name in (("min", "minimum"), ("max", "maximum")):
            value = getattr(self.words, word)
            if value is None:
                continue
            try:
                bounds[name] = read(value)
            except ValueError as error:
                self.fault(word, str(error))
        low, high = bounds["minimum"], bounds["maximum"]
        if low is not None and high is not None and low > high:  # type: ignore[operator]  # of one type, by `read`
            self.fault("max", "is less than min")
        return bounds

    def _spellings(self, word: str) -> tuple[str, ...]:
        texts = self.chosen(word, "boolean")
        if texts is None:
            if not self.words.lost(word):
                example = '"S"' if word == "true" else '"N"'
                self.fault(word, "this word is missing", f"say how it is spelled, such as {word}: {example}")
            return ()
        for text in texts:
            self._check_fits(word if self.words.says(word) else "width", text)
        return tuple(texts)

    def _enum(self) -> tuple[str, ...]:
        for text in self.words.enum or ():
            self._check_fits("enum", text)
        return self.words.enum or ()

    def _check_fits(self, word: str, text: str) -> None:
        width = self.setting.width_of(text)
        if width is None:
            self.fault(word, f"{text!r} cannot be written in {self.setting.encoding}")
        elif width > self.width:
            self.fault(word, f"{text!r} takes {counted(width, 'position')}; the field has {self.width}")

    def _missing(self, kind: Type, usage: Usage) -> tuple[str, ...]:
        """The field's own spellings, else those of its type's or the layout's that can stand in it."""
        if "missing" not in OF_TYPE[kind] or usage != "display":
            return ()
        if self.words.missing is not None:
            return self.words.missing
        shared = self.setting.of_type(kind).missing
        texts = shared if shared is not None else self.setting.missing
        return tuple(text for text in texts if (self.setting.width_of(text) or self.width + 1) <= self.width)


def _moment_bound(value: Any, kind: Type) -> Bound:
    if kind == "date":
        if isinstance(value, date):
            return value
        if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value)
        raise ValueError("expected a date such as 2026-11-22")
    if kind == "time":
        if isinstance(value, str) and re.fullmatch(_CLOCK, value):
            return time.fromisoformat(value).isoformat()
        raise ValueError('expected a time such as "18:30:00"')
    if isinstance(value, str) and re.fullmatch(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T]{_CLOCK}", value):
        return datetime.fromisoformat(value)  # a wall clock, as the column is
    raise ValueError('expected a moment such as "2026-11-22 18:30:00"')
