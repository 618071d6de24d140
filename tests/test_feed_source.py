"""Feeds: what their words come to mean, with their layouts and SQL. The faults are under tests/cases/contract."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posicional.contract import feed_source
from posicional.contract.calendar import Calendar, Due
from posicional.contract.feed import (
    Aws,
    Basic,
    DateFrom,
    EngineSettings,
    Feed,
    IndexOf,
    OpenSearchTarget,
    Parts,
    Recipient,
)
from posicional.contract.feed_source import load_contract, load_feed
from posicional.contract.layout import Layout
from posicional.contract.pattern import Pattern
from posicional.contract.tolerance import Tolerance, parse_tolerance
from posicional.errors import ContractError, Fault, UsageError

EXAMPLES = Path(__file__).parents[1] / "examples"

FEED = """
feed: planos
timezone: America/Sao_Paulo
deadline: "12:00"
store: ./dados
files:
  contratos: {pattern: "CONTRATOS_{date:%Y%m%d}.txt", layout: contratos.yaml}
datasets:
  ativos: {sql: ativos.sql, key: [numero]}
"""
CONTRATOS = """
records:
  header:
    when: {pos: [1, 1], is: "0"}
    fields:
      - {filler: 1}
      - {name: dia, width: 8, type: date, format: "%Y%m%d"}
      - {name: nascido, width: 8, type: date, format: "%Y%m%d", personal: true}
      - {name: cpf, width: 11, type: string}
  detail:
    when: {otherwise: true}
    fields: [{name: numero, width: 9, type: string}]
  trailer:
    when: {pos: [1, 1], is: "9"}
    fields: [{filler: 1}, {name: dia, width: 8, type: date, format: "%Y%m%d"}]
"""

Load = Callable[..., Feed]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load the small feed with words of one's own: what it says is replaced, `files` and `datasets` word by word."""
    (tmp_path / "contratos.yaml").write_text(CONTRATOS)
    (tmp_path / "ativos.sql").write_text("select numero from contratos\n")

    def loaded(
        file: Mapping[str, Any] | None = None,
        dataset: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        **words: Any,
    ) -> Feed:
        said = yaml.safe_load(FEED)
        said["files"]["contratos"] |= file or {}
        said["datasets"]["ativos"] |= dataset or {}
        path = tmp_path / "feed.yaml"
        path.write_text(yaml.safe_dump(said | words))
        return load_feed(path, env or {})

    return loaded


