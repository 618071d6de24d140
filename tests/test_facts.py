"""Keys and facts: formatting and parsing are inverses, and what cannot be read never stops anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from posicional.day import facts, keys
from posicional.day.facts import Done, InputFact, PartFact, ProblemFact, RunClaim, Seen, Unreadable, kind_of, read_fact
from posicional.day.keys import AlertKey, DecisionKey, DoneKey, FactKey, SeenKey, TurnKey, parse_key

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

names = st.from_regex(re.compile(r"[a-z][a-z0-9_-]{0,20}", re.ASCII), fullmatch=True)
numbers = st.integers(1, 99999)
fact_keys: st.SearchStrategy[FactKey] = st.one_of(
    st.builds(SeenKey, names, numbers),
    st.builds(DoneKey, names, numbers, st.from_regex(re.compile(r"[0-9a-f]{12}", re.ASCII), fullmatch=True)),
    st.builds(
        TurnKey,
        st.one_of(st.just("runs"), names.map(keys.publications)),
        numbers,
        st.sampled_from(["claim", "started", "end"]),
    ),
    st.builds(DecisionKey, numbers),
    st.builds(AlertKey, names, numbers, st.sampled_from(["due", "sent"]), numbers),
)


@given(fact_keys)
def test_a_formatted_key_parses_to_itself(key: FactKey) -> None:
    """What we write we find again, whatever the names and numbers."""
    assert key == parse_key(str(key))


@given(st.one_of(st.text(max_size=40), fact_keys.map(lambda key: str(key).replace("0", "00", 1))))
def test_a_parsed_path_formats_to_itself(path: str) -> None:
    """A path is a fact's name or it is not: no two paths are the same fact."""
    key = parse_key(path)
    assert key is None or path == str(key)


@pytest.mark.parametrize(
    "path",
    [
        "runs/0000.claim.json",
        "runs/1.claim.json",
        "runs/00001.claim.json",
        "runs/0001.claim.json.tmp",
        "runs/0001.json",
        "arrivals/a/0001.done.json",
        "arrivals/a/b/0001.seen.json",
        "publications/0001.claim.json",
        "alerts/deadline-0001.due-0001.json",
        "alerts/deadline-0001.json",
        "notes.txt",
        "",
    ],
)
def test_names_that_are_no_facts(path: str) -> None:
    """A stray object in the ledger is not taken for a fact."""
    assert parse_key(path) is None


def test_keys_as_the_design_writes_them() -> None:
    """The names that users see with `ls`."""
    day = date(2026, 11, 22)
    assert [
        keys.ledger_prefix("planos", day),
        keys.parts_prefix("planos", "contratos", day, 1, "t1"),
        keys.rejects_prefix("planos", "contratos", day, 1, "t1"),
        keys.results_prefix("planos", "contratos_ativos", day, 1),
        str(SeenKey("contratos", 1)),
        str(DoneKey("contratos", 1, "0a1b2c3d4e5f")),
        str(TurnKey("runs", 1, "claim")),
        str(TurnKey(keys.publications("opensearch"), 1, "end")),
        str(DecisionKey(1)),
        str(AlertKey("deadline", 1, "due")),
        str(AlertKey("deadline", 1, "sent", 2)),
        str(TurnKey("runs", 12345, "end")),
    ] == [
        "controle/planos/2026-11-22/",
        "dados-parquet/planos/contratos/data=2026-11-22/arrival=0001/t1/",
        "dados-rejeitados/planos/contratos/data=2026-11-22/arrival=0001/t1/",
        "dados-processados/planos/contratos_ativos/data=2026-11-22/run=0001/",
        "arrivals/contratos/0001.seen.json",
        "arrivals/contratos/0001.0a1b2c3d4e5f.done.json",
        "runs/0001.claim.json",
        "publications/opensearch/0001.end.json",
        "decisions/0001.json",
        "alerts/deadline-0001.due.json",
        "alerts/deadline-0001.sent-0002.json",
        "runs/12345.end.json",
    ]


def claim() -> RunClaim:
    """A claim with everything in it."""
    return RunClaim(
        writer="w1",
        at=NOW,
        who="josé@máquina",
        lease_until=NOW + timedelta(hours=1),
        revision="r",
        content="c",
        contract="k",
        inputs={"a": InputFact(arrival=1, sha256="ab", reading="cd")},
    )


def done() -> Done:
    """A refusal with everything in it."""
    return Done(
        writer="w2",
        at=NOW,
        status="refused",
        layout="l",
        sha256="ab",
        size=12,
        tables={"a": 1},
        parts=(PartFact(key="k", table="a", rows=1, bytes=2),),
        controls=(facts.ControlFact(kind="trailer", line=3, values={"total": "1.20", "n": 4, "x": None, "ok": True}),),
        problems=(ProblemFact(reason="control", text="não confere", line=3),),
    )


@pytest.mark.parametrize(
    ("key", "fact"), [(TurnKey("runs", 1, "claim"), claim()), (DoneKey("a", 1, "ab"), done())], ids=["claim", "done"]
)
def test_a_fact_comes_back_as_it_was(key: FactKey, fact: facts.Fact) -> None:
    """Writing and reading a fact are inverses, and a person can read it: indented, UTF-8, the kind first."""
    data = fact.to_bytes()
    assert fact == read_fact(key, data, NOW)
    lines = data.decode().splitlines()
    assert ("{", f'  "fact": "{fact.KIND}",', '  "version": 1,', "}") == (*lines[:3], lines[-1])


def test_accents_stay_readable() -> None:
    """A fact is for people too."""
    assert "josé@máquina" in claim().to_bytes().decode()


