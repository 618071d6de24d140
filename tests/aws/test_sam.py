"""`sam deploy` on the same template, with the same parameters: for who deploys everything with it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aws.cloud import Stack
from aws.emulator import ROOT
from posicional.backends.packages import deploy_files

pytestmark = pytest.mark.aws

SAM = ROOT / ".venv-sam" / "bin" / "sam"


def test_sam_makes_the_same_stack(planos: Stack, tmp_path: Path) -> None:
    """Its own translator, its own upload of the template, and a sweep that ends well."""
    s3, bucket = planos.emulator.client("s3"), planos.code_bucket
    record = s3.get_object(Bucket=bucket, Key=f"posicional/stacks/{planos.name}/000001.json")["Body"].read()
    words = json.loads(record)["parameters"] | {"Bucket": "bucket-do-sam"}
    del words["DeadlineCron"]  # the template's own, as every parameter that is not given
    command = [str(SAM), "deploy", "--template-file", str(deploy_files() / "template.yaml"), "--no-confirm-changeset"]
    command += ["--stack-name", "posicional-sam", "--s3-bucket", bucket, "--no-progressbar"]
    command += ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    command += ["--parameter-overrides", *(f"{name}={value}" for name, value in words.items())]
    env = planos.emulator.environment | {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SAM_CLI_TELEMETRY": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    made = Stack(planos.emulator, "posicional-sam", planos.path, "bucket-do-sam")
    assert made.sweep()["looked_at"] > 0
    assert resources(made) == resources(planos)
    made.emulator.client("cloudformation").delete_stack(StackName=made.name)


def resources(stack: Stack) -> set[tuple[str, str]]:
    """Names in the template and kinds of all that a stack has."""
    pages = stack.emulator.client("cloudformation").get_paginator("list_stack_resources")
    found = [one for page in pages.paginate(StackName=stack.name) for one in page["StackResourceSummaries"]]
    return {(one["LogicalResourceId"], one["ResourceType"]) for one in found}
