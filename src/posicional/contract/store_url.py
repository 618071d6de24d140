"""What the URL of a store may begin with."""

from __future__ import annotations

import re

SCHEMES = ("s3", "memory", "file")

_MISSPELLED = re.compile(r"(s3|memory|file)(?::/?|//)(?!/)", re.IGNORECASE)


def misspelled(text: str) -> str:
    """The URL that was meant, where a text would be a folder only for want of a letter of `://`; else empty."""
    found = None if "://" in text else _MISSPELLED.match(text)
    return f"{found[1].lower()}://{text[found.end() :]}" if found else ""
