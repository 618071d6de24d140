"""Whoever publishes which day when, sleeping wherever: at rest the aliases say what the ledger says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from posicional.contract.feed import Keep, View
from posicional.day.state import run_of
from posicional.demo.osmem import start
from publishing import World, world_at
from worlds import DAY

DAYS = [DAY + timedelta(days=days) for days in (-1, 0, 1)]


@dataclass
class Crowd:
    """People who publish days at random, some of whom fall asleep while others go on. Each day has ever newer runs."""

    world: World
    random: Random
    runs: dict[date, int] = field(default_factory=lambda: dict.fromkeys(DAYS, 0))
    did: list[str] = field(default_factory=list)

    def publish(self, deep: int = 0) -> None:
        """Somebody publishes a new run of a day, or an earlier one again; perhaps with an interlude."""
        day = self.random.choice(DAYS)
        if self.runs[day] and self.random.random() < 0.2:
            run = self.random.randint(1, self.runs[day])
        else:
            self.runs[day] = run = self.runs[day] + 1
            self.world.run(run, rows=self.random.randint(0, 3), day=day)
        self.did.append(f"{'  ' * deep}{day} run {run}")
        if deep < 2 and self.random.random() < 0.5:
            interlude = self.random.choice([self.publish, self.take_over])
            moment = self.random.choice(["during", "before"])
            setattr(self.world, moment, lambda: interlude(deep + 1))
            self.did.append(f"{'  ' * deep}  {moment}: {interlude.__name__}")
        self.world.publish(run, day=day, who=f"p{len(self.did)}@m")
        self.world.during = self.world.before = None

    def take_over(self, deep: int) -> None:
        """Hours pass, and the silent publications of all days are ended; then others go on."""
        self.world.clock.time += timedelta(hours=3)
        for day in DAYS:
            turns = self.world.turns(day)
            if turns and turns[-1].end is None:
                self.world.publish(run_of(turns[-1]), day=day, who="z@m")
        for _ in range(self.random.randint(0, 2)):
            self.publish(deep)

    def go_on(self) -> None:
        """Publish what was begun and not ended well, as a sweep does."""
        for day in DAYS:
            turns = self.world.turns(day)
            if turns and not turns[-1].succeeded:
                self.did.append(f"go on: {day}")
                self.world.publish(run_of(turns[-1]), day=day, who="sweep@m")

    def expected(self, view: View) -> dict[str, list[str]]:
        """What the aliases show by the ledger: of each day the last publication that succeeded."""
        shown = {}
        for day in DAYS:
            good = [turn for turn in self.world.turns(day) if turn.succeeded]
            if good:
                shown[day] = f"contratos-{day}-{run_of(good[-1]):04d}-{good[-1].number:04d}"
        found = {f"contratos-{day}": [shown[day]] if day in shown else [] for day in DAYS}
        newest = [shown[max(shown)]] if shown else []
        return {**found, "contratos": sorted(shown.values()) if view == "all" else newest}


def play(crowd: Crowd, view: View, steps: int) -> None:
    """So many publications, looked at after each."""
    for _ in range(steps):
        crowd.publish()
        crowd.go_on()
        expected = crowd.expected(view)
        assert {alias: crowd.world.shown(alias) for alias in expected} == expected, "\n".join(crowd.did)


def game(url: str, folder: Path, view: View, seed: int) -> None:
    """One crowd on an empty endpoint. Of each day and dataset no more stays than what is shown, what was shown before,
    and what a sleeper has left.
    """
    print("seed", seed)
    world = world_at(url, folder, view, "memory")
    assert world.feed.opensearch
    world.feed = replace(world.feed, opensearch=replace(world.feed.opensearch, keep=Keep(runs=1)))
    play(Crowd(world, Random(seed)), view, 8)
    assert len(world.everything()) <= 2 * len(DAYS) * 3


@pytest.mark.parametrize("view", ["latest", "all"])
def test_at_rest_the_aliases_say_what_the_ledger_says(cluster: str, tmp_path: Path, view: View) -> None:
    """Whatever has happened: nothing that the ledger does not know is shown, and nothing that it knows is not."""
    game(cluster, tmp_path, view, 0)


@pytest.mark.slow
@pytest.mark.parametrize("view", ["latest", "all"])
def test_many_games(tmp_path: Path, view: View) -> None:
    """The same again and again."""
    for seed in range(1, 31):
        with start() as url:
            game(url, tmp_path, view, seed)
