"""The demo's day on AWS itself: a stack of its own, seven files, their datasets; then all of it is removed again.

`make smoke-aws`. Takes the usual credentials; needs an account that may make stacks, and costs some cents (a Glue run
of two or three minutes). It publishes nowhere: an OpenSearch of one's own is not made for a quarter of an hour.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from posicional.backends import stack as stacks
from posicional.backends.store import open_store
from posicional.demo.day import planos
from posicional.demo.sample import write_sample

NAME = "posicional-smoke"
MINUTES = 20


def main() -> int:
    """0 when the day was made, and everything was removed."""
    account = stacks.Account.current()
    bucket = f"{NAME}-{account.identity}-{int(time.time())}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "planos"
        shutil.copytree(planos(), folder, ignore=shutil.ignore_patterns("dados"))
        feed = folder / "feed.yaml"
        feed.write_text(re.sub(r"(?m)^publish:\n(?:[ #].*\n)+", "", feed.read_text()))
        try:
            run("deploy", feed, "--stack", NAME, "--bucket", bucket, *sys.argv[1:])
            day = datetime.now(UTC).date() - timedelta(days=1)
            for path in write_sample(folder / "files", day, 2_000):
                account.client("s3").upload_file(str(path), bucket, f"dados-posicionais/{path.name}")
            return wait(bucket, f"controle/planos/{day}/runs/")
        finally:
            run("destroy", feed, "--stack", NAME, "--yes")
            empty(account.client("s3"), bucket)


def run(*words: str | Path) -> None:
    """One of our own commands, shown as it goes."""
    subprocess.run([Path(sys.executable).with_name("posicional"), *words], check=True)


def wait(bucket: str, prefix: str) -> int:
    """Until a run has ended; 0 when it ended well."""
    store = open_store(f"s3://{bucket}")
    for _ in range(MINUTES * 12):
        for found in store.list(prefix):
            if found.key.endswith(".end.json"):
                fact = store.read(found.key).decode()
                print(fact)
                return int('"status": "succeeded"' not in fact)
        time.sleep(5)
    print(f"no run has ended within {MINUTES} minutes")
    return 1


def empty(s3: Any, bucket: str) -> None:
    """Remove the bucket with every version of all that is in it; it was made for this alone."""
    s3.delete_bucket_policy(Bucket=bucket)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


if __name__ == "__main__":
    sys.exit(main())