@pytest.fixture
def all_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every word of the vocabulary were supported."""
    monkeypatch.setattr(feed_source, "NOT_YET", {})


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/feed.yaml")), ids=lambda path: path.parent.name)
def test_every_example_loads(path: Path) -> None:
    """The examples that people copy are feeds, and what they load to is a value that travels."""
    feed = Feed.load(path, {})
    assert pickle.loads(pickle.dumps(feed)) == feed  # noqa: S301  # what we pickled ourselves


def test_a_small_feed_has_the_usual_settings(load: Load, tmp_path: Path) -> None:
    """What need not be said: daily, required files, no rejects, no publishing."""
    feed = load()
    assert (feed.name, feed.path, feed.timezone) == ("planos", tmp_path / "feed.yaml", ZoneInfo("America/Sao_Paulo"))
    assert (feed.calendar, feed.deadline, feed.store) == (Calendar(), Due(time(12)), str(tmp_path / "dados"))
    assert (feed.opensearch, feed.alerts) == (None, ())
    assert (feed.settle, feed.lookback, feed.attempts) == (timedelta(seconds=2), 35, 3)
    file = feed.files["contratos"]
    assert (file.name, file.pattern, file.layout.name) == (
        "contratos",
        Pattern("CONTRATOS_{date:%Y%m%d}.txt"),
        "contratos",
    )
    assert (file.required, file.allow_empty, file.max_rejects, file.expected_by) == (True, False, Tolerance(), None)
    dataset = feed.datasets["ativos"]
    assert (dataset.name, dataset.key, dataset.sql) == ("ativos", ("numero",), "select numero from contratos\n")
    assert (dataset.sql_path, dict(dataset.columns)) == (tmp_path / "ativos.sql", {})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("09:30", Due(time(9, 30))),
        ({"at": "09:30"}, Due(time(9, 30))),
        ({"at": "00:00", "after": "0 days"}, Due(time(0))),
        ({"at": "23:59", "after": "1 day"}, Due(time(23, 59), 1)),
        ({"at": "12:00", "after": "1 business day"}, Due(time(12), 1, business=True)),
        ({"at": "12:00", "after": "5 business days"}, Due(time(12), 5, business=True)),
    ],
    ids=str,
)
def test_deadlines_have_a_short_and_a_long_form(load: Load, said: Any, expected: Due) -> None:
    """The same for the feed's deadline and for a file's early warning."""
    feed = load({"expected_by": said}, deadline=deepcopy(said))  # YAML writes what is one object as an alias
    assert (feed.deadline, feed.files["contratos"].expected_by) == (expected, expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [(0, Tolerance()), (12, Tolerance(12)), ("12", Tolerance(12)), ("0.1%", Tolerance(share=Decimal("0.001")))],
    ids=["none", "number", "text", "share"],
)
def test_rejects_are_tolerated_by_count_or_share(load: Load, said: Any, expected: Tolerance) -> None:
    """And the command line reads them the same way."""
    assert load({"max_rejects": said}).files["contratos"].max_rejects == expected
    assert parse_tolerance(str(said)) == expected


@pytest.mark.parametrize(
    ("tolerance", "rejects", "records", "allowed"),
    [("0", 0, 0, True), ("0", 1, 9, False), ("2", 2, 2, True), ("0.1%", 1, 1000, True), ("0.1%", 1, 999, False)],
)
def test_a_tolerance_ends_where_it_says(tolerance: str, rejects: int, records: int, allowed: bool) -> None:
    """Exactly at the count or the share, without rounding."""
    assert parse_tolerance(tolerance).allows(rejects, records) is allowed


@pytest.mark.parametrize("text", ["-1", "1.5", "101%", "%", "1e3", "many", "0,1%"])
def test_other_tolerances_say_what_is_accepted(text: str) -> None:
    """A count or a share."""
    with pytest.raises(UsageError, match=r"a count such as 12, or a share such as 0\.1%"):
        parse_tolerance(text)


def test_a_calendar_takes_holidays_from_a_file(load: Load, tmp_path: Path) -> None:
    """The first column, with or without a heading; further days are listed."""
    (tmp_path / "feriados.csv").write_text("data;nome\n2026-12-25;Natal\n\n# ano novo\n2027-01-01\n")
    feed = load(calendar={"days": "weekdays", "holidays": "feriados.csv", "also_skip": [date(2026, 12, 24)]})
    holidays = frozenset({date(2026, 12, 25), date(2027, 1, 1)})
    assert feed.calendar == Calendar("weekdays", holidays, frozenset({date(2026, 12, 24)}))


@pytest.mark.parametrize(
    ("said", "settle", "lookback"),
    [
        ({"settle": "500 ms", "lookback": 10}, timedelta(milliseconds=500), 10),
        ({"settle": "1min", "lookback": "90 days"}, timedelta(minutes=1), 90),
    ],
    ids=["ms", "min"],
)
def test_times_are_said_with_their_unit(load: Load, said: Any, settle: timedelta, lookback: int) -> None:
    """How long an object stands still, and how far back the sweep looks."""
    feed = load(**said)
    assert (feed.settle, feed.lookback) == (settle, lookback)


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("duckdb", EngineSettings()),
        ("spark", EngineSettings("spark", convert_above=2 * 10**9)),
        ({"memory": "512MB", "threads": 2}, EngineSettings(memory=512 * 10**6, threads=2)),
        ({"use": "spark", "memory": "8 GB", "convert_above": "1TB"}, EngineSettings("spark", 8 * 10**9, 0, "", 10**12)),
    ],
    ids=["duckdb", "spark", "limits", "long"],
)
def test_an_engine_is_its_name_or_what_it_may_use(load: Load, said: Any, settings: EngineSettings) -> None:
    """Sizes are said with their unit; Spark converts what is larger than 2 GB unless told otherwise."""
    assert load(engine=said).engine == settings


def test_an_engines_folder_is_relative_to_the_feed(load: Load, tmp_path: Path) -> None:
    """As every path of a contract is."""
    assert load(engine={"temp": "tmp"}).engine.temp == str(tmp_path / "tmp")


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ("polars", "engine", "expected duckdb or spark"),
        ({"memory": 512}, "engine.memory", "expected a size such as 512MB or 2GB"),
        ({"memory": "512 mb"}, "engine.memory", "expected a size such as 512MB or 2GB"),
        ({"threads": 0}, "engine.threads", "must be at least 1"),
        ({"use": "spark", "workers": 3}, "engine.workers", "unknown word"),
    ],
    ids=["name", "number", "unit", "threads", "unknown"],
)
def test_an_engines_words_are_checked(load: Load, said: Any, path: str, message: str) -> None:
    """Each with its place."""
    with pytest.raises(ContractError) as caught:
        load(engine=said)
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert faults[path].startswith(message)


# --- the environment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "expected"),
    [({}, "s3://dados/x"), ({"BUCKET": "b"}, "s3://b/x"), ({"BUCKET": ""}, "s3://dados/x")],
    ids=["unset", "set", "empty"],
)
def test_variables_have_defaults_as_in_a_shell(load: Load, env: Mapping[str, str], expected: str) -> None:
    """`${VAR:-default}` stands for the default where the variable is not set, or empty."""
    assert load(store="s3://${BUCKET:-dados}/x", env=env).store == expected


def test_stores_are_folders_beside_the_contract_or_urls(load: Load, tmp_path: Path) -> None:
    """Wherever the command is started."""
    assert load(store="../dados").store == str(tmp_path.parent / "dados")
    assert load(store="/var/dados").store == "/var/dados"
    assert load(store="memory://dia").store == "memory://dia"


def test_the_environment_is_the_processes_unless_given(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell need not hand it on; a test can."""
    load(store="${DADOS:-x}")
    monkeypatch.setenv("DADOS", "/de/fora")
    folder = load(store="${DADOS:-x}").path
    assert Feed.load(folder).store == "/de/fora"
    assert Feed.load(folder, {"DADOS": "/de/dentro"}).store == "/de/dentro"


