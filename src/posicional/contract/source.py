"""YAML text -> plain values that know where they stand: the line of every path, and how each scalar was written.

YAML's surprises never get as far as a value: `01`, `12:00` and `no`, unquoted, become a `Trap` that no word accepts;
anchors, aliases, tags and repeated words are faults. Nothing here knows what the words mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from posicional.errors import Fault, UsageError

Where = tuple[str | int, ...]
"""A path inside a document: words, and 0-based places in lists."""

DEEPEST = 20

_CANONICAL_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,39})")
_CANONICAL_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,39})\.[0-9]{1,39}")


class Block(dict[str, Any]):
    """A mapping that knows where it stands. `cut` are the words taken out of it, because a fault names them.

    `spare` are values that may stand in, once, for words that must be there.
    """

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.cut: set[str] = set()
        self.spare: dict[str, Any] | None = None


class Trap:
    """A plain scalar that YAML does not read as what it looks like; `text` is what was written."""

    def __init__(self, text: str) -> None:
        self.text = text


class Document:
    """One YAML file: its values, where they stand, and the faults found so far (in it and by its readers).

    `root` is empty where the text could not be read at all; then there is a fault.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.root = Block(())
        self.faults: list[Fault] = []
        self.lines: dict[Where, int] = {(): 1}
        self.plain: dict[Where, str] = {}

    def fault(self, where: Where, message: str, hint: str = "") -> None:
        """Note a fault at a path; one that does not exist counts for the nearest that does."""
        fault = Fault(self.file, self.line(where), written_path(where), message, hint)
        if fault not in self.faults:
            self.faults.append(fault)

    def line(self, where: Where) -> int:
        """1-based line of the path's word, or of the nearest one around it."""
        return self.lines[self.nearest(where)]

    def nearest(self, where: Where) -> Where:
        """The path itself, or the longest part of it that the document has.

        One thing that may also be a list of them stands without a place: `when.is` for `when[0].is[0]`.
        """
        found: Where = ()
        for step in where:
            if (*found, step) in self.lines:
                found = (*found, step)
            elif isinstance(step, str):
                break
        return found


def written_path(where: Where) -> str:
    """A path as people read it: `records.detail.fields[3].width`."""
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def read_document(path: Path) -> Document:
    """Read a contract's file. Raises `UsageError` where there is none to read; all else is a fault in the document."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError("no such file", where=str(path)) from None
    except IsADirectoryError:
        raise UsageError("this is a directory, not a file", where=str(path)) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read: {reason(error)}", where=str(path)) from None
    document = Document(str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document.lines[()] = data[: error.start].count(b"\n") + 1
        document.fault((), "the file is not UTF-8", "save it as UTF-8")
        return document
    return parse_document(text, document)


def reason(error: Exception) -> str:
    """What the system says of a failed read, without its path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def parse_document(text: str, document: Document) -> Document:
    """Fill `document` from YAML text."""
    try:
        _Parser(text, document).parse()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        lines = text.rstrip("\n").split("\n")
        place = min(mark.line, len(lines) - 1) if mark else 0  # an unfinished text breaks off behind its last line
        hint = "indent with blanks: YAML takes no tabs" if "\t" in lines[place] else ""
        _give_up(document, place + 1, f"not YAML: {error.problem}", hint)
    except yaml.YAMLError:
        _give_up(document, 1, "not YAML: it holds a control character", "keep it as plain text")
    except _Unusable as error:
        _give_up(document, error.line, *error.args)
    return document


def _give_up(document: Document, line: int, message: str, hint: str) -> None:
    document.root = Block(())
    document.lines = {(): line}
    document.fault((), message, hint)


class _Unusable(Exception):
    """The text's shape makes going on senseless. Arguments: message and hint."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.line = line


class _Parser:
    """One pass over the parser's events. libyaml's parser where PyYAML was built with it."""

    def __init__(self, text: str, document: Document) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self.document = document

    def parse(self) -> None:
        root: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Unusable(_line(event), "a second document begins here", "keep one document a file")
                root = self.value(next(self.events), ())
        if not isinstance(root, Block):
            raise _Unusable(1, "the file is empty" if root is None else "expected words with values at the top")
        self.document.root = root

    def value(self, event: yaml.Event, where: Where) -> object:
        self.document.lines.setdefault(where, _line(event))
        if isinstance(event, yaml.AliasEvent):
            raise _Unusable(_line(event), "aliases (*name) are not taken here", "write the value out")
        if getattr(event, "anchor", None):
            raise _Unusable(_line(event), "anchors (&name) are not taken here", "write the value out")
        if len(where) > DEEPEST:
            raise _Unusable(_line(event), "nested too deeply")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, where)
        if getattr(event, "tag", None):
            raise _Unusable(_line(event), "tags (!name) are not taken here", "leave the tag out")
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(where)
        return self.mapping(where)

    def sequence(self, where: Where) -> list[object]:
        found: list[object] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, (*where, len(found))))
        return found

    def mapping(self, where: Where) -> Block:
        block = Block(where)
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent):
                raise _Unusable(_line(key), "a word was expected here, not a list or mapping")
            inner = (*where, key.value)
            if key.value in block:
                first = self.document.lines[inner]
                self.skip(next(self.events))
                self.document.faults.append(
                    Fault(
                        self.document.file,
                        _line(key),
                        written_path(inner),
                        f"said twice: first on line {first}",
                        "keep one of the two",
                    )
                )
                continue
            self.document.lines[inner] = _line(key)
            block[key.value] = self.value(next(self.events), inner)
        return block

    def skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            event = next(self.events)

    def scalar(self, event: yaml.ScalarEvent, where: Where) -> object:
        if "\0" in event.value:
            raise _Unusable(_line(event), "a text holds a NUL character", "say bytes in hexadecimal: hex")
        if event.tag == "tag:yaml.org,2002:str":
            return event.value
        if event.tag not in (None, "!"):
            raise _Unusable(_line(event), "tags (!name) are not taken here", "leave the tag out")
        if not event.implicit[0]:
            return event.value
        value = plain_value(event.value)
        if not isinstance(value, str):
            self.document.plain[where] = event.value
        return value


def plain_value(text: str) -> str | bool | int | Decimal | date | Trap | None:
    """What an unquoted scalar means: numbers as they are written, never through a float; else text, or a `Trap`."""
    kind = str(_resolver().resolve(yaml.ScalarNode, text, (True, False))).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return {"true": True, "false": False}.get(text, Trap(text))
    if kind == "int":
        return int(text) if _CANONICAL_INT.fullmatch(text) else Trap(text)
    if kind == "float":
        return Decimal(text) if _CANONICAL_FLOAT.fullmatch(text) else Trap(text)
    if kind == "timestamp":
        try:
            return date.fromisoformat(text) if len(text) == len("2026-11-22") else Trap(text)
        except ValueError:
            return Trap(text)
    return text


@cache
def _resolver() -> Any:  # PyYAML's stubs leave `resolve` untyped
    return yaml.resolver.Resolver()


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
