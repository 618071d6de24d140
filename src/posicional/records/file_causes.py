"""Why a layout does not fit a whole file: it is packed, in another code page, framed or encoded in another way."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from posicional.records.compressed import KINDS
from posicional.records.evidence import Cause, Evidence
from posicional.records.pages import page_of
from posicional.records.probe import Cells, leaves_of

NEARLY_ALL, MUCH = 0.9, 0.7
LF, CR, NEL = 0x0A, 0x0D, 0x15
_ACCENTS = frozenset("áàâãäéèêëíìîïóòôõöúùûüçñÁÀÂÃÄÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑªº°§•€\u00a0\u2013\u2014\u2018\u2019\u201c\u201d")
_PACKED = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst", b"PK\x03\x04": ".zip", b"BZh": ".bz2", b"\xfd7zXZ": ".xz"}


def packed(evidence: Evidence) -> Cause | None:
    """The file is compressed."""
    ending = next((ending for mark, ending in _PACKED.items() if evidence.head.startswith(mark)), None)
    if ending is None:
        return None
    hint = f"end its name in {ending}: it is unpacked by that" if ending in KINDS else "unpack it first"
    return Cause(f"the file is compressed, as a {ending} is", hint)


def utf16(evidence: Evidence) -> Cause | None:
    """The file has two bytes for a character."""
    head = np.frombuffer(evidence.head, np.uint8)
    marked = evidence.head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not marked and (len(head) < 8 or max(np.mean(head[1::2] == 0), np.mean(head[::2] == 0)) < NEARLY_ALL):
        return None
    return Cause("this is UTF-16, two bytes a character, which no layout reads", "iconv -f utf-16 -t utf-8 makes UTF-8")


def code_page(evidence: Evidence) -> Cause | None:
    """EBCDIC is read as ASCII, or the other way round."""
    counts = np.bincount(np.frombuffer(evidence.head, np.uint8), minlength=256)
    ebcdic, ascii_ = (
        int(counts[blank] + counts[zero : zero + 10].sum()) for blank, zero in ((0x40, 0xF0), (0x20, 0x30))
    )
    declared = evidence.layout.encoding
    is_ebcdic = page_of(declared).table is not None
    if is_ebcdic and ascii_ > 4 * ebcdic and ascii_ > len(evidence.head) / 5:
        text = f"this is no EBCDIC: its blanks are 0x20, its digits 0x30-0x39, and {declared} is declared"
        newline = ", and record: {framing: newline}" if _line_length(evidence.head) else ""
        return Cause(text, f"encoding: cp1252 or utf-8{newline}")
    if is_ebcdic or ebcdic <= 4 * ascii_ or ebcdic < len(evidence.head) / 5:
        return None
    found = _described(evidence.head)
    framing = "" if evidence.layout.framing == found else f", and record: {{framing: {found or 'fixed'}}}"
    text = f"this is EBCDIC: its blanks are 0x40, its digits 0xF0-0xF9, and {declared} is declared"
    return Cause(text, f"encoding: cp037 (cp500 and cp1047 differ in [ ] ! ^ |){framing}")


def framing(evidence: Evidence) -> Cause | None:
    """Records follow one another in another way than the layout says."""
    declared, head = evidence.layout.framing, evidence.head
    if not evidence.account.rejects:
        return None
    lines = _line_length(head)
    descriptors = _described(head)
    if declared in ("rdw", "bdw") and descriptors != declared:
        if descriptors:
            return Cause(f"the descriptors are those of {descriptors}, not of {declared}", _say(descriptors))
        if lines:
            return Cause(f"there are no descriptors: the file has lines, {_lines(lines)}", _say("newline"))
    if declared == "fixed" and lines and lines[0] + len(lines[1]) // 2 != evidence.layout.kinds[0].length:
        return Cause(f"the file has lines, {_lines(lines)}", _say("newline"))
    if declared == "newline" and not lines and bytes([LF]) not in head:
        if descriptors:
            return Cause(f"there are no line ends, but descriptors: {descriptors}", _say(descriptors))
        length = evidence.layout.kinds[0].length
        if evidence.size % length == 0 and evidence.size > length:
            text = f"there are no line ends, and the file's size is {evidence.size // length:,} times {length}"
            return Cause(text, _say("fixed"))
        return Cause("there are no line ends", "say how records follow one another: framing: fixed, rdw or bdw")
    return _fixed_length(evidence) if declared == "fixed" else None


def _say(framing_: str) -> str:
    return f"record: {{framing: {framing_}}}"


def _lines(lines: tuple[int, str]) -> str:
    return f"nearly all of {lines[0]} bytes, ending in {lines[1]}"


def _line_length(head: bytes) -> tuple[int, str] | None:
    """The length of nearly all lines of the file's head without their end, and that end; None where there are none."""
    lines = head.split(b"\n")[:-1]
    if len(lines) < 3:
        return None
    ((length, count),) = Counter(map(len, lines)).most_common(1)
    if count < NEARLY_ALL * len(lines):
        return None
    crlf = sum(line.endswith(b"\r") for line in lines) >= NEARLY_ALL * len(lines)
    return (length - 1, "CRLF") if crlf else (length, "LF")


