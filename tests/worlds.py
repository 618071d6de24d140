"""What tests of the ledger share: a clock that is told the time, stores, and an outside made of them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from posicional.backends.store import open_store
from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import Dataset, ExpectedFile, Feed, IndexOf, OpenSearchTarget
from posicional.contract.layout import Layout
from posicional.contract.pattern import Pattern
from posicional.day import revision
from posicional.day.facts import (
    Blame,
    Decision,
    DecisionKind,
    Done,
    EndStatus,
    Fact,
    PartFact,
    ProblemFact,
    PublicationClaim,
    PublicationEnd,
    RunClaim,
    RunEnd,
    Seen,
    Unreadable,
)
from posicional.day.journal import Facts, Signature
from posicional.day.keys import RUNS, DecisionKey, DoneKey, FactKey, SeenKey, TurnKey, publications
from posicional.day.state import Day, fold
from posicional.ports import Engine, Event, Outside, Store
from tiny_s3 import BUCKET, TinyS3, tiny_s3

DAY = date(2026, 11, 22)
MORNING = datetime(2026, 11, 22, 11, 0, tzinfo=UTC)


@dataclass
class ToldClock:
    """Shows the time it was told; sleeping takes none, and is noted."""

    time: datetime = MORNING
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The time it was told."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Go forward at once."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


def new_store(kind: str, folder: Path) -> Store:
    """An empty store: `folder` or `memory`."""
    return open_store(folder / "dados" if kind == "folder" else f"memory://{secrets.token_hex(8)}")


@contextmanager
def s3_store(patch: pytest.MonkeyPatch) -> Iterator[tuple[Store, TinyS3]]:
    """An empty bucket on a server of its own, and the server, which takes orders for faults."""
    with tiny_s3() as server, patch.context() as inner:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "sa-east-1",
        }.items():
            inner.setenv(name, value)
        yield open_store(f"s3://{BUCKET}/{secrets.token_hex(8)}"), server


@dataclass
class Told:
    """Collects the events of steps."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        """Note an event."""
        self.events.append(event)

    @property
    def text(self) -> str:
        """All events, a line each."""
        return "\n".join(f"{event.step}: {event.text}" for event in self.events)


def no_engine() -> Engine:
    """For tests that must not come as far as an engine."""
    raise AssertionError("no engine is wanted here")


def outside_of(
    store: Store,
    clock: ToldClock | None = None,
    *,
    who: str = "ana@maquina",
    tell: Callable[[Event], None] | None = None,
    engine: Callable[[], Engine] = no_engine,
    gone: Callable[[str], bool] = lambda _who: False,
) -> Outside:
    """An outside with ids that count, so that failures can be read."""
    ids = itertools.count(1)
    return Outside(
        store=store,
        clock=clock or ToldClock(),
        new_id=lambda: f"{who.split('@', maxsplit=1)[0]}-{next(ids):04d}",
        who=who,
        engine=engine,
        target=None,
        tell=tell or Told(),
        gone=gone,
    )


# Feeds as values, for the rooms that read no YAML.


def layout_of(digest: str = "layout-1") -> Layout:
    """A layout that nobody reads with; its digest is all that counts."""
    return Layout("l", digest, "utf-8", "bytes", "newline", "reject", ())


def file_of(name: str, **words: object) -> ExpectedFile:
    """A file of a feed: `<NAME>_<date>.txt`."""
    settings: dict[str, object] = {"pattern": Pattern(f"{name.upper()}_{{date:%Y%m%d}}.txt"), "layout": layout_of()}
    return ExpectedFile(name, **(settings | words))  # type: ignore[arg-type]  # words of the dataclass


def feed_of(*files: ExpectedFile, publish: bool = False, sql: str = "select * from a", attempts: int = 3) -> Feed:
    """A daily feed due at noon in Brasília, with one dataset `d`, published as index `d` if so wished."""
    dataset = Dataset("d", sql, Path("d.sql"), ())
    target = OpenSearchTarget("http://127.0.0.1:1", {"d": IndexOf("d", "d")}) if publish else None
    return Feed(
        name="f",
        path=Path("feed.yaml"),
        timezone=ZoneInfo("America/Sao_Paulo"),
        calendar=Calendar("daily"),
        deadline=Due(time(12)),
        store="memory://none",
        files={file.name: file for file in files},
        datasets={"d": dataset},
        opensearch=target,
        attempts=attempts,
    )


# Facts as values. They tell a day in the order in which they are added, a second apart.


@dataclass
class Story:
    """The facts of a day of a feed, told one by one."""

    feed: Feed
    entries: dict[FactKey, Fact | Unreadable] = field(default_factory=dict)
    now: datetime = MORNING

    def sign(self, who: str = "ana@maquina") -> Signature:
        """A signature of the next second."""
        self.now += timedelta(seconds=1)
        return {"writer": f"w{len(self.entries)}", "at": self.now, "who": who}

    @property
    def facts(self) -> Facts:
        """All of them."""
        return Facts(self.feed.name, DAY, dict(self.entries))

    @property
    def day(self) -> Day:
        """The day that they tell under the story's feed."""
        return fold(self.feed, self.facts)

    def seen(self, file: str, number: int = 1, version: str = "", key: str = "") -> None:
        """An arrival is seen."""
        self.entries[SeenKey(file, number)] = Seen(
            **self.sign(),
            key=key or f"dados-posicionais/{file.upper()}_20261122.txt",
            object_version=version or f"v{number}",
            size=10,
            modified=self.now,
        )

    def done(
        self, file: str, number: int = 1, status: str = "converted", content: str = "", problems: Sequence[str] = ()
    ) -> None:
        """An arrival is read as the feed asks now."""
        self.entries[DoneKey(file, number, revision.reading(self.feed.files[file]))] = Done(
            **self.sign(),
            status=status,  # type: ignore[arg-type]  # one of its words
            layout=self.feed.files[file].layout.digest,
            sha256=content or f"{file}-{number}",
            tables={file: 3},
            parts=(PartFact(key=f"dados-parquet/f/{file}/{number}.parquet", table=file, rows=3, bytes=9),),
            problems=tuple(ProblemFact(reason="control", text=text) for text in problems),
        )

    def arrived(self, *files: str, number: int = 1, content: str = "") -> None:
        """Arrivals are seen and converted."""
        for file in files:
            self.seen(file, number)
            self.done(file, number, content=content)

    def claim(self, number: int, who: str = "ana@maquina", lease: timedelta = timedelta(hours=1)) -> None:
        """A run is claimed for the set that the day has now."""
        day = self.day
        self.entries[TurnKey(RUNS, number, "claim")] = RunClaim(
            **self.sign(who),
            lease_until=self.now + lease,
            revision=day.revision,
            content=day.content,
            contract=day.contract,
            inputs=day.inputs,
        )

    def end(self, number: int, status: EndStatus = "succeeded", reason: str = "", blame: Blame = "") -> None:
        """A run ends."""
        self.entries[TurnKey(RUNS, number, "end")] = RunEnd(**self.sign(), status=status, reason=reason, blame=blame)

    def run(self, number: int, status: EndStatus = "succeeded", blame: Blame = "") -> None:
        """A run from its claim to its end."""
        self.claim(number)
        self.end(number, status, "because" if blame else "", blame)

    def published(self, number: int, run: int, status: EndStatus = "succeeded", blame: Blame = "") -> None:
        """A publication from its claim to its end."""
        series = publications("opensearch")
        self.entries[TurnKey(series, number, "claim")] = PublicationClaim(
            **self.sign(), lease_until=self.now + timedelta(hours=1), run=run
        )
        self.entries[TurnKey(series, number, "end")] = PublicationEnd(
            **self.sign(), status=status, reason="because" if blame else "", run=run, blame=blame
        )

    def rerun(self) -> None:
        """A person asks for another run."""
        self.decide("rerun", why="asked for")

    def decide(self, decision: DecisionKind, why: str = "because", **about: str | int) -> None:
        """A person decides: the day's next decision."""
        number = 1 + sum(1 for key in self.entries if isinstance(key, DecisionKey))
        self.entries[DecisionKey(number)] = Decision(**self.sign(), decision=decision, why=why, about=about)

    def accept(self, file: str, number: int = 1) -> None:
        """The refusal of an arrival, as it is read now, is accepted."""
        self.decide("accept", file=file, arrival=number, reading=revision.reading(self.feed.files[file]))

    def rollback(self, run: int) -> None:
        """Readers are to see an earlier run."""
        self.decide("rollback", run=run, last=self.day.runs[-1].number, content=self.day.arrived)

    def unreadable(self, key: FactKey) -> None:
        """A fact is there and cannot be read."""
        self.now += timedelta(seconds=1)
        self.entries[key] = Unreadable(self.now, "not the JSON of such a fact")


