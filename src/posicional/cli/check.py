"""`posicional check`: the contract's faults, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from posicional.cli.outside import not_installed
from posicional.cli.show import print_json
from posicional.errors import ContractError, NotifyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from posicional.contract.feed import Feed
    from posicional.contract.layout import Layout


@click.command(
    epilog="""\b
Example:
  posicional check examples/planos/feed.yaml
  posicional check examples/planos/feed.yaml --columns"""
)
@click.argument("contract", type=click.Path(path_type=Path))
@click.option("--columns", is_flag=True, help="Print the columns of each dataset, as a feed declares them.")
@click.option("--json", "as_json", is_flag=True, help="Print the faults as JSON.")
def check(contract: Path, columns: bool, as_json: bool) -> int:
    """Report every fault of a contract.

    CONTRACT is a feed, with its layouts and SQL, or one layout. Each fault comes with its file, line and path. With
    --columns, the columns that each dataset has on every engine: paste them below `columns:` to hold the SQL to them.
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
    alerts = _alerts(loaded)
    found = _columns(loaded) if columns else {}
    if as_json:
        print_json({"faults": [], "columns": found} if columns else {"faults": []})
    elif columns:
        for line in _declared(found):
            click.echo(line)
    else:
        click.echo(f"{contract}: no faults")
        for line in (*_summary(loaded), *alerts):
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


def _alerts(loaded: Feed | Layout) -> list[str]:
    """Who is told of alerts, by name. Raises `UsageError` for an address that Apprise does not know."""
    from posicional.backends.notify import Reached, installed
    from posicional.contract.feed import Feed

    if not isinstance(loaded, Feed) or not loaded.alerts:
        return []
    width = max(len(one.name) for one in loaded.alerts)
    lines = [f"  alert    {one.name:{width}}  {', '.join(sorted(one.when))}" for one in loaded.alerts]
    if not installed():
        return [*lines, "  none of these can be reached from here: pip install 'posicional[alerts]'"]
    for one in loaded.alerts:
        try:
            Reached(one.name, one.url).check()
        except NotifyError as error:
            raise UsageError(error.message, where=f"{loaded.path}: alerts: {one.name}") from None
    return lines


def _columns(loaded: Feed | Layout) -> dict[str, dict[str, str]]:
    """Dataset -> its columns with their types, but for those that say where a row came from."""
    from posicional.contract.feed import Feed
    from posicional.sql.dialect import LINEAGE_COLUMNS
    from posicional.sql.feed import read_sql

    if not isinstance(loaded, Feed):
        raise UsageError("a layout has no datasets", hint="name a feed")
    return {
        dataset: {name: type_ for name, type_ in columns if name not in LINEAGE_COLUMNS}
        for dataset, columns in read_sql(loaded).columns.items()
    }


def _declared(found: dict[str, dict[str, str]]) -> Iterator[str]:
    """The columns as YAML."""
    yield "datasets:"
    for dataset, columns in found.items():
        yield f"  {dataset}:"
        yield "    columns:"
        for name, type_ in columns.items():
            quoted = f'"{type_}"' if "," in type_ else type_
            yield f"      {name}: {quoted}"


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
