"""OpenSearch: one request a verb, aliases that move behind a fence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from posicional.backends import bulk
from posicional.backends.clock import SystemClock
from posicional.backends.endpoint import TIMEOUT, WAITS, Endpoint, Sign, open_endpoint
from posicional.contract.feed import Aws, Basic, OpenSearchTarget
from posicional.errors import TargetError, UsageError
from posicional.ports import Body, Clock, Document, Found, IndexState, Loaded, Move

_MOVED = ("aliases_not_found_exception", "index_not_found_exception", "illegal_state_exception")
"""What a swap meets when an alias no longer shows what was seen: gone from there, or given to another first."""

SEARCH = 3.0
"""Seconds after which a search is content with what it has, for somebody waits; as many again for the way."""

_WILD, _ESCAPED = re.compile(r"([\\*?])"), r"\\\1"


def connect(target: OpenSearchTarget, clock: Clock | None = None, *, waiting: bool = False) -> OpenSearchBackend:
    """The endpoint of a feed; nothing is sent yet. Certificates are verified.

    `waiting`: somebody sits before a page, so that an endpoint that is slow or busy is asked once, and not for long.

    Where nobody says who we are, requests to an address of Amazon's own are signed, so that one feed serves both here
    and there.
    """
    parts = urlsplit(target.url)
    said, region = service_of(parts.hostname or "")
    auth = target.auth or (Aws() if said and parts.username is None else None)
    basic = (auth.user, auth.password) if isinstance(auth, Basic) else None
    sign, service = None, ""
    if isinstance(auth, Aws):
        service = auth.service or said or "es"
        sign = _signer(target.host, service, auth.region or region)
    timeout, tries = (2 * SEARCH, 0) if waiting else (TIMEOUT, len(WAITS))
    endpoint = open_endpoint(
        target.url,
        clock or SystemClock(),
        timeout=timeout,
        tries=tries,
        compress=target.compress,
        basic=basic,
        sign=sign,
    )
    return OpenSearchBackend(endpoint, serverless=service == "aoss")


def service_of(host: str) -> tuple[str, str]:
    """The service and region that Amazon's name for an endpoint says; empty where it says nothing."""
    said = re.search(r"\.([a-z0-9-]+)\.(es|aoss)\.amazonaws\.com(?:\.cn)?$", host)
    return (said[2], said[1]) if said else ("", "")


def _signer(where: str, service: str, region: str) -> Sign:
    try:
        from posicional.backends.sigv4 import signer
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed", hint="pip install 'posicional[aws]'") from error
    return signer(where, service, region)


@dataclass(frozen=True, slots=True)
class OpenSearchBackend:
    """See `ports.Target` for the verbs. `serverless`: replicas and refreshing are the endpoint's own business."""

    endpoint: Endpoint
    serverless: bool = field(default=False, kw_only=True)

    @property
    def name(self) -> str:
        """Its word in the ledger."""
        return "opensearch"

    @property
    def where(self) -> str:
        """Its address, without user and password."""
        return self.endpoint.where

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """Create an index with its mapping, settings and aliases. False when there is one of this name."""
        try:
            self.endpoint.ask("PUT", f"/{quote(name)}", dict(body))
        except TargetError as error:
            if "resource_already_exists_exception" in error.got:
                return False
            raise
        return True

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:
        """Change settings of an index; None stands for the cluster's own choice."""
        self.endpoint.ask("PUT", f"/{quote(name)}/_settings", {"index": dict(settings)})

    def add_fields(self, name: str, mapping: Mapping[str, Any]) -> None:
        """Make an index know all fields of a mapping."""
        self.endpoint.ask("PUT", f"/{quote(name)}/_mapping", {"properties": mapping["properties"]})

    def refresh(self, index: str) -> None:
        """Make what was sent visible to searches."""
        self.endpoint.ask("POST", f"/{quote(index)}/_refresh")

    def count(self, index: str) -> int:
        """How many documents an index holds."""
        return int(self.endpoint.ask("GET", f"/{quote(index)}/_count")["count"])

    def documents(self, index: str, ids: Sequence[str]) -> dict[str, Document]:
        """The documents of these ids, as far as they are there."""
        found = self.endpoint.ask("POST", f"/{quote(index)}/_mget", {"ids": list(ids)})["docs"]
        return {one["_id"]: Document(one["_source"], one["_version"]) for one in found if one.get("found")}

    def find(self, index: str, text: str, words: Sequence[str], values: Sequence[str], *, most: int) -> Found:
        """Documents whose id is `text`, of whose fields `words` one holds it, or of whose fields `values` one is it."""
        holds = {"value": f"*{_WILD.sub(_ESCAPED, text)}*", "case_insensitive": True}
        any_of: list[dict[str, Any]] = [{"ids": {"values": [text]}}, *({"wildcard": {word: holds}} for word in words)]
        if values:  # what is no number, or no date, is simply not that of such a field
            any_of.append({"multi_match": {"query": text, "fields": list(values), "lenient": True}})
        found = self.endpoint.ask(
            "POST",
            f"/{quote(index)}/_search",
            {
                "size": most,
                "timeout": f"{SEARCH:g}s",
                "track_total_hits": False,
                "query": {"bool": {"should": any_of, "minimum_should_match": 1}},
            },
        )
        hits = found["hits"]["hits"]
        more = len(hits) >= most or bool(found.get("timed_out"))
        return Found({one["_id"]: one["_source"] for one in hits}, more)

    def indices(self, *names: str) -> dict[str, IndexState]:
        """The indices of these names, or that aliases of these names show; `*` stands for anything."""
        path = "/" + ",".join(quote(name, safe="*") for name in names)
        found = self.endpoint.ask("GET", path, params={"ignore_unavailable": "true"}, missing={})
        return {index: _state(words) for index, words in found.items()}

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases in one call. False when one no longer shows what it was seen to show: look again."""
        actions: list[dict[str, Any]] = []
        for move in moves:
            actions += [{"remove": {"index": held, "alias": move.alias, "must_exist": True}} for held in move.held]
            # Only one index of an alias may be the one to write to, so a second first publication is refused.
            writes = {"is_write_index": True} if move.alone else {}
            if move.index:
                actions.append({"add": {"index": move.index, "alias": move.alias, **writes}})
        try:
            self.endpoint.ask("POST", "/_aliases", {"actions": actions})
        except TargetError as error:
            if any(kind in error.got for kind in _MOVED):
                return False
            raise
        return True

    def delete_index(self, name: str) -> None:
        """Remove an index; nothing happens when it is not there."""
        self.endpoint.ask("DELETE", f"/{quote(name)}", missing={})

    def load(self, index: str, bodies: Iterable[Body], *, most: int = bulk.KEPT) -> Loaded:
        """Send documents; what the target pushes back is sent again, and only that."""
        return bulk.load(self.endpoint, index, bodies, most=most)


def _state(words: Mapping[str, Any]) -> IndexState:
    settings = words.get("settings", {}).get("index", {})
    made = settings.get("creation_date")
    return IndexState(
        frozenset(words.get("aliases", {})),
        words.get("mappings", {}).get("_meta", {}),
        settings,
        datetime.fromtimestamp(int(made) / 1000, UTC) if made else None,
    )
