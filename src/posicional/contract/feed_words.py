"""The words of a feed's YAML. What they mean is worked out in `feed_compile`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from posicional.contract.calendar import Days
from posicional.contract.feed import REMIND_EVERY, EngineName, Severity, View
from posicional.contract.source import Trap
from posicional.contract.tolerance import Tolerance, parse_tolerance
from posicional.contract.vocabulary import Day, Many, Name, OneOrMany, Text, Words
from posicional.errors import UsageError

_DURATION = re.compile(r"([0-9]{1,6}) ?(ms|s|min)")
_REMINDER = re.compile(r"([1-9][0-9]{0,3}) ?(min|h)")
_SIZE = re.compile(r"([1-9][0-9]{0,5}) ?(MB|GB|TB)")
_BYTES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "min": timedelta(minutes=1)}
_MASK = re.compile(r"last([1-9][0-9]?)")


def _feed_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", text) or len(text) > 64:
        raise ValueError(f"{text!r} is not a feed's name: small letters, digits, _ and -, beginning with a letter")
    return text


def _rejects(value: Any) -> Any:
    if isinstance(value, Trap):
        raise ValueError(f'{value.text} is not read as it looks; write a plain number, or quote a share: "0.1%"')
    try:
        return parse_tolerance(value if isinstance(value, str) else str(value))
    except UsageError as error:
        raise ValueError(f"expected {error.expected}") from None


def _settle(value: Any) -> Any:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected a time such as 2 s, 500 ms or 1 min")
    return int(found[1]) * _UNITS[found[2]]


def _remind(value: Any) -> Any:
    found = _REMINDER.fullmatch(value) if isinstance(value, str) else None
    every = int(found[1]) * {"min": timedelta(minutes=1), "h": timedelta(hours=1)}[found[2]] if found else timedelta()
    if not timedelta(minutes=5) <= every <= timedelta(days=1):
        raise ValueError("expected a time from 5 min to 24 h, such as 60 min")
    return every


def _alert(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _alert_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", text):
        raise ValueError(f"{text!r} is not a recipient's name: small letters, digits, _ and -, beginning with a letter")
    return text


def _lookback(value: Any) -> Any:
    found = re.fullmatch(r"([1-9][0-9]{0,3}) days?", value) if isinstance(value, str) else None
    days = int(found[1]) if found else value
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 3660:
        raise ValueError("expected a number of days, such as 35")
    return days


def _protection(value: Any) -> Any:
    if value in ("hmac", "year", "drop", "plain"):
        return (value, 0)
    kept = value.get("mask") if isinstance(value, dict) and set(value) == {"mask"} else None
    found = _MASK.fullmatch(kept) if isinstance(kept, str) else None
    if found is None:
        raise ValueError("expected hmac, year, drop, plain, or {mask: last4}")
    return ("mask", int(found[1]))


def _plain(value: Any) -> Any:
    """Words of OpenSearch as JSON has them."""
    match value:
        case Trap():
            raise ValueError(f'{value.text} is not read as it looks; quote it: "{value.text}"')
        case dict():
            return {str(word): _plain(said) for word, said in value.items()}
        case list():
            return [_plain(said) for said in value]
        case Decimal():
            return float(value)
        case date():
            return value.isoformat()
    return value


def _settings(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("expected settings of an index with their values")
    return _plain(value)


def _field_of(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[a-z_]+", value):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise ValueError("expected a type of OpenSearch's, such as text, or {type: …} with all that belongs to it")
    return _plain(value)


def _auth(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if value != "aws":
        raise ValueError("expected aws, or {user: …, password: …}")
    return {"aws": {}}


def _moment(value: Any) -> Any:
    return value if isinstance(value, dict) else {"at": value}


def _header_or_arrival(text: str) -> str:
    if text != "arrival" and not re.fullmatch(r"[^.]+\.[^.]+", text):
        raise ValueError("expected arrival, or a control record's field, such as header.data_ref")
    return text


class DueWords(Words):
    """When something is due: `"12:00"` for short, or with the days after the period's end."""

    at: Text
    after: Text = "0 days"


Due = Annotated[DueWords, BeforeValidator(_moment, json_schema_input_type=DueWords | str)]


class CalendarWords(Words):
    """Which days the feed has."""

    days: Days = "daily"
    holidays: Text | None = None
    also_skip: Many[Day] = ()


class DateWords(Words):
    """Where the business date comes from when it is not in the name."""

    from_: Annotated[Text, AfterValidator(_header_or_arrival), Field(alias="from")]
    cutoff: Text | None = None


class PartsWords(Words):
    """When a file in several objects is complete."""

    count: Annotated[int, Field(ge=2, le=10_000)] | None = None
    marker: Text | None = None


