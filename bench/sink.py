"""An endpoint that indexes nothing: `python -m bench.sink PORT [--digest]`, a process of its own.

It answers bulk requests as OpenSearch does, with a result for each document, or with what `filter_path` asks for (all
have the same made-up id, so that answering costs next to nothing). `GET /_sink` says what came since the last time;
with `--digest` it reads every document and sums up hashes of them, which are the same for the same documents in
whatever order and spelling.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import zlib
from dataclasses import dataclass
from typing import Any

ITEM = (
    b'{"index":{"_index":"contratos-2026-11-22-0001-0001","_id":"1000000001","_version":1,"result":"created",'
    b'"_shards":{"total":1,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":201}}'
)
FILTERED = b'{"index":{"status":201}}'
LARGEST = 1 << 27


@dataclass
class Came:
    """What came."""

    documents: int = 0
    bytes: int = 0
    requests: int = 0
    digest: int = 0


class Sink:
    """Takes documents and forgets them."""

    def __init__(self, *, digest: bool) -> None:
        self._digest = digest
        self._came = Came()
        self._answers: dict[tuple[int, bool], bytes] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as many requests as it likes."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = self._answer(head[0].split(" ")[1], headers, body)
                kind = "content-type: application/json; charset=UTF-8"
                writer.write(f"HTTP/1.1 200 OK\r\n{kind}\r\ncontent-length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if path == "/_sink":
            came, self._came = self._came, Came()
            return json.dumps(vars(came) | {"digest": f"{came.digest:032x}"}).encode()
        came = self._came
        came.requests += 1
        came.bytes += len(body)
        if headers.get("content-encoding") == "gzip":
            body = zlib.decompress(body, 31)
        if "_bulk" in path:
            count = body.count(b"\n") // 2
            came.documents += count
            if self._digest:
                came.digest = (came.digest + _digest_of(body)) % (1 << 128)
            return self._items(count, filtered="filter_path" in path)
        if "_doc/" in path:
            came.documents += 1
            if self._digest:
                name = path.split("_doc/")[1].split("?", maxsplit=1)[0]
                came.digest = (came.digest + _hash(name, json.loads(body))) % (1 << 128)
            return b'{"_index":"i","_id":"1000000001","_version":1,"result":"created","_seq_no":1,"_primary_term":1}'
        return b"{}"

    def _items(self, count: int, *, filtered: bool) -> bytes:
        if (count, filtered) not in self._answers:
            items = b",".join([FILTERED if filtered else ITEM] * count)
            took = b"" if filtered else b'"took":3,'
            self._answers[count, filtered] = b"{" + took + b'"errors":false,"items":[' + items + b"]}"
        return self._answers[count, filtered]


def _digest_of(body: bytes) -> int:
    lines = body.split(b"\n")
    pairs = zip(lines[:-1:2], lines[1::2], strict=True)
    return sum(_hash(json.loads(action)["index"]["_id"], json.loads(document)) for action, document in pairs)


def _hash(name: str, document: dict[str, Any]) -> int:
    spelled = json.dumps([name, document], sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(spelled.encode(), digest_size=16).digest(), "big")


async def main() -> None:
    """Serve until the end."""
    sink = Sink(digest="--digest" in sys.argv)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", int(sys.argv[1]), limit=LARGEST)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