# A feed as files, for the steps that read and process.

FEED = """\
feed: saude
timezone: America/Sao_Paulo
calendar: {days: daily}
deadline: "12:00"
store: ./dados
files:
  contratos:
    pattern: "CONTRATOS_{date:%Y%m%d}.txt"
    layout: contratos.yaml
    expected_by: "09:30"
    owner: "mainframe-ops@example.com"
  clientes:
    pattern: "CLIENTES_{date:%Y%m%d}.txt"
    layout: clientes.yaml
datasets:
  ativos:
    sql: ativos.sql
    key: [numero]
  por_plano:
    sql: por_plano.sql
    key: [plano]
"""

CONTRATOS = """\
encoding: utf-8
unit: bytes
record: {length: 30, framing: newline, short: reject, long: reject}
records:
  header:
    when: {pos: [1, 1], is: "0"}
    fields: [{filler: 1}, {name: data_ref, width: 8, type: date, format: "%Y%m%d"}, {filler: rest}]
    check: [{field: data_ref, equals: date}]
  detail:
    when: {pos: [1, 1], is: "1"}
    fields:
      - {filler: 1}
      - {name: numero, width: 6, type: string, required: true}
      - {name: plano, width: 6, type: string}
      - {name: cpf, width: 11, type: string, personal: true}
      - {filler: rest}
  trailer:
    when: {pos: [1, 1], is: "9"}
    fields: [{filler: 1}, {name: registros, width: 6, type: integer}, {filler: rest}]
    controls: [{count: all, field: registros}]
"""

