"""A sample day of the demo feed: seven files arrive one by one through the same steps as on any other day."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from pathlib import Path

from posicional.contract.feed import Feed
from posicional.day.keys import INCOMING
from posicional.demo.sample import write_sample
from posicional.errors import UsageError

MARK = ".posicional-demo"

# When each file of the demo day comes, in the feed's zone. The last one opens the gate.
ARRIVALS = (
    ("planos", time(7, 42)),
    ("corretores", time(7, 55)),
    ("clientes", time(8, 37)),
    ("contratos", time(8, 51)),
    ("dependentes", time(9, 4)),
    ("pagamentos", time(9, 12)),
    ("sinistros", time(9, 26)),
)


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The demo's places: the feed (a copy to play with), the store, and where the files wait before they arrive."""

    root: Path

    @property
    def feed(self) -> Path:
        """The feed's YAML."""
        return self.root / "feed" / "feed.yaml"

    @property
    def store(self) -> Path:
        """Where files arrive and everything else is written."""
        return self.root / "dados"

    @property
    def outbox(self) -> Path:
        """Where files wait."""
        return self.root / "remetente"


def planos() -> Path:
    """The demo feed's folder: inside the installed package, or in the checkout."""
    package = Path(__file__).parent
    inside = package / "planos"
    return inside if inside.is_dir() else package.parents[2] / "examples" / "planos"


def lay_out(root: Path, day: date, rows: int) -> DemoFolder:
    """An empty store, a copy of the feed, and the seven files waiting. An earlier demo there is replaced.

    Raises `UsageError` for a folder that holds anything but an earlier demo.
    """
    if root.exists() and not root.is_dir():
        raise UsageError("this is a file", where=str(root), hint="give a new folder for the demo")
    if root.exists() and any(root.iterdir()):
        if not (root / MARK).exists():
            raise UsageError("this folder is not empty", where=str(root), hint="give a new folder for the demo")
        shutil.rmtree(root)
    folder = DemoFolder(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / MARK).write_text("Made by `posicional demo`, which replaces it.\n")
    shutil.copytree(planos(), folder.feed.parent)
    text = folder.feed.read_text(encoding="utf-8").replace("store: ./dados", "store: ../dados")
    folder.feed.write_text(text, encoding="utf-8")
    folder.outbox.mkdir()
    (folder.store / INCOMING).mkdir(parents=True)
    write_sample(folder.outbox, day, rows)
    return folder


def arrive(places: DemoFolder, feed: Feed, name: str, day: date, moment: datetime) -> None:
    """Move one file into the incoming folder, as a transfer that ends at `moment` would."""
    path = places.outbox / feed.files[name].pattern.format(day)
    os.utime(path, (moment.timestamp(), moment.timestamp()))
    path.rename(places.store / INCOMING / path.name)


def moments(day: date, zone: tzinfo) -> Iterator[tuple[str, datetime]]:
    """Which file comes when."""
    for name, at in ARRIVALS:
        yield name, datetime.combine(day, at, tzinfo=zone)