class FileWords(Words):
    """One of the files of a feed."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"pattern": "?", "layout": "?"}

    pattern: Text
    layout: Text
    expected_by: Due | None = None
    owner: Text | None = None
    max_rejects: Annotated[Any, BeforeValidator(_rejects, json_schema_input_type=int | str)] = Tolerance()
    required: bool = True
    wait_until: Due | None = None
    allow_empty: bool = False
    use: Literal["latest"] | None = None
    date: DateWords | None = None
    parts: PartsWords | None = None
    member: Text | None = None
    marker: Text | None = None


Protection = Annotated[Any, BeforeValidator(_protection, json_schema_input_type=str | dict[str, str])]


class DatasetWords(Words):
    """One result table."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"sql": "?", "key": ["?"]}

    sql: Text
    key: Annotated[Many[Text], Field(min_length=1)]
    columns: dict[Text, Text] = Field(default_factory=dict)
    expect: Many[Text] = ()
    lineage: Text | None = None
    protect: dict[Text, Protection] = Field(default_factory=dict)


FieldOf = Annotated[Any, BeforeValidator(_field_of, json_schema_input_type=str | dict[str, Any])]


class IndexWords(Words):
    """How a dataset is shown in OpenSearch."""

    index: Text
    view: View | None = None
    fields: dict[Text, FieldOf] = Field(default_factory=dict)
    settings: Annotated[Any, BeforeValidator(_settings, json_schema_input_type=dict[str, Any])] = Field(
        default_factory=dict
    )
    nulls: bool = False
    max_refused: Annotated[Any, BeforeValidator(_rejects, json_schema_input_type=int | str)] = Tolerance()
    deleted: Text | None = None


class KeepWords(Words):
    """What stays in OpenSearch."""

    runs: Annotated[int, Field(ge=1)] | None = None
    days: Annotated[int, Field(ge=1)] | None = None


class AwsWords(Words):
    """Requests are signed for Amazon: for a domain (`es`), or a collection of Serverless (`aoss`)."""

    service: Literal["es", "aoss"] | None = None
    region: Text | None = None


class AuthWords(Words):
    """Who we are to the endpoint: a user with a password, or the credentials of AWS."""

    user: Text | None = None
    password: Text | None = None
    aws: AwsWords | None = None


Auth = Annotated[AuthWords, BeforeValidator(_auth, json_schema_input_type=AuthWords | str)]


class OpenSearchWords(Words):
    """Where datasets are published."""

    url: Text
    datasets: Annotated[dict[str, IndexWords], Field(min_length=1)]
    auth: Auth | None = None
    compress: bool | None = None
    keep: KeepWords | None = None
    mode: Literal["upsert"] | None = None


class PublishWords(Words):
    """The targets."""

    opensearch: OpenSearchWords | None = None


class AlertWords(Words):
    """Somebody who is told of alerts: an address of Apprise's, a name for it that is no secret, and of which alerts."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"url": "?"}

    url: Text
    name: Annotated[Text, AfterValidator(_alert_name)] | None = None
    when: OneOrMany[Severity] = ()


Alert = Annotated[AlertWords, BeforeValidator(_alert, json_schema_input_type=AlertWords | str)]


def _engine(value: Any) -> Any:
    return {"use": value} if isinstance(value, str) else value


def _size(value: Any) -> Any:
    found = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("expected a size such as 512MB or 2GB")
    return int(found[1]) * _BYTES[found[2]]


Size = Annotated[Any, BeforeValidator(_size, json_schema_input_type=str)]


class EngineWords(Words):
    """What runs the datasets' SQL, and what it may use."""

    use: EngineName = "duckdb"
    memory: Size | None = None
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    temp: Text | None = None
    convert_above: Size | None = None


Engine = Annotated[EngineWords, BeforeValidator(_engine, json_schema_input_type=EngineWords | EngineName)]


class FeedWords(Words):
    """A whole feed."""

    stand_ins: ClassVar[Mapping[str, Any]] = {
        "feed": "feed",
        "timezone": "UTC",
        "deadline": "12:00",
        "store": ".",
        "files": {},
        "datasets": {},
    }

    feed: Annotated[Text, AfterValidator(_feed_name)]
    timezone: Text
    calendar: CalendarWords | None = None
    deadline: Due
    store: Text
    files: dict[Name, FileWords]
    datasets: dict[Name, DatasetWords]
    publish: PublishWords | None = None
    alerts: Many[Alert] = ()
    remind_every: Annotated[Any, BeforeValidator(_remind, json_schema_input_type=str)] = REMIND_EVERY
    board: Text | None = None
    settle: Annotated[Any, BeforeValidator(_settle, json_schema_input_type=str)] = timedelta(seconds=2)
    lookback: Annotated[Any, BeforeValidator(_lookback, json_schema_input_type=int | str)] = 35
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    latest_only: bool = False
    engine: Engine = EngineWords()
