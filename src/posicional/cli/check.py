"""`posicional check`: the contract's faults, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.outside import not_installed
from posicional.cli.show import print_json
from posicional.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posicional.contract.feed import Feed
    from posicional.contract.layout import Layout


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
    try:
        loaded = _load(contract)
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
        for line in _summary(loaded):
            click.echo(line)
    return 0


def _load(contract: Path) -> Feed | Layout:
    """The feed or layout. Raises `ContractError` with the faults of its YAML; where there are none, with its SQL's."""
    from posicional.contract.feed import Feed
    from posicional.contract.feed_source import load_contract

    loaded = load_contract(contract)
    if isinstance(loaded, Feed) and loaded.datasets:
        try:
            from posicional.sql.feed import feed_faults
        except ModuleNotFoundError as error:
            raise not_installed("sql", error) from error
        faults = feed_faults(loaded)
        if faults:
            raise ContractError(faults)
    return loaded


def _summary(loaded: Feed | Layout) -> Iterator[str]:
    from posicional.contract.layout import Layout

    if isinstance(loaded, Layout):
        for kind in loaded.kinds:
            yield f"  {kind.role:<8} {kind.name}  {kind.length} {loaded.unit}, {len(kind.fields)} fields"
        return
    width = max(map(len, [*loaded.files, *loaded.datasets]))
    for name, file in loaded.files.items():
        kinds = ", ".join(f"{kind.name} {kind.length}" for kind in file.layout.kinds)
        yield f"  file     {name:{width}}  {file.pattern.text}  ({kinds} {file.layout.unit})"
    for name, dataset in loaded.datasets.items():
        shown = loaded.opensearch.datasets.get(name) if loaded.opensearch else None
        where = f" -> index {shown.index}" if shown else ""
        yield f"  dataset  {name:{width}}  key {', '.join(dataset.key)}{where}"
