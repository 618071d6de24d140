"""A bucket that others use: what changes is shown first, and a notification of our own stands beside theirs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aws.cloud import Stack, until
from aws.emulator import REGION, Emulator
from aws.feeds import NOTAS, today
from worlds import clientes, contratos

pytestmark = pytest.mark.aws

BUCKET = "bucket-de-todos"
OURS = "posicional-notas-DispararLambdaAoReceberArquivo"


@pytest.fixture(scope="module", autouse=True)
def theirs(aws: Emulator) -> None:
    """A bucket that somebody else has made, which keeps no versions, and is told to a queue of theirs."""
    s3, sqs = aws.client("s3"), aws.client("sqs")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    url = sqs.create_queue(QueueName="deles")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": queue}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    notification = {
        "Id": "deles",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "outros/"}]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [notification]}
    )
    statement = {
        "Sid": "Deles",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/outros/*",
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def notified(stack: Stack) -> dict[str, list[str]]:
    """Kind of a notification -> the Ids of those that the bucket has."""
    found = stack.emulator.client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    return {kind: [one["Id"] for one in ones] for kind, ones in found.items() if kind.endswith("Configurations")}


def statements(stack: Stack) -> list[Any]:
    """The names of the statements of the bucket's policy."""
    policy = json.loads(stack.emulator.client("s3").get_bucket_policy(Bucket=stack.bucket)["Policy"])
    return [one["Sid"] for one in policy["Statement"]]


def test_a_plan_shows_what_a_bucket_of_others_lacks_and_changes_nothing(notas: Stack) -> None:
    """Each thing in a line; the stack is not there afterwards, and the bucket is as it was."""
    said = notas.deploy("--plan", "-p", "Trigger=s3")
    for text in ("keep versions", "notify arn:aws:lambda:", "FactsAreCreatedOnly", "FactsAndArrivalsStay"):
        assert f"{BUCKET}: " in next(line for line in said.out.splitlines() if text in line)
    assert "nothing has been changed" in said.out
    assert notified(notas) == {"QueueConfigurations": ["deles"]}
    assert statements(notas) == ["Deles"]
    assert not notas.emulator.client("s3").get_bucket_versioning(Bucket=BUCKET).get("Status")


def test_the_bucket_s_own_notification_leads_to_a_day(notas: Stack) -> None:
    """Beside that of the others, which stays; keys with blanks and accents come encoded, and are found."""
    notas.deploy("-p", "Trigger=s3")
    notas.subscribe()
    assert notified(notas) == {"QueueConfigurations": ["deles"], "LambdaFunctionConfigurations": [OURS]}
    assert statements(notas) == ["Deles", "FactsAreCreatedOnly", "FactsAndArrivalsStay"]
    day = today()
    names = [f"{name}{day:%Y%m%d}.txt" for name in NOTAS.values()]
    notas.put(dict(zip(names, [contratos(day=day), clientes()], strict=True)))
    until(lambda: notas.look(day)[0].run, lambda: notas.told(day))
    assert notas.ends(day) == ["succeeded"]
    assert len(notas.glue_runs(day)) == 1


def test_deploying_again_changes_nothing(notas: Stack) -> None:
    """What is there already is known again."""
    said = notas.deploy()
    assert "the stack is as it should be" in said.out
    assert f"{BUCKET}: " not in said.out
