"""Every contract under tests/cases/contract shows exactly the faults in its faults.txt, all at once, at their lines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import posicional
from golden import CONTRACTS, contract_cases, contract_faults
from posicional.contract.layout import Layout


@pytest.mark.parametrize("case", contract_cases(), ids=lambda case: case.name)
def test_a_contract_shows_all_its_faults(case: Path) -> None:
    """The text is what `posicional check` prints; `python tests/golden.py` writes it anew."""
    assert contract_faults(case) == (case / "faults.txt").read_text(encoding="utf-8")


def test_every_case_has_something_wrong() -> None:
    """A case without faults would prove nothing."""
    assert [case.name for case in contract_cases() if contract_faults(case) == "no faults\n"] == []


def test_a_wrong_width_among_many_is_found(tmp_path: Path) -> None:
    """160 fields in 11 kinds, of widths alone: `check` names the kind and the sum; put right, it loads."""
    folder = tmp_path / "carteira"
    shutil.copytree(CONTRACTS / "widths-alone", folder)
    said = posicional("check", folder / "feed.yaml")
    assert (said.code, "kind parcela covers 241 of 240" in said.text) == (2, True), said.text
    path = folder / "layouts" / "carteira.yaml"
    right = path.read_text(encoding="utf-8").replace("premio, width: 14", "premio, width: 13")
    path.write_text(right, encoding="utf-8")
    assert posicional("check", folder / "feed.yaml").code == 0
    assert (len(Layout.load(path).kinds), right.count("- {")) == (11, 160)
