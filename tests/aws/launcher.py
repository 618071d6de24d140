"""Starts the emulator of AWS with its gaps mended, in an environment of its own (`make test-aws` makes it).

Run as a program by `emulator.py`, never imported by a test. What is mended, each because the stack depends on it:

- a Glue job really runs its script, with its own role, and with the wheels that it names installed without an index;
- its end is told by a "Glue Job State Change" event, and MaxConcurrentRuns is held;
- metrics in a Lambda's log (EMF) become metrics;
- schedules keep their time zone, and are looked at every second;
- policies see `s3:if-none-match`, and every request as if it had come by TLS;
- a range of an older version of an object is that range, not the whole object;
- a Lambda's zip is unpacked once, not for every worker, and its bytecode is shared.

And faults come to order: a file in the folder ORDERS, which is removed when its fault has happened once.

    glue-refuse   StartJobRun answers ConcurrentRunsExceededException
    glue-lost     StartJobRun starts the run, and answers with an error of its own
    glue-twice    StartJobRun starts two runs
    glue-fail     the script ends with 1 at once
    glue-dies     the run ends as FAILED before its script begins, and no event tells of it
    lambda-dies   all Lambdas are killed when the claim of a run has been written
    result-waits  a run waits when it writes its first result, until result-goes is ordered
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ministack import app as ministack
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, get_account_id, get_region, new_uuid
from ministack.services import cloudwatch, eventbridge, glue, lambda_svc, s3, scheduler, sts
from ministack.services.cloudformation import provisioners

ORDERS = Path(os.environ["ORDERS"])
PYTHON = os.environ["GLUE_PYTHON"]
ENDPOINT = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"

JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
"""For a Spark that lives for seconds: half the work, and the same results."""

Json = dict[str, Any]


def ordered(fault: str) -> bool:
    """Whether a fault is to happen now; each order is for once."""
    for order in sorted(ORDERS.glob(f"{fault}*")):
        try:
            order.unlink()
        except FileNotFoundError:
            continue
        return True
    return False


def mended(module: object, name: str, mend: Callable[..., Any]) -> None:
    """Put `mend(original)` in the place of a function; a version that has no such function is told at once."""
    setattr(module, name, mend(getattr(module, name)))


# --- requests: as if by TLS, with the header of a create-only write, and the fault that kills the Lambdas -------------

_headers: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("headers", default=None)


def _over_tls(app: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapped(scope: Json, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope.get("headers", []), (b"x-forwarded-proto", b"https")]}
            _headers.set({name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]})
        claim = scope["type"] == "http" and scope["method"] == "PUT" and scope["path"].endswith(".claim.json")
        if claim and ordered("lambda-dies"):
            await app(scope, receive, _unheard)
            _kill_lambdas()
            return
        result = scope["type"] == "http" and scope["method"] == "PUT" and "/dados-processados/" in scope["path"]
        if result and ordered("result-waits"):
            while not ordered("result-goes"):
                await asyncio.sleep(0.1)
        await app(scope, receive, send)

    return wrapped


async def _unheard(_message: Json) -> None:
    """An answer that nobody lives to hear."""


def _kill_lambdas() -> None:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            ours = int((place / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
            if ours and b"AWS_LAMBDA_FUNCTION_NAME=" in (place / "environ").read_bytes():
                os.kill(int(place.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue


def _with_if_none_match(original: Callable[..., Json]) -> Callable[..., Json]:
    def context(*words: Any, **named: Any) -> Json:
        found = (_headers.get() or {}).get("if-none-match")
        return {**original(*words, **named), **({"s3:if-none-match": found} if found else {})}

    return context


def _with_ranges(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(bucket: str, key: str, headers: Json, query: Json | None = None) -> Any:
        status, answer, body = original(bucket, key, headers, query)
        wanted = s3._parse_range(headers["range"], len(body)) if status == 200 and headers.get("range") else None
        if wanted is None:
            return status, answer, body
        first, last = wanted
        answer = {
            **answer,
            "Content-Range": f"bytes {first}-{last}/{len(body)}",
            "Content-Length": str(last - first + 1),
        }
        return 206, answer, body[first : last + 1]

    return get


# --- Lambda -----------------------------------------------------------------------------------------------------------

_unpacking = threading.Lock()


def _once(original: Callable[..., None]) -> Callable[..., None]:
    def extractall(packed: zipfile.ZipFile, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        source = Path(packed.filename or "")
        if source.name != "code.zip":
            return original(packed, path, members, pwd)
        folder = Path(tempfile.gettempdir()) / "code" / hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        with _unpacking:
            if not folder.is_dir():
                original(packed, f"{folder}.new")
                Path(f"{folder}.new").rename(folder)
        Path(path).mkdir(parents=True, exist_ok=True)
        for found in folder.iterdir():
            (Path(path) / found.name).symlink_to(found)
        return None

    return extractall


# --- Glue -------------------------------------------------------------------------------------------------------------


class _Docker:
    """The emulator runs a job's script only where Docker has the image for it."""

    class images:  # noqa: N801 - the name that it looks for
        """It has any image."""

        @staticmethod
        def get(_name: str) -> bool:
            """It is here."""
            return True


