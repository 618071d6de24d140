"""A stack of CloudFormation, the bucket of code beside it, and the record of what was deployed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from posicional.backends.packages import Package
from posicional.errors import OutsideError, UsageError

POLL = 2.0
"""Seconds between two looks at a stack that is being changed."""

PREFIX = "posicional/"
"""Where code, contracts and the record of deployments are in the bucket of code."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a change set does."""

    action: str
    name: str
    kind: str
    replaced: bool

    def __str__(self) -> str:
        replaced = ", made anew" if self.replaced else ""
        return f"{self.action:<6} {self.kind:<32} {self.name}{replaced}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed: the template and all parameters. `before`: the number of the one to go back to; 0 for none."""

    number: int
    before: int
    template: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """An account in a region, as the usual chain of credentials gives it."""

    session: Any
    identity: str
    region: str
    clients: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def current() -> Account:
        """Who and where this is. Raises `UsageError` without credentials or region, `OutsideError`."""
        session = boto3.Session(region_name=os.environ.get("AWS_REGION") or None)  # which boto3 does not look at
        if not session.region_name:
            raise UsageError("no region is chosen", hint="set AWS_REGION, or a region in ~/.aws/config")
        with explained("sts"):
            identity = session.client("sts").get_caller_identity()["Account"]
        return Account(session, identity, session.region_name)

    def client(self, service: str) -> Any:
        """A client of a service, made once."""
        if service not in self.clients:
            retries = Config(retries={"mode": "standard", "total_max_attempts": 6}, read_timeout=900)
            self.clients[service] = self.session.client(service, config=retries)
        return self.clients[service]

    @property
    def code_bucket(self) -> str:
        """The bucket of code of this account and region."""
        return f"posicional-{self.identity}-{self.region}"


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn what the SDK raises into our errors."""
    try:
        yield
    except (NoCredentialsError, NoRegionError) as error:
        raise UsageError(str(error), hint="log in (aws sso login, aws configure), or set AWS_PROFILE") from error
    except ClientError as error:
        said = error.response.get("Error", {})
        raise OutsideError(str(said.get("Message", "")), where=where, got=str(said.get("Code", ""))) from error
    except BotoCoreError as error:
        raise OutsideError(str(error), where=where, hint="check the network and the region") from error


# --- code -------------------------------------------------------------------------------------------------------------


def make_code_bucket(account: Account) -> None:
    """The bucket of code: private, encrypted by S3 as all are, versioned. Made once."""
    s3, name = account.client("s3"), account.code_bucket
    with explained(name):
        if _bucket_is_there(s3, name):
            return
        place = {} if account.region == "us-east-1" else {"LocationConstraint": account.region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        shut = dict.fromkeys(
            ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
        )
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=shut)
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def upload(account: Account, package: Package) -> tuple[str, bool]:
    """The key under which a package stands, and whether it had to be sent."""
    s3, key = account.client("s3"), f"{PREFIX}{package.name}"
    with explained(f"s3://{account.code_bucket}/{key}"):
        try:
            s3.head_object(Bucket=account.code_bucket, Key=key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in ("404", "NoSuchKey", "NotFound"):
                raise
            s3.put_object(Bucket=account.code_bucket, Key=key, Body=package.data)
            return key, True
    return key, False


def deployments(account: Account, stack: str) -> list[Deployment]:
    """All deployments of a stack that succeeded, in their order."""
    s3, prefix = account.client("s3"), _record(stack)
    with explained(f"s3://{account.code_bucket}/{prefix}"):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=account.code_bucket, Prefix=prefix)
        keys = sorted(one["Key"] for page in pages for one in page.get("Contents", []))
        bodies = [s3.get_object(Bucket=account.code_bucket, Key=key)["Body"].read() for key in keys]
    return [Deployment(**json.loads(body)) for body in bodies]


def note_deployment(account: Account, stack: str, deployment: Deployment) -> None:
    """Write down what was deployed; a number is given once."""
    words = {name: getattr(deployment, name) for name in ("number", "before", "template", "parameters")}
    key = f"{_record(stack)}{deployment.number:06d}.json"
    with explained(f"s3://{account.code_bucket}/{key}"):
        body = json.dumps(words, indent=2).encode()
        account.client("s3").put_object(Bucket=account.code_bucket, Key=key, Body=body, IfNoneMatch="*")


def _record(stack: str) -> str:
    return f"{PREFIX}stacks/{stack}/"


def bucket_is_there(account: Account, name: str) -> bool:
    """Whether there is a bucket of this name that is ours to use. Raises `UsageError` for one of somebody else's."""
    with explained(name):
        return _bucket_is_there(account.client("s3"), name)


def _bucket_is_there(s3: Any, name: str) -> bool:
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in ("404", "NoSuchBucket"):
            return False
        if code in ("403", "301"):
            raise UsageError("the bucket is another account's, or in another region", where=name) from error
        raise
    return True


# --- the stack --------------------------------------------------------------------------------------------------------


