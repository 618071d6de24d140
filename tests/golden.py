"""Golden cases: folders under tests/cases whose expected text stands in a file beside the input.

`python tests/golden.py` writes every expected text anew; look at the difference before you commit it.
"""

from __future__ import annotations

from pathlib import Path

from posicional.contract.feed import Feed
from posicional.contract.layout import Layout
from posicional.errors import ContractError

CONTRACTS = Path(__file__).parent / "cases" / "contract"


def contract_cases() -> list[Path]:
    """The folders of contracts with faults: a feed.yaml with what belongs to it, or one layout.yaml."""
    return sorted(folder for folder in CONTRACTS.iterdir() if folder.is_dir())


def contract_faults(case: Path) -> str:
    """All faults of a case as a person sees them, with names relative to its folder."""
    feed = case / "feed.yaml"
    try:
        if feed.exists():
            Feed.load(feed, {"SECRET": "s3cr3t"})
        else:
            Layout.load(case / "layout.yaml")
    except ContractError as error:
        return str(error).replace(f"{case}/", "") + "\n"
    return "no faults\n"


if __name__ == "__main__":
    for folder in contract_cases():
        (folder / "faults.txt").write_text(contract_faults(folder), encoding="utf-8")
