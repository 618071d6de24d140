"""What `make smoke-aws` does in an account of one's own, on the emulator: as processes, from nothing to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from aws.emulator import Emulator
from posicional.backends.packages import deploy_files

pytestmark = pytest.mark.aws


def test_a_smoke_test_lives_a_day_and_leaves_nothing_behind(aws: Emulator) -> None:
    """Neither the stack nor the bucket of the data; the bucket of code stays, as it does for every stack."""
    command = [sys.executable, str(deploy_files() / "smoke.py")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=560, env={**os.environ, **aws.environment}
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert '"status": "succeeded"' in done.stdout
    assert not [one for one in aws.client("s3").list_buckets()["Buckets"] if "smoke" in one["Name"]]
    stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    assert {one["StackStatus"] for one in stacks if "smoke" in one["StackName"]} == {"DELETE_COMPLETE"}
