"""Sending bulk bodies so that nothing is lost or doubled: ids make sending twice harmless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from posicional.backends.endpoint import BUSY, CROWDED, Endpoint, TooLarge, TryAgain
from posicional.errors import TargetError
from posicional.ports import Body, Loaded

WANTED = "errors,items.*.status,items.*.error.type,items.*.error.reason"
"""What is asked of the answer to a bulk request."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A document that was not taken: its place in the body, the status, and a reason that holds no value."""

    position: int
    status: int
    reason: str


def load(endpoint: Endpoint, index: str, bodies: Iterable[Body]) -> Loaded:
    """Send documents, one body after another; only what is pushed back is sent again.

    Raises `TargetError` when the endpoint takes nothing any more.
    """
    documents, refused = 0, Counter[str]()
    for body in bodies:
        reasons = _send(endpoint, index, body.data)
        documents += body.rows - reasons.total()
        refused += reasons
    return Loaded(documents, dict(refused))


def _bulk(endpoint: Endpoint, index: str, body: bytes) -> list[Failed]:
    """One bulk request: the documents that were not taken. Raises `TryAgain`, `TooLarge`, `TargetError`."""
    params = {"filter_path": WANTED}
    answer = endpoint.send("POST", f"/{quote(index)}/_bulk", body, params, kind="application/x-ndjson")
    items = answer.get("items", []) if isinstance(answer, dict) else []
    if len(items) != body.count(b"\n") // 2:
        raise TryAgain(TargetError("an answer to a bulk request was cut off", where=endpoint.where))
    if not answer["errors"]:
        return []
    results = enumerate(next(iter(item.values())) for item in items)
    return [
        Failed(position, int(result["status"]), _reason(result["error"]))
        for position, result in results
        if "error" in result
    ]


def _send(endpoint: Endpoint, index: str, body: bytes) -> Counter[str]:
    """Send one body until each of its documents is taken or refused for good; the reasons of those refused."""
    refused = Counter[str]()
    tries = 0
    while body:
        try:
            failed = _bulk(endpoint, index, body)
        except TooLarge:
            halves = _halves(body)
            if not halves:
                refused["the document alone is too large for the endpoint"] += 1
                return refused
            return refused + _send(endpoint, index, halves[0]) + _send(endpoint, index, halves[1])
        except TryAgain as again:
            tries = endpoint.wait(tries, again.error)
            continue
        refused.update(each.reason for each in failed if each.status not in BUSY)
        later = [each.position for each in failed if each.status in BUSY]
        if len(later) < body.count(b"\n") // 2:
            tries = 0
        body = _only(body, later)
        if body:
            busy = TargetError(f"{len(later)} documents were pushed back", where=endpoint.where, hint=CROWDED)
            tries = endpoint.wait(tries, busy)
    return refused


def _reason(error: Mapping[str, Any]) -> str:
    """Why a document was refused: the error's type and the field; the server's own words hold the value."""
    field = re.match(
        r"(?:failed to parse field|mapping set to strict, dynamic introduction of) \[([\w.]+)\]",
        str(error.get("reason", "")),
    )
    kind = str(error.get("type", "unknown"))
    return f"{kind} (field {field[1]})" if field else kind


def _halves(body: bytes) -> tuple[bytes, bytes] | None:
    """A body as two; None for a single document."""
    rows = body.count(b"\n") // 2
    if rows < 2:
        return None
    first = _only(body, range(rows // 2))
    return first, body[len(first) :]


def _only(body: bytes, positions: Iterable[int]) -> bytes:
    """The documents of a body that stand at these places."""
    lines = body.split(b"\n")
    return b"".join(lines[2 * position] + b"\n" + lines[2 * position + 1] + b"\n" for position in positions)
