"""Sending bulk bodies so that nothing is lost or doubled: ids make sending twice harmless.

Several bodies are under way at once, as many as the endpoint bears: one more after each round that went well, half as
many when it pushes back. Only what was pushed back is sent again, after a while that grows; what is refused for good
is kept with its reason. Never more than `BODIES` bodies are in memory.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import compress
from typing import Any
from urllib.parse import quote

from posicional.backends.endpoint import BUSY, CROWDED, WAITS, Endpoint, TooLarge, TryAgain
from posicional.errors import TargetError
from posicional.ports import Body, Loaded, RefusedDocument

BODIES = 4
"""Bodies that are in memory, and so requests that are under way, at once at most."""

KEPT = 1000
"""Refused documents that are kept one by one; all of them are counted."""

_WANTED = "errors,items.*.status,items.*.error.type,items.*.error.reason"
"""What is asked of the answer to a bulk request."""

_CONFLICT = 409
"""The index holds a version of the document that is as new, or newer."""

_ITS_OWN_FAULT = 500
"""From here on it is the endpoint that failed, whatever the document: a full disk, a shard that was just closed."""

_NOT_THE_DOCUMENTS = ("index_not_found_exception", "index_closed_exception", "cluster_block_exception")
"""Refusals whose cause is the index, whatever the document."""

_SECURITY = ("security_exception", "authorization_exception")

_ALONE = "the document alone is too large for the endpoint"


def load(endpoint: Endpoint, index: str, bodies: Iterable[Body], *, most: int = KEPT, requests: int = BODIES) -> Loaded:
    """Send documents, at most `requests` bodies at once; when more than `most` are refused for good, not the rest.

    Raises `TargetError` when the endpoint takes nothing any more.
    """
    loading = _Loading(endpoint, index, most, requests)
    try:
        for body in bodies:
            if not loading.begin(body):
                break
    except Exception:
        loading.stop()
        loading.finish()
        raise
    except BaseException:  # somebody wants to leave at once, which the threads do not keep anybody from
        loading.stop()
        raise
    loading.finish()
    return loading.outcome()


class Pace:
    """How many requests may be under way at once: `most` at most, fewer when the endpoint pushes back."""

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._allowed = min(2.0, self._most)
        self._under_way = 0
        self._cuts = 0
        self._changed = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return int(self._allowed)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Wait for a turn, and take it while a request is under way; `TryAgain` within says that it is pushed back."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self.allowed)
            self._under_way += 1
            cuts = self._cuts
        try:
            yield
        except TryAgain:
            with self._changed:
                if cuts == self._cuts:  # requests that were under way together are one sign, not many
                    self._allowed = max(1.0, self._allowed / 2)
                    self._cuts += 1
            raise
        else:
            with self._changed:
                self._allowed = min(self._most, self._allowed + 1 / self._allowed)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()


class _Loading:
    """What is under way, and what has become of the rest."""

    def __init__(self, endpoint: Endpoint, index: str, most: int, requests: int) -> None:
        self._endpoint = endpoint
        self._path = f"/{quote(index)}/_bulk"
        self._most = most
        self._requests = requests
        self._pace = Pace(requests)
        self._room = threading.Semaphore(requests)
        self._lock = threading.Lock()
        self._stopped = False
        self._failure: BaseException | None = None
        self._largest = 1 << 62
        self._taken = 0
        self._stale = 0
        self._refused = Counter[str]()
        self._kept: list[RefusedDocument] = []

    def begin(self, body: Body) -> bool:
        """Send a body beside others, as soon as there is room for it. False when no more is to be sent."""
        self._room.acquire()
        if self._stopped:
            self._room.release()
            return False
        # A daemon: whoever is stopped while requests are under way need not wait for their answers.
        threading.Thread(target=self._deliver, args=(body,), daemon=True).start()
        return True

    def stop(self) -> None:
        """Send nothing more but what is under way."""
        self._stopped = True

    def finish(self) -> None:
        """Wait until nothing is under way."""
        for _ in range(self._requests):
            self._room.acquire()

    def outcome(self) -> Loaded:
        """What became of it all. Raises what kept a body from being sent."""
        if self._failure is not None:
            raise self._failure
        return Loaded(self._taken, dict(self._refused), tuple(self._kept), self._stale)

    def _deliver(self, body: Body) -> None:
        try:
            self._send(body)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the load raises it
            self._failure = self._failure or error
            self._stopped = True
        finally:
            self._room.release()

    def _send(self, body: Body) -> None:
        """Send a body until each of its documents is taken or refused for good."""
        left = [(body.data, body.rows)]
        tries, seen = 0, self._taken
        while left and not self._stopped:
            data, rows = left.pop()
            if len(data) > self._largest and rows > 1:
                left += _halves(data)
                continue
            try:
                with self._pace.request():
                    self._request(data, rows)
            except TooLarge:
                if rows == 1:
                    self._refuse(data, {0: _ALONE})
                else:
                    self._largest = min(self._largest, len(data) - 1)
                    left += _halves(data)
                continue
            except TryAgain as again:
                left.append((again.data, again.rows) if isinstance(again, _PushedBack) else (data, rows))
                if tries == len(WAITS) and seen != self._taken:  # it is slow, but it takes something
                    tries, seen = 0, self._taken
                tries = self._endpoint.wait(tries, again.error)

    def _request(self, data: bytes, rows: int) -> None:
        """One request. Raises `TooLarge`, `TryAgain` for all of it, `_PushedBack` for what is to be sent again."""
        endpoint = self._endpoint
        answer = endpoint.send("POST", self._path, data, {"filter_path": _WANTED}, kind="application/x-ndjson")
        if answer.startswith(b'{"errors":false,') and answer.count(b'"status":') == rows:
            with self._lock:
                self._taken += rows
            return
        results = self._results(answer, rows)
        failed = {place: (int(one["status"]), one["error"]) for place, one in enumerate(results) if "error" in one}
        later = [place for place, (status, _) in failed.items() if _may_pass(status)]
        stale = sum(status == _CONFLICT for status, _ in failed.values())
        reasons = {
            place: self._reason(error)
            for place, (status, error) in failed.items()
            if not (_may_pass(status) or status == _CONFLICT)
        }
        self._refuse(data, reasons)
        with self._lock:
            self._taken += rows - len(failed)
            self._stale += stale
        if later:
            busy = TargetError(f"{len(later)} documents were pushed back", where=endpoint.where, hint=CROWDED)
            raise _PushedBack(_only(data, later), len(later), busy)

    def _results(self, answer: bytes, rows: int) -> list[dict[str, Any]]:
        """The result of each document. Raises `TryAgain` where the answer does not speak of all of them."""
        try:
            results = [next(iter(item.values())) for item in json.loads(answer)["items"]]
        except (ValueError, LookupError, TypeError, AttributeError):
            results = []
        if len(results) != rows:
            raise TryAgain(TargetError("an answer to a bulk request was cut off", where=self._endpoint.where))
        return results

    def _reason(self, error: Mapping[str, Any]) -> str:
        """Why a document is refused. Raises `TargetError` where any other would be too."""
        kind = str(error.get("type", "unknown"))
        if kind in _NOT_THE_DOCUMENTS or kind in _SECURITY:
            hint = "look at the user and role" if kind in _SECURITY else "somebody closed, removed or blocked the index"
            raise TargetError(f"{self._path[1:]} was refused", where=self._endpoint.where, got=kind, hint=hint)
        return _reason(kind, str(error.get("reason", "")))

    def _refuse(self, data: bytes, reasons: Mapping[int, str]) -> None:
        """Keep the documents at these places of a body, which were refused for good."""
        if not reasons:
            return
        items = _items(data)
        with self._lock:
            self._refused.update(reasons.values())
            room = KEPT - len(self._kept)
            self._kept += [_refused(items[place], reason) for place, reason in list(reasons.items())[:room]]
            if self._refused.total() > self._most:
                self._stopped = True


class _PushedBack(TryAgain):
    """Some documents of a body are to be sent again: `data`, `rows` of them."""

    def __init__(self, data: bytes, rows: int, error: TargetError) -> None:
        super().__init__(error)
        self.data = data
        self.rows = rows


def _may_pass(status: int) -> bool:
    """Whether a document that was answered so may be taken later."""
    return status in BUSY or status >= _ITS_OWN_FAULT


def _reason(kind: str, said: str) -> str:
    """The error's type and the field; the server's own words hold the value."""
    field = re.match(
        r"(?:failed to parse field|mapping set to strict, dynamic introduction of) \[([\w.]+)\]",
        said,
    )
    return f"{kind} (field {field[1]})" if field else kind


# --- bodies as text ---------------------------------------------------------------------------------------------------


def _items(data: bytes) -> list[bytes]:
    """The documents of a body, each with its action."""
    lines = data.split(b"\n")
    return [lines[place] + b"\n" + lines[place + 1] + b"\n" for place in range(0, len(lines) - 1, 2)]


def _only(data: bytes, places: Iterable[int]) -> bytes:
    """The documents of a body that stand at these places."""
    items = _items(data)
    wanted = set(places)
    return b"".join(compress(items, (place in wanted for place in range(len(items)))))


def _halves(data: bytes) -> list[tuple[bytes, int]]:
    """A body of several documents as two, the first of them last, with how many are in each."""
    items = _items(data)
    half = len(items) // 2
    return [(b"".join(items[half:]), len(items) - half), (b"".join(items[:half]), half)]


def _refused(item: bytes, reason: str) -> RefusedDocument:
    """Which document it is and where it came from, without what is in it."""
    action, document, _ = item.split(b"\n")
    own = json.loads(document).get("posicional", {})
    return RefusedDocument(
        json.loads(action)["index"]["_id"], str(own.get("file", "")), int(own.get("line", 0)), reason
    )