def publish(url: str) -> dict[str, Any]:
    """The words that publish the dataset."""
    return {"opensearch": {"url": url, "datasets": {"ativos": {"index": "ativos"}}}}


def test_a_target_shows_no_secret(load: Load) -> None:
    """The address is kept whole for the client; what is printed of it holds no password."""
    feed = load(publish=publish("https://${CRED}@host.example:9200/base"), env={"CRED": "user:s3cr3t"})
    target = feed.opensearch
    assert target == OpenSearchTarget(
        "https://user:s3cr3t@host.example:9200/base", {"ativos": IndexOf("ativos", "ativos")}
    )
    assert target.host == "https://host.example:9200/base"
    assert "s3cr3t" not in repr(feed)


@pytest.mark.parametrize(
    "url", ["${CRED}@host", "ftp://${CRED}@host", "http://${CRED}@host:port", "http://${CRED}@", "http://${CRED}@ho st"]
)
def test_a_fault_shows_no_secret(load: Load, url: str) -> None:
    """What a variable holds is not repeated, however wrong the address is."""
    with pytest.raises(ContractError) as caught:
        load(publish=publish(url), env={"CRED": "user:s3cr3t"})
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == ("publish.opensearch.url", "not the address of a server")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("aws", Aws()),
        ({"aws": {}}, Aws()),
        ({"aws": {"service": "aoss", "region": "sa-east-1"}}, Aws("aoss", "sa-east-1")),
        ({"user": "ana", "password": "${SENHA}"}, Basic("ana", "s3cr3t")),
        ({"user": "${QUEM}", "password": "${SENHA}"}, Basic("ana@x", "s3cr3t")),
    ],
    ids=["aws", "aws in full", "serverless", "user", "both from variables"],
)
def test_who_we_are(load: Load, said: Any, meant: Aws | Basic) -> None:
    """AWS's credentials, or a user; the password is in no contract, and in nothing that is printed of the feed."""
    words = publish("http://h")
    words["opensearch"] |= {"auth": said, "compress": True}
    feed = load(publish=words, env={"SENHA": "s3cr3t", "QUEM": "ana@x"})
    assert feed.opensearch is not None
    assert (feed.opensearch.auth, feed.opensearch.compress) == (meant, True)
    assert "s3cr3t" not in repr(feed)


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ("basic", "auth", "expected aws, or {user: …, password: …}"),
        ({"user": "ana"}, "auth", "a user and a password go together"),
        ({}, "auth", "a user and a password go together"),
        ({"user": "ana", "password": "s3cr3t"}, "auth.password", "a password does not belong into a contract"),
        (
            {"user": "ana", "password": "${SENHA:-s3cr}"},
            "auth.password",
            "a password does not belong into a contract",
        ),
        ({"user": "ana", "password": "${SENHA2}"}, "auth.password", "the environment variable SENHA2 is not set"),
        ({"user": "ana", "password": "${SENHA}", "aws": {}}, "auth.aws", "stands beside a user and password"),
        ({"aws": {"service": "ec2"}}, "auth.aws.service", "expected es or aoss"),
    ],
    ids="word user-alone nothing literal default unset both service".split(),  # noqa: SIM905
)
def test_who_we_are_is_said_wrongly(load: Load, said: Any, path: str, message: str) -> None:
    """Each with its place, and without what a variable holds."""
    words = publish("http://h")
    words["opensearch"]["auth"] = said
    with pytest.raises(ContractError) as caught:
        load(publish=words, env={"SENHA": "v4lue"})
    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == (f"publish.opensearch.{path}", message)
    assert "v4lue" not in str(caught.value)


