"""What somebody does to the cluster behind the ledger's back: an index removed, an alias moved. The ledger decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from posicional.day.journal import Ledger
from posicional.day.state import fold
from posicional.steps.publish import heal
from publishing import YESTERDAY, World, world_at
from worlds import DAY


@pytest.fixture
def world(cluster: str, tmp_path: Path) -> World:
    """Two published days."""
    world = world_at(cluster, tmp_path)
    for day, rows in ((YESTERDAY, 3), (DAY, 5)):
        world.run(1, rows=rows, day=day)
        world.publish(day=day)
    return world


def healed(world: World) -> bool:
    """Hold the day against the cluster, as the sweep and whoever runs it do."""
    outside = world.outside()
    return heal(world.feed, fold(world.feed, Ledger(outside, world.feed.name, DAY).read()), outside)


def index_gone(world: World) -> None:
    """The index that readers see is removed."""
    world.endpoint.delete_index("contratos-2026-11-22-0001-0001")


def alias_gone(world: World) -> None:
    """The alias of all days is taken away."""
    _aliases(world, {"remove": {"index": "contratos-2026-11-22-0001-0001", "alias": "contratos"}})


def alias_back(world: World) -> None:
    """The alias of all days is moved to the day before."""
    _aliases(
        world,
        {"remove": {"index": "contratos-2026-11-22-0001-0001", "alias": "contratos"}},
        {"add": {"index": "contratos-2026-11-21-0001-0001", "alias": "contratos"}},
    )


def day_alias_gone(world: World) -> None:
    """The day's own alias is taken away."""
    _aliases(world, {"remove": {"index": "contratos-2026-11-22-0001-0001", "alias": "contratos-2026-11-22"}})


def _aliases(world: World, *actions: object) -> None:
    world.endpoint.endpoint.ask("POST", "/_aliases", {"actions": list(actions)})


def test_what_is_as_it_was_published_is_left_alone(world: World) -> None:
    """Nothing is sent, no fact is written."""
    assert not healed(world)
    assert world.statuses() == ["succeeded"]


@pytest.mark.parametrize("harm", [index_gone, alias_gone, alias_back, day_alias_gone])
def test_what_the_cluster_lost_is_published_again(world: World, harm: Callable[[World], None]) -> None:
    """Readers see the newest day whole again, of both datasets, and the ledger tells of a second publication."""
    harm(world)
    assert healed(world)
    assert not healed(world)
    assert world.statuses() == ["succeeded", "succeeded"]
    for alias in ("contratos", "contratos-2026-11-22"):
        assert world.shown(alias) == ["contratos-2026-11-22-0001-0002"]
        assert len(world.search(alias)) == 5
    assert world.shown("resumo") == ["resumo-2026-11-22-0001-0002"]


@pytest.mark.parametrize("harm", [index_gone, alias_gone])
def test_an_older_date_does_not_take_the_place_of_what_was_lost(world: World, harm: Callable[[World], None]) -> None:
    """The alias of the readers waits for the newest date, which the ledger knows; it never goes back."""
    harm(world)
    world.run(2, rows=4, day=YESTERDAY)
    world.publish(run=2, day=YESTERDAY)
    assert world.shown("contratos") == []
    assert world.shown("contratos-2026-11-21") == ["contratos-2026-11-21-0002-0002"]
    assert healed(world)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0002"]


def test_every_day_of_a_view_of_all_is_held_against_the_cluster(cluster: str, tmp_path: Path) -> None:
    """Where all days are shown the day must be among them."""
    world = world_at(cluster, tmp_path, "all")
    world.run(1, rows=5)
    world.publish()
    assert not healed(world)
    alias_gone(world)
    assert healed(world)
    assert world.shown("contratos") == ["contratos-2026-11-22-0001-0002"]


def test_a_cluster_that_does_not_answer_is_asked_another_time(world: World) -> None:
    """Nobody knows what readers see: no publication is begun, and that is told."""
    down = replace(world, url="http://127.0.0.1:9")
    assert not healed(down)
    assert world.statuses() == ["succeeded"]
    assert "what readers see" in down.told.text
