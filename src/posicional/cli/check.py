"""`posicional check`: the contract's faults, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.show import print_json
from posicional.errors import ContractError

if TYPE_CHECKING:
    from posicional.contract.feed import Feed


@click.command(
    epilog="""\b
Example:
  posicional check examples/planos/feed.yaml"""
)
@click.argument("contract", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the faults as JSON.")
def check(contract: Path, as_json: bool) -> int:
    """Report every fault of a contract.

    CONTRACT is a feed, with its layouts and SQL, or one layout. Each fault comes with its file, line and path.
    """
    from posicional.contract.feed_source import load_contract

    try:
        loaded = load_contract(contract)
    except ContractError as error:
        if not as_json:
            raise
        faults = [
            {"file": f.file, "line": f.line, "path": f.path, "message": f.message, "hint": f.hint} for f in error.faults
        ]
        print_json({"faults": faults})
        return error.exit_code
    if as_json:
        print_json({"faults": []})
    else:
        click.echo(f"{contract}: no faults")
        from posicional.contract.feed import Feed

        if isinstance(loaded, Feed):
            _summary(loaded)
    return 0


def _summary(feed: Feed) -> None:
    width = max(map(len, [*feed.files, *feed.datasets]))
    for name, file in feed.files.items():
        kinds = ", ".join(f"{kind.name} {kind.length}" for kind in file.layout.kinds)
        click.echo(f"  file     {name:{width}}  {file.pattern.text}  ({kinds} {file.layout.unit})")
    for name, dataset in feed.datasets.items():
        shown = feed.opensearch.datasets.get(name) if feed.opensearch else None
        where = f" -> index {shown.index}" if shown else ""
        click.echo(f"  dataset  {name:{width}}  key {', '.join(dataset.key)}{where}")