def _tell(job: Json, run: Json) -> None:
    detail = {"jobName": job["Name"], "state": run["JobRunState"], "jobRunId": run["Id"], "severity": "INFO"}
    event = {
        "EventId": new_uuid(),
        "Source": "aws.glue",
        "DetailType": "Glue Job State Change",
        "Detail": json.dumps(detail),
        "EventBusName": "default",
        "Time": time.time(),
        "Resources": [],
        "Account": get_account_id(),
        "Region": get_region(),
    }
    eventbridge._dispatch_event(event)


def _run_script(_original: Callable[..., None]) -> Callable[..., None]:
    def run(run: Json, job: Json, _name: str, arguments: Json, script: str, _docker: object) -> None:
        if ordered("glue-dies"):
            run["JobRunState"] = "FAILED"
            return
        state, said = "FAILED", "ordered to fail"
        try:
            if not ordered("glue-fail"):
                state, said = _script(job, arguments, script)
        except (OSError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
            said = repr(error)
        folder = Path(tempfile.gettempdir()) / "glue"
        folder.mkdir(exist_ok=True)
        (folder / f"{run['Id']}.log").write_text(said)
        run["ErrorMessage"] = said[-1000:] if state != "SUCCEEDED" else ""
        run["JobRunState"] = state
        _tell(job, run)

    return run


def _script(job: Json, arguments: Json, script: str) -> tuple[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MINISTACK"))}
    env |= _credentials(job["Role"]) | {
        "AWS_ENDPOINT_URL": ENDPOINT,
        "AWS_DEFAULT_REGION": get_region(),
        "AWS_REGION": get_region(),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    env["JDK_JAVA_OPTIONS"] = JAVA
    env["PYTHONPATH"] = str(_wheels(arguments["--additional-python-modules"], env))
    words = [str(word) for name, value in arguments.items() for word in (name, value)]
    try:
        done = subprocess.run(
            [PYTHON, script, *words],
            env=env,
            capture_output=True,
            text=True,
            timeout=float(job.get("Timeout") or 60) * 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "TIMEOUT", "the run took longer than it may"
    return "SUCCEEDED" if done.returncode == 0 else "FAILED", f"{done.stdout}\n{done.stderr}"


def _credentials(role: str) -> dict[str, str]:
    """A session of the job's role, as Glue gives its runs."""
    digest = hashlib.sha256(role.encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest, digest[::-1]
    name = role.rpartition("/")[2]
    session = {
        "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/GlueJobRunnerSession",
        "UserId": f"{name}:GlueJobRunnerSession",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    sts.register_session(key, session)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


_installing = threading.Lock()


def _wheels(url: str, env: dict[str, str]) -> Path:
    """A folder with the wheels of a zip installed, fetched with the job's own credentials, without any index."""
    folder = Path(tempfile.gettempdir()) / "wheels" / hashlib.sha256(url.encode()).hexdigest()[:16]
    with _installing:
        if folder.is_dir():
            return folder
        with tempfile.TemporaryDirectory() as scratch:
            packed = Path(scratch) / "wheels.zip"
            _fetch(url, packed, env)
            with zipfile.ZipFile(packed) as found:
                found.extractall(scratch)
            wheels = sorted(map(str, Path(scratch).rglob("*.whl")))
            pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--disable-pip-version-check"]
            subprocess.run([*pip, "--target", f"{folder}.new", *wheels], check=True, env=env, capture_output=True)
        Path(f"{folder}.new").rename(folder)
    return folder


def _fetch(url: str, place: Path, env: dict[str, str]) -> None:
    import boto3

    bucket, _, key = url.removeprefix("s3://").partition("/")
    client = boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env["AWS_SESSION_TOKEN"],
    )
    client.download_file(bucket, key, str(place))


_starting = threading.Lock()


def _start(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def start(data: Json) -> Any:
        name = data.get("JobName", "")
        with _starting:
            job = glue._jobs.get(name) or {}
            most = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
            at_work = sum(run["JobRunState"] in ("STARTING", "RUNNING") for run in glue._job_runs.get(name, []))
            if at_work >= most or ordered("glue-refuse"):
                return error_response_json("ConcurrentRunsExceededException", f"Concurrent runs exceeded: {name}", 400)
            if ordered("glue-twice"):
                original(data)
            answer = original(data)
            if ordered("glue-lost"):
                return error_response_json("InternalServiceException", "ordered", 500)
            return answer

    return start


def _keeping_concurrency(original: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def create(data: Json) -> Any:
        answer = original(data)
        words = data.get("JobUpdate", data)
        job = glue._jobs.get(data.get("Name") or data.get("JobName") or "")
        if job is not None and "ExecutionProperty" in words:
            job["ExecutionProperty"] = words["ExecutionProperty"]
        return answer

    return create


def _with_concurrency(original: Callable[[Json], Json]) -> Callable[[Json], Json]:
    def fields(props: Json) -> Json:
        return {**original(props), **{name: props[name] for name in ("ExecutionProperty",) if name in props}}

    return fields


# --- metrics in logs --------------------------------------------------------------------------------------------------


def _measuring(original: Callable[..., None]) -> Callable[..., None]:
    def emit(func: Json, request: str, text: str, *words: Any, **named: Any) -> None:
        original(func, request, text, *words, **named)
        for line in (text or "").splitlines():
            if '"_aws"' in line and line.lstrip().startswith("{"):
                _record(json.loads(line))

    return emit


def _record(line: Json) -> None:
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: str(line[name]) for name in names}
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    cloudwatch.record_metric(directive["Namespace"], metric["Name"], value, unit, dimensions)


# --- schedules --------------------------------------------------------------------------------------------------------

_zone: contextvars.ContextVar[str] = contextvars.ContextVar("zone", default="UTC")


class _Zoned(dict[str, Any]):
    """A schedule that says its zone when its expression is asked for, just before the next moment is computed."""

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict does."""
        if key == "ScheduleExpression":
            _zone.set(super().get("ScheduleExpressionTimezone") or "UTC")
        return super().get(key, default)


def _in_zone(original: Callable[..., datetime | None]) -> Callable[..., datetime | None]:
    def following(fields: Any, after: datetime) -> datetime | None:
        zone = ZoneInfo(_zone.get())
        wall = original(fields, after.astimezone(zone).replace(tzinfo=UTC))
        return wall and wall.replace(tzinfo=zone).astimezone(UTC)

    return following


def _zoned_schedule(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(logical_id: str, props: Json, stack: str) -> Any:
        answer = original(logical_id, props, stack)
        for key, schedule in list(scheduler._schedules.items()):
            if key.rpartition("/")[2] == answer[0]:
                zone = props.get("ScheduleExpressionTimezone", "UTC")
                scheduler._schedules[key] = _Zoned({**schedule, "ScheduleExpressionTimezone": zone})
        return answer

    return create


def main() -> None:
    """Mend, then serve until the process is told to end."""
    mended(ministack, "app", _over_tls)
    mended(iam_actions, "s3_service_context", _with_if_none_match)
    mended(s3, "_get_object", _with_ranges)
    mended(zipfile.ZipFile, "extractall", _once)
    glue._get_docker = _Docker
    mended(glue, "_execute_spark_docker", _run_script)
    mended(glue, "_start_job_run", _start)
    mended(glue, "_create_job", _keeping_concurrency)
    mended(glue, "_update_job", _keeping_concurrency)
    mended(provisioners, "_glue_job_fields", _with_concurrency)
    mended(lambda_svc, "_emit_lambda_logs", _measuring)
    mended(eventbridge, "_cron_next_fire", _in_zone)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    handlers["create"] = _zoned_schedule(handlers["create"])
    scheduler._SCHEDULE_TICK_INTERVAL = eventbridge._SCHEDULER_TICK_INTERVAL = 1
    sys.argv[1:] = []
    ministack.main()


if __name__ == "__main__":
    main()