def test_a_user_twice(load: Load) -> None:
    """In the address and beside it."""
    words = publish("http://ana:x@h")
    words["opensearch"]["auth"] = "aws"
    with pytest.raises(ContractError, match="there is a user in the url as well"):
        load(publish=words)


# --- who is told ---


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://${SMTP_USER:-}:${SMTP_PASSWORD:-}@example.com?to=ana@example.com",
        "mailtos://${SMTP_USER:-robo}:${SMTP_PASSWORD}@example.com",
        "mailto://relay.interno:25?from=a@b.example&to=c@d.example",
        "json://${HOST:-example.com:8080}/x",
        "json://${HOST:-example.com}:8080/ana@example.com",
        "${URL:-mailto://relay.interno:25?to=c@d.example}",
        "mailtos://robo:${PREFIX}${SMTP_PASSWORD}@example.com",
    ],
)
def test_an_address_without_a_password_in_it(load: Load, url: str) -> None:
    """A colon before a port or a default is none before a password, nor is an @ behind the ? that of a user."""
    env = {"SMTP_PASSWORD": "s3cr3t", "PREFIX": "x"}
    assert len(load(alerts=[url], env=env).alerts) == 1


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://${SMTP_USER:-robo}:hunter2@example.com",
        "mailtos://robo:${SMTP_PASSWORD:-hunter2}@example.com",
        "mailtos://robo:hunter2${SMTP_PASSWORD}@example.com",
        "mailtos://:hunter2@example.com?to=ana@example.com",
        "${URL:-mailtos://robo:hunter2@example.com}",
    ],
)
def test_an_address_with_a_password_in_it(load: Load, url: str) -> None:
    """Also one that is a variable's default, or a part of it."""
    with pytest.raises(ContractError) as caught:
        load(alerts=[url], env={"SMTP_PASSWORD": "s3cr3t"})
    assert [fault.message for fault in caught.value.faults] == ["a password does not belong into a contract"]
    assert "hunter2" not in str(caught.value)


# --- what later work will read ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("all_built")
def test_words_of_later_work_are_understood_already(load: Load) -> None:
    """Taking a line out of the table of what is not supported yet is all that the contract needs."""
    feed = load(
        {
            "pattern": "C_{date:%Y%m%d}_{part}.zip",
            "required": False,
            "wait_until": "10:00",
            "use": "latest",
            "parts": {"marker": "C_{date:%Y%m%d}.FIM"},
            "member": "c.txt",
            "marker": "{name}.ok",
        },
        {"expect": ["ativos.sql"], "lineage": "contratos", "protect": {"a": "hmac", "b": {"mask": "last4"}}},
        alerts=["mailto://${OPS}@example.com"],
        env={"OPS": "ops"},
        publish={"opensearch": {"url": "http://h", "datasets": {"ativos": {"index": "a", "view": "all"}}}},
    )
    file, dataset = feed.files["contratos"], feed.datasets["ativos"]
    assert (file.required, file.wait_until, file.use_latest) == (False, Due(time(10)), True)
    assert (file.member, file.marker) == ("c.txt", "{name}.ok")
    assert file.parts == Parts(marker=Pattern("C_{date:%Y%m%d}.FIM"))
    assert (dict(dataset.expect), dataset.lineage) == ({"ativos.sql": dataset.sql}, "contratos")
    assert dict(dataset.protect) == {"a": ("hmac", 0), "b": ("mask", 4)}
    assert feed.alerts == (Recipient("mailto", "mailto://ops@example.com"),)
    assert feed.opensearch is not None
    assert feed.opensearch.datasets["ativos"].view == "all"


@pytest.mark.usefixtures("all_built")
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"from": "header.dia"}, DateFrom(header="header.dia")),
        ({"from": "arrival"}, DateFrom()),
        ({"from": "arrival", "cutoff": "18:00"}, DateFrom(cutoff=time(18))),
    ],
    ids=str,
)
def test_a_date_may_come_from_elsewhere(load: Load, said: Any, expected: DateFrom) -> None:
    """From a header's field, or from the time of arrival."""
    assert load({"pattern": "C.txt", "date": said}).files["contratos"].date_from == expected


