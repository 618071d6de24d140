"""Names of arriving objects: `CONTRATOS_{date:%Y%m%d}.txt` as a matcher over the path below the incoming prefix."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta

from posicional.errors import UsageError

COMPRESSIONS = ("gz", "zst", "zip")

_TOKEN = re.compile(r"\{([^{}]*)\}|(\*+)|([{}])")
_DATE_PARTS = {"Y": "[0-9]{4}", "m": "[0-9]{2}", "d": "[0-9]{2}", "y": "[0-9]{2}", "j": "[0-9]{3}"}
_WORDS = {"part": "[0-9A-Za-z]+", "version": "[0-9]+", "generation": "G[0-9]{4}V[0-9]{2}|[0-9]+"}
_COMPLETE = ({"m", "d"}, {"j"}, {"m"})  # beside a year; a month alone is a monthly date
_UNFINISHED = (".tmp", ".part", ".filepart")
_TOKENS = "{date:%Y%m%d}, {part}, {version}, {generation}"


@dataclass(frozen=True, slots=True)
class PatternMatch:
    """What a name says: each is empty (or None) where the pattern has no such token.

    `compression` is `gz`, `zst`, `zip` or empty; `part`, `version` and `generation` stand as written.
    """

    date: date | None = None
    part: str = ""
    version: str = ""
    generation: str = ""
    compression: str = ""

    @property
    def order(self) -> tuple[tuple[int, ...], int]:
        """What tells which of several objects is the later one: generation, then version."""
        return tuple(map(int, re.findall("[0-9]+", self.generation))), int(self.version or 0)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which names belong to a file of a feed. Raises `UsageError` for a pattern that cannot be read.

    Matches the whole path below the incoming prefix, case-sensitive. `*` stays within one segment; `{date:…}` takes
    %Y %m %d %y %j; then `{part}`, `{version}`, `{generation}`. A compressed name (.gz, .zst, .zip) matches as well,
    unless the pattern itself names the compression. Tokens that are repeated must agree.
    """

    text: str
    _regex: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _tokens: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        tokens: list[str] = []
        compression = self.text.rpartition(".")[2]
        if compression in COMPRESSIONS and "." in self.text:
            body, suffix = self.text.removesuffix("." + compression), rf"\.({compression})"
        else:
            body, suffix = self.text, rf"(?:\.({'|'.join(COMPRESSIONS)}))?"
        _check_path(self.text)
        regex = _compile(body, tokens) + suffix
        _check_tokens(tokens)
        object.__setattr__(self, "_regex", re.compile(regex, re.DOTALL))
        object.__setattr__(self, "_tokens", tuple(tokens))

    @property
    def has_date(self) -> bool:
        """Whether the name gives the business date."""
        return bool(self._date_tokens)

    @property
    def is_monthly(self) -> bool:
        """Whether the date in the name is a month, without a day."""
        return self.has_date and not self._date_tokens & {"d", "j"}

    @property
    def has_part(self) -> bool:
        """Whether the name tells parts apart."""
        return "part" in self._tokens

    @property
    def is_versioned(self) -> bool:
        """Whether the name says which of several objects is the later one."""
        return bool({"version", "generation"} & set(self._tokens))

    @property
    def _date_tokens(self) -> set[str]:
        return {token for token in self._tokens if token in _DATE_PARTS}

    def match(self, path: str) -> PatternMatch | None:
        """What `path` (below the incoming prefix, decoded) says, or None if it is not one of these names."""
        found = self._regex.fullmatch(path)
        if found is None:
            return None
        said: dict[str, str] = {}
        *texts, compression = found.groups()
        for token, text in zip(self._tokens, texts, strict=True):
            if said.setdefault(token, text) != text:
                return None
        day = None
        if self.has_date:
            day = _date_of(said)
            if day is None:
                return None
        return PatternMatch(
            date=day,
            part=said.get("part", ""),
            version=said.get("version", ""),
            generation=said.get("generation", ""),
            compression=compression or "",
        )

    def format(self, day: date) -> str:
        """The name expected for business date `day`, for messages: what else varies stays as the pattern has it."""

        def written(found: re.Match[str]) -> str:
            token = found[1]
            return day.strftime(token[5:]) if token and token.startswith("date:") else found[0]

        return _TOKEN.sub(written, self.text)

    def head(self, day: date) -> str:
        """How all names for business date `day` begin; empty where not even a part of the date stands there."""
        head = re.split(r"[*{]", self.format(day))[0]
        return "" if head == re.split(r"[*{]", self.text)[0] else head

    def example(self, day: date) -> str:
        """A name that this pattern matches: `x` for `*`, 1 for parts, versions and generations."""
        return re.sub(r"\*+", "x", re.sub(r"\{(?:part|version|generation)\}", "1", self.format(day)))


