"""posicional: the positional files of a day, turned into Parquet, joined, published, and watched.

From Python: `read` a file as an Arrow stream, load a `Layout` or a `Feed`, ask where a `dataset` is (docs/python.md).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posicional.api import dataset, read
    from posicional.contract.feed import Feed
    from posicional.contract.layout import Layout
    from posicional.records.stream import RecordStream

__version__ = "0.1.0"
__all__ = ["Feed", "Layout", "RecordStream", "dataset", "read"]

_HOMES = {
    "Feed": "contract.feed",
    "Layout": "contract.layout",
    "RecordStream": "records.stream",
    "dataset": "api",
    "read": "api",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when one is used: `import posicional` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"posicional.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
