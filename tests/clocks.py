"""Clocks that tests own."""

from __future__ import annotations

from datetime import UTC, datetime


class StillClock:
    """A clock that never waits and remembers how long it should have."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Always the same moment."""
        return datetime(2026, 11, 22, 12, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        """Remember."""
        self.slept.append(seconds)
