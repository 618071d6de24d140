"""Characters and bytes of the encodings that the tests use, cp1047 included, which Python does not have."""

from __future__ import annotations

# IBM's tables for 1047 and 037 differ in six places: the square brackets, caret, not sign, Y acute and diaeresis.
CP1047_TO_CP037 = bytes.maketrans(b"\x5f\xb0\xad\xbd\xba\xbb", b"\xb0\x5f\xba\xbb\xad\xbd")
CP037_TO_CP1047 = bytes.maketrans(b"\xb0\x5f\xba\xbb\xad\xbd", b"\x5f\xb0\xad\xbd\xba\xbb")

SINGLE_BYTE = ("cp1252", "iso8859-1", "cp037", "cp500", "cp1047", "cp850")
EBCDIC = frozenset({"cp037", "cp500", "cp1047"})


def decode(raw: bytes, encoding: str) -> str:
    """Bytes to text. Raises `UnicodeDecodeError` where the encoding has no such character."""
    if encoding == "cp1047":
        return raw.translate(CP1047_TO_CP037).decode("cp037")
    return raw.decode(encoding)


def encode(text: str, encoding: str) -> bytes:
    """Text to bytes. Raises `UnicodeEncodeError` where the encoding has no such byte."""
    if encoding == "cp1047":
        return text.encode("cp037").translate(CP037_TO_CP1047)
    return text.encode(encoding)