CLIENTES = """\
encoding: utf-8
unit: bytes
record: {length: 20, framing: newline, short: reject, long: reject}
fields:
  - {name: cpf, width: 11, type: string, personal: true}
  - {name: uf, width: 2, type: string}
  - {filler: rest}
"""

ATIVOS = """\
select c.numero, c.plano, l.uf
from contratos c join clientes l on l.cpf = c.cpf
where c.plano <> 'BASICO'
"""

POR_PLANO = "select plano, count(*) as contratos from ativos group by plano\n"


def write_feed(folder: Path, **replaced: str) -> Feed:
    """A feed of two files and two datasets, the second over the first; `replaced` are texts by file name stem."""
    texts = {
        "feed.yaml": FEED,
        "contratos.yaml": CONTRATOS,
        "clientes.yaml": CLIENTES,
        "ativos.sql": ATIVOS,
        "por_plano.sql": POR_PLANO,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(replaced.get(name.partition(".")[0], text), encoding="utf-8")
    return Feed.load(folder / "feed.yaml")


CPFS = ("98765432101", "98765432102", "98765432103")


def contratos(
    plans: Sequence[str] = ("OURO", "BASICO", "PRATA"), day: date = DAY, *, counted: int | None = None
) -> bytes:
    """The file of contracts, one a plan, each with its holder; the trailer counts right unless told otherwise."""
    rows = [f"1{number:06d}{plan:<6}{CPFS[number % 3]}".ljust(30) for number, plan in enumerate(plans)]
    count = len(rows) + 2 if counted is None else counted
    lines = [f"0{day:%Y%m%d}".ljust(30), *rows, f"9{count:06d}".ljust(30)]
    return "".join(line + "\n" for line in lines).encode()


def clientes() -> bytes:
    """The file of holders."""
    return "".join(f"{cpf}SP".ljust(20) + "\n" for cpf in CPFS).encode()


def send(store: Store, name: str, data: bytes) -> None:
    """An object arrives, whole, in the place of an earlier one of its name."""
    with store.sink("dados-posicionais/").open(name) as part:
        part.write(data)
