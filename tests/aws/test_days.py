"""Days on AWS: files put in any order, events doubled and odd, corrections, refusals, failures of every kind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from cloud import Stack, day_of_planos, only, until

from posicional.day.facts import RunEnd
from posicional.day.keys import INCOMING

pytestmark = pytest.mark.aws

FIRST = date(2026, 10, 20)
DAYS = [FIRST + timedelta(days=count) for count in range(20)]


def s3_event(bucket: str, key: str) -> dict[str, object]:
    """The event that EventBridge gives for an object."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}, "reason": "PutObject"}
    return {"id": "evento-1", "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def test_twenty_days_lead_to_one_glue_run_each(planos: Stack, tmp_path: Path) -> None:
    """Seven files of a day at the same moment, in any order: one run of Glue, one of the ledger, published."""
    for day in DAYS:
        planos.put(day_of_planos(tmp_path, day))
    for day in DAYS:
        state = planos.done(day)
        assert [run.status for run in state.runs] == ["succeeded"]
        assert [run["JobRunState"] for run in planos.glue_runs(day)] == ["SUCCEEDED"], planos.told(day)
