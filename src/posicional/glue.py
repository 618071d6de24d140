"""The Glue job: goes on with one business date, to its end, as `posicional run` does on a laptop.

Its script is two lines (`deploy/glue_job.py`); its arguments are those that `backends.aws.GlueJob` gives every run. It
is a plain program of PySpark: without `--JOB_NAME` it runs anywhere, alone or under spark-submit, with the feed and the
store in folders.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from posicional.backends.clock import SystemClock
from posicional.backends.engines import open_engine, together
from posicional.backends.store import open_store
from posicional.contract.feed import EngineSettings, Feed, OpenSearchTarget
from posicional.errors import NotDone, PosicionalError
from posicional.ports import SECRET_VARIABLE, Event, Outside, Target
from posicional.steps.advance import advance


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is left to do for a date. Raises what it failed of, so that Glue shows the run as failed.

    Not a refused file: it has been read, and people hear of it. Glue's failed runs count as attempts at the date
    (`GlueJob.failures`), and three of them would end the waiting for a cluster that is down.
    """
    words = _words(arguments)
    if words.region:  # which a Glue run's environment need not say
        os.environ.setdefault("AWS_REGION", words.region)
        os.environ.setdefault("AWS_DEFAULT_REGION", words.region)
    if words.variables != "-":
        os.environ.update(_variables(words.variables))
    if words.opensearch_url != "-":
        os.environ["OPENSEARCH_URL"] = words.opensearch_url
    with tempfile.TemporaryDirectory(prefix="posicional-") as folder:
        feed = Feed.load(_contract(words.contract, Path(folder)))
    outcome = advance(feed, words.date, _outside(words, replace(feed.engine, use=words.engine)), insist=False)
    problem = outcome.problem
    if words.job and outcome.rest.why != "failed":
        return
    if problem is not None and not isinstance(problem, NotDone):
        raise problem


def run() -> None:
    """`main` with an exit code, and a message rather than a traceback, for what is nobody's bug."""
    try:
        main()
    except PosicionalError as error:
        sys.stderr.write(f"posicional: {error}\n")
        sys.exit(error.exit_code)


def _contract(where: str, folder: Path) -> Path:
    """The feed.yaml: a file, or in a zip in a bucket."""
    if "://" not in where:
        return Path(where)
    from posicional.backends.aws import contract

    return contract(where, folder)


def _variables(arn: str) -> dict[str, str]:
    """The variables that a secret holds: only its name is handed over, so that no argument, and no log, shows them."""
    import boto3

    from posicional.backends.aws import secret_variables

    return secret_variables(boto3.client("secretsmanager", region_name=arn.split(":")[3]), arn)


def _words(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What Glue hands over; it adds words of its own, which are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--contract", "--store"):
        parser.add_argument(name, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--owner", default="-")
    parser.add_argument("--engine", choices=("spark", "duckdb"), default="spark")
    parser.add_argument("--opensearch-url", default="-")
    parser.add_argument("--variables", default="-")
    parser.add_argument("--region", default="")
    parser.add_argument("--JOB_NAME", dest="job", default="")
    parser.add_argument("--JOB_RUN_ID", dest="run_id", default="")
    return parser.parse_known_args(arguments)[0]


def _outside(words: argparse.Namespace, engine: EngineSettings) -> Outside:
    from posicional.backends.process import gone, who

    outside = Outside(
        store=open_store(words.store),
        clock=SystemClock(),
        new_id=_new_id,
        who=who(),
        engine=lambda: open_engine(engine),
        target=_target,
        tell=_tell,
        gone=gone,
        secret=os.environ.get(SECRET_VARIABLE, "").encode(),
        together=together(engine),
        ours="" if words.owner == "-" else words.owner,
    )
    return _on_glue(outside, words) if words.job else outside


def _on_glue(outside: Outside, words: argparse.Namespace) -> Outside:
    """The same as a run of a Glue job, of whose end Glue knows."""
    import boto3

    from posicional.backends.aws import LEASE, GlueJob

    job = GlueJob(boto3.client("glue"), words.job, outside.clock, _new_id, {})
    who = f"glue {words.job} {words.run_id}"
    return replace(outside, who=who, gone=job.gone, run_id=words.run_id, lease=LEASE)


def _target(target: OpenSearchTarget) -> Target:
    from posicional.backends.opensearch import connect

    return connect(target)


def _tell(event: Event) -> None:
    sys.stdout.write(f"{event.step}: {event.text}\n")


def _new_id() -> str:
    return uuid.uuid4().hex[:12]


if __name__ == "__main__":
    run()
