"""The files that are measured: built from a seed, the same bytes every time, with the layouts they are read with.

`nine` is a table of nine typed columns in lines of 120 bytes; `wide` has 25 columns between a header and a trailer.
The others are `nine` in another form: other line ends, other encodings, ragged, partly wrong; `display` and `packed`
are the same numbers as digits and as packed decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

BLOCK = 100_000
"""Records built at a time."""

NINE = """\
  - {name: contrato, width: 10, type: string, required: true}
  - {name: plano,    width: 5,  type: string}
  - {name: codigo,   width: 4,  type: integer}
  - {name: inicio,   width: 8,  type: date, format: "%Y%m%d"}
  - {name: valor,    width: 15, type: decimal, scale: 2}
  - {name: ajuste,   width: 12, type: decimal, scale: 2, sign: leading}
  - {name: cpf,      width: 11, type: string}
  - {name: uf,       width: 2,  type: string}
  - {name: nome,     width: 40, type: string}
  - {filler: 12}
"""

PLANS = ["A1", "B22", "PLAN1", "GOLD", "VIP", "ODON", "X", "AB12"]
STATES = ["SP", "RJ", "MG", "RS", "PR", "SC", "BA", "PE", "CE", "GO"]
FIRST = [
    "JOSE",
    "MARIA",
    "ANTONIO",
    "FRANCISCO",
    "ANA",
    "PAULO",
    "CARLOS",
    "LUIZ",
    "MARCOS",
    "FERNANDA",
    "PATRICIA",
    "ALINE",
    "SANDRA",
    "CAMILA",
    "BRUNO",
]
LAST = [
    "SILVA",
    "SANTOS",
    "OLIVEIRA",
    "SOUZA",
    "RODRIGUES",
    "FERREIRA",
    "ALVES",
    "PEREIRA",
    "LIMA",
    "GOMES",
    "COSTA",
    "RIBEIRO",
    "MARTINS",
    "CARVALHO",
]
ACCENTED = ["JOSÉ", "JOÃO", "ANTÔNIO", "CONCEIÇÃO", "GONÇALVES", "ASSUNÇÃO", "LÚCIA"]


@dataclass(frozen=True)
class Built:
    """A file that is there: its layout beside it, its detail records, and how many bytes it has."""

    name: str
    path: Path
    layout: Path
    rows: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size


def build(name: str, folder: Path, megabytes: float) -> Built:
    """The file called `name`, of about so many megabytes (10**6) of `nine`'s records, built unless it is there."""
    kind = KINDS[name]
    rows = max(1000, int(megabytes * 1_000_000 / kind.record))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{rows}.txt"
    layout = folder / f"{name}.yaml"
    layout.write_text(kind.layout, encoding="utf-8")
    if not path.exists():
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as out:
            for piece in kind.content(rows):
                out.write(piece)
        unfinished.rename(path)
    return Built(name, path, layout, rows)


def head_of(built: Built, rows: int) -> Built:
    """The first records of a file of lines, for those that would take all day over the whole of it."""
    if rows >= built.rows:
        return built
    path = built.path.with_name(f"{built.name}-{built.rows}-first-{rows}.txt")
    if not path.exists():
        width = KINDS[built.name].record
        with built.path.open("rb") as whole, path.open("wb") as out:
            out.write(whole.read(rows * width))
    return Built(built.name, path, built.layout, rows)


# --- columns: each gives a matrix of one line of bytes a record ---


def digits(values: Ints, width: int) -> Matrix:
    """Numbers with leading zeros."""
    made = np.empty((len(values), width), np.uint8)
    left = values.copy()
    for column in range(width - 1, -1, -1):
        made[:, column] = left % 10 + ord("0")
        left //= 10
    return made


def packed(values: Ints, width: int) -> Matrix:
    """Packed decimals: two digits a byte, and the sign's half byte at the end."""
    nibbles = np.empty((len(values), width * 2), np.uint8)
    nibbles[:, :-1] = digits(np.abs(values), width * 2 - 1) - ord("0")
    nibbles[:, -1] = np.where(values < 0, 0xD, 0xC)
    return (nibbles[:, 0::2] << 4 | nibbles[:, 1::2]).astype(np.uint8)


def signed(values: Ints, width: int) -> Matrix:
    """Numbers with a sign in front."""
    made = np.empty((len(values), width), np.uint8)
    made[:, 0] = np.where(values < 0, ord("-"), ord("+"))
    made[:, 1:] = digits(np.abs(values), width - 1)
    return made


