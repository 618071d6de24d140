"""How dates and times are written: formats of fixed width, such as `%Y%m%d` or `%H:%M`."""

from __future__ import annotations

from typing import Literal

DateType = Literal["date", "time", "timestamp"]

WIDTHS = {"Y": 4, "m": 2, "d": 2, "y": 2, "j": 3, "H": 2, "M": 2, "S": 2, "f": 6}
LONGEST_FRACTION = 6

_DATE = frozenset("Ymdyj")
_TIME = frozenset("HMSf")


def split_format(text: str) -> list[tuple[str, str]]:
    """A format in pieces: ("%", letter) for what varies, ("", literal) between. Raises `ValueError`."""
    pieces: list[tuple[str, str]] = []
    rest = text
    while rest:
        literal, percent, rest = rest.partition("%")
        if literal:
            pieces.append(("", literal))
        if percent:
            letter, rest = rest[:1], rest[1:]
            if letter not in WIDTHS:
                raise ValueError(f"%{letter} is not known; expected {', '.join('%' + known for known in WIDTHS)}")
            if ("%", letter) in pieces:
                raise ValueError(f"%{letter} stands there twice")
            pieces.append(("%", letter))
    return pieces


def check_format(text: str, kind: DateType, width: int) -> None:
    """Raise `ValueError` unless the format gives a whole date, time or timestamp of exactly that width.

    `%f` is 1 to 6 digits: as many as the field's width leaves. A month without a day is its first day.
    """
    pieces = split_format(text)
    letters = {letter for mark, letter in pieces if mark}
    _check_letters(letters, kind)
    fixed = sum(WIDTHS[letter] if mark else len(letter) for mark, letter in pieces if letter != "f" or not mark)
    if "f" in letters:
        if not 1 <= width - fixed <= LONGEST_FRACTION:
            raise ValueError(
                f"{text} takes {fixed} positions and 1 to {LONGEST_FRACTION} for %f; the field has {width}"
            )
    elif fixed != width:
        raise ValueError(f"{text} takes {fixed} positions; the field has {width}")


def has_short_year(text: str) -> bool:
    """Whether the year has two digits, so that the century must be said."""
    return ("%", "y") in split_format(text)


def _check_letters(letters: set[str], kind: DateType) -> None:
    days, hours = letters & _DATE, letters & _TIME
    if kind == "time" and days:
        raise ValueError("a time has no %" + ", %".join(sorted(days)))
    if kind == "date" and hours:
        raise ValueError("a date has no %" + ", %".join(sorted(hours)) + "; use type: timestamp")
    if kind != "time":
        whole = [set("md"), set("j")] + ([set("m")] if kind == "date" else [])
        if {"Y", "y"} <= days or not days & {"Y", "y"} or days - {"Y", "y"} not in whole:
            raise ValueError("the date is not whole; expected a year (%Y or %y) and %m%d, %j, or for a month %m")
    if kind == "time" and "f" in hours:
        raise ValueError("a time is kept as HH:MM:SS, without %f")
    if kind != "date" and hours not in (set("H"), set("HM"), set("HMS"), set("HMSf")):
        raise ValueError("the time is not whole; expected %H, %H%M or %H%M%S (and %f in a timestamp)")
