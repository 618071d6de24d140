"""What tells a watch that something has arrived: the folder itself, or nobody, where a store can only be asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import Change, watch

from posicional.day.keys import INCOMING

BREATH = 0.5
"""Seconds after which it is looked whether the watch is to end, and whether the folder is still the same."""


@dataclass(slots=True)
class FolderChanges:
    """Changes of what lies below a store's incoming prefix, told by the system; `stop` ends the watch.

    The system is listened to all the time, from the beginning on: what changes while nobody waits is told by the next
    wait. Where there is no such folder yet, or it was replaced, listening begins when there is one, and whatever lies
    there by then is told as well.
    """

    folder: Path
    stop: threading.Event
    poll: float
    _heard: Iterator[set[tuple[Change, str]]] | None = field(default=None, init=False, repr=False)
    _inode: int = field(default=0, init=False, repr=False)
    _begun: bool = field(default=False, init=False, repr=False)
    _early: set[str] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        """Begin to listen. What lies there already is nobody's change: whoever watches looks at all of it first."""
        self._early |= self._hear()
        self._begun = True

    @property
    def over(self) -> bool:
        """Whether the watch is to end."""
        return self.stop.is_set()

    def wait(self, seconds: float) -> frozenset[str]:
        """The keys of files that were made or changed; none when time runs out, or `poll` seconds have passed: a
        network drive tells nothing of what other machines write.
        """
        end = time.monotonic() + min(seconds, self.poll)
        keys, self._early = self._early, set()
        while not keys and not self.over and (left := end - time.monotonic()) > 0:
            keys = self._hear()
            if self._heard is None:
                self.stop.wait(min(left, BREATH))
        return frozenset(keys)

    def _hear(self) -> set[str]:
        """What has changed, as soon as something has; nothing after a breath."""
        incoming = self.folder / INCOMING
        try:
            inode = incoming.stat().st_ino
            known = self._heard if inode == self._inode else None
            self._heard, self._inode = known or self._listen(incoming), inode
            changes = next(self._heard)
            if known is None and self._begun:
                changes = changes | {(Change.added, str(path)) for path in incoming.rglob("*")}
        except (OSError, StopIteration):  # it is not there, or was taken away; or the watch is to end
            self._heard = None
            return set()
        return {
            f"{INCOMING}{Path(path).relative_to(incoming).as_posix()}"
            for change, path in changes
            if change is not Change.deleted and Path(path).is_file()
        }

    def _listen(self, incoming: Path) -> Iterator[set[tuple[Change, str]]]:
        return watch(
            incoming,
            watch_filter=None,
            debounce=400,
            step=100,
            stop_event=self.stop,
            rust_timeout=round(BREATH * 1000),
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
