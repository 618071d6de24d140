"""OpenSearch: one request a verb, bulk loading that loses and doubles nothing, aliases that move behind a fence.

A message names the endpoint without user and password, an index, a field, a type of error. It never quotes the
server's own reason for refusing a document, since that holds the value.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import ConnectionTimeout, OpenSearchException, SSLError, TransportError

from posicional.backends.clock import SystemClock
from posicional.errors import TargetError
from posicional.ports import Body, Clock, IndexState, Loaded, Move

if TYPE_CHECKING:
    from posicional.contract.feed import OpenSearchTarget

TIMEOUT = 60.0
"""Seconds that a request may take."""

WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each further try at what was pushed back, begun anew whenever some of it was taken."""

BUSY = (429, 502, 503, 504)
"""The endpoint, or what stands before it, asks to come back later."""

_MOVED = ("aliases_not_found_exception", "index_not_found_exception", "illegal_state_exception")
"""What a swap meets when an alias no longer shows what was seen: gone from there, or given to another first."""

# The client logs requests, and at some levels their bodies; what is worth telling is in our own errors and events.
for _name in ("opensearch", "opensearchpy.trace"):
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


class _TryAgain(Exception):
    """A request may succeed later; `error` is what to raise if it does not."""

    def __init__(self, error: TargetError) -> None:
        super().__init__()
        self.error = error


class _TooLarge(Exception):
    """A body is larger than the endpoint takes."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A document that was not taken: its place in the body, the status, and a reason that holds no value."""

    position: int
    status: int
    reason: str


def connect(target: OpenSearchTarget, clock: Clock | None = None) -> OpenSearchBackend:
    """The endpoint of a feed; nothing is sent yet. Certificates are verified."""
    client = OpenSearch(target.url, timeout=TIMEOUT, max_retries=0, http_compress=False)
    return OpenSearchBackend(client, target.host, clock or SystemClock())


