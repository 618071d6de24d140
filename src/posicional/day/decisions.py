"""What people decided about a day, in the order of the decisions' numbers. Pure.

A decision that cannot be read may be any of them, so it counts as the cautious one: it holds the day, until a person
releases it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from posicional.day.facts import Decision, Unreadable
from posicional.day.journal import Facts
from posicional.day.keys import DecisionKey
from posicional.day.series import C, E, Turn, current


@dataclass(frozen=True, slots=True)
class Rollback:
    """Readers are to see run `run` again. `last` was the highest run then, `content` what had come (`Day.arrived`)."""

    run: int
    last: int
    content: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A decision with its number; `decision` is None when its fact cannot be read."""

    number: int
    decision: Decision | None

    @property
    def text(self) -> str:
        """Why, and who said so."""
        if self.decision is None:
            return f"decision {self.number} cannot be read; release the day when you know what it was"
        return f"{self.decision.why} ({person(self.decision.who)})"

    @property
    def about(self) -> str:
        """What it is about, in words; empty where it is about the whole day."""
        about = self.decision.about if self.decision else {}
        words = [str(about[word]) for word in ("file", "condition") if word in about]
        words += [f"{word} {about[word]}" for word in ("arrival", "run", "alert") if word in about]
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Decided:
    """What holds after all decisions.

    `accepted`: (file, arrival, reading) of refusals that count as converted. `waived`: the files that the day may go
    without. `held` and `skipped`: what shuts the gate. `reruns`: how often another run was asked for.
    """

    decisions: tuple[Numbered, ...] = ()
    accepted: frozenset[tuple[str, int, str]] = frozenset()
    waived: Mapping[str, Numbered] = field(default_factory=dict)
    rollback: Rollback | None = None
    held: Numbered | None = None
    skipped: Numbered | None = None
    reruns: int = 0

    def accepted_of(self, file: str, readings: Mapping[int, str]) -> frozenset[int]:
        """The arrivals of a file whose refusal was accepted, in the way in which each counts as read."""
        return frozenset(n for n, reading in readings.items() if (file, n, reading) in self.accepted)


def person(who: str) -> str:
    """`user@host` of a fact's `who`, without the process."""
    return who.partition(" pid ")[0]


def decisions_of(facts: Facts) -> tuple[Numbered, ...]:
    """The decisions among a day's facts, in their order."""
    found = {
        key.number: Numbered(key.number, fact if isinstance(fact, Decision) else None)
        for key, fact in facts.entries.items()
        if isinstance(key, DecisionKey) and isinstance(fact, Decision | Unreadable)
    }
    return tuple(found[number] for number in sorted(found))


def decided(decisions: Sequence[Numbered]) -> Decided:
    """What holds after these decisions."""
    accepted: set[tuple[str, int, str]] = set()
    waived: dict[str, Numbered] = {}
    rollback: Rollback | None = None
    held: Numbered | None = None
    skipped: Numbered | None = None
    reruns = 0
    for one in decisions:
        about = one.decision.about if one.decision else {}
        match one.decision.decision if one.decision else "hold":
            case "accept":
                accepted.add((str(about["file"]), int(about["arrival"]), str(about["reading"])))
            case "waive":
                waived[str(about["file"])] = one
            case "rollback":
                rollback = Rollback(int(about["run"]), int(about["last"]), str(about["content"]))
            case "rerun":
                reruns += 1
            case "hold":
                held = one
            case "skip_day":
                skipped = one
            case "release":
                held = skipped = None
    return Decided(tuple(decisions), frozenset(accepted), waived, rollback, held, skipped, reruns)


def standing_rollback(rollback: Rollback | None, runs: Sequence[Turn[C, E]]) -> Rollback | None:
    """The rollback that holds: until a run that was claimed after it succeeds."""
    if rollback is None or any(run.succeeded and run.number > rollback.last for run in runs):
        return None
    return rollback


def current_run(runs: Sequence[Turn[C, E]], rollback: Rollback | None) -> Turn[C, E] | None:
    """The run whose datasets count: the highest that succeeded, or the one that a standing rollback names."""
    return current([run for run in runs if rollback is None or run.number <= rollback.run])
