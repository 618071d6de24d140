"""Encodings that a layout may name: UTF-8 and single-byte code pages, and what their bytes mean."""

from __future__ import annotations

import codecs
from functools import cache
from importlib import import_module

UNDEFINED = "\ufffd"
"""In a table, the place of a byte that means no character."""

_WITHOUT_TABLE = ("iso8859-1", "ascii")
_CP1047 = "cp1047"  # EBCDIC as Unix on mainframes writes it; Python has none


def canonical(name: str) -> str | None:
    """The encoding as Python names it (`cp1252`, `iso8859-1`, `utf-8`), or None if a layout cannot use it."""
    if name.lower().replace("-", "") in (_CP1047, "ibm1047"):
        return _CP1047
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if found == "utf-8" or found in _WITHOUT_TABLE:
        return found
    try:
        page = import_module("encodings." + found.replace("-", "_"))
    except ImportError:
        return None
    # Single-byte code pages have a table of what each byte means; nothing else has.
    return found if len(getattr(page, "decoding_table", "")) == 256 else None


def is_single_byte(encoding: str) -> bool:
    """Whether a character is a byte, so that positions in either are the same."""
    return encoding != "utf-8"


@cache
def table(encoding: str) -> str:
    """The 256 characters of a single-byte code page, by byte; `UNDEFINED` where there is none."""
    if encoding == _CP1047:  # cp037 with three pairs exchanged: [ and Ý, ] and ¨, ^ and ¬
        exchanged = {0xAD: 0xBA, 0xBA: 0xAD, 0xBD: 0xBB, 0xBB: 0xBD, 0x5F: 0xB0, 0xB0: 0x5F}
        return "".join(table("cp037")[exchanged.get(byte, byte)] for byte in range(256))
    return "".join(bytes([byte]).decode(encoding, "replace") for byte in range(256))


def encode(text: str, encoding: str) -> bytes:
    """The text's bytes in a layout's encoding. Raises `ValueError` for a character that it does not have."""
    if not is_single_byte(encoding):
        return text.encode(encoding)
    page = table(encoding)
    if UNDEFINED in text or not set(text) <= set(page):
        raise ValueError(f"not every character exists in {encoding}")
    return bytes(page.index(character) for character in text)
