"""Digests that say whether two ways of processing a day are the same: a reading, a contract, a complete set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from posicional.contract.feed import ExpectedFile, Feed
from posicional.day.facts import InputFact
from posicional.day.keys import DIGEST_LENGTH


def digest(meaning: Any) -> str:
    """sha256 (hex) of plain values; the order of mappings does not matter."""
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def reading(expected: ExpectedFile) -> str:
    """The way in which a file is read: its layout, and what makes it refused. It stands in the done fact's key."""
    settings = {
        "layout": expected.layout.digest,
        "max_rejects": [expected.max_rejects.count, expected.max_rejects.share],
        "allow_empty": expected.allow_empty,
        "member": expected.member,
    }
    return digest(settings)[:DIGEST_LENGTH]


def contract(feed: Feed) -> str:
    """The part of a feed that makes the datasets: their SQL and settings, whatever the order."""
    return digest(
        {
            name: {
                "sql": dataset.sql,
                "key": dataset.key,
                "columns": list(dataset.columns.items()),
                "expect": dict(dataset.expect),
                "lineage": dataset.lineage,
                "protect": {column: list(how) for column, how in dataset.protect.items()},
            }
            for name, dataset in feed.datasets.items()
        }
    )


def content(hashes: Mapping[str, str], reruns: int) -> str:
    """What has arrived, whatever the contract: file -> content hash, and how often a person asked for another run."""
    return digest({"files": dict(hashes), "reruns": reruns})


def revision(inputs: Mapping[str, InputFact], contract_digest: str, reruns: int) -> str:
    """One complete set and the contract that processes it. Arrival numbers do not count: content and reading do."""
    files = {name: [one.sha256, one.reading] for name, one in inputs.items()}
    return digest({"files": files, "contract": contract_digest, "reruns": reruns})
