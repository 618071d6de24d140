"""COBOL picture clauses: `S9(13)V99 COMP-3` -> width, digits, scale, sign and usage."""

from __future__ import annotations

import re
from dataclasses import dataclass

from posicional.contract.layout import Sign, Type, Usage

MOST_DIGITS = 38

_PACKED = {"COMP-3", "COMPUTATIONAL-3", "PACKED-DECIMAL"}
_BINARY = {"COMP", "COMPUTATIONAL", "COMP-4", "COMPUTATIONAL-4", "COMP-5", "COMPUTATIONAL-5", "BINARY"}
_FLOATS = {"COMP-1", "COMPUTATIONAL-1", "COMP-2", "COMPUTATIONAL-2"}
_NOISE = {"PIC", "PICTURE", "IS", "USAGE", "CHARACTER"}
_RUN = re.compile(r"([XA9])(?:\(([0-9]{1,6})\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pic:
    """What a picture says. `width` is in bytes; a sign inside the number takes none."""

    type: Type
    width: int
    digits: int = 0
    scale: int = 0
    sign: Sign = "none"
    usage: Usage = "display"


def parse_pic(text: str) -> Pic:
    """Read a clause. Raises `ValueError` that says what is not understood."""
    picture, *words = [word for word in text.upper().rstrip(".").split() if word not in _NOISE] or [""]
    if re.fullmatch(r"(?:[XA](?:\([0-9]{1,6}\))?)+", picture):
        if words:
            raise ValueError(f"{' '.join(words)} does not go with a picture of text")
        return Pic(type="string", width=_count(picture))
    found = re.fullmatch(r"(S?)((?:9(?:\([0-9]{1,6}\))?)*)(?:V((?:9(?:\([0-9]{1,6}\))?)*))?", picture)
    if found is None or not (found[2] or found[3]):
        raise ValueError(
            f"{picture or 'an empty picture'} is not understood; expected X(10), 9(8), S9(13)V99 or the like"
        )
    scale = _count(found[3] or "")
    digits = _count(found[2]) + scale
    if not 1 <= digits <= MOST_DIGITS:
        raise ValueError(f"{digits} digits; 1 to {MOST_DIGITS} can be read")
    sign, usage = _sign_and_usage(words, signed=bool(found[1]))
    return Pic(
        type="decimal" if scale else "integer",
        width=_width(digits, sign, usage),
        digits=digits,
        scale=scale,
        sign=sign,
        usage=usage,
    )


def packed_width(digits: int) -> int:
    """Bytes of a packed number: two digits a byte, and the sign's half."""
    return (digits + 2) // 2


def binary_width(digits: int) -> int:
    """Bytes of a COBOL binary number of so many digits; 0 where there is none so long."""
    return 2 if digits <= 4 else 4 if digits <= 9 else 8 if digits <= 18 else 0


def _count(picture: str) -> int:
    return sum(int(length or 1) for _, length in _RUN.findall(picture))


def _sign_and_usage(words: list[str], *, signed: bool) -> tuple[Sign, Usage]:
    usages = [word for word in words if word in _PACKED | _BINARY | _FLOATS | {"DISPLAY"}]
    rest = " ".join(word for word in words if word not in usages)
    if len(usages) > 1:
        raise ValueError(f"{' '.join(usages)} contradict one another")
    if set(usages) & _FLOATS:
        raise ValueError(f"{usages[0]} is a floating-point number, which is not read")
    usage: Usage = "packed" if set(usages) & _PACKED else "binary" if set(usages) & _BINARY else "display"
    sign: Sign
    match rest:
        case "":
            # A sign inside: packed numbers have it behind the digits, binary ones in the first bit, display ones in
            # the last digit.
            inside: dict[Usage, Sign] = {"packed": "trailing", "binary": "leading", "display": "overpunch"}
            sign = inside[usage] if signed else "none"
        case "SIGN LEADING SEPARATE" | "LEADING SEPARATE":
            sign = "leading"
        case "SIGN TRAILING SEPARATE" | "TRAILING SEPARATE":
            sign = "trailing"
        case "SIGN TRAILING" | "TRAILING":
            sign = "overpunch"
        case _:
            raise ValueError(
                f"{rest} is not understood; expected SIGN LEADING SEPARATE, SIGN TRAILING SEPARATE or a usage"
            )
    if rest and not signed:
        raise ValueError(f"{rest} needs a picture that begins with S")
    if rest and usage != "display":
        raise ValueError(f"{rest} does not go with {usages[0]}")
    return sign, usage


def _width(digits: int, sign: Sign, usage: Usage) -> int:
    if usage == "packed":
        return packed_width(digits)
    if usage == "binary":
        if not binary_width(digits):
            raise ValueError(f"{digits} digits; a binary number has 18 at most")
        return binary_width(digits)
    return digits + (sign in ("leading", "trailing"))
