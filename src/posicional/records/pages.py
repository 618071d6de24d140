"""Pages: the form in which decoders see text. What the bytes of an encoding mean, `contract.codepage` says.

Everything behind this module sees text in one of two forms: UTF-8, or an *inner* single-byte page whose lower half is
ASCII and whose upper half is a table of 128 characters. EBCDIC and the like are translated into the inner form once
per frame, so that digits, signs and blanks are ASCII for every decoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from posicional.contract import codepage
from posicional.errors import UsageError

HALF = 128


@dataclass(frozen=True, slots=True)
class Page:
    """An encoding, as decoders need it.

    `table`: 256 bytes that translate the file's bytes into inner ones; None where they are the same. `high`: the
    characters of the inner bytes 128-255, None where undefined; empty for UTF-8. `blank`: the file's byte for a blank.
    """

    name: str
    table: bytes | None
    high: tuple[str | None, ...]
    blank: int

    @property
    def utf8(self) -> bool:
        """Text is UTF-8: one character may take several bytes."""
        return not self.high

    def decode(self, inner: bytes) -> str | None:
        """The text of inner bytes; None when they hold something that is no character."""
        if inner.isascii():
            return inner.decode("ascii")
        if self.utf8:
            try:
                return inner.decode("utf-8")
            except UnicodeDecodeError:
                return None
        chars = [chr(byte) if byte < HALF else self.high[byte - HALF] for byte in inner]
        return None if None in chars else "".join(filter(None, chars))

    def encode(self, text: str) -> bytes | None:
        """The inner bytes of a text; None when the page does not have all of its characters."""
        if self.utf8 or text.isascii():
            return text.encode()
        places = [ord(char) if ord(char) < HALF else self._place(char) for char in text]
        return None if None in places else bytes(place for place in places if place is not None)

    def _place(self, char: str) -> int | None:
        return self.high.index(char) + HALF if char in self.high else None

    def inner(self, outer: bytes) -> bytes:
        """The inner form of bytes as they stand in the file."""
        return outer if self.table is None else outer.translate(self.table)


UTF8 = Page("utf-8", None, (), ord(" "))


@cache
def page_of(encoding: str) -> Page:
    """The page for an encoding's name. Raises `UsageError` for what is neither UTF-8 nor single-byte."""
    name = codepage.canonical(encoding)
    if name is None:
        raise UsageError(f"encoding {encoding} is not supported", expected="utf-8 or a single-byte code page")
    if name == "utf-8":
        return UTF8
    return single_byte_page(name, codepage.table(name))


def single_byte_page(name: str, characters: str) -> Page:
    """The page whose byte `i` stands for `characters[i]` (`codepage.UNDEFINED`: for nothing)."""
    meant = [None if char == codepage.UNDEFINED else char for char in characters]
    if all(meant[byte] == chr(byte) for byte in range(HALF)):
        return Page(name, None, tuple(meant[HALF:]), ord(" "))
    table = bytearray(256)
    high: list[str | None] = []
    for byte, char in enumerate(meant):
        if char is not None and ord(char) < HALF:
            table[byte] = ord(char)
            continue
        if char is not None or None not in high:  # undefined bytes share one place
            high.append(char)
        table[byte] = HALF + (high.index(None) if char is None else len(high) - 1)
    if len(high) > HALF or " " not in meant:
        raise UsageError(f"encoding {name} is not supported", hint="it lacks some of ASCII's characters")
    high += [None] * (HALF - len(high))
    return Page(name, bytes(table), tuple(high), meant.index(" "))