def describe(account: Account, stack: str) -> dict[str, Any] | None:
    """The stack as CloudFormation describes it; None when there is none (or only one that was never made)."""
    with explained(stack):
        try:
            found: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
    return None if found["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") else found


def outputs(account: Account, stack: str) -> dict[str, str]:
    """What the stack says of itself."""
    found = describe(account, stack) or {}
    return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


def change_set(account: Account, stack: str, template: str, parameters: Mapping[str, str]) -> tuple[str, list[Change]]:
    """A change set that waits to be carried out, and what it does; nothing when there is nothing to do."""
    cloud = account.client("cloudformation")
    name = f"posicional-{int(time.time() * 1000)}"
    there = describe(account, stack)
    if there and there["StackStatus"] == "ROLLBACK_COMPLETE":
        hint = "remove what is left of it, then deploy again: posicional destroy FEED"
        raise OutsideError("the stack could not be made the first time", where=stack, hint=hint)
    with explained(stack):
        cloud.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if there else "CREATE",
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in sorted(parameters.items())],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Tags=[{"Key": "posicional:stack", "Value": stack}],
        )
        while True:
            found = cloud.describe_change_set(StackName=stack, ChangeSetName=name)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            time.sleep(POLL)
    if found["Status"] == "FAILED":
        reason = found.get("StatusReason", "")
        cloud.delete_change_set(StackName=stack, ChangeSetName=name)
        if "didn't contain changes" in reason or "No updates" in reason:
            return "", []
        raise OutsideError("CloudFormation refuses the change", where=stack, got=reason)
    return name, [_change(one["ResourceChange"]) for one in found.get("Changes", [])]


def _change(found: Mapping[str, Any]) -> Change:
    replaced = found.get("Replacement") == "True"
    return Change(found["Action"].lower(), found["LogicalResourceId"], found["ResourceType"], replaced)


def drop_change_set(account: Account, stack: str, name: str) -> None:
    """Forget a change set, and a stack that has nothing but it."""
    cloud = account.client("cloudformation")
    with explained(stack):
        cloud.delete_change_set(StackName=stack, ChangeSetName=name)
        if describe(account, stack) is None:
            cloud.delete_stack(StackName=stack)


def carry_out(account: Account, stack: str, name: str, tell: Callable[[str], None]) -> None:
    """Carry a change set out to its end. Raises `OutsideError` with what failed first; the stack then goes back."""
    known = {one["EventId"] for one in _events(account, stack)}
    with explained(stack):
        account.client("cloudformation").execute_change_set(StackName=stack, ChangeSetName=name)
    status = _follow(account, stack, known, tell)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        failed = [one for one in reversed(_events(account, stack)) if _is_first_failure(one, known)]
        what = f"{failed[0]['LogicalResourceId']}: {failed[0].get('ResourceStatusReason', '')}" if failed else status
        raise OutsideError("the stack could not be changed", where=stack, got=what, hint="it is as it was before")


def delete(account: Account, stack: str, tell: Callable[[str], None]) -> None:
    """Remove the stack; what it keeps stays. Raises `OutsideError`."""
    found = describe(account, stack)
    if found is None:
        raise UsageError("there is no such stack", where=stack)
    known = {one["EventId"] for one in _events(account, stack)}
    with explained(stack):
        account.client("cloudformation").delete_stack(StackName=found["StackId"])
    status = _follow(account, found["StackId"], known, tell)
    if status != "DELETE_COMPLETE":
        raise OutsideError("the stack could not be removed", where=stack, got=status)


def _follow(account: Account, stack: str, known: set[str], tell: Callable[[str], None]) -> str:
    """Tell what happens until the stack is at rest; its status then."""
    while True:
        with explained(stack):
            try:
                found = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
                status = str(found["StackStatus"])
            except ClientError as error:
                if "does not exist" not in str(error):
                    raise
                return "DELETE_COMPLETE"
        for event in reversed(_events(account, stack)):
            if event["EventId"] not in known:
                known.add(event["EventId"])
                if event["ResourceStatus"].endswith(("COMPLETE", "FAILED")):
                    tell(f"{event['ResourceStatus'].lower():<24} {event['LogicalResourceId']}")
        if not status.endswith("IN_PROGRESS"):
            return status
        time.sleep(POLL)


def _events(account: Account, stack: str) -> Sequence[Mapping[str, Any]]:
    try:
        found: Sequence[Mapping[str, Any]] = account.client("cloudformation").describe_stack_events(StackName=stack)[
            "StackEvents"
        ]
    except ClientError:
        return []
    return found


def _is_first_failure(event: Mapping[str, Any], known: set[str]) -> bool:
    reason = event.get("ResourceStatusReason", "")
    return event["EventId"] in known and event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason


def invoke(account: Account, function: str) -> str:
    """Call a Lambda and wait; what it answers. Raises `OutsideError` when it fails."""
    with explained(function):
        answer = account.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    said = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        raise OutsideError("the Lambda failed", where=function, got=said[:500])
    return str(said)
