"""The independent writer and the slow reader agree with one another: they can be believed about the fast reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oracle.encoder import encode_file
from oracle.files import broken, good_files
from oracle.layouts import DAY, layouts
from oracle.slow_reader import read


@given(st.data())
def test_what_the_writer_wrote_the_slow_reader_reads(data: st.DataObject) -> None:
    """Whatever table is written, with any layout, comes back without a reject or a problem."""
    layout = data.draw(layouts())
    written = data.draw(good_files(layout))
    reading = read(encode_file(layout, written.raws), layout, date=DAY, allow_empty=True)
    assert reading.problems == []
    assert reading.rejects == []
    by_line = {row["_line"]: row for table in reading.tables.values() for row in table}
    by_line |= {control.line: control.values for control in reading.controls}
    for line, (_, values, _) in enumerate(written.records, start=1):
        assert {name: by_line[line][name] for name in values} == values


@given(st.data())
def test_the_slow_reader_accounts_for_every_byte_of_a_broken_file(data: st.DataObject) -> None:
    """Its own account holds for any accident: the measure that the fast reader is held to."""
    layout = data.draw(layouts())
    written = data.draw(good_files(layout))
    content = data.draw(broken(encode_file(layout, written.raws), layout))
    assert read(content, layout, date=DAY).account.balanced
