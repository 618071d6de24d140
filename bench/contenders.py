"""Each way to turn the file into Parquet, as one function; `python -m bench.contenders NAME FILE LAYOUT OUT` runs one.

All but the product are told the columns by the product's layout, read at the start; they neither reject, nor account,
nor say from which line a row came. Each uses the fastest exact expression that was found for it (`run` proves that the
results are equal). Files other than `nine` and `wide` are read by the product alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from posicional.contract.layout import Field, Layout

CODEC: Final = "zstd"
LEVEL: Final = 1
"""What the product writes with; polars and DuckDB are told the same."""


def product(file: Path, layout: Path, out: Path) -> None:
    """The command as a user types it: rejects, lineage, hash, conservation and durable parts included."""
    from posicional.cli import main

    sys.argv = ["posicional", "convert", str(file), "--layout", str(layout), "-o", f"{out}/", "--max-rejects", "5%"]
    sys.argv += ["--rejects", str(out.with_suffix(".rejects.parquet"))]
    main()


def polars(file: Path, layout: Path, out: Path) -> None:
    """Lazy lines into the streaming sink; decimals are scaled as decimals."""
    import polars as pl

    def column(one: Field) -> Any:
        text = pl.col("line").str.slice(one.start, one.width)
        match one.type:
            case "integer":
                made = text.cast(pl.Int64)
            case "decimal":
                whole = text.cast(pl.Int64).cast(pl.Decimal(19, 0))
                made = (whole * pl.lit("0.01").cast(pl.Decimal(3, 2))).cast(pl.Decimal(one.digits, one.scale))
            case "date":
                made = text.str.to_date("%Y%m%d")
            case _:
                made = text.str.strip_chars(" ")
        return made.alias(one.name)

    _polars(file, layout, out, column)


def polars_by_text(file: Path, layout: Path, out: Path) -> None:
    """The same with the decimal point put into the text, which is what its users write first."""
    import polars as pl

    def column(one: Field) -> Any:
        text = pl.col("line").str.slice(one.start, one.width)
        match one.type:
            case "integer":
                made = text.cast(pl.Int64)
            case "decimal":
                whole = one.width - one.scale
                pointed = pl.concat_str([text.str.slice(0, whole), pl.lit("."), text.str.slice(whole, one.scale)])
                made = pointed.cast(pl.Decimal(one.digits, one.scale))
            case "date":
                made = text.str.to_date("%Y%m%d")
            case _:
                made = text.str.strip_chars(" ")
        return made.alias(one.name)

    _polars(file, layout, out, column)


def _polars(file: Path, layout: Path, out: Path, column: Callable[[Field], Any]) -> None:
    import polars as pl

    detail, others = _detail(layout)
    lines = pl.scan_lines(file, name="line")
    for start, width, value in others:
        lines = lines.filter(pl.col("line").str.slice(start, width) != value)
    lines.select([column(one) for one in detail]).sink_parquet(out, compression=CODEC, compression_level=LEVEL)


def duckdb(file: Path, layout: Path, out: Path) -> None:
    """Lines as a CSV of one column, and COPY."""
    import duckdb as engine

    def column(one: Field) -> str:
        text = f"substring(line, {one.start + 1}, {one.width})"
        match one.type:
            case "integer":
                made = f"CAST({text} AS BIGINT)"
            case "decimal":
                scaled = f"CAST({text} AS DECIMAL(17, 0)) * CAST('0.01' AS DECIMAL(3, 2))"
                made = f"CAST({scaled} AS DECIMAL({one.digits}, {one.scale}))"
            case "date":
                made = f"CAST(strptime({text}, '%Y%m%d') AS DATE)"
            case _:
                made = f"trim({text})"
        return f"{made} AS {one.name}"

    detail, others = _detail(layout)
    where = " AND ".join(f"substring(line, {start + 1}, {width}) <> '{value}'" for start, width, value in others)
    form = "columns = {'line': 'VARCHAR'}, header = false, delim = '\x01', quote = '', escape = '', auto_detect = false"
    lines = f"SELECT {', '.join(map(column, detail))} FROM read_csv('{file}', {form}) WHERE {where or 'true'}"  # noqa: S608
    how = f"FORMAT parquet, COMPRESSION {CODEC}, COMPRESSION_LEVEL {LEVEL}"
    engine.connect().execute(f"COPY ({lines}) TO '{out}' ({how})")


def pandas(file: Path, layout: Path, out: Path) -> None:
    """`read_fwf`, then numbers and dates; decimals stay whole cents, since pandas has no decimals of its own."""
    pd: Any = import_module("pandas")  # it comes without types
    detail, others = _detail(layout)
    spans = [(one.start, one.stop) for one in detail]
    names = [one.name for one in detail]
    ends = {"skiprows": 1, "skipfooter": 1} if others else {}
    frame = pd.read_fwf(file, colspecs=spans, names=names, header=None, dtype=str, **ends)
    for one in detail:
        if one.type in {"integer", "decimal"}:
            frame[one.name] = frame[one.name].astype("int64")
        elif one.type == "date":
            frame[one.name] = pd.to_datetime(frame[one.name], format="%Y%m%d")
    frame.to_parquet(out, compression=CODEC)


def article(file: Path, layout: Path, out: Path) -> None:
    """The loop of the article's Lambda: the whole file in memory, a dictionary a line, all of it text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    detail, others = _detail(layout)
    cuts = [(one.name, one.start, one.stop) for one in detail]
    lines = file.read_bytes().decode("utf-8").splitlines()
    if others:
        lines = lines[1:-1]
    records = [{name: line[start:stop].strip() for name, start, stop in cuts} for line in lines]
    pq.write_table(pa.Table.from_pylist(records), out)


def _detail(path: Path) -> tuple[tuple[Field, ...], list[tuple[int, int, str]]]:
    """The detail's fields, and how the other kinds are known: start, width, text."""
    layout = Layout.load(path)
    (detail,) = layout.details
    matches = [match for kind in layout.kinds if kind.is_control for match in kind.when.matches]
    return detail.fields, [(match.start, match.width, match.values[0].decode()) for match in matches]


CONTENDERS = {one.__name__: one for one in (product, polars, polars_by_text, duckdb, pandas, article)}


if __name__ == "__main__":
    CONTENDERS[sys.argv[1]](*map(Path, sys.argv[2:5]))
