"""A feed deployed to the emulator, and what a test does to it and asks of it."""

from __future__ import annotations

import concurrent.futures
import io
import json
import random
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

from aws.emulator import ACCOUNT, REGION, Emulator
from commands import Said, posicional
from posicional.backends.store import open_store
from posicional.contract.feed import Feed
from posicional.day.gate import Action
from posicional.day.state import Day
from posicional.demo.sample import write_sample
from posicional.steps.advance import peek
from worlds import outside_of

T = TypeVar("T")

SECONDS = 480.0
"""How long a test waits for something that takes some seconds: the machine may be busy with something else."""


def until(what: Callable[[], T | None], said: Callable[[], str], seconds: float = SECONDS) -> T:
    """What `what` gives as soon as it gives something; else the test fails with what `said` says."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.5)
    raise AssertionError(said())


@dataclass(frozen=True)
class Stack:
    """A deployed feed: its stack, its bucket, the contract's file."""

    emulator: Emulator
    name: str
    path: Path
    bucket: str

    # --- deploying ----------------------------------------------------------------------------------------------------

    def deploy(self, *words: str) -> Said:
        """`posicional deploy`; its output is printed, so that a failed test shows it."""
        said = self.command("deploy", "--bucket", self.bucket, *words)
        assert said.code == 0, said.text + self.emulator.log[-2000:]
        return said

    def command(self, verb: str, *words: str) -> Said:
        """A command about this stack."""
        said = posicional(verb, self.path, "--stack", self.name, *words, env=self.emulator.environment)
        print(said.text)
        return said

    def posicional(self, verb: str, *words: str) -> Said:
        """A command about the feed, in its bucket."""
        return posicional(verb, self.path, *words, "--store", f"s3://{self.bucket}", env=self.emulator.environment)

    @property
    def code_bucket(self) -> str:
        """The bucket of code of the emulator's account."""
        return f"posicional-{ACCOUNT}-{REGION}"

    # --- sending ------------------------------------------------------------------------------------------------------

    def put(self, files: Mapping[str, bytes]) -> None:
        """Objects arrive, all at the same moment, in any order."""
        names = list(files)
        random.shuffle(names)
        with concurrent.futures.ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(lambda name: self.put_one(name, files[name]), names))

    def put_one(self, name: str, data: bytes) -> None:
        """An object arrives."""
        self.emulator.client("s3").put_object(Bucket=self.bucket, Key=f"dados-posicionais/{name}", Body=data)

    def put_in_pieces(self, name: str, data: bytes) -> None:
        """An object arrives as a multipart upload."""
        self.emulator.client("s3").upload_fileobj(
            io.BytesIO(data), self.bucket, f"dados-posicionais/{name}", Config=_small_pieces()
        )

    # --- who is told --------------------------------------------------------------------------------------------------

    def subscribe(self) -> None:
        """A queue gets what the topic of alerts sends from now on."""
        sqs, sns = self.emulator.client("sqs"), self.emulator.client("sns")
        url = sqs.create_queue(QueueName=self._listener)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
        policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
        sns.subscribe(TopicArn=self.output("Topic"), Protocol="sqs", Endpoint=arn)

    def messages(self) -> list[str]:
        """What the queue has got and nobody has taken yet: subjects and texts, which are taken."""
        sqs = self.emulator.client("sqs")
        url = sqs.get_queue_url(QueueName=self._listener)["QueueUrl"]
        bodies = []
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            bodies += [json.loads(one["Body"]) for one in found]
            for one in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [f"{body.get('Subject')} {body['Message']}" for body in bodies]

    def told_of(self, *words: str) -> str | None:
        """The first message taken now that holds all of some words."""
        return next((text for text in self.messages() if all(word in text for word in words)), None)

    @property
    def _listener(self) -> str:
        return f"{self.name}-quem-ouve"

    # --- what happens -------------------------------------------------------------------------------------------------

    def event(self, function: str, event: Mapping[str, Any]) -> Any:
        """Call a Lambda with an event, and wait for what it answers."""
        answer = self.emulator.client("lambda").invoke(
            FunctionName=f"{self.name}-{function}", Payload=json.dumps(event).encode()
        )
        said = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, said
        return said

    def sweep(self) -> Any:
        """What the schedule does every quarter of an hour."""
        return self.event("varrer", {})

    def look(self, day: date) -> tuple[Day, Action]:
        """How a date stands, as the ledger tells it."""
        feed = Feed.load(self.path)
        return peek(feed, day, replace(outside_of(open_store(f"s3://{self.bucket}")), who="teste"))

    def done(self, day: date, *, run: int = 1, sweeping: bool = False) -> Day:
        """Wait until a run of a date is current and published."""

        def found() -> Day | None:
            if sweeping:
                self.sweep()
            state, _ = self.look(day)
            shown = state.run is not None and state.run.number == run and state.published("opensearch")
            return state if shown else None

        return until(found, lambda: self.told(day))

    def glue_runs(self, day: date) -> list[dict[str, Any]]:
        """The Glue runs that were started for a date."""
        found = self.emulator.client("glue").get_job_runs(JobName=f"{self.name}-processar")["JobRuns"]
        return [run for run in found if run["Arguments"].get("--date") == day.isoformat()]

    def glue_ends(self, day: date) -> list[str]:
        """How the Glue runs of a date ended, once all of them have: a process ends later than what it did."""

        def found() -> list[str] | None:
            states = [str(run["JobRunState"]) for run in self.glue_runs(day)]
            return None if {"STARTING", "RUNNING"} & set(states) else states

        return until(found, lambda: self.told(day))

    def ends(self, day: date) -> list[str]:
        """How the runs of a date ended."""
        return [run.status for run in self.look(day)[0].runs]

    def output(self, name: str) -> str:
        """An output of the stack."""
        found = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]["Outputs"]
        return next(str(one["OutputValue"]) for one in found if one["OutputKey"] == name)

    def told(self, day: date) -> str:
        """All that is known of a date, for a test that failed."""
        state, action = self.look(day)
        runs = [(turn.number, turn.status, getattr(turn.end, "reason", "")) for turn in state.runs]
        texts = [f"{day}: {action}", f"runs: {runs}", f"missing: {state.missing}; refused: {state.refused}"]
        for run in self.glue_runs(day):
            texts.append(f"glue {run['Id']} {run['JobRunState']}")
            if run["JobRunState"] not in ("STARTING", "RUNNING"):
                texts.append(self.emulator.glue_log(run["Id"])[-2000:])
        return "\n".join([*texts, *self.lines("receber")[-30:], self.emulator.log[-2000:]])

    def lines(self, function: str) -> list[str]:
        """What a Lambda has logged."""
        logs = self.emulator.client("logs")
        group = f"/aws/lambda/{self.name}-{function}"
        events = logs.filter_log_events(logGroupName=group, limit=10_000)["events"]
        return [event["message"].rstrip() for event in events]

    def keys(self, prefix: str) -> list[str]:
        """The objects below a prefix."""
        pages = self.emulator.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]


def _small_pieces() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=1 << 10, multipart_chunksize=5 << 20)


def administrator(stack: Stack) -> Any:
    """A client of S3 for a user whose own policy allows everything."""
    iam, name = stack.emulator.client("iam"), "administradora"
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=name)
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="tudo", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return stack.emulator.client("s3", key["AccessKeyId"], key["SecretAccessKey"])


def documents(endpoint: str, alias: str) -> list[dict[str, Any]]:
    """All that an alias shows."""
    with urlopen(f"{endpoint}/{alias}/_search?size=1000") as answer:  # noqa: S310 - our own server
        return [hit["_source"] for hit in json.load(answer)["hits"]["hits"]]


def day_of_planos(folder: Path, day: date, *, rows: int = 120, seed: int = 22) -> dict[str, bytes]:
    """The seven files of a date: name -> bytes."""
    return {path.name: path.read_bytes() for path in write_sample(folder / f"{day}-{seed}", day, rows, seed=seed)}


def only(files: Mapping[str, bytes], names: Iterable[str]) -> dict[str, bytes]:
    """Those files whose names begin so."""
    return {name: data for name, data in files.items() if any(name.startswith(one) for one in names)}