@pytest.mark.usefixtures("all_built")
@pytest.mark.parametrize(
    ("file", "path", "message"),
    [
        ({"pattern": "C.txt", "date": {"from": "header.dai"}}, "date.from", "no control record has header.dai"),
        ({"pattern": "C.txt", "date": {"from": "header.cpf"}}, "date.from", "header.cpf is no date but a string"),
        (
            {"pattern": "C.txt", "date": {"from": "trailer.dia"}},
            "date.from",
            "trailer.dia is in a trailer; the date must be known",
        ),
        ({"pattern": "C.txt", "date": {"from": "header.nascido"}}, "date.from", "header.nascido is personal"),
        ({"pattern": "C.txt", "date": {"from": "ontem"}}, "date.from", "expected arrival, or a control record's field"),
        ({"date": {"from": "arrival"}}, "date", "the date is in the pattern already"),
        ({"wait_until": "10:00"}, "wait_until", "goes with required: false"),
        ({"member": "c.txt"}, "member", "goes with an archive"),
        ({"marker": "pronto.ok"}, "marker", "does not name the file"),
        ({"marker": ".{name}"}, "marker", "is a name that is ignored"),
        ({"marker": "{name}{name}.ok"}, "marker", "does not name the file"),
        ({"parts": {"count": 3}}, "pattern", "does not tell the parts apart"),
        ({"pattern": "C_{date:%Y%m%d}_{part}"}, "pattern", "tells parts apart, but nothing says when all are here"),
        (
            {"parts": {"marker": "FIM"}, "pattern": "C_{date:%Y%m%d}_{part}"},
            "parts.marker",
            "does not say of which date the parts are",
        ),
        ({"parts": {}, "pattern": "C_{date:%Y%m%d}_{part}"}, "parts", "expected either count or marker"),
        ({"parts": {"count": 1}}, "parts.count", "must be at least 2, got 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_words_of_later_work_have_faults_of_their_own(load: Load, file: Any, path: str, message: str) -> None:
    """They are checked, not only refused."""
    with pytest.raises(ContractError) as caught:
        load(file)
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert faults[f"files.contratos.{path}"].startswith(message)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_contract_is_a_feed_or_a_layout(load: Load, tmp_path: Path) -> None:
    """`posicional check` takes either."""
    feed = load()
    assert load_contract(feed.path) == feed
    layout = load_contract(tmp_path / "contratos.yaml")
    assert isinstance(layout, Layout)
    assert layout == Layout.load(tmp_path / "contratos.yaml")


@pytest.mark.parametrize("load_it", [load_feed, load_contract])
def test_files_that_cannot_be_read_are_one_clear_error(load_it: Callable[[Path], object], tmp_path: Path) -> None:
    """No such file, and a directory."""
    with pytest.raises(UsageError, match="no such file"):
        load_it(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="a directory"):
        load_it(tmp_path)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    [
        *[(word,) for word in yaml.safe_load(FEED)],
        *[(word,) for word in ("calendar", "publish", "alerts", "settle", "lookback", "attempts", "engine")],
        *[("files", "contratos", word) for word in ("pattern", "layout", "max_rejects", "date", "parts", "use")],
        *[("datasets", "ativos", word) for word in ("sql", "key", "columns", "expect", "protect")],
        ("files", "contratos"),
        ("datasets", "ativos"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the folder may be written over
@given(st.dictionaries(paths, values, min_size=1, max_size=4))
def test_no_feed_ends_in_anything_but_faults(tmp_path: Path, changes: Mapping[tuple[str, ...], Any]) -> None:
    """Whatever stands in the place of a word, the feed loads or says what is wrong, each fault in a file and line."""
    (tmp_path / "contratos.yaml").write_text(CONTRATOS)
    (tmp_path / "ativos.sql").write_text("select 1")
    said = yaml.safe_load(FEED)
    for path, value in changes.items():
        holder = said
        for step in path[:-1]:
            holder = holder.setdefault(step, {}) if isinstance(holder, dict) else {}
        if isinstance(holder, dict):
            holder[path[-1]] = value
    feed = tmp_path / "feed.yaml"
    feed.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    faults: tuple[Fault, ...] = ()
    try:
        load_feed(feed, {})
    except ContractError as error:
        faults = error.faults or (Fault("", 0, "", "an error without a fault"),)
    assert all(fault.line >= 1 and fault.file.startswith(str(tmp_path)) for fault in faults)
