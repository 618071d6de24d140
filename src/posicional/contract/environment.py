"""`${VAR}` and `${VAR:-default}` in the few places of a feed that differ from one machine to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from posicional.contract.source import Block, Document, Where

PLACES = (
    "store",
    "publish.opensearch.url",
    "publish.opensearch.auth.user",
    "publish.opensearch.auth.password",
    "alerts.*",
    "alerts.*.url",
    "board",
)

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")

UNKNOWN = "\0"
"""Stands for what a variable holds."""


def expand(text: str, env: Mapping[str, str], document: Document, where: Where) -> str | None:
    """The text with its variables; None with a fault where one is not set. What they hold appears in no fault."""
    missing = [found[1] for found in _REFERENCE.finditer(text) if found[2] is None and found[1] not in env]
    for name in missing:
        hint = f"set it, or give a default: ${{{name}:-…}}"
        document.fault(where, f"the environment variable {name} is not set", hint)
    if "${" in _REFERENCE.sub("", text):
        document.fault(where, "${ without its end", "write ${NAME} or ${NAME:-default}")
        return None
    if missing:
        return None
    # As in a shell, the default of `:-` also stands for a variable that is set and empty.
    return _REFERENCE.sub(lambda found: env.get(found[1]) or found[2] or "", text)


def written(text: str) -> str:
    """What stands in the contract itself: the defaults in the place of the variables, `UNKNOWN` where there is none."""
    return _REFERENCE.sub(lambda found: found[2] or UNKNOWN, text)


def is_reference(text: str) -> bool:
    """Whether a text is a variable and nothing else, without a default: what it stands for is in no contract."""
    found = _REFERENCE.fullmatch(text)
    return found is not None and not found[2]


def refuse_elsewhere(document: Document) -> None:
    """A fault for every `${VAR}` that would stay as it is written."""
    for where, text in _texts(document.root, ()):
        if _REFERENCE.search(text) and not any(_is_at(where, place.split(".")) for place in PLACES):
            document.fault(where, "variables are not filled in here", f"they are in {', '.join(PLACES)}")


def _is_at(where: Where, place: list[str]) -> bool:
    return len(where) == len(place) and all(p in ("*", w) for p, w in zip(place, where, strict=True))


def _texts(value: Any, where: Where) -> Iterator[tuple[Where, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Block):
        for word, inner in value.items():
            yield from _texts(inner, (*where, word))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*where, number))
