"""Stores by their URL: a folder, memory, S3. Nothing else in the code asks which one it has."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from posicional.contract.store_url import misspelled
from posicional.errors import UsageError
from posicional.ports import Store


def open_store(url: str | os.PathLike[str]) -> Store:
    """The store at `url`: a path or `file://…`, `memory://name`, `s3://bucket/prefix`.

    A folder is made when the first object is written, not before. Objects of `memory://name` live as long as the
    process; S3 takes credentials, region and endpoint from the environment (`AWS_…`). Raises `UsageError` for a URL of
    another kind.
    """
    text = os.fspath(url)
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    match scheme[1].lower() if scheme else "":
        case "":
            if meant := misspelled(text):
                raise UsageError("this is no store", where=text, hint=f"did you mean {meant}?")
            return _folder(Path(text))
        case "file":
            return _folder(Path(unquote(urlsplit(text).path)))
        case "memory":
            from posicional.backends.store_objects import memory_store

            return memory_store(text)
        case "s3":
            from posicional.backends.store_objects import s3_store

            return s3_store(text)
    raise UsageError(
        f"a store of the kind {scheme[1] if scheme else ''}:// is not known",
        expected="a folder, s3://bucket/prefix or memory://name",
    )


def _folder(path: Path) -> Store:
    from posicional.backends.store_folder import FolderStore

    return FolderStore(Path(os.path.abspath(path.expanduser())))  # noqa: PTH100 - resolve() would follow links
