"""The template under cfn-lint, which knows every property of every service; it lives in the emulator's environment."""

from __future__ import annotations

import subprocess

import pytest

from aws.emulator import PYTHON, REGION
from posicional.backends.packages import deploy_files

pytestmark = pytest.mark.aws


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_cfn_lint_has_nothing_to_say(region: str) -> None:
    """No fault and no warning, the parameters that are empty when not asked for apart."""
    command = [PYTHON.with_name("cfn-lint"), deploy_files() / "template.yaml", "--regions", region]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
