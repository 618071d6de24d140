"""From a layout's YAML to a `Layout`: its words are in `layout_words`, their meaning in `layout_records`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from posicional.contract.layout import Layout
from posicional.contract.layout_records import compile_layout
from posicional.contract.layout_words import LayoutWords
from posicional.contract.source import Document, read_document
from posicional.contract.vocabulary import NotYet, read_words, refuse_not_yet
from posicional.errors import ContractError

NOT_YET: NotYet = {}
"""Words of a layout that are understood, and that the reader cannot do yet."""


def load_layout(path: Path) -> Layout:
    """Read a layout's YAML. Raises `ContractError` with every fault, `UsageError` when there is no such file."""
    document = read_document(path)
    layout = layout_of(document, path.stem)
    if layout is None or document.faults:
        raise ContractError(document.faults)
    return layout


def layout_of(document: Document, name: str) -> Layout | None:
    """The layout that a document says; with faults in the document it is None, or not to be used."""
    refuse_not_yet(document, NOT_YET)
    words = read_words(LayoutWords, document)
    layout = compile_layout(words, document, name) if words else None
    return replace(layout, digest=digest(layout)) if layout else None


def digest(layout: Layout) -> str:
    """sha256 (hex) of what the layout means, whatever its name, spelling, comments and the order of its words."""
    meaning = _meaning(layout)
    del meaning["name"]
    meaning["kinds"] = {kind["name"]: kind for kind in meaning["kinds"]}
    return hashlib.sha256(json.dumps(meaning, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _meaning(value: Any) -> Any:
    """Plain values. A default stands for nothing, so that a word which is added later changes no digest."""
    if is_dataclass(value):
        return {
            each.name: _meaning(getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) != each.default
        }
    if isinstance(value, tuple):
        return [_meaning(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, Decimal | date) else value
