"""What tells a watch that something has arrived: the folder itself, or nobody, where a store can only be asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import Change, watch

from posicional.day.keys import INCOMING


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """Changes of what lies below a store's incoming prefix, told by the system; `stop` ends the watch."""

    folder: Path
    stop: threading.Event
    poll: float

    @property
    def over(self) -> bool:
        """Whether the watch is to end."""
        return self.stop.is_set()

    def wait(self, seconds: float) -> frozenset[str]:
        """The keys of files that were made or changed; none when time runs out, or `poll` seconds have passed: a
        network drive tells nothing of what other machines write.
        """
        incoming = self.folder / INCOMING
        if seconds <= 0 or not incoming.is_dir():
            self.stop.wait(min(seconds, self.poll))
            return frozenset()
        for changes in self._watch(incoming, min(seconds, self.poll)):
            return frozenset(
                f"{INCOMING}{Path(path).relative_to(incoming).as_posix()}"
                for change, path in changes
                if change is not Change.deleted and Path(path).is_file()
            )
        return frozenset()

    def _watch(self, incoming: Path, seconds: float) -> Iterator[set[tuple[Change, str]]]:
        yield from watch(
            incoming,
            watch_filter=None,
            debounce=400,
            step=100,
            stop_event=self.stop,
            rust_timeout=max(1, round(seconds * 1000)),
            yield_on_timeout=True,
            raise_interrupt=False,
        )


@dataclass(frozen=True, slots=True)
class Asking:
    """A store that tells nothing by itself: the next sweep finds what came. `stop` ends the watch."""

    stop: threading.Event

    @property
    def over(self) -> bool:
        """Whether the watch is to end."""
        return self.stop.is_set()

    def wait(self, seconds: float) -> frozenset[str]:
        """Nothing, after so many seconds."""
        self.stop.wait(seconds)
        return frozenset()
