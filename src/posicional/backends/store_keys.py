"""What a key is, the same for every store."""

from __future__ import annotations

from posicional.errors import StoreError


def checked(key: str) -> str:
    """The key itself. Raises `StoreError` when it is not a relative path of names, and so might leave the store."""
    if any(segment in ("", ".", "..") for segment in key.split("/")) or "\0" in key:
        raise StoreError("not a key", where=repr(key), expected="a relative path of names, with /")
    return key
