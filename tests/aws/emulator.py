"""The emulator of AWS as a test sees it: started for a while, on this machine only, and gone without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-aws" / "bin" / "python"
REGION = "sa-east-1"
ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Emulator:
    """Where it is. `folder` holds all that it writes; `orders` takes orders for faults (see `launcher.py`)."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def orders(self) -> Path:
        """The folder of orders."""
        return self.folder / "orders"

    @property
    def environment(self) -> dict[str, str]:
        """What makes an AWS SDK, or our own store, speak to it as the account's owner."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, key: str = "test", secret: str = "test") -> Any:  # noqa: S107 - the emulator's own
        """A client of a service, as the account's owner unless somebody else's key is given."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}, read_timeout=300),
        )

    def order(self, fault: str) -> None:
        """Have a fault happen once."""
        (self.orders / f"{fault}.{time.monotonic_ns()}").touch()

    @property
    def waiting(self) -> list[str]:
        """Faults that were ordered and have not happened."""
        return sorted(order.name for order in self.orders.iterdir())

    @property
    def log(self) -> str:
        """What it printed."""
        return (self.folder / "log.txt").read_text(errors="replace")

    def glue_log(self, run_id: str) -> str:
        """What a Glue run printed."""
        return (self.folder / "tmp" / "glue" / f"{run_id}.log").read_text(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def emulator(extra: Mapping[str, str] | None = None) -> Iterator[Emulator]:
    """An emulator of one's own, with roles enforced; stopped by its process id, and all that it wrote removed."""
    folder = Path(tempfile.mkdtemp(prefix="posicional-aws-"))
    for name in ("tmp", "orders"):
        (folder / name).mkdir()
    port = _free_port()
    # Of this environment only what a program needs, so that nobody's credentials or settings come along.
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "JAVA_HOME") if name in os.environ}
    env = kept | {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "GLUE_PYTHON": sys.executable,
        "LAMBDA_ACCOUNT_CONCURRENCY": "16",  # what is beyond it the emulator loses, where AWS would wait
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
        "LOG_LEVEL": "WARNING",  # the emulator's own; the Lambdas inherit it, and would take it for theirs
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "ORDERS": str(folder / "orders"),
        "TMPDIR": str(folder / "tmp"),
        **(extra or {}),
    }
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [str(PYTHON), str(Path(__file__).with_name("launcher.py"))],
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Emulator(f"http://127.0.0.1:{port}", folder, process)
    try:
        _wait(running)
        yield running
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(running: Emulator) -> None:
    for _ in range(600):
        if running.process.poll() is not None:
            raise RuntimeError(f"the emulator has ended: {running.log[-3000:]}")
        try:
            with urllib.request.urlopen(f"{running.url}/_ministack/health", timeout=2):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the emulator does not answer: {running.log[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it and the Lambdas and Glue runs that it began: all are in the session that was begun for it."""
    for word in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, word)
        except ProcessLookupError:
            break
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
        time.sleep(0.2)
