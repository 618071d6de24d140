"""The facts of a day: typed, written once, readable by a person with `cat`.

A fact that cannot be read (cut off, edited by hand, from a later version) is kept as `Unreadable`; the fold takes it as
the cautious case: a claim as a claim, an end as failed, a done as refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from posicional.day.keys import AlertKey, DecisionKey, DoneKey, FactKey, SeenKey, TurnKey
from posicional.errors import DataRefused, OutsideError, UsageError

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes the words of one version of a fact those of the next."""


def _zoned(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment needs a zone")
    return moment


Moment = Annotated[datetime, AfterValidator(_zoned)]


class Shape(BaseModel):
    """A part of a fact. Unknown fields are left out, so that a fact of a program a little newer stays readable."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Fact(Shape):
    """What all facts carry: who wrote it and when, and an id that no other write has.

    A kind that changes its words gets the next version (`NEWEST`, and the default of `version`) and in `UPGRADES` what
    makes the older words those of the next version, so that every fact that was ever written stays readable. A word
    that is only added needs neither: older facts have its default, older programs leave it out.
    """

    KIND: ClassVar[str] = ""
    NEWEST: ClassVar[int] = 1
    """The highest version that this program reads; a later one is unreadable."""
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {}
    """Version -> what makes its words those of the next; none where they are the same."""

    version: int = 1
    writer: str
    at: Moment
    who: str = ""

    def to_bytes(self) -> bytes:
        """Indented JSON, the kind first, ending in a newline."""
        words = {"fact": self.KIND, **self.model_dump(mode="json")}
        return (json.dumps(words, ensure_ascii=False, indent=2) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse. Raises `ValueError` when this is no such fact."""
        words = json.loads(data)
        if not isinstance(words, dict) or words.get("fact") != cls.KIND:
            raise ValueError(f"not a fact of the kind {cls.KIND}")
        return cls.model_validate(cls._upgraded(words))

    @classmethod
    def _upgraded(cls, words: dict[str, Any]) -> dict[str, Any]:
        version = words.get("version")
        for older, upgrade in sorted(cls.UPGRADES.items()):
            if isinstance(version, int) and version <= older:
                try:
                    words = upgrade(words)
                except (KeyError, TypeError, AttributeError):
                    raise ValueError(f"not the words of version {older}") from None
        return words

    @field_validator("version")
    @classmethod
    def _known(cls, version: int) -> int:
        if not 1 <= version <= cls.NEWEST:
            raise ValueError(f"this program reads versions 1 to {cls.NEWEST}")
        return version


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A fact that is there and cannot be read. `at` is the store's time of it; `reason` never quotes its content."""

    at: datetime
    reason: str


class PartFact(Shape):
    """One Parquet part: its key in the store, its table, rows, size in bytes."""

    key: str
    table: str
    rows: int
    bytes: int


# What arrives.


class SeenObject(Shape):
    """An object in one version. `key` is below the store, `modified` the store's time, `tag` as in `StoredObject`."""

    key: str
    object_version: str
    size: int
    modified: Moment
    tag: str = ""


class Seen(Fact):
    """A version of a file has arrived: an object, or a whole set of `parts`, in their order.

    Of a set, `key` and `object_version` are the first part's, `size` is the sum and `modified` the latest; it is of
    version 2, because a program that knows version 1 only would take the first part for the file.
    """

    KIND = "seen"
    NEWEST = 2

    key: str
    object_version: str
    size: int
    modified: Moment
    tag: str = ""
    parts: tuple[SeenObject, ...] = ()

    @property
    def objects(self) -> tuple[SeenObject, ...]:
        """What it is made of."""
        return self.parts or (
            SeenObject(
                key=self.key,
                object_version=self.object_version,
                size=self.size,
                modified=self.modified,
                tag=self.tag,
            ),
        )


class Dated(Fact):
    """The header of an object says which business date it is of; None when no date can be read there."""

    KIND = "dated"

    key: str
    object_version: str
    layout: str
    says: date | None = None


class AccountFact(Shape):
    """Where every byte and record of the input went (see `records.conversion.Account`)."""

    bytes: int = 0
    data: int = 0
    control: int = 0
    rejected: int = 0
    ignored: int = 0
    records: int = 0
    rows: int = 0
    rejects: int = 0
    controls: int = 0


class ControlFact(Shape):
    """A header or trailer without its personal fields; decimals and dates as text."""

    kind: str
    line: int
    values: Mapping[str, str | int | bool | None] = {}


class ProblemFact(Shape):
    """Why a file cannot be used. Says where and what, never the value of a field."""

    reason: str
    text: str
    line: int = 0


class Done(Fact):
    """An arrival was read to its end: usable, refused, or superseded by a change of the object while it was read."""

    KIND = "done"

    status: Literal["converted", "refused", "superseded"]
    layout: str
    """Digest of the layout alone; the key's digest stands for the whole way of reading."""
    sha256: str = ""
    size: int = 0
    account: AccountFact = AccountFact()
    tables: Mapping[str, int] = {}
    parts: tuple[PartFact, ...] = ()
    rejects: tuple[PartFact, ...] = ()
    controls: tuple[ControlFact, ...] = ()
    problems: tuple[ProblemFact, ...] = ()
    seconds: float = 0.0


# Turns of runs and publications.


class Claim(Fact):
    """Somebody takes the next number. The lease says only when others may ask whether it is still alive."""

    lease_until: Moment


class Started(Fact):
    """The first act of whoever runs the turn. `run_id` is the name that an outside service gave it."""

    KIND = "started"

    run_id: str = ""


EndStatus = Literal["succeeded", "failed", "abandoned", "superseded"]
Blame = Literal["", "contract", "data", "outside", "bug"]


def blame_of(error: BaseException) -> Blame:
    """Whose turn it is after an error: an interruption is the outside's, whatever is not raised on purpose a bug."""
    if isinstance(error, UsageError):
        return "contract"
    if isinstance(error, DataRefused):
        return "data"
    return "outside" if isinstance(error, OutsideError | KeyboardInterrupt) else "bug"


class End(Fact):
    """How a turn ended. `reason` never holds the value of a field; `blame` says whose turn it is."""

    status: EndStatus
    reason: str = ""
    blame: Blame = ""


class InputFact(Shape):
    """One file of a run's set: which arrival, which content, read in which way. `of`: the earlier date it is of."""

    arrival: int
    sha256: str
    reading: str
    of: date | None = None


class RunClaim(Claim):
    """A run over one complete set of files. `revision` is made of `content` and `contract`."""

    KIND = "run-claim"

    revision: str
    content: str
    contract: str
    inputs: Mapping[str, InputFact] = {}


class DatasetFact(Shape):
    """A dataset as a run wrote it."""

    rows: int
    parts: tuple[PartFact, ...] = ()


class RunEnd(End):
    """The end of a run; `datasets` in the order in which they were made.

    `absent`: the empty tables that stood for files which were not there.
    """

    KIND = "run-end"

    datasets: Mapping[str, DatasetFact] = {}
    absent: tuple[PartFact, ...] = ()
    seconds: float = 0.0


class PublicationClaim(Claim):
    """A publication of run `run`; `indices` are the new physical names, by dataset."""

    KIND = "publication-claim"

    run: int
    indices: Mapping[str, str] = {}


class PublishedFact(Shape):
    """A dataset as it was published: physical index, the aliases that show it, documents in it, documents refused.

    `reasons`: how many were refused why; `rejects`: where it is said which. `stale`: how many rows changed nothing,
    because a later day or publication had been there before (upsert).
    """

    index: str
    aliases: tuple[str, ...] = ()
    documents: int = 0
    refused: int = 0
    reasons: Mapping[str, int] = {}
    rejects: tuple[PartFact, ...] = ()
    stale: int = 0


class PublicationEnd(End):
    """The end of a publication."""

    KIND = "publication-end"

    run: int = 0
    datasets: Mapping[str, PublishedFact] = {}
    seconds: float = 0.0


# What people say, and what was told to them.

DecisionKind = Literal["accept", "waive", "rerun", "rollback", "skip_day", "hold", "release", "ack", "silence", "note"]


_ABOUT: Mapping[str, Mapping[str, type]] = {
    "accept": {"file": str, "arrival": int, "reading": str},
    "waive": {"file": str},
    "rollback": {"run": int, "last": int, "content": str},
    "ack": {"condition": str, "alert": int},
    "silence": {"until": str},
}
"""What a decision must say that it is about."""


class Decision(Fact):
    """What a person decided, why, and about what: see `decisions` for what each leads to."""

    KIND = "decision"

    decision: DecisionKind
    why: str = ""
    about: Mapping[str, str | int] = {}

    @model_validator(mode="after")
    def _says_about_what(self) -> Self:
        for word, kind in _ABOUT.get(self.decision, {}).items():
            if not isinstance(self.about.get(word), kind):
                raise ValueError(f"{self.decision} without its {word}")
        return self


class ChannelFact(Shape):
    """What became of an alert at a channel: `error` is empty where it was taken. Neither ever holds an address."""

    channel: str
    error: str = ""


class Alert(Fact):
    """An alert that is due, or was sent; or one attempt more at that.

    `actor`: whose turn it is, empty when it is over; `about`: what is in the way. `again`: which reminder it is, 0 for
    none. `silent_until`: a person had said that nothing is to be sent until then. `channels`: which got it, and which
    did not; none in facts of programs that knew one channel only, which had got it.
    """

    KIND = "alert"

    condition: str
    actor: str = ""
    about: tuple[str, ...] = ()
    text: str = ""
    again: int = 0
    silent_until: Moment | None = None
    channels: tuple[ChannelFact, ...] = ()


_KINDS: Mapping[tuple[str, str], type[Fact]] = {
    ("runs", "claim"): RunClaim,
    ("runs", "end"): RunEnd,
    ("publications", "claim"): PublicationClaim,
    ("publications", "end"): PublicationEnd,
}


def kind_of(key: FactKey) -> type[Fact]:
    """The type of the fact that stands under a key."""
    match key:
        case SeenKey():
            return Seen
        case DoneKey():
            return Done
        case DecisionKey():
            return Decision
        case AlertKey():
            return Alert
        case TurnKey(what="started"):
            return Started
        case TurnKey():
            return _KINDS[key.series.split("/", 1)[0], key.what]


def read_fact(key: FactKey, data: bytes, at: datetime) -> Fact | Unreadable:
    """The fact under `key`; `at` is the store's time of the object, for a fact that cannot be read."""
    try:
        return kind_of(key).from_bytes(data)
    except ValidationError as error:
        fields = sorted({".".join(map(str, fault["loc"])) or "about" for fault in error.errors(include_input=False)})
        return Unreadable(at, f"wrong or missing: {', '.join(fields)}")
    except (ValueError, RecursionError):
        return Unreadable(at, "not the JSON of such a fact")


def plain(value: Any) -> str | int | bool | None:
    """A control record's value as a fact holds it: text, number, truth or nothing."""
    return value if value is None or isinstance(value, str | int | bool) else str(value)