def _described(head: bytes) -> str:
    """`rdw` or `bdw` where the file's head is a chain of such descriptors; else empty."""
    if _chain(head, 0, len(head)):
        return "rdw"
    block = int.from_bytes(head[:2], "big")
    return "bdw" if head[2:4] == b"\0\0" and block > 8 and _chain(head, 4, min(block, len(head))) else ""


def _chain(head: bytes, at: int, end: int) -> bool:
    """Whether whole records with descriptors stand one behind the other up to the end; the last may go beyond it."""
    records = 0
    while at + 4 <= end:
        length = int.from_bytes(head[at : at + 2], "big")
        if length < 5 or head[at + 2 : at + 4] != b"\0\0":
            return False
        at += length
        records += 1
    return records >= 2 or (records == 1 and at == end)


def _fixed_length(evidence: Evidence) -> Cause | None:
    """The records are a little longer or shorter than declared: with another length nearly all of them fit."""
    length = evidence.layout.kinds[0].length
    declared = _bad_share(evidence, length)
    if declared < 1 - NEARLY_ALL:
        return None
    for other in sorted(range(max(1, length - 8), length + 9), key=lambda each: abs(each - length)):
        if other != length and evidence.size % other == 0 and _bad_share(evidence, other) < declared / 10:
            text = (
                f"the records are {other} bytes long, not {length}: the file holds {evidence.size // other:,} of them"
            )
            return Cause(text, f"record: {{length: {other}}}, and fields that cover it")
    return None


