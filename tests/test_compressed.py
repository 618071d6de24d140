"""Compressed files are read as what they hold, and a stream that is cut off or meant to do harm is refused."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from oracle.product import Bytes, Parts
from posicional.contract.layout import Layout
from posicional.records import compressed
from posicional.records.conversion import Conversion
from posicional.records.reader import convert

LINES = b"".join(b"%04d%-16s\n" % (number, b"loja") for number in range(5000))


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Records of 20 bytes."""
    path = tmp_path_factory.mktemp("layout") / "lojas.yaml"
    path.write_text(
        "encoding: utf-8\nrecord: {length: 20, framing: newline}\n"
        "fields: [{name: loja, width: 4, type: integer}, {name: nome, width: 16, type: string}]\n"
    )
    return Layout.load(path)


def zipped(*names: str) -> bytes:
    """An archive that holds the lines under each name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, LINES)
    return made.getvalue()


def converted(data: bytes, layout: Layout, path: str, member: str = "") -> tuple[Conversion, Parts]:
    """The conversion of an object under such a name."""
    sink = Parts()
    return convert(Bytes(data), layout, sink, Parts(), file="lojas", path=path, member=member), sink


def test_an_archive_with_any_byte_damaged_is_refused(layout: Layout) -> None:
    """Or reads as if nothing had happened, where the byte says nothing of the content; never anything else."""
    whole = zipped("lojas.txt")
    refused = 0
    for place in range(0, len(whole), 41):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        found, _ = converted(bytes(damaged), layout, "lojas.zip")
        refused += [problem.reason for problem in found.problems] == ["stream"]
        assert found.problems or found.account.rows == 5000
    assert refused > 200


PACKED = {
    "lojas.txt.gz": gzip.compress(LINES),
    "two-streams.txt.gz": gzip.compress(LINES[:60_000]) + gzip.compress(LINES[60_000:]),
    "lojas.txt.zst": pa.compress(LINES, "zstd", asbytes=True),
    "lojas.zip": zipped("lojas.txt"),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_compressed_file_is_read_as_what_it_holds(name: str, layout: Layout) -> None:
    """All rows, bytes and lines of the stream inside; the content hash is that of the object as it is stored."""
    found, _ = converted(PACKED[name], layout, name)
    assert (found.problems, found.account.rows, found.account.bytes) == ((), 5000, len(LINES))
    assert found.size == len(PACKED[name])
    assert found.sha256 == converted(PACKED[name], layout, "as-it-is.bin")[0].sha256


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("share", [0, 1, 50, 90, 99])
def test_a_stream_that_is_cut_off_is_refused(name: str, share: int, layout: Layout) -> None:
    """Wherever it was cut: it has a problem of its stream, and no part counts."""
    data = PACKED[name]
    found, sink = converted(data[: min(len(data) * share // 100, len(data) - 1)], layout, name)
    if name == "two-streams.txt.gz" and found.account.rows:
        pytest.fail("half of the streams was taken for the whole")
    assert [problem.reason for problem in found.problems] == ["stream"]
    assert (found.parts, sink.made) == ((), {})


def test_a_damaged_stream_is_refused(layout: Layout) -> None:
    """A byte in the middle is another one. (This zstd stream has no checksum: nobody could tell.)"""
    for name, data in PACKED.items():
        if name.endswith(".zst"):
            continue
        middle = len(data) // 2
        found, _ = converted(data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :], layout, name)
        assert [problem.reason for problem in found.problems] == ["stream"], name


def test_the_contract_names_the_member(layout: Layout) -> None:
    """Of an archive of several, the one named is read; none named, or one that is not there, is refused."""
    data = zipped("a.txt", "sub/b.txt")
    assert converted(data, layout, "x.zip", "sub/b.txt")[0].account.rows == 5000
    assert "holds 2 files" in converted(data, layout, "x.zip")[0].problems[0].text
    assert "does not hold c.txt" in converted(data, layout, "x.zip", "c.txt")[0].problems[0].text


def test_a_bomb_is_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is far larger than its compressed form is given up before it fills the disk."""
    monkeypatch.setattr(compressed, "BOMB_BYTES", 1 << 20)
    found, _ = converted(gzip.compress(b" " * (64 << 20)), layout, "x.gz")
    assert [problem.reason for problem in found.problems] == ["stream"]


def test_nothing_is_left_behind(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary file is gone afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    converted(PACKED["lojas.zip"], layout, "lojas.zip")
    assert list(tmp_path.iterdir()) == []
