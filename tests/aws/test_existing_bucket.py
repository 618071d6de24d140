"""A bucket that others use: what changes is shown first, and a notification of our own stands beside theirs."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from aws.cloud import Stack, until
from aws.emulator import REGION, Emulator
from worlds import FEED, clientes, contratos, write_feed

pytestmark = pytest.mark.aws

DAY = date(2026, 11, 20)
BUCKET = "bucket-de-todos"
FILES = {"CONTRATOS_": "Relação de contratos ", "CLIENTES_": "clientes + titulares "}
"""What the keys of the feed begin with: accents, blanks and a sign that S3 writes in its own way in its events."""


@pytest.fixture(scope="module")
def notas(aws: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A feed for a bucket that somebody else has made, keeps no versions, and is told to a queue of theirs."""
    text = FEED.replace("feed: saude", "feed: notas")
    for old, new in FILES.items():
        text = text.replace(old, new)
    folder = tmp_path_factory.mktemp("notas")
    write_feed(folder, feed=text)
    s3, sqs = aws.client("s3"), aws.client("sqs")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    url = sqs.create_queue(QueueName="deles")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": queue}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    theirs = {
        "Id": "deles",
        "QueueArn": queue,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "outros/"}]}},
    }
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"QueueConfigurations": [theirs]})
    statement = {"Sid": "Deles", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
    there = f"arn:aws:s3:::{BUCKET}/outros/*"
    rules = {"Version": "2012-10-17", "Statement": [{**statement, "Action": "s3:GetObject", "Resource": there}]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(rules))
    return Stack(aws, "posicional-notas", folder / "feed.yaml", BUCKET)


def notified(stack: Stack) -> dict[str, list[str]]:
    """Kind of a notification -> the Ids of those that the bucket has."""
    found = stack.emulator.client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    return {kind: [one["Id"] for one in ones] for kind, ones in found.items() if kind.endswith("Configurations")}


def statements(stack: Stack) -> list[Any]:
    """The names of the statements of the bucket's policy."""
    policy = json.loads(stack.emulator.client("s3").get_bucket_policy(Bucket=stack.bucket)["Policy"])
    return [one["Sid"] for one in policy["Statement"]]


OURS = "posicional-notas-DispararLambdaAoReceberArquivo"


def test_a_plan_shows_what_a_bucket_of_others_lacks_and_changes_nothing(notas: Stack) -> None:
    """Each thing in a line; the stack is not there afterwards, and the bucket is as it was."""
    said = notas.deploy("--plan", "-p", "Trigger=s3", "-p", "Engine=duckdb")
    for text in ("keep versions", "notify arn:aws:lambda:", "FactsAreCreatedOnly", "FactsAndArrivalsStay"):
        assert f"{BUCKET}: " in next(line for line in said.out.splitlines() if text in line)
    assert "nothing has been changed" in said.out
    assert notified(notas) == {"QueueConfigurations": ["deles"]}
    assert statements(notas) == ["Deles"]
    assert not notas.emulator.client("s3").get_bucket_versioning(Bucket=BUCKET).get("Status")


def test_the_bucket_s_own_notification_leads_to_a_day(notas: Stack) -> None:
    """Beside that of the others, which stays; keys with blanks and accents come encoded, and are found."""
    notas.deploy("-p", "Trigger=s3", "-p", "Engine=duckdb")
    assert notified(notas) == {"QueueConfigurations": ["deles"], "LambdaFunctionConfigurations": [OURS]}
    assert statements(notas) == ["Deles", "FactsAreCreatedOnly", "FactsAndArrivalsStay"]
    before = len(notas.lines("varrer"))
    names = [f"{name}{DAY:%Y%m%d}.txt" for name in FILES.values()]
    notas.put(dict(zip(names, [contratos(day=DAY), clientes()], strict=True)))
    until(lambda: notas.look(DAY)[0].run, lambda: notas.told(DAY))
    assert [run.status for run in notas.look(DAY)[0].runs] == ["succeeded"]
    assert len(notas.glue_runs(DAY)) == 1
    assert len(notas.lines("varrer")) == before  # no sweep has helped
    assert notas.posicional("status").code == 0


def test_deploying_again_changes_nothing_and_destroying_takes_only_ours(notas: Stack) -> None:
    """S3 would take no other change of a bucket that notifies a Lambda which is gone."""
    said = notas.deploy()
    assert "the stack is as it should be" in said.out
    assert f"{BUCKET}: " not in said.out
    assert notas.command("destroy", "--yes").code == 0
    assert notified(notas) == {"QueueConfigurations": ["deles"]}
    assert statements(notas) == ["Deles", "FactsAreCreatedOnly", "FactsAndArrivalsStay"]
    assert notas.keys("controle/notas/")
