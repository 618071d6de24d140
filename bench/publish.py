"""Measure sending beside others: `python -m bench.publish`, or `--rows 100000` for a quick look.

First into an endpoint that indexes nothing (`sink`), then into a real OpenSearch where one can be started
(`tests/real_opensearch.py` says how), whose processor time counts as well. Every sender has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pyarrow.parquet as pq

from bench.files import build
from bench.measure import run
from bench.run import machine, say
from bench.senders import INDEX
from posicional.contract.feed import IndexOf
from posicional.documents.mapping import mapping

ROWS = 1_000_000
SHARES = {
    "product": 1.0,
    "product_gzip": 0.5,
    "bodies_by_client": 0.5,
    "bodies_by_client_gzip": 0.2,
    "helpers_bulk": 0.2,
    "helpers_bulk_default": 0.2,
    "parallel_bulk": 0.2,
    "post_a_row": 0.002,
}
"""Which part of the rows a sender is given; what counts is documents a second."""

ON_NODE = ("product", "helpers_bulk", "parallel_bulk", "post_a_row")
FASTER, MEMORY = 4.0, 300
"""At least so many times `helpers.bulk`; at most so many MB for all the rows."""


@dataclass(frozen=True)
class Sent:
    """Medians of a sender's turns. `cpu`: microseconds of processor time a document; `server`: those of the node's."""

    where: str
    sender: str
    rows: int
    per_second: float
    cpu: float
    peak: float
    wire: float = 0.0
    server: float = 0.0


def main() -> None:
    """Build, prove equal, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"documents of the largest load ({ROWS})")
    parser.add_argument("--turns", type=int, default=3, help="how often each sender runs (3)")
    parser.add_argument("--cache", type=Path, help="folder for the Parquet (a temporary one, removed at the end)")
    parser.add_argument("--only", default="sink,node", help="of sink, node: some, with commas")
    parser.add_argument("--json", type=Path, help="where the figures go")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="posicional-bench-") as temporary:
        cache = given.cache or Path(temporary)
        parquet = dataset(cache, given.rows)
        say(f"{machine()}\n")
        found: list[Sent] = []
        if "sink" in given.only:
            equal(parquet, cache)
            found += into_sink(parquet, cache, given.rows, given.turns)
        if "node" in given.only:
            found += into_node(parquet, cache, given.rows // 5, given.turns)
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


def dataset(cache: Path, rows: int) -> Path:
    """`nine` as Parquet, with where each row came from."""
    built = build("nine", cache, rows * 120 / 1_000_000)
    out = cache / f"{built.path.stem}.product"
    if not out.exists():
        run(["-m", "bench.contenders", "product", str(built.path), str(built.layout), str(out)], cache)
    return out


# --- the sink ---------------------------------------------------------------------------------------------------------


@contextmanager
def sink(*words: str) -> Iterator[str]:
    """The URL of a sink of one's own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port), *words])
    try:
        url = f"http://127.0.0.1:{port}"
        _until_it_answers(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _until_it_answers(url: str) -> None:
    for _ in range(200):
        try:
            ask(f"{url}/_sink")
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"{url} does not answer")


def ask(url: str, method: str = "GET", body: bytes | None = None) -> dict[str, Any]:
    """One request; what the answer's JSON holds."""
    request = Request(url, body, {"content-type": "application/json"}, method=method)  # noqa: S310 - our own
    with urlopen(request, timeout=120) as answer:  # noqa: S310 - our own
        told: dict[str, Any] = json.load(answer)
    return told


def equal(parquet: Path, cache: Path) -> None:
    """End with a message unless all senders send the same documents."""
    rows = 2000
    with sink("--digest") as url:
        came = {}
        for sender in SHARES:
            _send(sender, url, parquet, rows, cache)
            told = ask(f"{url}/_sink")
            came[sender] = (told["documents"], told["digest"])
    if len(set(came.values())) != 1:
        sys.exit(f"the senders do not send the same: {came}")
    say(f"all senders send the same {rows:,} documents: sum of hashes {came['product'][1]}\n")


def into_sink(parquet: Path, cache: Path, rows: int, turns: int) -> list[Sent]:
    """All senders, in turn."""
    with sink() as url:
        runs: dict[str, list[Sent]] = {name: [] for name in SHARES}
        for _ in range(turns):
            for name, share in SHARES.items():
                ask(f"{url}/_sink")
                figures = _send(name, url, parquet, int(rows * share), cache)
                wire = ask(f"{url}/_sink")["bytes"] / figures["sent"]
                runs[name].append(_sent("sink", name, figures, wire=wire))
    return told("into a sink that indexes nothing", [median(each) for each in runs.values()])


# --- the real node ----------------------------------------------------------------------------------------------------


def into_node(parquet: Path, cache: Path, rows: int, turns: int) -> list[Sent]:
    """Some senders, in turn, each into a fresh index; the node's own processor time counts as well."""
    sys.path.insert(0, "tests")
    from real_opensearch import Absent, node

    try:
        with node() as url:
            runs: dict[str, list[Sent]] = {name: [] for name in ON_NODE}
            _one(url, "product", parquet, rows // 4, cache)  # the node warms up
            for _ in range(turns):
                for name in ON_NODE:
                    share = 0.02 if name == "post_a_row" else 1
                    runs[name].append(_one(url, name, parquet, int(rows * share), cache))
    except Absent as reason:
        say(f"no real OpenSearch: {reason}")
        return []
    return told("into a real OpenSearch", [median(each) for each in runs.values()])


def _one(url: str, name: str, parquet: Path, rows: int, cache: Path) -> Sent:
    """A sender fills an index that was made as a publication makes it."""
    schema = pq.read_schema(next(parquet.glob("*.parquet")))
    words = mapping(schema, {}, IndexOf("contratos", INDEX))
    quiet = {"number_of_replicas": 0, "refresh_interval": "-1"}
    ask(f"{url}/{INDEX}", "PUT", json.dumps({"settings": quiet, "mappings": words}).encode())
    before = _cpu_of(url)
    figures = _send(name, url, parquet, rows, cache)
    server = _cpu_of(url) - before
    ask(f"{url}/{INDEX}/_refresh", "POST", b"")
    held = ask(f"{url}/{INDEX}/_count")["count"]
    ask(f"{url}/{INDEX}", "DELETE")
    if held != rows:
        sys.exit(f"{name}: {held} of {rows} documents are there")
    return _sent("node", name, figures, server=server / rows * 1e6)


def _cpu_of(url: str) -> float:
    """Seconds of processor time that the node has used."""
    (node,) = ask(f"{url}/_nodes/stats/process")["nodes"].values()
    return float(node["process"]["cpu"]["total_in_millis"]) / 1000


# --- figures ----------------------------------------------------------------------------------------------------------


def _send(name: str, url: str, parquet: Path, rows: int, cache: Path) -> dict[str, Any]:
    """One run of a sender in a process of its own."""
    measured = run(["-m", "bench.senders", name, url, str(parquet), str(rows)], cache)
    figures: dict[str, Any] = json.loads((cache / "last.log").read_text().splitlines()[-1])
    if figures["sent"] != rows:
        sys.exit(f"{name} sent {figures['sent']} of {rows}")
    return figures | {"peak": measured.peak}


def _sent(where: str, name: str, figures: dict[str, Any], wire: float = 0.0, server: float = 0.0) -> Sent:
    rows = figures["sent"]
    per_second, cpu = rows / figures["seconds"], figures["cpu"] / rows * 1e6
    return Sent(where, name, rows, per_second, cpu, figures["peak"], wire, server)


def median(runs: list[Sent]) -> Sent:
    """Of each figure by itself."""
    names = ("per_second", "cpu", "peak", "wire", "server")
    return Sent(
        runs[0].where,
        runs[0].sender,
        runs[0].rows,
        *(statistics.median(getattr(one, what) for one in runs) for what in names),
    )


def told(title: str, lines: list[Sent]) -> list[Sent]:
    """Print a part of the report, and pass it on."""
    by_name = {one.sender: one for one in lines}
    others = max(one.per_second for one in lines if one.sender.startswith("helpers_bulk"))
    say(f"{title} ({os.cpu_count()} cores)")
    head = f"{'sender':<22}{'documents':>11}{'a second':>11}{'us CPU each':>13}{'peak MB':>9}"
    say(f"  {head}{'bytes each':>12}{'node us':>9}{'share':>7}{'helpers x':>11}")
    for one in lines:
        share = one.cpu / (one.cpu + one.server) if one.server else 0
        left = f"{one.sender:<22}{one.rows:>11,}{one.per_second:>11,.0f}{one.cpu:>13.1f}{one.peak:>9.0f}"
        right = f"{one.wire:>12.0f}{one.server:>9.1f}{share:>7.0%}{one.per_second / others:>11.2f}"
        say(f"  {left}{right}")
    ours = by_name["product"]
    if ours.server:
        fastest = max(one.per_second for one in lines if one != ours)
        say(f"  at least as fast as the others: {_met(ours.per_second >= fastest)}")
        say(f"  under a quarter of the processor time: {_met(ours.cpu / (ours.cpu + ours.server) < 0.25)}\n")
    else:
        say(f"  {FASTER:g} times helpers.bulk: {_met(ours.per_second >= FASTER * others)}")
        say(f"  {ours.rows:,} documents under {MEMORY} MB: {_met(ours.peak <= MEMORY)}\n")
    return lines


def _met(met: bool) -> str:
    return "met" if met else "not met"


if __name__ == "__main__":
    main()
