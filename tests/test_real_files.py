"""Damage to the real files: thousands of bit flips, lost bytes and truncations, each seen for what it is.

Whatever happens to a file, the product says of it what the slow reader says: the right values, rejects that name the
record, or a refusal that names the line; never a silent change.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from oracle.product import differences, read_fast
from oracle.slow_reader import read
from posicional.contract.layout import Layout

EXAMPLES = Path(__file__).parents[1] / "examples"
SAMPLE = 60
"""Records of a real file that are damaged at a time, from any place in it."""

FILES = {
    name: (f"sigtap-2020-03/{name}.txt", EXAMPLES / "sigtap" / "layouts" / f"{name}.yaml")
    for name in ("tb_cid", "tb_procedimento", "tb_forma_organizacao", "rl_procedimento_cid")
} | {"cotahist": ("cotahist/COTAHIST_D25062021.TXT", EXAMPLES / "cotahist" / "layout.yaml")}


def a_part_of(name: str, lines: list[bytes], chance: random.Random) -> bytes:
    """Some records on end, between the file's header and a trailer that counts them, where it has these."""
    if name != "cotahist":
        start = chance.randrange(max(1, len(lines) - SAMPLE))
        return b"".join(lines[start : start + SAMPLE])
    header, *details, trailer = lines
    start = chance.randrange(len(details) - SAMPLE)
    count = f"{SAMPLE + 2:011d}".encode()
    return b"".join([header, *details[start : start + SAMPLE], trailer[:31] + count + trailer[42:]])


def damaged(data: bytes, chance: random.Random) -> bytes:
    """A few bits flipped; perhaps some bytes lost or doubled; perhaps the end cut off."""
    made = bytearray(data)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 8])):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        at = chance.randrange(len(made))
        del made[at : at + chance.choice([1, 1, 2, 50])]
    if chance.random() < 0.1:
        at = chance.randrange(len(made))
        made[at:at] = made[max(0, at - chance.choice([1, 1, 30])) : at]
    if chance.random() < 0.3:
        del made[chance.randrange(len(made)) :]
    return bytes(made)


def disagreements(name: str, data: Path, seeds: range) -> Iterator[str]:
    """What the product says differently from the slow reader, with the seed that shows it."""
    file, path = FILES[name]
    layout = Layout.load(path)
    lines = (data / file).read_bytes().splitlines(keepends=True)
    for seed in seeds:
        chance = random.Random(f"{name}-{seed}")
        content = damaged(a_part_of(name, lines, chance), chance)
        slow, fast = read(content, layout), read_fast(content, layout)
        named = {problem for problem, line in slow.problems if line}
        found = differences(slow, fast)
        found += [f"{problem} names no line" for problem, line in fast.problems if problem in named and not line]
        yield from (f"{name}, seed {seed}: {one}" for one in found)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_seen(name: str, shared_data: Path) -> None:
    """A few accidents to a part of each real file, in every run."""
    assert list(disagreements(name, shared_data, range(20))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_much_damage_is_seen(name: str, shared_data: Path) -> None:
    """A thousand accidents to each of the five files."""
    assert list(disagreements(name, shared_data, range(1000, 2000))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_read_as_the_slow_reader_reads_it(name: str, shared_data: Path) -> None:
    """The real file as it is, and with one accident somewhere: more records than one frame of the product holds."""
    file, path = FILES[name]
    layout, whole = Layout.load(path), (shared_data / file).read_bytes()
    assert differences(read(whole, layout), read_fast(whole, layout)) == []
    flipped = damaged(whole, random.Random(name))
    assert differences(read(flipped, layout), read_fast(flipped, layout)) == []
