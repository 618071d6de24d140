"""The columns that `posicional check` derives from layouts and SQL are those that a feed may declare."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from commands import ROOT, posicional
from posicional.contract.feed import Feed
from posicional.sql.feed import feed_faults

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize("example", ["planos", "sigtap"])
def test_what_is_printed_can_be_declared(example: str, tmp_path: Path) -> None:
    """Pasted into the feed, the columns are no fault; where the feed declares some, these are printed."""
    folder = tmp_path / example
    shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns("dados"))
    said = posicional("check", folder / "feed.yaml", "--columns")
    assert said.code == 0, said.text
    printed = yaml.safe_load(said.out)["datasets"]
    as_json = posicional("check", folder / "feed.yaml", "--columns", "--json").json
    assert as_json == {"faults": [], "columns": {name: words["columns"] for name, words in printed.items()}}
    words = yaml.safe_load((folder / "feed.yaml").read_text(encoding="utf-8"))
    for name, dataset in words["datasets"].items():
        assert dataset.get("columns", printed[name]["columns"]) == printed[name]["columns"]
        dataset["columns"] = printed[name]["columns"]
    (folder / "feed.yaml").write_text(yaml.safe_dump(words, sort_keys=False), encoding="utf-8")
    assert feed_faults(Feed.load(folder / "feed.yaml")) == ()


def test_a_layout_has_no_datasets() -> None:
    """It is said so, rather than nothing."""
    said = posicional("check", EXAMPLES / "planos" / "layouts" / "contratos.yaml", "--columns")
    assert said.code == 2
    assert "a layout has no datasets" in said.err
