"""What is printed may find nobody who reads it (`| head`), or no room; neither may decide what becomes of a day."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class PatientStream:
    """A text stream that notes the first error of writing in `error`, and lets go of all that is written after it.

    What its encoding cannot show is escaped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or let go."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._let_go(error)
            return len(text)

    def flush(self) -> None:
        """Flush, or let go."""
        try:
            self._stream.flush()
        except OSError as error:
            self._let_go(error)

    def _let_go(self, error: OSError) -> None:
        self.error = self.error or error
        # What is still in the stream's buffer goes nowhere too, at the latest when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def patient_output() -> Iterator[PatientStream | None]:
    """Standard output and standard error are patient for a while; the former, None where it is closed."""
    before = sys.stdout, sys.stderr
    patient = [PatientStream(stream) if stream is not None else None for stream in before]
    sys.stdout, sys.stderr = (cast("TextIO", stream) for stream in patient)
    try:
        yield patient[0]
    finally:
        sys.stdout, sys.stderr = before
