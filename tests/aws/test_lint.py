"""The template under those who know every property of every service: cfn-lint, and the policies of checkov.

Each lives in an environment of its own (`make test-aws` makes them).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aws.emulator import REGION, ROOT
from posicional.backends.packages import deploy_files
from test_template import RESOURCES

pytestmark = pytest.mark.aws

CFN_LINT = ROOT / ".venv-sam" / "bin" / "cfn-lint"
CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"


def said(program: Path, *words: str | Path) -> tuple[int, str]:
    """How a program ended, and what it printed."""
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=280)
    return done.returncode, done.stdout


@pytest.mark.parametrize("region", [REGION, "us-east-1"])
def test_cfn_lint_has_nothing_to_say(region: str) -> None:
    """No fault and no warning, the parameters that are empty when not asked for apart."""
    assert said(CFN_LINT, deploy_files() / "template.yaml", "--regions", region) == (0, "")


def test_no_policy_is_broken_without_a_reason() -> None:
    """What checkov would have otherwise is said beside the resource, with why; and no reason has outlived its cause."""
    words = ("--framework", "cloudformation", "--skip-download", "--output", "json")
    code, text = said(CHECKOV, "--file", deploy_files() / "template.yaml", *words)
    found = json.loads(text)
    assert (code, found["results"]["failed_checks"], found["summary"]["parsing_errors"]) == (0, [], 0)
    assert found["summary"]["passed"] > 40
    skipped = {(one["resource"].split(".")[-1], one["check_id"]) for one in found["results"]["skipped_checks"]}
    explained = {
        (name, skip["id"])
        for name, one in RESOURCES.items()
        for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", [])
    }
    assert skipped == explained
