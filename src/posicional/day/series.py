"""A series of numbered turns: runs, and the publications of a target.

Turn n+1 may be claimed only when turn n has an end. Taking over a silent turn is creating its end as `abandoned`: the
sleeper's own end then loses, and it must stop. So at any time one turn is entitled to succeed, whatever the clocks say;
a lease only decides when it is time to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from posicional.day.facts import Claim, End, EndStatus, Started, Unreadable

LEASE = timedelta(hours=1)
"""How long a turn is left alone when nothing else is known of its owner."""

C = TypeVar("C", bound=Claim)
E = TypeVar("E", bound=End)

Gone = Callable[[str], bool]
"""Whether whoever signed so (`who`) is known to have ended. False when nothing is known."""


@dataclass(frozen=True, slots=True)
class Turn(Generic[C, E]):
    """One numbered turn of a series."""

    number: int
    claim: C | Unreadable
    started: Started | Unreadable | None = None
    end: E | Unreadable | None = None

    @property
    def status(self) -> EndStatus | Literal["live"]:
        """`live` until there is an end; an unreadable end counts as failed."""
        if self.end is None:
            return "live"
        return "failed" if isinstance(self.end, Unreadable) else self.end.status

    @property
    def succeeded(self) -> bool:
        """Whether this turn ended well."""
        return self.status == "succeeded"

    @property
    def lease_until(self) -> datetime:
        """Until when nobody may ask; a claim that cannot be read is held to the usual lease."""
        return self.claim.at + LEASE if isinstance(self.claim, Unreadable) else self.claim.lease_until

    @property
    def owner(self) -> str:
        """Who claimed it; empty when the claim cannot be read."""
        return "" if isinstance(self.claim, Unreadable) else self.claim.who


@dataclass(frozen=True, slots=True)
class Free:
    """Nobody is at it: `number` may be claimed."""

    number: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Turn `number` has no end and its owner is not to be expected back: it may be ended as abandoned."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Turn `number` is live: its owner has until `until` before anybody asks."""

    number: int
    owner: str
    until: datetime


def standing(turns: Sequence[Turn[C, E]], now: datetime, gone: Gone) -> Free | Silent | Busy:
    """Who may take the next turn of a series; `turns` in the order of their numbers."""
    if not turns:
        return Free(1)
    last = turns[-1]
    if last.end is not None:
        return Free(last.number + 1)
    if last.owner and gone(last.owner):
        return Silent(last.number, f"{last.owner} has ended without saying so")
    if now >= last.lease_until:
        return Silent(last.number, f"nothing was heard of it before its lease ended at {last.lease_until:%H:%M:%S} UTC")
    return Busy(last.number, last.owner, last.lease_until)


def current(turns: Sequence[Turn[C, E]]) -> Turn[C, E] | None:
    """The highest turn that succeeded."""
    return next((turn for turn in reversed(turns) if turn.succeeded), None)
