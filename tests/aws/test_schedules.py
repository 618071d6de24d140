"""What the schedules did while other tests went on: they ring at the deadline, in the feed's zone, tell of faults."""

from __future__ import annotations

import json

import pytest

from aws.cloud import Stack, until
from aws.feeds import ZONE, today

pytestmark = pytest.mark.aws


def standing(stack: Stack) -> str | None:
    """How today's date stood when its deadline was checked; None when it has not been yet."""
    said = [json.loads(line) for line in stack.lines("prazo") if line.startswith('{"level"')]
    found = [line["standing"] for line in said if line["message"] == "deadline" and line["date"] == f"{today()}"]
    return str(found[-1]) if found else None


def test_the_deadline_leads_to_an_alert_with_the_missing_files(saude: Stack) -> None:
    """Nothing ever began; whoever subscribes is told what is missing, and whose it is."""
    said = until(lambda: saude.told_of("contratos", f"{today()}"), lambda: "\n".join(saude.lines("prazo")))
    assert "clientes" in said
    assert "mainframe-ops@example.com" in said


def test_nobody_hears_anything_of_a_good_day(notas: Stack) -> None:
    """Its deadline was checked as well."""
    assert until(lambda: standing(notas), lambda: "\n".join(notas.lines("prazo"))) == "published"
    assert [text for text in notas.messages() if f"{today()}" in text] == []


def test_the_schedule_is_the_feed_s_own(saude: Stack) -> None:
    """Its moment and its zone, as the contract says them."""
    found = saude.emulator.client("scheduler").get_schedule(Name=f"{saude.name}-prazo")
    assert found["ScheduleExpressionTimezone"] == ZONE