def dates(random: np.random.Generator, rows: int) -> Matrix:
    """Days between 1940 and 2024, as YYYYMMDD."""
    days = np.datetime64("1940-01-01") + random.integers(0, 31_000, rows)
    months = days.astype("M8[M]")
    year = days.astype("M8[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (days - months).astype(np.int64) + 1
    spelled: Ints = year * 10_000 + month * 100 + day
    return digits(spelled, 8)


def texts(pool: list[str], width: int, encoding: str) -> Matrix:
    """A pool of texts, filled with blanks."""
    made = b"".join(text.encode(encoding).ljust(width, " ".encode(encoding)) for text in pool)
    return np.frombuffer(made, np.uint8).reshape(-1, width)


def amounts(random: np.random.Generator, rows: int, most: int) -> Ints:
    """Amounts as people have them: many small ones, few large ones."""
    values: Ints = random.lognormal(10, 2, rows).astype(np.int64) % most
    return values


def people(encoding: str, accents: float) -> Matrix:
    """A pool of names, a share of them with accents."""
    random = np.random.default_rng(7)
    size = 50_000
    first, last, other = (random.integers(0, len(pool), size) for pool in (FIRST, LAST, LAST))
    accented, which = random.random(size) < accents, random.integers(0, len(ACCENTED), size)
    pool = [
        f"{ACCENTED[which[i]] if accented[i] else FIRST[first[i]]} {LAST[last[i]]} DE {LAST[other[i]]}"[:40]
        for i in range(size)
    ]
    return texts(pool, 40, encoding)


def nine_columns(rows: int, encoding: str = "ascii", accents: float = 0.0) -> Iterator[Matrix]:
    """`nine`'s records of 119 bytes without line end, a block at a time."""
    names, plans, states = people(encoding, accents), texts(PLANS, 5, encoding), texts(STATES, 2, encoding)
    blank = " ".encode(encoding)[0]
    random = np.random.default_rng(42)
    for first in range(0, rows, BLOCK):
        n = min(BLOCK, rows - first)
        numbers = [
            digits(np.arange(first, first + n, dtype=np.int64) * 7 + 1_000_000_000, 10),
            digits(random.integers(0, 10_000, n), 4),
            dates(random, n),
            digits(amounts(random, n, 10**15), 15),
            signed(np.where(random.random(n) < 0.2, -1, 1) * amounts(random, n, 10**11), 12),
            digits(random.integers(0, 10**11, n), 11),
        ]
        if encoding == "cp037":
            numbers = [_in_ebcdic(column) for column in numbers]
        contract, code, day, value, change, cpf = numbers
        plan, state, name = (pool[random.integers(0, len(pool), n)] for pool in (plans, states, names))
        yield np.hstack([contract, plan, code, day, value, change, cpf, state, name, np.full((n, 12), blank, np.uint8)])


def _in_ebcdic(column: Matrix) -> Matrix:
    table = np.array([ord(bytes([byte]).decode("latin-1").encode("cp037", "replace")) for byte in range(256)], np.uint8)
    return table[column]


def ended(records: Matrix, line_end: bytes) -> bytes:
    """Records with their line ends, as they stand in a file."""
    ends = np.tile(np.frombuffer(line_end, np.uint8), (len(records), 1))
    return np.hstack([records, ends]).tobytes()


# --- files ---


def plain(rows: int) -> Iterator[bytes]:
    """Lines that end in LF, all of the same length, ASCII."""
    for records in nine_columns(rows):
        yield ended(records, b"\n")


def crlf(rows: int) -> Iterator[bytes]:
    """The same, ended by CR and LF."""
    for records in nine_columns(rows):
        yield ended(records, b"\r\n")


def cp1252(rows: int) -> Iterator[bytes]:
    """A tenth of the names have accents."""
    for records in nine_columns(rows, "cp1252", accents=0.1):
        yield ended(records, b"\n")


def utf8(rows: int) -> Iterator[bytes]:
    """A tenth of the names have accents, of two bytes each: positions count characters."""
    for records in nine_columns(rows, "latin-1", accents=0.1):
        yield ended(records, b"\n").decode("latin-1").encode()


def ragged(rows: int) -> Iterator[bytes]:
    """Trailing blanks are cut off, as some transfers do."""
    for records in nine_columns(rows):
        yield b"".join(line.rstrip(b" ") + b"\n" for line in ended(records, b"\n").splitlines())


def ebcdic(rows: int) -> Iterator[bytes]:
    """Records of 119 bytes in cp037, without line ends."""
    for records in nine_columns(rows, "cp037", accents=0.1):
        yield records.tobytes()


def faulty(rows: int) -> Iterator[bytes]:
    """One record in a hundred is wrong: a letter in a number, a day that is not, a line too short."""
    random = np.random.default_rng(13)
    for records in nine_columns(rows):
        wrong = np.flatnonzero(random.random(len(records)) < 0.01)
        records[wrong[0::3], 35] = ord("X")
        records[wrong[1::3], 19:27] = np.frombuffer(b"20240231", np.uint8)
        lines = ended(records, b"\n").splitlines(keepends=True)
        for index in wrong[2::3]:
            lines[index] = lines[index][:60] + b"\n"
        yield b"".join(lines)


def numbers(rows: int, spelled: Callable[[Ints, int], Matrix], width: int) -> Iterator[bytes]:
    """A key and eight signed numbers of 15 digits, without line ends."""
    random = np.random.default_rng(11)
    for first in range(0, rows, BLOCK):
        n = min(BLOCK, rows - first)
        key = digits(np.arange(first, first + n, dtype=np.int64), 10)
        columns = [
            spelled(np.where(random.random(n) < 0.2, -1, 1) * amounts(random, n, 10**15), width) for _ in range(8)
        ]
        yield np.hstack([key, *columns]).tobytes()


def wide(rows: int) -> Iterator[bytes]:
    """A header with the date, details of 25 columns in lines of 250 bytes, a trailer with their count and total."""
    random = np.random.default_rng(23)
    names, plans, states = people("ascii", 0.0), texts(PLANS, 5, "ascii"), texts(STATES, 2, "ascii")
    yield b"0020261122".ljust(249) + b"\n"
    total = 0
    for first in range(0, rows, BLOCK):
        n = min(BLOCK, rows - first)
        values = amounts(random, n, 10**13)
        total += int(values.sum())
        columns = [texts(["01"], 2, "ascii").repeat(n, axis=0)]
        columns += [digits(np.arange(first, first + n, dtype=np.int64) * 3 + 10**11, 12), digits(values, 13)]
        columns += [digits(amounts(random, n, 10**13), 13) for _ in range(4)]
        columns += [dates(random, n) for _ in range(5)]
        columns += [digits(random.integers(0, 10**width, n), width) for width in (3, 4, 6, 9)]
        columns += [plans[random.integers(0, len(plans), n)] for _ in range(4)]
        columns += [states[random.integers(0, len(states), n)] for _ in range(3)]
        columns += [names[random.integers(0, len(names), n)], digits(random.integers(0, 10**11, n), 11)]
        made = np.hstack(columns)
        filler = np.full((n, 249 - made.shape[1]), ord(" "), np.uint8)
        yield ended(np.hstack([made, filler]), b"\n")
    yield f"99{rows + 2:011d}{total:018d}".encode().ljust(249) + b"\n"


def _layout(head: str, fields: str = NINE) -> str:
    return f"{head}\nfields:\n{fields}"


def _wide_layout() -> str:
    fields = [("conta", 12, "string"), ("valor", 13, "decimal, scale: 2")]
    fields += [(f"parcela_{i}", 13, "decimal, scale: 2") for i in range(1, 5)]
    fields += [(f"data_{i}", 8, 'date, format: "%Y%m%d"') for i in range(1, 6)]
    fields += [(f"numero_{width}", width, "integer") for width in (3, 4, 6, 9)]
    fields += [(f"plano_{i}", 5, "string") for i in range(1, 5)] + [(f"uf_{i}", 2, "string") for i in range(1, 4)]
    fields += [("nome", 40, "string"), ("cpf", 11, "string")]
    details = "\n".join(f"      - {{name: {name}, width: {width}, type: {kind}}}" for name, width, kind in fields)
    return f"""\
record: {{length: 249}}
records:
  header:
    when: {{pos: [1, 2], is: "00"}}
    fields: [{{filler: 2}}, {{name: data_ref, width: 8, type: date, format: "%Y%m%d"}}, {{filler: rest}}]
  detail:
    when: {{pos: [1, 2], is: "01"}}
    fields:
      - {{name: tipo, width: 2, type: string}}
{details}
      - {{filler: rest}}
  trailer:
    when: {{pos: [1, 2], is: "99"}}
    fields: [{{filler: 2}}, {{name: registros, width: 11, type: integer}},
             {{name: total, width: 18, type: decimal, scale: 2}}, {{filler: rest}}]
    controls: [{{count: all, field: registros}}, {{sum: detail.valor, field: total}}]
"""


def _numbers_layout(words: str) -> str:
    fields = "  - {name: chave, width: 10, type: string}\n"
    fields += "".join(f"  - {{name: n{i}, type: decimal, scale: 2, {words}}}\n" for i in range(8))
    return _layout("record: {framing: fixed}", fields)


@dataclass(frozen=True)
class Kind:
    """How a file is made: the bytes of a record of it, its layout, its content for so many rows."""

    record: int
    layout: str
    content: Callable[[int], Iterator[bytes]]


KINDS = {
    "nine": Kind(120, _layout("record: {length: 119}"), plain),
    "wide": Kind(250, _wide_layout(), wide),
    "crlf": Kind(120, _layout("record: {length: 119}"), crlf),
    "cp1252": Kind(120, _layout("encoding: cp1252\nrecord: {length: 119}"), cp1252),
    "utf8": Kind(120, _layout("encoding: utf-8\nunit: chars\nrecord: {length: 119}"), utf8),
    "ragged": Kind(120, _layout("record: {length: 119, short: pad}"), ragged),
    "cp037": Kind(120, _layout("encoding: cp037\nrecord: {length: 119, framing: fixed}"), ebcdic),
    "faulty": Kind(120, _layout("record: {length: 119}"), faulty),
    "display": Kind(120, _numbers_layout("width: 16, sign: leading"), lambda rows: numbers(rows, signed, 16)),
    "packed": Kind(120, _numbers_layout("width: 8, usage: packed"), lambda rows: numbers(rows, packed, 8)),
}
"""Every file by its name. `record` sizes a file: those in other forms have as many records as `nine`."""
