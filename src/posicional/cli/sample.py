"""`posicional sample`: the demo feed's seven files."""

from __future__ import annotations

from pathlib import Path

import click

from posicional.cli.words import date_option, day_of
from posicional.errors import StoreError


@click.command(
    epilog="""\b
Example:
  posicional sample dados/dados-posicionais --date 2026-11-22 --rows 100000"""
)
@click.argument("folder", type=click.Path(path_type=Path))
@date_option
@click.option("--rows", type=click.IntRange(min=1), default=2_000, show_default=True, help="Contracts to write.")
@click.option("--flaws", is_flag=True, help="With bad records, a wrong trailer, and yesterday's date in one header.")
def sample(folder: Path, day: str, rows: int, flaws: bool) -> int:
    """Write the demo feed's seven files.

    They go straight into FOLDER, named as the feed's patterns want.

    The same date and number of rows always give the same bytes.
    """
    from posicional.demo.sample import write_sample

    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = write_sample(folder, day_of(day), rows, flaws=flaws)
    except OSError as error:
        raise StoreError(
            f"the sample cannot be written: {error.strerror}",
            where=str(folder),
            hint="give a folder that can be written",
        ) from error
    for path in paths:
        click.echo(f"{path}  {path.stat().st_size:,} bytes")
    return 0
