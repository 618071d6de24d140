"""A large file that Spark's executors read in ranges: the same parts, rejects, hash and account as here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from on_spark import MARKS
from posicional.backends.spark_session import LocalSpark
from posicional.backends.store import open_store
from posicional.contract.layout import Layout
from posicional.demo.sample import write_sample
from posicional.errors import StoreError
from posicional.ports import Together
from posicional.records import hashing, ranges
from posicional.records.conversion import Conversion
from posicional.records.reader import convert

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = MARKS

PLANOS = Path(__file__).parents[1] / "examples" / "planos" / "layouts"
DAY = date(2026, 11, 22)


@pytest.fixture
def together(spark: SparkSession) -> Together:
    """Ranges read by Spark's executors."""
    from posicional.backends.spark_ranges import by_spark

    assert spark
    return by_spark(LocalSpark())


def converted(source_file: Path, layout: Layout, out: Path, together: Together | None) -> Conversion:
    """The file's conversion into `out`."""
    store, target = open_store(source_file.parent), open_store(out)
    return convert(
        store.source(store.head(source_file.name)),
        layout,
        target.sink("rows/"),
        target.sink("rejects/"),
        file=source_file.name.partition("_")[0].lower(),
        path=source_file.name,
        date=DAY,
        tolerance=lambda _rejects, _records: True,
        together=together,
    )


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its place in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("flaws", [False, True], ids=["clean", "flaws"])
@pytest.mark.parametrize("name", ["CONTRATOS", "DEPENDENTES"])
def test_executors_convert_as_one_machine_does(
    tmp_path: Path, together: Together, monkeypatch: pytest.MonkeyPatch, name: str, flaws: bool
) -> None:
    """The outcome (rows, rejects, controls, account, problems, hash) and every byte of every part are the same."""
    monkeypatch.setattr(ranges, "RANGE", 100_000)
    write_sample(tmp_path / "in", DAY, 8_000, flaws=flaws)
    layout = Layout.load(PLANOS / f"{name.lower()}.yaml")
    there = converted(tmp_path / "in" / f"{name}_20261122.txt", layout, tmp_path / "there", together)
    here = converted(tmp_path / "in" / f"{name}_20261122.txt", layout, tmp_path / "here", None)
    assert there == here
    assert len(here.parts) > 3
    assert files(tmp_path / "there") == files(tmp_path / "here")


LONG = """\
record: {length: 119}
fields:
  - {name: numero, width: 10, type: integer}
  - {name: valor, width: 15, type: decimal, scale: 2}
  - {name: nome, width: 40, type: string}
  - {filler: rest}
"""


def test_a_file_of_several_ranges_as_large_as_they_are(tmp_path: Path, together: Together) -> None:
    """280 MB with a bad record in a hundred: ranges that begin and end within records, many pieces of the hash in each.

    The 2 GB of docs/performance.md are the same at `python -m bench.large_file`.
    """
    block = b"".join(
        f"{'x' if number % 100 == 7 else ''}{number:010d}"[:10].encode().ljust(10)
        + f"{number * 7919:015d}{'MARIA DA CONCEIÇÃO':<38}{'':54}\n".encode()
        for number in range(80_000)
    )
    assert len(block) == 80_000 * 120
    path = tmp_path / "longo.txt"
    with path.open("wb") as out:
        for _ in range(29):
            out.write(block)
    assert path.stat().st_size > 2 * ranges.RANGE
    path.with_suffix(".yaml").write_text(LONG)
    layout = Layout.load(path.with_suffix(".yaml"))
    there = converted(path, layout, tmp_path / "there", together)
    here = converted(path, layout, tmp_path / "here", None)
    assert there == here
    assert (here.account.rows, here.account.rejects) == (29 * 79_200, 29 * 800)
    assert len(here.parts) == 4
    assert hashing.PIECE % 120, "no range is cut between records, since each has a whole number of pieces"
    assert files(tmp_path / "there") == files(tmp_path / "here")


def test_a_file_that_changes_meanwhile_is_told_from_the_executors(
    tmp_path: Path, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's error in another process is the one that is raised here."""
    monkeypatch.setattr(ranges, "RANGE", 100_000)
    write_sample(tmp_path / "in", DAY, 8_000)
    path = tmp_path / "in" / "CONTRATOS_20261122.txt"

    def then(work: Callable[..., object], items: object) -> object:
        path.write_bytes(path.read_bytes() + b"\n")
        return together(work, items)  # type: ignore[arg-type]  # handed on as it came

    with pytest.raises(StoreError, match="has changed since it was seen"):
        converted(path, Layout.load(PLANOS / "contratos.yaml"), tmp_path / "out", then)  # type: ignore[arg-type]  # as above
