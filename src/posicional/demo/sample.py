"""The demo feed's seven files for a date: as many contracts as wanted, the same bytes on every machine.

    write_sample(Path("dados/dados-posicionais"), datetime.date(2026, 11, 22), rows=1_000_000)

With `flaws` six of the seven files are such that they must be refused, each for a reason of its own; every line that
is not named here stays as it is without:

    contratos     four bad records: 31 February as `inicio`, letters in `valor`, a line cut short, a line too long
    clientes      one bad record: a `nome` in Latin-1, which is not UTF-8
    dependentes   one bad record: of a kind (7) that the layout does not know
    pagamentos    the header has yesterday's date
    sinistros     the trailer counts 1,239 records more than there are
    corretores    no trailer, as after a transfer that broke off
    planos        nothing: it is good
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posicional.demo import sample_records as records
from posicional.demo.names import PLANS
from posicional.demo.sample_columns import Matrix, Rows, Shape
from posicional.demo.sample_records import Block, World
from posicional.errors import StoreError, UsageError

ROWS_AT_MOST = 100_000_000  # more would use up the numbers that tell people apart
ROWS_FOR_FLAWS = 10
FIRST_DATE, LAST_DATE = dt.date(1998, 1, 1), dt.date(2099, 12, 31)
BLOCK = 65_536  # contracts (or clients, …) computed at once: 10 MB of records, however large the sample


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One of the seven: `build` makes the records of some of its `parents`; the marks begin its first and last line.

    `signed`: for each total in the trailer, whether it carries a sign behind its digits.
    """

    name: str
    shape: Shape
    parents: Callable[[World], int]
    build: Callable[[World, Rows], Block]
    header_mark: bytes
    trailer_mark: bytes
    signed: tuple[bool, ...] = ()

    def line(self, text: bytes) -> bytes:
        """A header or trailer: blanks up to the record's length, and the line end."""
        return text.ljust(self.shape.length) + self.shape.line_end


def _contracts(world: World) -> int:
    return world.rows


def _clients(world: World) -> int:
    return world.clients


def _brokers(world: World) -> int:
    return world.brokers


def _plans(_: World) -> int:
    return len(PLANS)


FILES = (
    SampleFile("contratos", records.CONTRATOS, _contracts, records.contratos, b"0" * 10, b"9" * 10, (False,)),
    SampleFile("clientes", records.CLIENTES, _clients, records.clientes, b"0CLIENTES    ", b"9CLIENTES    "),
    SampleFile("planos", records.PLANOS, _plans, records.planos, b"0PLANOS      ", b"9PLANOS      ", (False,)),
    SampleFile("dependentes", records.DEPENDENTES, _contracts, records.dependentes, b"0DEPENDENTES ", b"9DEPENDENTES "),
    SampleFile(
        "pagamentos",
        records.PAGAMENTOS,
        _contracts,
        records.pagamentos,
        b"0PAGAMENTOS  ",
        b"9PAGAMENTOS  ",
        (False, True),
    ),
    SampleFile("corretores", records.CORRETORES, _brokers, records.corretores, b"0CORRETORES  ", b"9CORRETORES  "),
    SampleFile(
        "sinistros", records.SINISTROS, _contracts, records.sinistros, b"0SINISTROS   ", b"9SINISTROS   ", (False,)
    ),
)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with a file: each of `changes` spoils a line; the others concern what stands around the records."""

    changes: tuple[Callable[[bytes], bytes], ...] = ()
    days_late: int = 0
    counted_too_many: int = 0
    cut_off: bool = False


def _putting(shape: Shape, field: str, text: bytes) -> Callable[[bytes], bytes]:
    at = shape.fields[field]
    return lambda line: line[: at.start] + text.ljust(at.stop - at.start) + line[at.stop :]


NO_FLAWS = Flaws()
FLAWS: Mapping[str, Flaws] = {
    "contratos": Flaws(
        changes=(
            _putting(records.CONTRATOS, "inicio", b"20240231"),
            _putting(records.CONTRATOS, "valor", b"0000000000ABC00"),
            lambda line: line[:60] + b"\n",
            lambda line: line[:-1] + b" EXTRA\n",
        )
    ),
    "clientes": Flaws(changes=(_putting(records.CLIENTES, "nome", "João da Conceição Simões".encode("latin-1")),)),
    "dependentes": Flaws(changes=(lambda line: b"7" + line[1:],)),
    "pagamentos": Flaws(days_late=1),
    "sinistros": Flaws(counted_too_many=1_239),
    "corretores": Flaws(cut_off=True),
}


def write_sample(folder: Path, date: dt.date, rows: int = 2_000, *, seed: int = 22, flaws: bool = False) -> list[Path]:
    """Write the seven files for `date` with `rows` contracts straight into `folder`, and say where they are.

    About three records a contract, all files together. Each file is written under a name that ends in `.tmp` and gets
    its own when it is complete; one that was there before is replaced. Raises `UsageError` for a date or number that
    cannot be made, `StoreError` when the folder does not take them.
    """
    if not FIRST_DATE <= date <= LAST_DATE:
        raise UsageError(
            "no sample for this date", where="sample", expected=f"{FIRST_DATE} to {LAST_DATE}", got=date.isoformat()
        )
    least = ROWS_FOR_FLAWS if flaws else 1
    if not least <= rows <= ROWS_AT_MOST:
        raise UsageError(
            "no sample of this size", where="sample", expected=f"{least} to {ROWS_AT_MOST} contracts", got=str(rows)
        )
    world = World(date, rows, seed)
    return [_write(folder, file, world, FLAWS.get(file.name, NO_FLAWS) if flaws else NO_FLAWS) for file in FILES]


def _write(folder: Path, file: SampleFile, world: World, flaws: Flaws) -> Path:
    path = folder / f"{file.name.upper()}_{world.date:%Y%m%d}.txt"
    partial = path.with_name(f"{path.name}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            out.writelines(_lines(file, world, flaws))
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            "cannot write the sample",
            where=str(path),
            got=error.strerror or str(error),
            hint="choose a folder that exists or can be made, is writable and has room",
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def _lines(file: SampleFile, world: World, flaws: Flaws) -> Iterator[bytes]:
    """The file's bytes, in pieces of whole lines: header, blocks of records, trailer."""
    header_date = world.date - dt.timedelta(days=flaws.days_late)
    yield file.line(file.header_mark + f"{header_date:%Y%m%d}".encode())
    count, totals = 2, [0] * len(file.signed)
    parents = file.parents(world)
    for first in range(0, parents, BLOCK):
        block = file.build(world, np.arange(first, min(first + BLOCK, parents)))
        count += len(block.matrix)
        totals = [before + more for before, more in zip(totals, block.totals, strict=True)]
        yield _spoilt(block.matrix, flaws.changes) if first == 0 else block.matrix.tobytes()
    if not flaws.cut_off:
        figures = "".join(
            f"{abs(total):017d}{'-' if total < 0 else '+'}" if signed else f"{total:018d}"
            for total, signed in zip(totals, file.signed, strict=True)
        )
        yield file.line(file.trailer_mark + f"{count + flaws.counted_too_many:011d}{figures}".encode())


def _spoilt(matrix: Matrix, changes: tuple[Callable[[bytes], bytes], ...]) -> bytes:
    """The records' bytes, with the changes made to as many lines, spread over the block."""
    if not changes:
        return matrix.tobytes()
    lines = [record.tobytes() for record in matrix]
    for place, change in enumerate(changes, start=1):
        at = place * len(lines) // (len(changes) + 1)
        lines[at] = change(lines[at])
    return b"".join(lines)
