"""One publication under way: what it is of, what it fills, and to whom it tells what happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from posicional.contract.feed import Dataset, Feed, IndexOf
from posicional.day.facts import DatasetFact
from posicional.day.journal import Ledger
from posicional.ports import Event, Target


@dataclass(frozen=True, slots=True)
class Shown:
    """One dataset of a publication: where it is shown, the index that is filled for it, and the parts it is made of.

    `aliases`: the one that readers of all days use; then the day's own, where each day has an index.
    """

    dataset: Dataset
    to: IndexOf
    index: str
    aliases: tuple[str, ...]
    made: DatasetFact


@dataclass(frozen=True, slots=True)
class Attempt:
    """A publication that this process has claimed: number `number` of the day, showing run `run`."""

    feed: Feed
    ledger: Ledger
    target: Target
    run: int
    number: int

    @property
    def date(self) -> date:
        """The business date."""
        return self.ledger.date

    @property
    def upsert(self) -> bool:
        """Whether it changes one index, rather than filling its own."""
        return self.feed.opensearch is not None and self.feed.opensearch.upsert

    def hashed(self, dataset: Dataset) -> bytes:
        """See `secret_of_ids`."""
        return secret_of_ids(dataset, self.ledger.outside.secret)

    def meta(self, dataset: str) -> dict[str, object]:
        """What tells an index of ours from others."""
        ours: dict[str, object] = {"feed": self.feed.name, "dataset": dataset}
        if self.upsert:
            return {**ours, "mode": "upsert"}
        return {**ours, "date": self.date.isoformat(), "run": self.run, "publication": self.number}

    def at(self, name: str) -> str:
        """An index or alias, and the endpoint where it is."""
        return f"{self.target.where} {name}"

    def tell(self, step: str, text: str) -> None:
        """Tell whoever watches."""
        self.ledger.outside.tell(Event(step, text))


def secret_of_ids(dataset: Dataset, secret: bytes) -> bytes:
    """The secret with which ids are hashed, where a column of the key is personal and stands there as it is."""
    key = {column.lower() for column in dataset.key}
    if all(how == "hmac" for column, (how, _) in dataset.protect.items() if column.lower() in key):
        return b""
    from posicional.sql.protect import check_secret  # a Lambda has no SQL

    check_secret(secret)
    return secret
