"""A day of the demo feed as tests live it: a store, an endpoint, the command line, and what readers see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch

import planos_by_hand as by_hand
from commands import PLANOS, Said, arrive, files_below, parts_of, posicional, table_of
from posicional.demo.osmem import start as endpoint

DAY = date(2026, 11, 22)
DATE = "2026-11-22"
ROWS = 120
FILES = tuple(by_hand.CUTS)
DATASETS = ("contratos_ativos", "movimento_contratos", "resumo_planos")
KEYS = {"contratos_ativos": "numero_contrato", "movimento_contratos": "numero_contrato", "resumo_planos": "id_plano"}
ALIASES = {"contratos_ativos": "contratos", "resumo_planos": "resumo-planos"}


@dataclass
class World:
    """A store, an endpoint, and what has been said so far."""

    store: Path
    url: str
    said: list[Said] = field(default_factory=list)

    def run(self, *words: str) -> Said:
        """`posicional run` of the day."""
        said = posicional(
            "run", PLANOS, "--date", DATE, "--store", self.store, *words, env={"OPENSEARCH_URL": self.url}
        )
        self.said.append(said)
        return said

    def arrive(self, folder: Path, *names: str, after: int = 0) -> None:
        """Files of a sample arrive, all of them unless named."""
        arrive(self.store, *(path_of(folder, name) for name in names or FILES), after=after)

    @property
    def client(self) -> OpenSearch:
        """As readers ask."""
        return OpenSearch(self.url)

    def documents(self, alias: str) -> dict[str, dict[str, Any]]:
        """Everything that an alias shows: id -> document."""
        hits = self.client.search(index=alias, body={"size": 5000})["hits"]
        assert len(hits["hits"]) == hits["total"]["value"]
        return {hit["_id"]: hit["_source"] for hit in hits["hits"]}

    def shown_by(self, alias: str) -> list[str]:
        """The indices that an alias shows."""
        return sorted(self.client.indices.get_alias(name=alias))

    @property
    def facts(self) -> dict[str, dict[str, Any]]:
        """The day's ledger: name below the day's folder (the reading's digest left out) -> the fact."""
        folder = self.store / "controle" / "planos" / DATE
        return {
            re.sub(r"\.[0-9a-f]{12}\.done", ".done", name): json.loads(data)
            for name, data in files_below(folder).items()
        }

    def rows(self, dataset: str) -> list[by_hand.Row]:
        """A dataset in the order of its key, from where `posicional dataset` says that it is."""
        rows: list[by_hand.Row] = table_of(parts_of(PLANOS, dataset, DATE, self.store)).to_pylist()
        return sorted(rows, key=lambda row: str(row[KEYS[dataset]]))


@contextmanager
def world(store: Path) -> Iterator[World]:
    """An empty store beside an empty endpoint."""
    with endpoint() as url:
        yield World(store, url)


def path_of(folder: Path, name: str) -> Path:
    """One of the sample's files."""
    return folder / f"{name.upper()}_{DAY:%Y%m%d}.txt"
