"""The Glue job: goes on with one business date, to its end, as `posicional run` does on a laptop.

Its script is two lines (`deploy/glue_job.py`); its arguments are those that `backends.aws.GlueJob` gives every run.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from posicional.backends.aws import LEASE, GlueJob, contract
from posicional.backends.clock import SystemClock
from posicional.backends.store import open_store
from posicional.contract.feed import Feed, OpenSearchTarget
from posicional.errors import NotDone, PosicionalError
from posicional.ports import Engine, Event, Outside, Target
from posicional.steps.advance import advance


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is left to do for a date. Raises what it failed of, so that Glue shows the run as failed."""
    words = _words(arguments)
    if words.opensearch_url != "-":
        os.environ["OPENSEARCH_URL"] = words.opensearch_url
    feed = Feed.load(contract(words.contract, Path(tempfile.mkdtemp(prefix="posicional-"))))
    outcome = advance(feed, words.date, _outside(words), insist=False)
    problem = outcome.problem
    if problem is not None and not isinstance(problem, NotDone):
        raise problem


def run() -> None:
    """`main` with an exit code, and a message rather than a traceback, for what is nobody's bug."""
    try:
        main()
    except PosicionalError as error:
        sys.exit(f"posicional: {error}")


def _words(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What Glue hands over; it adds words of its own, which are left alone."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--contract", "--store", "--feed"):
        parser.add_argument(name, required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True)
    parser.add_argument("--owner", default="-")
    parser.add_argument("--engine", choices=("spark", "duckdb"), default="spark")
    parser.add_argument("--opensearch-url", default="-")
    parser.add_argument("--JOB_NAME", dest="job", required=True)
    parser.add_argument("--JOB_RUN_ID", dest="run_id", required=True)
    return parser.parse_known_args(arguments)[0]


def _outside(words: argparse.Namespace) -> Outside:
    import boto3

    clock = SystemClock()
    job = GlueJob(boto3.client("glue"), words.job, clock, _new_id, {})
    return Outside(
        store=open_store(words.store),
        clock=clock,
        new_id=_new_id,
        who=f"glue {words.job} {words.run_id}",
        engine=lambda: _engine(words.engine),
        target=_target,
        tell=_tell,
        gone=job.gone,
        run_id=words.run_id,
        ours="" if words.owner == "-" else words.owner,
        lease=LEASE,
    )


def _engine(_name: str) -> Engine:
    from posicional.backends.duckdb import DuckDbEngine

    return DuckDbEngine()


def _target(target: OpenSearchTarget) -> Target:
    from posicional.backends.opensearch import connect

    return connect(target)


def _tell(event: Event) -> None:
    sys.stdout.write(f"{event.step}: {event.text}\n")


def _new_id() -> str:
    return uuid.uuid4().hex[:12]
