"""What tests of the ledger share: a clock that is told the time, stores, and an outside made of them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from posicional.backends.store import open_store
from posicional.ports import Engine, Event, Outside, Store

MORNING = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


@dataclass
class ToldClock:
    """Shows the time it was told; sleeping takes none, and is noted."""

    time: datetime = MORNING
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The time it was told."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Go forward at once."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


def new_store(kind: str, folder: Path) -> Store:
    """An empty store: `folder` or `memory`."""
    return open_store(folder / "dados" if kind == "folder" else f"memory://{secrets.token_hex(8)}")


@dataclass
class Told:
    """Collects the events of steps."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Note an event."""
        self.events.append(event)

    @property
    def text(self) -> str:
        """All events, a line each."""
        return "\n".join(f"{event.step}: {event.text}" for event in self.events)


def no_engine() -> Engine:
    """For tests that must not come as far as an engine."""
    raise AssertionError("no engine is wanted here")


def outside_of(
    store: Store,
    clock: ToldClock | None = None,
    *,
    who: str = "ana@maquina",
    tell: Callable[[Event], None] | None = None,
    engine: Callable[[], Engine] = no_engine,
    gone: Callable[[str], bool] = lambda _who: False,
) -> Outside:
    """An outside with ids that count, so that failures can be read."""
    ids = itertools.count(1)
    return Outside(
        store=store,
        clock=clock or ToldClock(),
        new_id=lambda: f"{who.split('@', maxsplit=1)[0]}-{next(ids):04d}",
        who=who,
        engine=engine,
        target=None,
        tell=tell or Told(),
        gone=gone,
    )