@dataclass(frozen=True, slots=True)
class OpenSearchBackend:
    """An endpoint at `where`; see `ports.Target` for the verbs."""

    client: OpenSearch
    where: str
    clock: Clock

    @property
    def name(self) -> str:
        """Its word in the ledger."""
        return "opensearch"

    def create_index(self, name: str, body: Mapping[str, Any]) -> None:
        """Create an index with its mapping and settings."""
        self._ask("PUT", f"/{quote(name)}", dict(body))

    def refresh(self, index: str) -> None:
        """Make what was sent visible to searches."""
        self._ask("POST", f"/{quote(index)}/_refresh")

    def count(self, index: str) -> int:
        """How many documents an index holds."""
        return int(self._ask("GET", f"/{quote(index)}/_count")["count"])

    def indices(self, *names: str) -> dict[str, IndexState]:
        """The indices of these names, or that aliases of these names show; `*` stands for anything."""
        path = "/" + ",".join(quote(name, safe="*") for name in names)
        found = self._ask("GET", path, params={"ignore_unavailable": "true"}, missing={})
        return {
            index: IndexState(frozenset(state.get("aliases", {})), state.get("mappings", {}).get("_meta", {}))
            for index, state in found.items()
        }

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases in one call. False when one no longer shows what it was seen to show: look again."""
        actions: list[dict[str, Any]] = []
        for move in moves:
            actions += [{"remove": {"index": held, "alias": move.alias, "must_exist": True}} for held in move.held]
            # Only one index of an alias may be the one to write to, so a second first publication is refused.
            writes = {"is_write_index": True} if move.alone else {}
            actions.append({"add": {"index": move.index, "alias": move.alias, **writes}})
        try:
            self._ask("POST", "/_aliases", {"actions": actions})
        except TargetError as error:
            if any(kind in error.got for kind in _MOVED):
                return False
            raise
        return True

    def delete_index(self, name: str) -> None:
        """Remove an index; nothing happens when it is not there."""
        self._ask("DELETE", f"/{quote(name)}", missing={})

    # --- bulk ---------------------------------------------------------------------------------------------------------

    def load(self, index: str, bodies: Iterable[Body]) -> Loaded:
        """Send documents, one body after another; only what is pushed back is sent again.

        Raises `TargetError` when the endpoint takes nothing any more.
        """
        documents, refused = 0, Counter[str]()
        for body in bodies:
            reasons = self._send(index, body.data)
            documents += body.rows - reasons.total()
            refused += reasons
        return Loaded(documents, dict(refused))

    def _bulk(self, index: str, body: bytes) -> list[Failed]:
        """One bulk request: the documents that were not taken. Raises `_TryAgain`, `_TooLarge`, `TargetError`."""
        wanted = "errors,items.*.status,items.*.error.type,items.*.error.reason"
        with self._explained("POST", f"{index}/_bulk"):
            answer = self.client.transport.perform_request(
                "POST",
                f"/{quote(index)}/_bulk",
                params={"filter_path": wanted},
                body=body,
                headers={"content-type": "application/x-ndjson"},
            )
        items = answer.get("items", []) if isinstance(answer, dict) else []
        if len(items) != body.count(b"\n") // 2:
            raise _TryAgain(TargetError("an answer to a bulk request was cut off", where=self.where))
        if not answer["errors"]:
            return []
        results = enumerate(next(iter(item.values())) for item in items)
        return [
            Failed(position, int(result["status"]), _reason(result["error"]))
            for position, result in results
            if "error" in result
        ]

    def _send(self, index: str, body: bytes) -> Counter[str]:
        """Send one body until each of its documents is taken or refused for good; the reasons of those refused."""
        refused = Counter[str]()
        tries = 0
        while body:
            try:
                failed = self._bulk(index, body)
            except _TooLarge:
                halves = _halves(body)
                if not halves:
                    refused["the document alone is too large for the endpoint"] += 1
                    return refused
                return refused + self._send(index, halves[0]) + self._send(index, halves[1])
            except _TryAgain as again:
                tries = self._wait(tries, again.error)
                continue
            refused.update(each.reason for each in failed if each.status not in BUSY)
            later = [each.position for each in failed if each.status in BUSY]
            if len(later) < body.count(b"\n") // 2:
                tries = 0
            body = _only(body, later)
            if body:
                busy = TargetError(f"{len(later)} documents were pushed back", where=self.where, hint=_CROWDED)
                tries = self._wait(tries, busy)
        return refused

    def _wait(self, tries: int, error: TargetError) -> int:
        if tries >= len(WAITS):
            raise error
        self.clock.sleep(WAITS[tries])
        return tries + 1

    # --- requests -----------------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        missing: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """One request, tried again while the endpoint is busy; `missing` is the answer where it has no such thing."""
        tries = 0
        while True:
            try:
                with self._explained(method, path.lstrip("/")):
                    answer = self.client.transport.perform_request(method, path, params=dict(params or {}), body=body)
                return cast("dict[str, Any]", answer)
            except _TryAgain as again:
                if isinstance(again.error, _Unreachable):
                    raise again.error from None
                tries = self._wait(tries, again.error)
            except _Missing:
                if missing is None:
                    raise
                return missing

    @contextmanager
    def _explained(self, method: str, path: str) -> Iterator[None]:
        """Turn what the client says into errors of ours."""
        try:
            yield
        except TransportError as error:
            raise self._explain(error, f"{method} {path}") from None
        except OpenSearchException:
            raise _TryAgain(TargetError("an answer cannot be read", where=self.where)) from None

    def _explain(self, error: TransportError, request: str) -> Exception:
        if isinstance(error, SSLError):
            return TargetError(
                "its certificate is not trusted", where=self.where, hint="set SSL_CERT_FILE to its authority"
            )
        if isinstance(error, ConnectionTimeout):
            return _TryAgain(TargetError(f"no answer within {TIMEOUT:.0f} s", where=self.where, hint=_CROWDED))
        if isinstance(error, NoConnection):
            return _TryAgain(
                _Unreachable(
                    "OpenSearch cannot be reached", where=self.where, hint="is it running, and is its url: right?"
                )
            )
        status, kind = error.status_code, str(error.error)
        if status == 413:
            return _TooLarge()
        if status in BUSY:
            return _TryAgain(TargetError(f"it is busy ({status})", where=self.where, hint=_CROWDED))
        if status in (401, 403):
            return TargetError(
                f"it refuses us ({status})", where=self.where, hint="look at the user, password and role"
            )
        if status == 404 and kind == "index_not_found_exception":
            return _Missing(f"{request}: no such index", where=self.where, got=kind)
        said = kind if request.endswith("/_bulk") else _said(error)
        return TargetError(f"{request} was refused ({status})", where=self.where, got=said)


class _Unreachable(TargetError):
    """Nobody listens there."""


class _Missing(TargetError):
    """There is no such index."""


_CROWDED = "the cluster may need more room or rest; run the command again later"


def _said(error: TransportError) -> str:
    """Why a request about indices and aliases was refused; those hold no value of a field."""
    details = error.info.get("error") if isinstance(error.info, dict) else None
    reason = details.get("reason", "") if isinstance(details, dict) else ""
    return f"{error.error}: {reason}" if reason else str(error.error)


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
