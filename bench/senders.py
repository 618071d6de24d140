"""Each way to send a dataset's rows to OpenSearch, as one function; `python -m bench.senders NAME URL PARQUET ROWS`.

All make the same documents with the same ids of the same Parquet (`publish` proves it), read a batch at a time. What a
process prints is what sending took it, without the interpreter's start and imports.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

INDEX = "contratos-bench"
CHUNK = 5000
"""Documents of one request of the client's helpers: ten times their default, which is faster for them."""

OWN = {"run": 1, "date": "2026-11-22"}

Send = Callable[[str, Iterator[pa.RecordBatch]], int]


def batches(parquet: Path, rows: int) -> Iterator[pa.RecordBatch]:
    """The first rows of a file or a folder of parts."""
    parts = sorted(parquet.glob("*.parquet")) if parquet.is_dir() else [parquet]
    for part in parts:
        for batch in pq.ParquetFile(part).iter_batches(batch_size=16_384):
            yield batch.slice(0, rows)
            rows -= batch.num_rows
            if rows <= 0:
                return


# --- ours -------------------------------------------------------------------------------------------------------------


def product(url: str, rows: Iterator[pa.RecordBatch], *, compress: bool | None = None) -> int:
    """As a publication does it."""
    from posicional.backends.opensearch import connect
    from posicional.contract.feed import OpenSearchTarget
    from posicional.documents.bodies import bodies

    target = connect(OpenSearchTarget(url, {}, compress=compress))
    return target.load(INDEX, bodies(rows, key=["contrato"], extra=OWN)).documents


def product_gzip(url: str, rows: Iterator[pa.RecordBatch]) -> int:
    """The same, compressed, as for an endpoint that is far away."""
    return product(url, rows, compress=True)


def bodies_by_client(url: str, rows: Iterator[pa.RecordBatch], *, compress: bool = False) -> int:
    """Our bodies, sent by the client library, one after another."""
    from opensearchpy import OpenSearch

    from posicional.documents.bodies import bodies

    client = OpenSearch(url, http_compress=compress, timeout=60)
    sent = 0
    for body in bodies(rows, key=["contrato"], extra=OWN):
        params = {"filter_path": "errors,items.*.status,items.*.error.type,items.*.error.reason"}
        answer = client.transport.perform_request("POST", f"/{INDEX}/_bulk", params=params, body=body.data)
        sent += len(answer["items"])
    return sent


def bodies_by_client_gzip(url: str, rows: Iterator[pa.RecordBatch]) -> int:
    """The same, compressed as the client library does it."""
    return bodies_by_client(url, rows, compress=True)


# --- others -----------------------------------------------------------------------------------------------------------


def documents(rows: Iterator[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """The same documents as dictionaries."""
    lineage = {"_file": "file", "_line": "line", "_byte": "byte"}
    for batch in rows:
        for row in batch.to_pylist():
            own = {**OWN, **{name: row.pop(column) for column, name in lineage.items()}}
            yield {"posicional": own, **{name: value for name, value in row.items() if value is not None}}


def actions(rows: Iterator[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """What the client's helpers want."""
    for document in documents(rows):
        yield {"_op_type": "index", "_index": INDEX, "_id": document["contrato"], "_source": document}


def helpers_bulk(url: str, rows: Iterator[pa.RecordBatch], chunk: int = CHUNK) -> int:
    """`helpers.bulk` of opensearch-py."""
    from opensearchpy import OpenSearch, helpers

    return int(helpers.bulk(OpenSearch(url, timeout=60), actions(rows), chunk_size=chunk)[0])


def helpers_bulk_default(url: str, rows: Iterator[pa.RecordBatch]) -> int:
    """The same with the default of 500 documents a request."""
    return helpers_bulk(url, rows, 500)


def parallel_bulk(url: str, rows: Iterator[pa.RecordBatch]) -> int:
    """`helpers.parallel_bulk` of opensearch-py, four threads."""
    from opensearchpy import OpenSearch, helpers

    client = OpenSearch(url, timeout=60, pool_maxsize=8)
    return sum(taken for taken, _ in helpers.parallel_bulk(client, actions(rows), thread_count=4, chunk_size=CHUNK))


def post_a_row(url: str, rows: Iterator[pa.RecordBatch]) -> int:
    """One POST a row, each over a connection of its own."""
    import requests

    sent = 0
    for document in documents(rows):
        text = json.dumps(document, default=lambda value: value.isoformat() if hasattr(value, "year") else float(value))
        headers = {"content-type": "application/json"}
        address = f"{url}/{INDEX}/_doc/{document['contrato']}"
        requests.post(address, data=text.encode(), headers=headers, timeout=60).raise_for_status()
        sent += 1
    return sent


SENDERS: dict[str, Send] = {
    one.__name__: one
    for one in (
        product,
        product_gzip,
        bodies_by_client,
        bodies_by_client_gzip,
        helpers_bulk,
        helpers_bulk_default,
        parallel_bulk,
        post_a_row,
    )
}


if __name__ == "__main__":
    name, url, parquet, count = sys.argv[1:5]
    send = SENDERS[name]
    for module in ("opensearchpy.helpers", "requests", "posicional.backends.opensearch", "posicional.documents.bodies"):
        import_module(module)
    began, cpu = time.perf_counter(), time.process_time()
    sent = send(url, batches(Path(parquet), int(count)))
    figures = {"sent": sent, "seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    sys.stdout.write(json.dumps(figures) + "\n")
