"""Each folder below tests/cases/records is a layout, a file, and what must come of it: rows, rejects, and an outcome.

What stands there was written by the slow reader and looked through by a person. After a change of the rules:
`.venv/bin/python tests/test_cases_records.py --rewrite`, and look at the difference.
"""

from __future__ import annotations

import sys

import pytest

from oracle.golden import FILE, KEY, Case, all_cases, by_slow_reader, described, rewrite
from oracle.product import differences, read_fast


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.path.name)
def test_the_slow_reader_says_what_the_case_says(case: Case) -> None:
    """The golden files are what the independent reader makes of the input: neither has changed unseen."""
    for name, content in described(by_slow_reader(case)).items():
        assert content == case.expected(name), f"{case.path / name}.json"


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.path.name)
def test_the_product_says_what_the_case_says(case: Case) -> None:
    """The product's Parquet, rejects, control records, account and problems are those of the case."""
    allowed = case.given.get("max_rejects", 0)
    reading = read_fast(
        case.data,
        case.layout,
        file=FILE,
        key=KEY,
        date=case.date,
        allows=lambda rejects, _: rejects <= allowed,
        allow_empty=case.given.get("allow_empty", False),
    )
    assert differences(by_slow_reader(case), reading) == []


if __name__ == "__main__":
    if sys.argv[1:] != ["--rewrite"]:
        sys.exit("usage: python tests/test_cases_records.py --rewrite")
    rewrite()
