"""The demo's clock: it starts in the morning and jumps from arrival to arrival, so that a day fits into seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DemoClock:
    """Runs as fast as the real one from `start` on; `jump_to` moves it forward, and sleeping takes no time."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        """Now, in UTC."""
        return (self._start + timedelta(seconds=time.monotonic() - self._began)).astimezone(UTC)

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._start += timedelta(seconds=seconds)

    def jump_to(self, moment: datetime) -> None:
        """Go forward to `moment`; never back."""
        ahead = moment - self.now()
        self._start += max(ahead, timedelta())
