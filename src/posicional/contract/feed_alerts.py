"""Who is told of alerts, and where people find the board: addresses that may hold secrets, so no fault quotes one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from posicional.contract.environment import UNKNOWN, expand, written
from posicional.contract.feed import SEVERITIES, Recipient
from posicional.contract.feed_words import AlertWords
from posicional.contract.source import Document, Where

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://\S+")
_PASSWORD = re.compile(r"://[^/?#@:]*:([^/?#@]+)@")
_OWN = ("log", "terminal")
"""Channels that are there without a contract: what became of an alert stands in its fact by the channel's name."""


def compile_alerts(
    words: Sequence[AlertWords], env: Mapping[str, str], document: Document, where: Where = ("alerts",)
) -> tuple[Recipient, ...]:
    """The recipients, each with a name of its own. One whose address is empty (a variable's default) is left out."""
    found: dict[str, Recipient] = {}
    for number, said in enumerate(words):
        at: Where = (*where, number, "url") if said.says("url") else (*where, number)
        if said.lost("url"):
            continue
        secret = _PASSWORD.search(written(said.url))
        if secret and secret[1].strip(UNKNOWN):
            hint = "write ${NAME} in its place, and set that variable"
            document.fault(at, "a password does not belong into a contract", hint)
        url = expand(said.url, env, document, at)
        if not url:
            continue
        address = _ADDRESS.fullmatch(url)
        if address is None:
            hint = "such as mailtos://${USER}:${PASSWORD}@example.com, slack://…, json://host/path"
            document.fault(at, "not an address that Apprise knows", hint)
            continue
        name = said.name or _free(address[1].lower(), found)
        if said.name in _OWN:
            document.fault((*where, number, "name"), f"{name} is a channel of posicional itself", "give it another")
        if name in found:
            document.fault((*where, number, "name"), f"another recipient is called {name}", "give each its own")
        found[name] = Recipient(name, url, frozenset(said.when or SEVERITIES))
    return tuple(found.values())


def compile_board(said: str | None, env: Mapping[str, str], document: Document) -> str:
    """Where people find the board, without a slash at its end; empty where nobody says."""
    url = expand(said, env, document, ("board",)) if said else ""
    if url and not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", url):
        document.fault(("board",), "not the address of a page", "such as https://board.example.com")
    return (url or "").rstrip("/")


def _free(scheme: str, taken: Mapping[str, Recipient]) -> str:
    """The scheme, which is no secret; with a number where there are several of it."""
    names = (scheme if number == 1 else f"{scheme}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)
