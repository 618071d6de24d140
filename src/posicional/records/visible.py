"""Bytes and values as a person can see them: a character for each position, nothing that a terminal would act on."""

from __future__ import annotations

import unicodedata
from typing import Any

from posicional.contract.layout import Layout
from posicional.records.pages import Page, page_of

HIDDEN, NO_CHARACTER, GOES_ON = "▒", "�", "·"
"""A personal character; a byte that is none, or one that cannot be shown; the next byte of the same character."""

LONGEST = 40
"""Characters that are shown of a bad value."""

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}


def visible(text: str) -> str:
    """The text with control characters as the pictures of them (␊), and what has no picture as one that is none."""
    return "".join(_CONTROLS.get(ord(char), char if char.isprintable() else NO_CHARACTER) for char in text)


def _cell(char: str) -> str:
    """A character that takes one column: marks on the one before, and wide ones, would move all that follows."""
    moves = unicodedata.combining(char) or unicodedata.east_asian_width(char) in ("W", "F")
    return NO_CHARACTER if moves else visible(char)


def cells_of(content: bytes, layout: Layout) -> str:
    """A record with one character for each position, so that a ruler fits over it."""
    page = page_of(layout.encoding)
    if page.utf8 and layout.unit == "chars":
        return "".join(map(_cell, content.decode(errors="replace")))
    return legible(page.inner(content), page)


def legible(inner: bytes, page: Page) -> str:
    """The characters of inner bytes, one for each byte."""
    if page.utf8:
        return "".join(_in_bytes(inner))
    chars = (page.decode(inner[place : place + 1]) for place in range(len(inner)))
    return "".join(NO_CHARACTER if char is None else _cell(char) for char in chars)


def _in_bytes(content: bytes) -> list[str]:
    """UTF-8 with one character for each byte."""
    cells: list[str] = []
    place = 0
    while place < len(content):
        first = content[place]
        size = 1 + (first >= 0xC2) + (first >= 0xE0) + (first >= 0xF0)
        try:
            char = content[place : place + size].decode()
        except UnicodeDecodeError:
            char, size = NO_CHARACTER, 1
        cells += [_cell(char), *[GOES_ON] * (size - 1)]
        place += size
    return cells


def spelling(value: str | bytes, page: Page, *, is_text: bool) -> str:
    """How a value that is bad is spelled (`value`: inner bytes where they are no text): quoted, and not too much of it.

    Bytes that are not meant to be text are hexadecimal.
    """
    if isinstance(value, bytes) and not is_text:
        return shown(value)
    text = visible(value) if isinstance(value, str) else legible(value, page)
    return repr(text if len(text) <= LONGEST else text[:LONGEST].rstrip(" ") + "…")


def shown(value: Any) -> str:
    """A decoded value, or a spelling, on one line: `null` for nothing, hexadecimal for bytes."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"hex {value.hex(' ')}"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return visible(str(value))
