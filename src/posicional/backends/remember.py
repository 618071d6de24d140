"""A store that remembers facts. They never change, so each is read once, however many pages show it.

What is remembered stands in a SQLite file, or in memory, and may be thrown away at any time: the ledger is in the store
alone. Days that are long over are not even listed anew for a while; whoever changes one through this store sees it.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from posicional.day.keys import LEDGER
from posicional.ports import Clock, Place, Source, Store, StoredObject

FRESH = timedelta(days=3)
"""Days that are no older than this are listed whenever they are looked at."""

KEPT = timedelta(minutes=10)
"""How long the list of an older day is believed."""

_DAY = re.compile(rf"{re.escape(LEDGER)}[^/]+/([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})/")

Rows = list[tuple[Any, ...]]

_TABLES = """
pragma synchronous = off;
create table if not exists facts (key text primary key, data blob not null);
create table if not exists days (prefix text primary key, listed text not null, objects text not null);
"""


@dataclass(frozen=True, slots=True)
class Remembering:
    """The store `real`, with what it said of facts in `path` (None: in memory)."""

    real: Store
    clock: Clock
    path: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _open: list[sqlite3.Connection] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        """As the store says it."""
        return self.real.url

    @property
    def atomic(self) -> bool:
        """As the store says it."""
        return self.real.atomic

    def create(self, key: str, data: bytes) -> None:
        """Write once, and list its day anew: also where that fails, for somebody else may have written it."""
        try:
            self.real.create(key, data)
        finally:
            if day := _DAY.match(key):
                self.list_anew(day[0])

    def list_anew(self, prefix: str) -> None:
        """Believe no more what the list of a day was."""
        self._do("delete from days where prefix = ?", prefix)

    def read(self, key: str) -> bytes:
        """A whole object; a fact from what is remembered."""
        if not key.startswith(LEDGER):
            return self.real.read(key)
        if rows := self._do("select data from facts where key = ?", key):
            return bytes(rows[0][0])
        data = self.real.read(key)
        self._do("insert or replace into facts values (?, ?)", key, data)
        return data

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Objects below a prefix; those of an older day's ledger as they were a while ago."""
        day = _DAY.fullmatch(prefix)
        if day is None or self.clock.now().date() - date.fromisoformat(day[1]) <= FRESH:
            return self.real.list(prefix)
        since = (self.clock.now() - KEPT).isoformat()
        rows = self._do("select objects from days where prefix = ? and listed > ?", prefix, since)
        if rows:
            return map(_object, json.loads(rows[0][0]))
        objects = list(self.real.list(prefix))
        words = json.dumps([[one.key, one.size, one.version, one.modified.isoformat(), one.tag] for one in objects])
        self._do("insert or replace into days values (?, ?, ?)", prefix, self.clock.now().isoformat(), words)
        return iter(objects)

    def head(self, key: str) -> StoredObject:
        """As the store says it."""
        return self.real.head(key)

    def unfinished(self, prefix: str) -> Iterator[StoredObject]:
        """As the store says it."""
        return self.real.unfinished(prefix)

    def source(self, found: StoredObject) -> Source:
        """As the store says it."""
        return self.real.source(found)

    def sink(self, prefix: str) -> Place:
        """As the store says it."""
        return self.real.sink(prefix)

    def locate(self, key: str) -> str:
        """As the store says it."""
        return self.real.locate(key)

    def delete(self, key: str) -> None:
        """Facts are never deleted, so there is nothing to forget."""
        self.real.delete(key)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            while self._open:
                self._open.pop().close()

    def _do(self, sql: str, *words: str | bytes) -> Rows:
        """One statement. What cannot be remembered, for a full disk or a broken file, is asked for again."""
        with self._lock:
            try:
                if not self._open:
                    self._open.append(_connect(self.path))
                with self._open[0] as connection:
                    return connection.execute(sql, words).fetchall()
            except (sqlite3.Error, OSError) as error:
                if self.path and isinstance(error, sqlite3.DatabaseError) and "locked" not in str(error):
                    self._begin_anew(self.path)
                return []

    def _begin_anew(self, path: Path) -> None:
        """Throw a broken file away: it holds nothing that the ledger does not."""
        while self._open:
            self._open.pop().close()
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    connection.executescript(_TABLES)
    return connection


def _object(words: list[str]) -> StoredObject:
    key, size, version, modified, tag = words
    return StoredObject(key, int(size), version, datetime.fromisoformat(modified), tag)
