"""A bucket of data that is there already: what it lacks for a stack, shown first and added beside what others have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from posicional.backends.stack import Account, explained
from posicional.day.keys import INCOMING

NATIVE = "DispararLambdaAoReceberArquivo"
"""The Id of a bucket's own notification, beside the stack's name."""

_LAMBDAS = "LambdaFunctionConfigurations"


@dataclass(frozen=True, slots=True)
class BucketChange:
    """What an existing bucket lacks for a stack: texts for a person, and what makes it so."""

    texts: tuple[str, ...]
    versioning: bool
    notifications: Mapping[str, Any] | None
    policy: Mapping[str, Any] | None


def bucket_change(account: Account, bucket: str, stack: str, function: str, *, native: bool) -> BucketChange:
    """What must be added to an existing bucket. What others have there stays: their notifications, their policy."""
    s3 = account.client("s3")
    with explained(bucket):
        versioned = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
        has = _notified(s3, bucket)
        try:
            policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "NoSuchBucketPolicy":
                raise
            policy = {"Version": "2012-10-17", "Statement": []}
    texts = [] if versioned else ["keep versions"]
    notifications = _notifications(has, stack, function, native=native)
    if notifications != has:
        texts.append(f"notify {function}" if native else "tell EventBridge of new objects")
    has_sids = {one.get("Sid") for one in policy["Statement"]}
    new = [one for one in ledger_statements(bucket) if one["Sid"] not in has_sids]
    texts += [f"add to its policy: {one['Sid']}" for one in new]
    return BucketChange(
        tuple(texts),
        not versioned,
        notifications if notifications != has else None,
        {**policy, "Statement": [*policy["Statement"], *new]} if new else None,
    )


def change_bucket(account: Account, bucket: str, change: BucketChange) -> None:
    """Add what an existing bucket lacks."""
    s3 = account.client("s3")
    with explained(bucket):
        if change.versioning:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if change.notifications is not None:
            s3.put_bucket_notification_configuration(
                Bucket=bucket, NotificationConfiguration=dict(change.notifications)
            )
        if change.policy is not None:
            s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(change.policy))


def stop_notifying(account: Account, bucket: str, stack: str, function: str) -> None:
    """Take our own notification away: S3 takes no other change beside one that notifies a Lambda which is gone."""
    s3 = account.client("s3")
    with explained(bucket):
        has = _notified(s3, bucket)
        others = _of_others(has, stack, function)
        if others != has:
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=others)


def _notified(s3: Any, bucket: str) -> dict[str, Any]:
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    return {name: words for name, words in found.items() if name != "ResponseMetadata"}


def _notifications(has: Mapping[str, Any], stack: str, function: str, *, native: bool) -> dict[str, Any]:
    others = _of_others(has, stack, function)
    if not native:
        return {**others, "EventBridgeConfiguration": has.get("EventBridgeConfiguration", {})}
    ours = {
        "Id": f"{stack}-{NATIVE}",
        "LambdaFunctionArn": function,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": INCOMING}]}},
    }
    if any(_alike(one, ours) for one in has.get(_LAMBDAS, [])):
        return dict(has)
    return {**others, _LAMBDAS: [*others.get(_LAMBDAS, []), ours]}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two notifications are one: S3 gives the names of a filter's rules back in letters of its own choice."""
    return json.dumps(one, sort_keys=True).casefold() == json.dumps(other, sort_keys=True).casefold()


def _of_others(has: Mapping[str, Any], stack: str, function: str) -> dict[str, Any]:
    """The notifications without ours, which has its Id, or none where the template made the bucket."""
    theirs = [
        one
        for one in has.get(_LAMBDAS, [])
        if one.get("Id") != f"{stack}-{NATIVE}" and one.get("LambdaFunctionArn") != function
    ]
    rest = {name: words for name, words in has.items() if name != _LAMBDAS}
    return {**rest, _LAMBDAS: theirs} if theirs else rest


def ledger_statements(bucket: str) -> list[dict[str, Any]]:
    """The same that the template gives to a bucket of the stack's own."""
    arn = f"arn:aws:s3:::{bucket}"
    return [
        {
            "Sid": "FactsAreCreatedOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"{arn}/controle/*",
            "Condition": {"Null": {"s3:if-none-match": "true"}},
        },
        {
            "Sid": "FactsAndArrivalsStay",
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            "Resource": [f"{arn}/controle/*", f"{arn}/{INCOMING}*"],
        },
    ]
