"""A bucket that was there before: what a stack adds to it, and that nothing of anybody else's goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from posicional.backends.data_bucket import bucket_change, change_bucket, stop_notifying
from posicional.backends.stack import Account

THEIRS = {"Id": "deles", "LambdaFunctionArn": "arn:outra", "Events": ["s3:ObjectRemoved:*"]}
POLICY = {"Version": "2012-10-17", "Statement": [{"Sid": "Deles", "Effect": "Allow", "Action": "s3:GetObject"}]}


@pytest.fixture
def s3() -> Iterator[Stubber]:
    """A client of S3 that answers as told, and must be asked all of it."""
    client = boto3.client("s3", region_name="sa-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def account(s3: Stubber) -> Account:
    """An account that has this client."""
    return Account(None, "1", "sa-east-1", {"s3": s3.client})


def has(s3: Stubber, notifications: dict[str, Any], policy: dict[str, Any] | None, versions: str = "Enabled") -> None:
    """The bucket as it is."""
    s3.add_response("get_bucket_versioning", {"Status": versions}, {"Bucket": "b"})
    s3.add_response("get_bucket_notification_configuration", notifications, {"Bucket": "b"})
    if policy is None:
        s3.add_client_error("get_bucket_policy", "NoSuchBucketPolicy")
    else:
        s3.add_response("get_bucket_policy", {"Policy": json.dumps(policy)}, {"Bucket": "b"})


def test_a_bare_bucket_gets_all_that_a_stack_needs(s3: Stubber) -> None:
    """Each thing is said before it is done."""
    has(s3, {}, None, "Suspended")
    change = bucket_change(account(s3), "b", "p", "arn:receber", native=False)
    assert change.texts == (
        "keep versions",
        "tell EventBridge of new objects",
        "add to its policy: FactsAreCreatedOnly",
        "add to its policy: FactsAndArrivalsStay",
    )
    s3.add_response("put_bucket_versioning", {})
    s3.add_response("put_bucket_notification_configuration", {})
    s3.add_response("put_bucket_policy", {})
    change_bucket(account(s3), "b", change)


@pytest.mark.parametrize("native", [False, True])
def test_what_others_have_there_stays(s3: Stubber, native: bool) -> None:
    """Their notifications and statements, word by word."""
    has(s3, {"LambdaFunctionConfigurations": [THEIRS]}, POLICY)
    change = bucket_change(account(s3), "b", "p", "arn:receber", native=native)
    assert change.notifications is not None
    assert change.policy is not None
    assert change.notifications["LambdaFunctionConfigurations"][0] == THEIRS
    assert change.policy["Statement"][0] == POLICY["Statement"][0]


@pytest.mark.parametrize("native", [False, True])
def test_a_bucket_that_has_it_all_is_left_alone(s3: Stubber, native: bool) -> None:
    """Deploying again changes nothing; our own notification is known by its Id."""
    has(s3, {}, None)
    first = bucket_change(account(s3), "b", "p", "arn:receber", native=native)
    has(s3, dict(first.notifications or {}), dict(first.policy or {}))
    assert bucket_change(account(s3), "b", "p", "arn:receber", native=native).texts == ()


def test_our_own_notification_is_known_however_s3_writes_it(s3: Stubber) -> None:
    """It gives the word prefix back in letters of its own choice."""
    has(s3, {}, None)
    first = bucket_change(account(s3), "b", "p", "arn:receber", native=True)
    text = json.dumps(first.notifications).replace('"Prefix"', '"prefix"')
    has(s3, json.loads(text), dict(first.policy or {}))
    assert bucket_change(account(s3), "b", "p", "arn:receber", native=True).texts == ()


@pytest.mark.parametrize("name", ["p-DispararLambdaAoReceberArquivo", "of CloudFormation's making"])
def test_no_notification_of_ours_is_left_where_it_is_not_wanted(s3: Stubber, name: str) -> None:
    """Neither when a rule takes its place, nor when the stack has gone; those of others stay."""
    ours = {"Id": name, "LambdaFunctionArn": "arn:receber", "Events": ["s3:ObjectCreated:*"]}
    has(s3, {"LambdaFunctionConfigurations": [THEIRS, ours]}, None)
    change = bucket_change(account(s3), "b", "p", "arn:receber", native=False)
    assert change.notifications == {"LambdaFunctionConfigurations": [THEIRS], "EventBridgeConfiguration": {}}
    s3.add_response(
        "get_bucket_notification_configuration", {"LambdaFunctionConfigurations": [THEIRS, ours]}, {"Bucket": "b"}
    )
    wanted = {"Bucket": "b", "NotificationConfiguration": {"LambdaFunctionConfigurations": [THEIRS]}}
    s3.add_response("put_bucket_notification_configuration", {}, wanted)
    stop_notifying(account(s3), "b", "p", "arn:receber")
