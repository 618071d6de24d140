"""Numbered turns: who may take the next one, and which one counts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from posicional.day.facts import EndStatus, RunClaim, RunEnd, Unreadable
from posicional.day.series import LEASE, Busy, Free, Silent, Turn, current, standing
from worlds import MORNING

HOUR = timedelta(hours=1)


def nobody(_who: str) -> bool:
    """Nothing is known of anybody."""
    return False


def turn(number: int, end: EndStatus | Unreadable | None = None, who: str = "ana@um") -> Turn[RunClaim, RunEnd]:
    """A turn that was claimed in the morning for an hour."""
    claim = RunClaim(
        writer="w", at=MORNING, who=who, lease_until=MORNING + HOUR, revision="r", content="c", contract="k"
    )
    if end is None or isinstance(end, Unreadable):
        return Turn(number, claim, None, end)
    return Turn(number, claim, None, RunEnd(writer="e", at=MORNING, status=end))


TORN = Unreadable(MORNING, "torn")


def test_the_first_number_is_one() -> None:
    """A series that nobody began is free."""
    assert Free(1) == standing([], MORNING, nobody)


@pytest.mark.parametrize("end", ["succeeded", "failed", "abandoned", "superseded", TORN], ids=str)
def test_an_end_frees_the_next_number(end: EndStatus | Unreadable) -> None:
    """However a turn ended, also in a way that nobody can read, the next may be claimed."""
    assert Free(3) == standing([turn(1, "failed"), turn(2, end)], MORNING, nobody)


def test_a_live_turn_keeps_the_others_out_until_its_lease_ends() -> None:
    """Before the lease ends it is busy; from its end on it may be asked for."""
    turns = [turn(1)]
    assert Busy(1, "ana@um", MORNING + HOUR) == standing(turns, MORNING + HOUR - timedelta(microseconds=1), nobody)
    assert isinstance(standing(turns, MORNING + HOUR, nobody), Silent)


def test_an_owner_known_to_be_gone_is_silent_at_once() -> None:
    """Only that owner's."""
    assert isinstance(standing([turn(1)], MORNING, lambda who: who == "ana@um"), Silent)
    assert isinstance(standing([turn(1, who="bia@dois")], MORNING, lambda who: who == "ana@um"), Busy)


def test_a_claim_that_cannot_be_read_is_a_claim() -> None:
    """It is held to the usual lease, from the store's time of it; nobody need delete it."""
    torn: Turn[RunClaim, RunEnd] = Turn(1, TORN)
    assert Busy(1, "", MORNING + LEASE) == standing([torn], MORNING, lambda _: True)
    assert isinstance(standing([torn], MORNING + LEASE, nobody), Silent)


def test_current_is_the_highest_that_succeeded() -> None:
    """Failures behind it, live turns and ends that cannot be read do not take its place."""
    turns = [turn(1, "succeeded"), turn(2, "succeeded"), turn(3, "failed"), turn(4, TORN), turn(5)]
    assert turns[1] == current(turns)
    assert current(turns[2:]) is None
