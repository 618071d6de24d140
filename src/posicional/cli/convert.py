"""`posicional convert`: one file with one layout, without a feed."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.progress import shown
from posicional.cli.rejects import show_rejects
from posicional.cli.show import print_json
from posicional.cli.words import day_of, json_option
from posicional.errors import DataRefused, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posicional.contract.layout import Layout
    from posicional.ports import Source, Store
    from posicional.records.conversion import Conversion


@click.command(
    epilog="""\b
Examples:
  posicional convert COTAHIST_D25062021.TXT --layout examples/cotahist/layout.yaml -o cotahist.parquet
  posicional convert CONTRATOS.txt --layout layouts/contratos.yaml -o out/ --rejects rejects.parquet"""
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--layout", "layout_path", required=True, type=click.Path(path_type=Path), help="The layout's YAML.")
@click.option("-o", "--output", required=True, metavar="OUT.parquet|DIR/", help="One file, or a folder of parts.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Where rejected records go, as Parquet.")
@click.option("--max-rejects", default="0", show_default=True, help="A count or a share (0.1%); beyond it: refused.")
@click.option("--date", "day", metavar="DATE", help="The business date that a header must say.")
@json_option
def convert(
    file: Path, layout_path: Path, output: str, rejects: Path | None, max_rejects: str, day: str | None, as_json: bool
) -> int:
    """Convert the positional FILE to Parquet.

    The output appears only when the whole file is accepted: a refused file (too many rejects, a trailer that does
    not agree) leaves nothing but its rejects, and exit code 4.
    """
    from posicional.records.hashing import LARGE, begun

    source = _source(file)
    digests = None
    if source.size > LARGE:
        # It is hashed on another core while this one loads what is needed to read it; loading holds the interpreter's
        # lock, for which the other one would else wait up to 5 ms behind every piece.
        sys.setswitchinterval(0.001)
        digests = begun(source)
    from posicional.contract.layout import Layout
    from posicional.contract.tolerance import parse_tolerance
    from posicional.records.reader import convert as convert_file

    layout = Layout.load(layout_path)
    tolerance = parse_tolerance(max_rejects)
    target = _Target.of(output, layout)
    _keep_apart(file, target, rejects)
    with _workroom(target.folder) as (room, store), shown(source, file.name) as watched:
        result = convert_file(
            watched,
            layout,
            store.sink(f"{room.name}/parts/"),
            store.sink(f"{room.name}/rejects/"),
            file=file.stem,
            path=file.name,
            date=day_of(day) if day else None,
            tolerance=tolerance.allows,
            one_part=target.one_file,
            digests=digests,
        )
        written = []
        if not result.problems:
            for part in result.parts:
                _put(room / "parts" / part.name, target.path_of(part.name))
                written.append(target.path_of(part.name))
        rejected = [room / "rejects" / part.name for part in result.rejects]
        if not as_json:
            show_rejects(rejected, layout, file.name)
        if rejects is not None and rejected:
            _put(_joined(rejected, room), rejects)
            written.append(rejects)
        elif rejects is not None:
            _remove(rejects)  # those of an earlier file must not stand beside this one's result
        if as_json:
            print_json(_as_json(result, file, written))
        else:
            _print(result, written)
    if result.problems:
        trial = shlex.join(["posicional", "layout", "try", str(file), "--layout", str(layout_path)])
        hint = f"{trial} looks for the cause" if result.rejects else ""
        raise DataRefused("; ".join(problem.text for problem in result.problems), where=str(file), hint=hint)
    return 0


class _Target:
    """Where the result goes: one file, or a folder of parts."""

    def __init__(self, output: Path, *, one_file: bool) -> None:
        self.output = output
        self.one_file = one_file
        self.folder = output.parent if one_file else output

    @staticmethod
    def of(text: str, layout: Layout) -> _Target:
        """What `-o` means. Raises `UsageError` for a folder that holds parts already, or several tables in one file."""
        if not text:
            raise UsageError("the output has no name", hint="-o OUT.parquet, or -o DIR/")
        output = Path(text)
        if text.endswith("/") or output.is_dir():
            if any(output.glob("*.parquet")):
                raise UsageError("the folder holds Parquet files already", where=text, hint="give an empty folder")
            return _Target(output, one_file=False)
        tables = list(layout.tables("file"))
        if len(tables) > 1:
            raise UsageError(
                f"the layout makes {len(tables)} tables, which one file cannot hold",
                where=text,
                hint=f"give a folder: -o {text.removesuffix('.parquet')}/",
            )
        return _Target(output, one_file=True)

    def path_of(self, part: str) -> Path:
        return self.output if self.one_file else self.output / part


def _source(file: Path) -> Source:
    from posicional.backends.store import open_store

    if not file.exists():
        raise UsageError("no such file", where=str(file))
    if not file.is_file():
        raise UsageError("this is not a file", where=str(file), hint="name one positional file")
    store = open_store(str(file.parent))
    return store.source(store.head(file.name))


def _keep_apart(file: Path, target: _Target, rejects: Path | None) -> None:
    """Raise `UsageError` where one file would be written over another, the input above all."""
    written = [path.resolve() for path in (target.output if target.one_file else None, rejects) if path]
    if rejects is not None and rejects.is_dir():
        raise UsageError("this is a folder, not a file", where=str(rejects), hint="name a file for --rejects")
    if file.resolve() in written:
        raise UsageError("this would be written over its own input", where=str(file), hint="name another output")
    if len(set(written)) < len(written):
        raise UsageError("rows and rejects cannot be one file", where=str(rejects), hint="name another for --rejects")


@contextmanager
def _workroom(folder: Path) -> Iterator[tuple[Path, Store]]:
    """A hidden folder beside the output, on the same disk, so that a finished part is put in place by a rename."""
    from posicional.backends.store import open_store

    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=".posicional-", dir=folder))
    except OSError as error:
        raise StoreError(f"cannot write here: {error.strerror}", where=str(folder)) from error
    try:
        yield room, open_store(str(folder))
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _put(part: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(part, target)
    except OSError as error:
        raise StoreError(f"cannot write the result: {error.strerror}", where=str(target)) from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove an earlier file: {error.strerror}", where=str(path)) from error


def _joined(parts: list[Path], room: Path) -> Path:
    """One Parquet file with the rows of all parts, in their order."""
    import pyarrow.parquet as pq

    if len(parts) == 1:
        return parts[0]
    whole = room / "rejects.parquet"
    with pq.ParquetWriter(whole, pq.read_schema(parts[0]), compression="zstd") as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches():
                writer.write_batch(batch)
    return whole


def _as_json(result: Conversion, file: Path, written: list[Path]) -> dict[str, object]:
    return {
        "file": str(file),
        "accepted": not result.problems,
        "tables": dict(result.tables),
        "written": [str(path) for path in written],
        "account": asdict(result.account),
        "controls": [asdict(control) for control in result.controls],
        "problems": [asdict(problem) for problem in result.problems],
        "sha256": result.sha256,
    }


def _print(result: Conversion, written: list[Path]) -> None:
    account = result.account
    if any(problem.reason == "stream" for problem in result.problems):  # nothing could be read, so nothing was counted
        return
    records = "1 record" if account.records == 1 else f"{account.records:,} records"
    click.echo(
        f"{records}: {account.rows:,} rows, {account.controls:,} control, "
        f"{account.rejects:,} rejected; {account.bytes:,} bytes, all accounted for"
    )
    for path in written:
        click.echo(f"  {path}  {path.stat().st_size:,} bytes")
