"""Digits to numbers, eight at a time: every 64-bit word holds eight digits and is worked on as a whole.

One unaligned load takes eight characters of every record; three multiplications add neighbouring digits, then pairs,
then fours (Lemire and Muła describe it). Validity is proven for all records by one comparison: XOR with "00000000"
leaves 0-9 where there were digits, and more than 9 anywhere else.
"""

from __future__ import annotations

import numpy as np

from posicional.records.rows import Ints, Mask, Rows, Words

_ZEROS = 0x3030303030303030
_PAIR, _PAIRS = np.uint64(2561), np.uint64(0x00FF00FF00FF00FF)  # 10 * left + right
_FOUR, _FOURS = np.uint64(6553601), np.uint64(0x0000FFFF0000FFFF)  # 100 * left + right
_EIGHT = np.uint64(42949672960001)  # 10000 * left + right
_S8, _S16, _S32 = np.uint64(8), np.uint64(16), np.uint64(32)
_SIXES, _HIGH = np.uint64(0x0606060606060606), np.uint64(0xF0F0F0F0F0F0F0F0)
MOST = 18  # digits that always fit an int64


def load_digits(rows: Rows, start: int, width: int, out: Words) -> None:
    """`width` (1-8) characters of every record as digit values, the last one in the highest byte, zeros in front."""
    if width == 8:
        np.bitwise_xor(rows.words(start), np.uint64(_ZEROS), out=out)
        return
    shift = np.uint64(8 * (8 - width))
    # The field's last character is the word's last: what stands in front of the field is masked away.
    keep = np.uint64((0xFFFFFFFFFFFFFFFF >> int(shift)) << int(shift))
    np.bitwise_and(rows.words(start + width - 8), keep, out=out)
    np.bitwise_xor(out, np.uint64(_ZEROS) & keep, out=out)


def bad_digits(words: Words) -> Mask | None:
    """Which words hold something else than digit values; None when none does."""
    if not len(words) or words.view(np.uint8).max() <= 9:
        return None
    bad: Mask = (((words + _SIXES) | words) & _HIGH) != 0
    return bad


def combine_pairs(words: Words) -> None:
    """Eight digit values in each word -> four numbers of two digits, 16 bits each, the first one lowest; in place."""
    np.multiply(words, _PAIR, out=words)
    np.right_shift(words, _S8, out=words)
    np.bitwise_and(words, _PAIRS, out=words)


def combine(words: Words) -> None:
    """Eight digit values in each word -> their number, in place."""
    combine_pairs(words)
    np.multiply(words, _FOUR, out=words)
    np.right_shift(words, _S16, out=words)
    np.bitwise_and(words, _FOURS, out=words)
    np.multiply(words, _EIGHT, out=words)
    np.right_shift(words, _S32, out=words)


def parse_digits(rows: Rows, start: int, width: int, out: Ints) -> Mask | None:
    """The number of `width` (0-18) digits at `start` of every record, into `out`.

    Returns which records hold something else (their number is rubbish), None when none does.
    """
    total = out.view(np.uint64)
    bad: Mask | None = None
    if not width:
        out[:] = 0
    for turn, stop in enumerate(range(width, 0, -8)):
        size = min(8, stop)
        words = rows.work.words(0, rows.count)
        load_digits(rows, start + stop - size, size, words)
        bad = either(bad, bad_digits(words))
        combine(words)
        if turn:
            np.multiply(words, np.uint64(10 ** (8 * turn)), out=words)
            np.add(total, words, out=total)
        else:
            total[:] = words
    return bad


def either(one: Mask | None, other: Mask | None) -> Mask | None:
    """The union of two masks, of which None is the empty one."""
    if one is None or other is None:
        return other if one is None else one
    return one | other
