"""A small engine and a small target, real ones: what goes in comes out, in milliseconds.

The datasets are made so that each row of theirs says which line of which file it is: so a row that is lost, doubled or
stale is seen at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import planos_by_hand as by_hand
from posicional.contract.feed import Dataset, Feed, IndexOf, OpenSearchTarget
from posicional.errors import SqlError, TargetError
from posicional.ports import Body, Document, Found, IndexState, Loaded, Move, Offending, Place, Store, Written

Tables = Mapping[str, Sequence[str]]
"""Table -> where its parts are."""

Row = tuple[int, str | None]
"""A record as the datasets show it: its line, and one of its fields."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The field that the datasets show of a file: where it lies in the line, and whether a header and trailer are
    around the records. `length` is that of a good record.
    """

    column: str
    start: int
    stop: int
    around: bool = True
    length: int = 0

    def rows(self, data: bytes) -> list[Row]:
        """The good records of a file, cut by hand."""
        lines = data.split(b"\n")[:-1]
        records = list(enumerate(lines, 1))[1:-1] if self.around else list(enumerate(lines, 1))
        good = [(number, line) for number, line in records if not self.length or len(line) == self.length]
        return [(number, line[self.start : self.stop].decode().strip() or None) for number, line in good]


PLANOS = {
    "contratos": "descricao",
    "clientes": "cidade",
    "planos": "nome",
    "dependentes": "parentesco",
    "pagamentos": "forma",
    "corretores": "uf",
    "sinistros": "descricao",
}
"""The field that is shown of each of the demo's files: text that is nobody's, and in no control total."""

SEVEN = {
    name: next(Shown(field, start, stop) for field, start, stop, _ in by_hand.CUTS[name] if field == column)
    for name, column in PLANOS.items()
}

TWO = {"contratos": Shown("plano", 7, 13, length=30), "clientes": Shown("uf", 11, 13, around=False, length=20)}
"""The same of the two files that the tests of the steps use."""


def light(feed: Feed, shown: Mapping[str, Shown], version: int = 1) -> Feed:
    """The feed with two light datasets: `linhas`, every row of every file, and `resumo`, how many there are of each.

    Both are published. `version` stands in `resumo`: another one is another contract.
    """
    lines = "\nunion all\n".join(
        f"select '{name}' as arquivo, _line as linha, {one.column} as valor from {name}"  # noqa: S608 - names of ours
        for name, one in shown.items()
    )
    summary = _COUNT.format(version)
    datasets = {
        "linhas": Dataset("linhas", lines, Path("linhas.sql"), ("arquivo", "linha")),
        "resumo": Dataset("resumo", summary, Path("resumo.sql"), ("arquivo",)),
    }
    target = OpenSearchTarget("light://", {name: IndexOf(name, name) for name in datasets})
    return replace(feed, datasets=datasets, opensearch=target)


_COUNT = "select arquivo, count(*) as linhas, {} as versao from linhas group by arquivo"
_LINES = re.compile(r"select '(\w+)' as arquivo, _line as linha, (\w+) as valor from \1")
_SUMMARY = re.compile(re.escape(_COUNT).replace(r"\{\}", r"(\d+)"))


@dataclass(frozen=True, slots=True)
class LightEngine:
    """An engine for the SQL of `light` and no other; it reads parts through a store and writes each result as one.

    `then` is called when a result is there: it may fail, or let something happen.
    """

    store: Store
    then: Callable[[], None] = lambda: None
    name: str = "light"

    def run(
        self, dataset: Dataset, tables: Mapping[str, Sequence[str]], sink: Place, _secret: bytes = b""
    ) -> tuple[Written, ...]:
        """Concatenate, or count."""
        if found := _SUMMARY.fullmatch(dataset.sql):
            table = self._summary(tables["linhas"], int(found[1]))
        else:
            table = pa.concat_tables([self._lines(select, tables) for select in dataset.sql.split("\nunion all\n")])
        with sink.open("part-00000.parquet") as part:
            pq.write_table(table, part)
            size = part.tell()
        self.then()
        return (Written("part-00000.parquet", table.num_rows, size),)

    def offending(self, sql: str, path: str, tables: Tables) -> Offending:
        """Nothing is expected of light datasets."""
        raise SqlError("not a query that this engine knows", where=path, got=f"{sql} over {', '.join(tables)}")

    def _lines(self, select: str, tables: Tables) -> pa.Table:
        found = _LINES.fullmatch(select)
        if found is None:
            raise SqlError("not a query that this engine knows", got=select)
        read = self._read(tables[found[1]], ["_line", found[2]])
        names = pa.array([found[1]] * read.num_rows, pa.string())
        return pa.table({"arquivo": names, "linha": read["_line"], "valor": read[found[2]].cast(pa.string())})

    def _summary(self, located: Sequence[str], version: int) -> pa.Table:
        counted = self._read(located, ["arquivo"]).group_by("arquivo").aggregate([([], "count_all")])
        versions = pa.array([version] * counted.num_rows, pa.int32())
        return pa.table({"arquivo": counted["arquivo"], "linhas": counted["count_all"], "versao": versions})

    def _read(self, located: Sequence[str], columns: list[str]) -> pa.Table:
        keys = [where.removeprefix(self.store.url.rstrip("/") + "/") for where in located]
        return pa.concat_tables([table_of(self.store, key, columns) for key in keys])


def table_of(store: Store, key: str, columns: list[str] | None = None) -> pa.Table:
    """A Parquet part of a store."""
    return pq.ParquetFile(pa.BufferReader(store.read(key))).read(columns)


@dataclass
class Shelf:
    """Indices with their documents, and the aliases that show them, moved all at once behind a fence.

    `held`: index -> id -> document.
    """

    name: str = "opensearch"
    where: str = "light://"
    serverless: bool = False
    held: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    metas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: dict[str, set[str]] = field(default_factory=dict)

    def create_index(self, name: str, body: Mapping[str, Any]) -> bool:
        """An empty index, unless there is one of that name."""
        if name in self.held:
            return False
        self.held[name] = {}
        self.metas[name] = body["mappings"].get("_meta", {})
        return True

    def set_index(self, name: str, settings: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Nothing here depends on settings."""
        self._of(name)

    def add_fields(self, name: str, mapping: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Any field is taken."""
        self._of(name)

    def load(self, index: str, bodies: Iterable[Body], *, most: int = 1000) -> Loaded:  # noqa: ARG002 - takes all
        """Take every document; one of an id that is there takes its place."""
        count = 0
        for body in bodies:
            lines = body.data.decode().splitlines()
            for action, document in zip(lines[::2], lines[1::2], strict=True):
                self._of(index)[json.loads(action)["index"]["_id"]] = json.loads(document)
            count += body.rows
        return Loaded(count, {})

    def refresh(self, index: str) -> None:
        """Everything is visible at once."""
        self._of(index)

    def count(self, index: str) -> int:
        """How many documents there are."""
        return len(self._of(index))

    def documents(self, index: str, ids: Sequence[str]) -> dict[str, Document]:
        """Those of these ids."""
        return {name: Document(found, 1) for name, found in self._of(index).items() if name in ids}

    def find(self, index: str, text: str, words: Sequence[str], values: Sequence[str], *, most: int) -> Found:
        """Those that hold a text."""
        found = {
            name: one
            for name, one in self._of(index).items()
            if name == text
            or any(text.lower() in str(one.get(word, "")).lower() for word in words)
            or any(text == str(one.get(value)) for value in values)
        }
        return Found(dict(list(found.items())[:most]), len(found) > most)

    def indices(self, *names: str) -> dict[str, IndexState]:
        """Indices by name or alias."""
        found = {
            index: IndexState(frozenset(alias for alias, shown in self.aliases.items() if index in shown), meta)
            for index, meta in self.metas.items()
        }
        return {
            index: state
            for index, state in found.items()
            if any(fnmatchcase(index, name) or name in state.aliases for name in names)
        }

    def swap(self, moves: Sequence[Move]) -> bool:
        """Move aliases, unless one no longer shows what it was seen to show, or is to show what is not there."""
        after = {alias: set(shown) for alias, shown in self.aliases.items()}
        for move in moves:
            shown = after.setdefault(move.alias, set())
            if (
                move.index not in (*self.held, "")
                or not shown.issuperset(move.held)
                or (move.alone and shown - {*move.held, move.index})
            ):
                return False
            shown -= set(move.held)
            shown |= {move.index} - {""}
        self.aliases = after
        return True

    def delete_index(self, name: str) -> None:
        """Take an index away, and with it what showed it."""
        self.held.pop(name, None)
        self.metas.pop(name, None)
        for shown in self.aliases.values():
            shown.discard(name)

    def _of(self, index: str) -> dict[str, dict[str, Any]]:
        if index not in self.held:
            raise TargetError("there is no such index", where=index)
        return self.held[index]

    def seen_at(self, alias: str) -> list[dict[str, Any]]:
        """What readers find there."""
        return [one for index in sorted(self.aliases.get(alias, ())) for one in self.held[index].values()]
