"""What a feed's YAML says of publishing reaches the cluster, through the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commands import arrive_bytes, posicional
from posicional.backends.opensearch import OpenSearchBackend, connect
from posicional.contract.feed import OpenSearchTarget

FEED = """
feed: mudancas
timezone: America/Sao_Paulo
deadline: "12:00"
store: ./dados
files:
  mudancas: {pattern: "M_{date:%Y%m%d}.txt", layout: mudancas.yaml}
datasets:
  pessoas: {sql: pessoas.sql, key: [id]}
publish:
  opensearch:
"""
LAYOUT = """
fields:
  - {name: id, width: 3, type: string}
  - {name: nome, width: 10, type: string}
  - {name: em, width: 14, type: timestamp, format: "%Y%m%d%H%M%S"}
  - {name: saiu, width: 1, type: boolean, "true": S, "false": N}
"""
CHANGES = """
    mode: upsert
    datasets: {pessoas: {index: pessoas, deleted: saiu, fields: {nome: text}}}
"""
DAYS = """
    keep: {runs: 1, days: 40000}
    datasets:
      pessoas:
        index: pessoas
        view: all
        nulls: true
        settings: {number_of_replicas: 0, refresh_interval: 7s}
"""


class World:
    """A feed, its store, and the endpoint."""

    def __init__(self, folder: Path, url: str, publish: str) -> None:
        self.folder, self.url = folder, url
        (folder / "feed.yaml").write_text(f"{FEED}    url: {url}{publish}")
        (folder / "mudancas.yaml").write_text(LAYOUT)
        (folder / "pessoas.sql").write_text("select id, nome, em, saiu from mudancas\n")

    @property
    def endpoint(self) -> OpenSearchBackend:
        """As readers ask."""
        return connect(OpenSearchTarget(self.url, {}))

    def day(self, date: str, *lines: str) -> None:
        """A day's file comes and is processed."""
        name = f"M_{date.replace('-', '')}.txt"
        arrive_bytes(self.folder / "dados", name, "".join(f"{line}\n" for line in lines).encode())
        said = posicional("run", self.folder / "feed.yaml", "--date", date)
        assert said.code == 0, said.text

    def search(self, **query: Any) -> list[dict[str, Any]]:
        """What readers find, in the order of its id."""
        body = {"size": 100, "sort": ["id"], **({"query": query} if query else {})}
        hits = self.endpoint.endpoint.ask("POST", "/pessoas/_search", body)["hits"]["hits"]
        return [hit["_source"] for hit in hits]


ANA, BIA = "001Ana Silva 20261122093000N", "002Bia Souza 20261122093000N"


def test_a_feed_of_changes(cluster: str, tmp_path: Path) -> None:
    """Rows replace those with their key, the flag hides them, names are found by their words."""
    world = World(tmp_path, cluster, CHANGES)
    world.day("2026-11-21", ANA, BIA)
    world.day("2026-11-22", ANA.replace("Silva", "Lopes"), f"{BIA[:-1]}S")
    (found,) = world.search()
    assert (found["nome"], found["em"]) == ("Ana Lopes", "2026-11-22T09:30:00.000000-03:00")
    assert "saiu" not in found
    assert len(world.search(match={"nome": "lopes"})) == 1
    assert set(world.endpoint.indices("*")) == {"pessoas-upsert"}
    status = posicional("status", tmp_path / "feed.yaml", "--date", "2026-11-22")
    assert "pessoas: 2 documents in pessoas-upsert (as pessoas), from run 1" in status.out


def test_days_side_by_side(cluster: str, tmp_path: Path) -> None:
    """`view: all`, settings, nulls and `keep`, as the contract says them."""
    world = World(tmp_path, cluster, DAYS)
    world.day("2026-11-21", ANA)
    world.day("2026-11-22", f"{BIA[:3]}{' ' * 10}{BIA[13:]}")
    assert [one["nome"] for one in world.search()] == ["Ana Silva", None]
    (index,) = world.endpoint.indices("pessoas-2026-11-22")
    settings = world.endpoint.indices(index)[index].settings
    assert (settings["number_of_replicas"], settings["refresh_interval"]) == ("0", "7s")
    for _ in range(2):
        said = posicional("run", tmp_path / "feed.yaml", "--date", "2026-11-22", "--again")
        assert said.code == 0, said.text
    assert len([name for name in world.endpoint.indices("*") if "2026-11-22" in name]) == 2