def test_facts_cannot_be_changed() -> None:
    """A fact in memory is as fixed as the one in the store."""
    with pytest.raises(ValidationError, match="frozen"):
        claim().revision = "other"


def test_every_kind_of_key_has_its_kind_of_fact() -> None:
    """The key alone says what the fact must be."""
    assert [
        kind_of(key).KIND
        for key in (
            SeenKey("a", 1),
            DoneKey("a", 1, "ab"),
            TurnKey("runs", 1, "claim"),
            TurnKey("runs", 1, "started"),
            TurnKey("runs", 1, "end"),
            TurnKey("publications/opensearch", 1, "claim"),
            TurnKey("publications/opensearch", 1, "end"),
        )
    ] == ["seen", "done", "run-claim", "started", "run-end", "publication-claim", "publication-end"]


def changed(**words: object) -> bytes:
    """A claim in which some words are others; None leaves a word out."""
    document = json.loads(claim().to_bytes()) | words
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty", b""),
        ("cut", claim().to_bytes()[:40]),
        ("not-text", b"\xff\xfe\x00"),
        ("list", b"[]"),
        ("another-kind", done().to_bytes()),
        ("later-version", changed(version=2)),
        ("no-lease", changed(lease_until=None)),
        ("no-zone", changed(at="2026-11-22T12:00:00")),
        ("wrong-type", changed(inputs="a")),
        ("deep", b"[" * 100_000),
    ],
)
def test_unreadable_facts_are_values(name: str, data: bytes) -> None:
    """Whatever stands under a fact's name is read without an error, and the reason never quotes it."""
    found = read_fact(TurnKey("runs", 1, "claim"), data, NOW)
    assert isinstance(found, Unreadable), name
    assert found.at == NOW
    assert "2026" not in found.reason


def test_unknown_words_are_left_out() -> None:
    """A fact that a program a little newer wrote is readable."""
    assert claim() == read_fact(TurnKey("runs", 1, "claim"), changed(new_word={"a": 1}), NOW)


def test_moments_of_other_zones() -> None:
    """A moment keeps its instant."""
    brasilia = timezone(timedelta(hours=-3))
    seen = Seen(writer="w", at=NOW.astimezone(brasilia), key="k", object_version="v", size=1, modified=NOW)
    found = read_fact(SeenKey("a", 1), seen.to_bytes(), NOW)
    assert isinstance(found, Seen)
    assert found.at == NOW


# Facts of earlier versions.

CASES = Path(__file__).parent / "cases" / "facts"
WRITTEN = sorted(path.relative_to(CASES).as_posix() for path in CASES.rglob("*.json"))


def says(words: object, earlier: object) -> bool:
    """Whether every earlier word is said still, at whatever depth; words may have been added."""
    if isinstance(earlier, dict):
        return isinstance(words, dict) and all(name in words and says(words[name], earlier[name]) for name in earlier)
    if isinstance(earlier, list) and isinstance(words, list):
        return len(words) == len(earlier) and all(map(says, words, earlier))
    return words == earlier


@pytest.mark.parametrize("name", WRITTEN)
def test_what_was_ever_written_stays_readable(name: str) -> None:
    """These files are never changed: each is a fact as a program once wrote it, and every word of it still counts."""
    data = (CASES / name).read_bytes()
    key = parse_key(name)
    assert key is not None
    found = read_fact(key, data, NOW)
    assert isinstance(found, facts.Fact), found
    assert says(json.loads(found.to_bytes()), json.loads(data))


def test_there_is_such_a_file_of_every_kind() -> None:
    """A new kind of fact comes with one."""
    kinds = {json.loads((CASES / name).read_bytes())["fact"] for name in WRITTEN}
    assert kinds == {kind.KIND for kind in _kinds(facts.Fact)} - {"", "dated"}  # a dated fact is all in its name


def _kinds(kind: type[facts.Fact]) -> Iterator[type[facts.Fact]]:
    for each in kind.__subclasses__():
        if each.__module__ == facts.__name__:
            yield each
            yield from _kinds(each)


class Hurried(facts.Started):
    """What a later program may make of a kind: in version 2 `run_id` was renamed, in version 3 a word was split."""

    NEWEST = 3
    UPGRADES: ClassVar[Mapping[int, facts.Upgrade]] = {
        1: lambda words: {**words, "job": words["run_id"]},
        2: lambda words: {**words, "service": words["job"].partition(":")[0], "number": words["job"].partition(":")[2]},
    }
    version: int = 3
    service: str
    number: str


@pytest.mark.parametrize(
    ("version", "words"),
    [(1, {"run_id": "glue:7"}), (2, {"job": "glue:7"}), (3, {"service": "glue", "number": "7"})],
    ids=str,
)
def test_a_later_program_reads_older_facts(version: int, words: dict[str, str]) -> None:
    """Their words are made those of each next version in turn; the fact keeps the version in which it was written."""
    document = {"fact": "started", "version": version, "writer": "w", "at": "2026-11-22T12:00:00Z", **words}
    found = Hurried.from_bytes(json.dumps(document).encode())
    assert (found.service, found.number, found.version) == ("glue", "7", version)


@pytest.mark.parametrize("words", [{"version": 1}, {"version": 2, "job": 7}, {"version": 4, "job": "a:b"}, {}], ids=str)
def test_words_that_no_version_has(words: dict[str, object]) -> None:
    """An upgrade that meets them is no bug: the fact cannot be read."""
    document = {"fact": "started", "writer": "w", "at": "2026-11-22T12:00:00Z", **words}
    with pytest.raises(ValueError, match=r"version|service|number"):
        Hurried.from_bytes(json.dumps(document).encode())
