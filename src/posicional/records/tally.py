"""What a frame adds to the check of a file's control records: its marks, and the segments between them, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from posicional.records.controls import Mark, Segment
from posicional.records.rows import Index, Ints, Mask
from posicional.records.sequences import Key, Numbers, Run


class Tally:
    """The records of one frame between its control records.

    `places`: the control records' numbers within the frame, ascending; `line`: that of the frame's first record.
    `mark_runs`: the running numbers of the control records themselves, by place.
    """

    def __init__(self, places: Sequence[int], line: int) -> None:
        self._places = np.array(places, np.int64)
        starts = [0, *(place + 1 for place in places)]
        self.mark_runs: dict[int, dict[Key, Run]] = {}
        self._segments = [Segment(first=line + start) for start in starts]

    def cuts(self, index: Ints) -> Ints:
        """Where the segments begin and end among ascending record numbers: one more than there are segments."""
        return np.concatenate([[0], np.searchsorted(index, self._places), [len(index)]])

    def count(self, kind: str, index: Index, refused: Mask | None) -> None:
        """Records (ascending numbers) of a kind, `""` for none; which of the frame's records are refused."""
        self._add(kind, index, [segment.kinds for segment in self._segments])
        if refused is not None:
            self._add(kind, index[refused[index]], [segment.rejected for segment in self._segments])

    def sum(self, path: str, sums: Sequence[int]) -> None:
        """The sums of `kind.field`, one for each segment."""
        for segment, value in zip(self._segments, sums, strict=True):
            segment.sums[path] += value

    def run(self, key: Key, numbers: Numbers) -> None:
        """The running numbers of one count."""
        before = np.searchsorted(numbers.rows, self._places, "left").tolist()
        behind = np.searchsorted(numbers.rows, self._places, "right").tolist()
        for segment, begin, end in zip(self._segments, [0, *behind], [*before, len(numbers.rows)], strict=True):
            if begin < end:
                segment.runs[key] = numbers.run(begin, end)
        for place, begin, end in zip(self._places.tolist(), before, behind, strict=True):
            if begin < end:
                self.mark_runs.setdefault(place, {})[key] = numbers.run(begin, end)

    def _add(self, kind: str, index: Index, counters: Sequence[Counter[str]]) -> None:
        for counter, number in zip(counters, np.diff(self.cuts(index)).tolist(), strict=True):
            if number:
                counter[kind] += number

    def sequence(self, marks: Mapping[int, Mark]) -> Iterator[tuple[int, Segment | Mark]]:
        """Segments and marks as they follow one another, each with the record that it begins with."""
        yield 0, self._segments[0]
        for place, segment in zip(self._places.tolist(), self._segments[1:], strict=True):
            yield place, marks[place]
            yield place + 1, segment
