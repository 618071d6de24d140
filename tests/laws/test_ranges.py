"""A file that is cut into ranges gives the same as the whole: rows, lines, groups, controls, rejects, account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from laws.test_reader import FEW, MANY, framed
from oracle.files import broken, good_files
from oracle.layouts import layouts
from oracle.product import differences, read_fast
from posicional.contract.layout import Layout
from posicional.errors import UsageError
from posicional.records import blocks, hashing, ranges


@contextmanager
def cut_into(size: int, piece: int) -> Iterator[None]:
    """The product cuts files at every `size` bytes and reads `piece` bytes at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "RANGE", size)
        patch.setattr(ranges, "PIECE", piece)
        patch.setattr(blocks, "PIECE", piece)
        patch.setattr(hashing, "PIECE", piece)
        yield


def ranges_add_up_to_the_whole(data: st.DataObject) -> None:
    """Wherever a file is cut, good or damaged."""
    layout: Layout = data.draw(layouts().filter(lambda one: one.framing in ("newline", "fixed")))  # others are not cut
    written = data.draw(good_files(layout))
    content = data.draw(framed(layout, written.raws))
    if data.draw(st.booleans()):
        content = data.draw(broken(content, layout))
    size = data.draw(st.integers(len(content) // 8 + 1, len(content) + 1))
    try:
        whole = read_fast(content, layout)
        with cut_into(size, data.draw(st.sampled_from([size, 64, 1 << 20]))):
            apart = read_fast(content, layout)
    except UsageError:
        reject()
    assert differences(whole, apart) == []
    assert apart.problems == whole.problems


def test_ranges_add_up_to_the_whole() -> None:
    """A sample, for every run."""
    FEW(given(st.data())(ranges_add_up_to_the_whole))()


@pytest.mark.slow
def test_ranges_add_up_to_the_whole_often() -> None:
    """Many more."""
    MANY(given(st.data())(ranges_add_up_to_the_whole))()
