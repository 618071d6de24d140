"""Every contract under tests/cases/contract shows exactly the faults in its faults.txt, all at once, at their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden import contract_cases, contract_faults


@pytest.mark.parametrize("case", contract_cases(), ids=lambda case: case.name)
def test_a_contract_shows_all_its_faults(case: Path) -> None:
    """The text is what `posicional check` prints; `python tests/golden.py` writes it anew."""
    assert contract_faults(case) == (case / "faults.txt").read_text(encoding="utf-8")


def test_every_case_has_something_wrong() -> None:
    """A case without faults would prove nothing."""
    assert [case.name for case in contract_cases() if contract_faults(case) == "no faults\n"] == []