def ignored(path: str) -> bool:
    """Whether a name never counts as an arrival: hidden, still being written, or the marker of a folder."""
    if path.endswith("/") or path.lower().endswith(_UNFINISHED):
        return True
    return any(segment.startswith((".", "~")) for segment in path.split("/"))


def _check_path(text: str) -> None:
    if not text:
        raise UsageError("the pattern is empty")
    if text.startswith("/"):
        raise UsageError("a pattern is a path below the incoming prefix", hint="leave out the leading /")
    if "" in text.split("/") or {".", ".."} & set(text.split("/")):
        raise UsageError("the pattern has an empty, . or .. segment, which no name has")
    if ignored(text):
        raise UsageError(
            "names that begin with . or ~, or end in .tmp, .part or .filepart are ignored",
            hint="name the files as they are when they are complete",
        )


def _compile(text: str, tokens: list[str]) -> str:
    regex, end, open_ended = "", 0, False
    for found in _TOKEN.finditer(text):
        token, stars, stray = found.groups()
        between = text[end : found.start()]
        if stray:
            raise UsageError(f"a {stray} without its other half", expected=_TOKENS)
        dated = not stars and token.startswith("date:")
        if open_ended and not between and not dated:
            raise UsageError(f"{found[0]} follows another token directly: where one ends cannot be told")
        regex += re.escape(between)
        regex += "[^/]*?" if stars else _token_regex(token, tokens)
        end, open_ended = found.end(), not dated
    return regex + re.escape(text[end:])


def _token_regex(token: str, tokens: list[str]) -> str:
    word, colon, date_format = token.partition(":")
    if word in _WORDS and not colon:
        tokens.append(word)
        return f"({_WORDS[word]})"
    if word != "date":
        raise UsageError(f"unknown token {{{token}}}", expected=_TOKENS)
    if "%" not in date_format:
        raise UsageError(f"{{{token}}} does not say how the date is written", expected="{date:%Y%m%d} or the like")
    regex, pieces = "", re.split("%(.?)", date_format)
    for literal, letter in zip(pieces[::2], [*pieces[1::2], None], strict=True):
        regex += re.escape(literal)
        if letter is not None:
            if letter not in _DATE_PARTS:
                raise UsageError(f"%{letter} is not known in {{{token}}}", expected="%Y, %m, %d, %y, %j")
            tokens.append(letter)
            regex += f"({_DATE_PARTS[letter]})"
    return regex


def _check_tokens(tokens: list[str]) -> None:
    dates = {token for token in tokens if token in _DATE_PARTS}
    if dates and not (dates & {"Y", "y"} and any(parts <= dates for parts in _COMPLETE)):
        raise UsageError(
            "the pattern's date is not complete", expected="a year (%Y or %y) with %m%d, with %j, or with %m for months"
        )
    if "d" in dates and "m" not in dates:
        raise UsageError("the pattern's date has a day without its month", expected="%m beside %d")


def _date_of(said: dict[str, str]) -> date | None:
    """The date that all tokens agree on; a two-digit year is 2000 to 2099."""
    year = int(said["Y"]) if "Y" in said else 2000 + int(said["y"])
    try:
        if "d" in said:
            day = date(year, int(said["m"]), int(said["d"]))
        elif "j" in said:
            day = date(year, 1, 1) + timedelta(days=int(said["j"]) - 1)
        else:
            day = date(year, int(said["m"]), 1)
    except (ValueError, OverflowError):
        return None
    agreed = all(_written(letter, day) == said[letter] for letter in _DATE_PARTS if letter in said)
    return day if agreed else None


def _written(letter: str, day: date) -> str:
    return f"{day.year:04d}" if letter == "Y" else day.strftime(f"%{letter}")