def _bad_share(evidence: Evidence, length: int) -> float:
    """The share of the head's records that would be refused for a field, were all as long as this and of one kind."""
    head = evidence.head
    contents = [head[at : at + length] for at in range(0, len(head) - length, length)][:200]
    if not contents:
        return 0.0
    kinds = [kind for kind in evidence.layout.kinds if not kind.is_control]
    bad = np.ones(len(contents), bool)
    for kind in kinds:
        cells = Cells(contents, evidence.layout, max(length, kind.length))
        own = np.zeros(len(contents), bool)
        for leaf in leaves_of(kind):
            own[cells.take(leaf).wrong // len(leaf.starts)] = True
        bad &= own
    return float(bad.mean())


# --- encoding ---


def encoding(evidence: Evidence) -> Iterator[Cause]:
    """Text is in another encoding than the layout says; seen by its accents."""
    page = page_of(evidence.layout.encoding)
    if page.table is not None:
        return
    records = [*evidence.sample.contents, *evidence.strangers.contents]
    for seen in evidence.kinds.values():
        records += [*seen.misfits.contents, *seen.suspects.contents]
    high = [record for record in dict.fromkeys(records) if not record.isascii()]
    if evidence.head.startswith(b"\xef\xbb\xbf") and not page.utf8:
        yield Cause("the file begins with the mark of UTF-8 (EF BB BF)", "encoding: utf-8")
        return
    if not high:
        return
    as_utf8 = [record for record in high if page_of("utf-8").decode(record) is not None]
    if page.utf8:
        wrong = [record for record in high if page_of("utf-8").decode(record) is None]
        if wrong and _not_in_the_encoding(evidence):
            yield _single_byte(wrong)
    elif len(as_utf8) >= NEARLY_ALL * len(high):
        yield _is_utf8(evidence, as_utf8)
    elif evidence.layout.encoding == "iso8859-1" and (used := _between(high, 0x80, 0x9F)):
        yield Cause(f"bytes 0x80-0x9F ({used}) are control characters in latin-1: this is cp1252", "encoding: cp1252")
    else:
        best = _best_page(high)
        own, other = _sense(high, evidence.layout.encoding), _sense(high, best)
        if other >= NEARLY_ALL and own < MUCH:
            text = f"the bytes beyond ASCII make sense as {best}, not as {evidence.layout.encoding}"
            yield Cause(text, f"encoding: {best}")


def _not_in_the_encoding(evidence: Evidence) -> bool:
    reasons = Counter(evidence.strange)
    for seen in evidence.kinds.values():
        reasons.update(seen.reasons)
        for one in seen.fields.values():
            reasons.update(one.reasons)
    return bool(reasons["not in the encoding"] or reasons["too long"] or reasons["too short"])


def _single_byte(wrong: list[bytes]) -> Cause:
    best = _best_page(wrong)
    used = _between(wrong, 0x80, 0x9F)
    if best == "cp1252" and used:
        return Cause(f"bytes 0x80-0x9F ({used}): this is cp1252, not utf-8", "encoding: cp1252")
    some = _between(wrong, 0x80, 0xFF)
    also = " (or latin-1, which has the same letters)" if best == "cp1252" else ""
    return Cause(f"bytes such as {some} are not UTF-8; as {best} they make sense", f"encoding: {best}{also}")


def _is_utf8(evidence: Evidence, records: list[bytes]) -> Cause:
    lengths = {kind.length for kind in evidence.layout.kinds}
    by_bytes = sum(len(record) in lengths for record in records)
    by_chars = sum(len(record.decode()) in lengths for record in records)
    unit = ", unit: chars (lines are longer by the number of their accents)" if by_chars > by_bytes else ""
    text = f"the text is UTF-8: {evidence.layout.encoding} would make two characters of each accent"
    return Cause(text, f"encoding: utf-8{unit}")


def _between(records: list[bytes], low: int, high: int) -> str:
    """The commonest bytes of a range, as text."""
    counts = np.bincount(np.frombuffer(b"".join(records), np.uint8), minlength=256)
    found = sorted((byte for byte in range(low, high + 1) if counts[byte]), key=lambda byte: -int(counts[byte]))
    return " ".join(f"0x{byte:02X}" for byte in sorted(found[:4]))


def _best_page(records: list[bytes]) -> str:
    return max(("cp1252", "cp850", "mac-roman"), key=lambda name: _sense(records, name))


def _sense(records: list[bytes], encoding_: str) -> float:
    """The share of the bytes beyond ASCII that, in an encoding, are letters and signs such as texts have."""
    text = b"\n".join(records).decode(encoding_, "replace")
    makes = [_makes_sense(*found.groups()) for found in re.finditer(r"(?s)(?<=(.))([^\x00-\x7f])(?=(.))", f" {text} ")]
    return sum(makes) / max(len(makes), 1)


def _makes_sense(before: str, char: str, behind: str) -> bool:
    """Whether a letter with an accent is as large or small as one beside it, and a sign stands at a word's edge."""
    beside = [one for one in (before, behind) if one.isalpha()]
    if char not in _ACCENTS:
        return False
    if not char.isalpha():
        return len(beside) < 2
    return not beside or any(one.isupper() == char.isupper() for one in beside)
