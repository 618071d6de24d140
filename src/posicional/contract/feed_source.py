"""From a feed's YAML, its layouts and SQL to a `Feed`: words in `feed_words`, their meaning in `feed_compile`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from posicional.contract.environment import refuse_elsewhere
from posicional.contract.feed import Feed
from posicional.contract.feed_compile import FeedCompiler
from posicional.contract.feed_words import FeedWords
from posicional.contract.layout import Layout
from posicional.contract.layout_source import layout_of
from posicional.contract.source import Document, read_document
from posicional.contract.vocabulary import NotYet, read_words, refuse_not_yet
from posicional.errors import ContractError

NOT_YET: NotYet = {}
"""Words of a feed that are understood, and that nothing can do yet; where values are named, only those are refused."""


def load_feed(path: Path, env: Mapping[str, str] | None = None) -> Feed:
    """Read a feed's YAML, its layouts and SQL. Raises `ContractError` with every fault of all of them.

    `env` is the process's environment unless it is given. `UsageError` when there is no such file.
    """
    return _feed(read_document(path), path, os.environ if env is None else env)


def load_contract(path: Path, env: Mapping[str, str] | None = None) -> Feed | Layout:
    """Read a feed, or one layout by itself: whichever the file's words are. Raises as `load_feed` does."""
    document = read_document(path)
    if document.root.keys() & {"feed", "files", "datasets"} or not document.root:
        return _feed(document, path, os.environ if env is None else env)
    layout = layout_of(document, path.stem)
    if layout is None or document.faults:
        raise ContractError(document.faults)
    return layout


def _feed(document: Document, path: Path, env: Mapping[str, str]) -> Feed:
    refuse_not_yet(document, NOT_YET)
    refuse_elsewhere(document)
    words = read_words(FeedWords, document)
    compiler = FeedCompiler(document, path, env)
    feed = compiler.compile(words) if words else None
    faults = [fault for each in compiler.documents for fault in each.faults]
    if feed is None or faults:
        raise ContractError(faults)
    return feed
