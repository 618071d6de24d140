"""The promises themselves: each can be broken and is then found out, and the user is told the same ones."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import invariants
from commands import ROOT
from invariants import Began, Wrote, check_always, check_at_rest, check_cleaned, current_run, ledger_of
from light import table_of
from shaky import Fate
from test_crashes import Scene, sample_of_seven, whole_day

PAGE = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
PROMISES = [
    name
    for name, found in vars(invariants).items()
    if inspect.isfunction(found)
    and found.__module__ == "invariants"
    and not name.startswith(("_", "check_"))
    and name not in ("current_run", "ledger_of")
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The seven files of the day."""
    return sample_of_seven(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def scene(sample: Mapping[str, bytes], tmp_path: Path) -> Scene:
    """A whole day of which everything that is promised holds, in memory."""
    return whole_day("memory", tmp_path, sample, Fate())


def check(scene: Scene) -> None:
    """All that is promised."""
    check_always(scene.store, scene.history)
    check_at_rest(scene.store, scene.history, scene.shelf, "done")
    check_cleaned(scene.store, scene.history)


def _key(scene: Scene, wanted: str) -> str:
    """The first key of the store that has these words in it."""
    return next(found.key for found in scene.store.list("") if re.search(wanted, found.key))


def _part(scene: Scene, key: str, data: bytes) -> None:
    folder, _, name = key.rpartition("/")
    with scene.store.sink(folder + "/").open(name) as part:
        part.write(data)


def change_a_fact(scene: Scene) -> None:
    """Somebody edits the end of a run."""
    key = _key(scene, r"runs/0003\.end")
    data = scene.store.read(key).replace(b"succeeded", b"failed")
    scene.store.delete(key)
    scene.store.create(key, data)


def create_a_fact_twice(scene: Scene) -> None:
    """Two processes believe that a fact is theirs."""
    scene.history.wrote.append(replace(scene.history.wrote[0], who="another"))


def claim_out_of_turn(scene: Scene) -> None:
    """A run is claimed while the one before it has no end."""
    wrote = scene.history.wrote
    end = next(one for one in wrote if one.key.endswith("runs/0002.end.json"))
    wrote.remove(end)
    wrote.append(end)


def succeed_for_somebody_else(scene: Scene) -> None:
    """A run succeeds, but not for whoever claimed it."""
    wrote = scene.history.wrote
    at = next(at for at, one in enumerate(wrote) if one.key.endswith("runs/0003.end.json"))
    wrote[at] = replace(wrote[at], who="another")


def read_once_more(scene: Scene) -> None:
    """An arrival is read again, by a process that knows that it has been."""
    what = next(one.what for one in scene.history.began if "dados-parquet" in one.what)
    again = re.sub(r"/[^/]+/part", "/again/part", what)
    scene.history.began.append(Began("another", again, len(scene.history.wrote)))


def make_once_more(scene: Scene) -> None:
    """A run makes a dataset twice."""
    scene.history.began.append(next(one for one in scene.history.began if "dados-processados" in one.what))


def lose_a_part(scene: Scene) -> None:
    """Somebody removes a part of an older run that succeeded, which a person may roll back to."""
    scene.store.delete(_key(scene, r"dados-processados/.*run=0004"))


def miss_a_version(scene: Scene) -> None:
    """A correction comes that nobody sees."""
    scene.send("planos")


def double_the_rows(scene: Scene) -> None:
    """A file's rows stand in its parts twice."""
    key = _key(scene, "dados-parquet/planos/sinistros")
    rows = table_of(scene.store, key)
    twice = pa.BufferOutputStream()
    pq.write_table(pa.concat_tables([rows, rows]), twice)
    _part(scene, key, twice.getvalue().to_pybytes())


def show_another_run(scene: Scene) -> None:
    """The newest good arrival is not the one that the current run took."""
    arrived = scene.history.arrived
    newest = next(key for key in reversed(arrived) if "CONTRATOS" in key[0])
    arrived[newest] = replace(arrived[newest], good=lambda _feed: False)


def show_readers_something_else(scene: Scene) -> None:
    """The alias shows two publications."""
    scene.shelf.aliases["linhas"] = set(scene.shelf.held) - {name for name in scene.shelf.held if "resumo" in name}


def leave_something(scene: Scene) -> None:
    """A try that nobody names."""
    _part(scene, f"dados-parquet/planos/planos/data={scene.history.day}/arrival=0001/dead/part-00000.parquet", b"x")


BREAKS: Mapping[Callable[[Scene], None], str] = {
    change_a_fact: "facts_are_written_once",
    create_a_fact_twice: "facts_are_written_once",
    claim_out_of_turn: "one_turn_at_a_time",
    succeed_for_somebody_else: "one_turn_at_a_time",
    read_once_more: "what_has_ended_is_not_done_again",
    make_once_more: "what_has_ended_is_not_done_again",
    lose_a_part: "what_a_fact_names_is_there",
    miss_a_version: "every_version_is_an_arrival",
    double_the_rows: "rows_are_there_once",
    show_another_run: "the_current_run_is_the_one_the_rules_name",
    show_readers_something_else: "readers_see_the_current_run",
    leave_something: "nothing_else_is_left",
}


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda one: one.__name__)
def test_a_broken_promise_is_found_out(break_it: Callable[[Scene], None], scene: Scene) -> None:
    """By the promise that it breaks."""
    check(scene)
    break_it(scene)
    with pytest.raises(AssertionError) as broken:
        check_one(BREAKS[break_it], scene)
    assert broken.traceback[-1].name == BREAKS[break_it]


def check_one(name: str, scene: Scene) -> None:
    """One of the promises."""
    given = {
        "store": scene.store,
        "history": scene.history,
        "shelf": scene.shelf,
        "rest": "done",
        "feeds": scene.history.feeds,
    }
    promise = getattr(invariants, name)
    promise(**{word: given[word] for word in inspect.signature(promise).parameters})


def test_every_promise_can_be_broken() -> None:
    """None of them is there for show."""
    assert set(PROMISES) == set(BREAKS.values())


def test_the_current_run_by_hand(scene: Scene) -> None:
    """The highest that succeeded, unless a person has rolled back since."""
    facts = ledger_of(scene.history)
    run, rollback = current_run(facts)
    assert (run, (rollback or {})["run"]) == (3, 3)
    without = {name: words for name, words in facts.items() if not name.startswith("decisions/")}
    assert current_run(without) == (4, None)
    later = facts | {"runs/0005.end.json": {"status": "succeeded"}}
    assert current_run(later) == (5, None)


def test_the_history_is_that_of_the_store(scene: Scene) -> None:
    """What processes noted as written is what lies there, so that no promise is checked against nothing."""
    there = {found.key for found in scene.store.list(scene.history.prefix)}
    assert there == {one.key for one in scene.history.wrote}
    assert len(there) > 30
    assert all(isinstance(json.loads(one.data), dict) for one in scene.history.wrote)
    assert isinstance(scene.history.wrote[0], Wrote)


# What the user is told.


def _table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the page, without its head."""
    text = PAGE.split(heading, 1)[1].split("\n#", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_the_user_is_told_the_same_promises() -> None:
    """The page has each promise in the words of its function, in the same order."""
    told = [row[0] for row in _table("### Whatever happens")]
    assert told == [str(inspect.getdoc(getattr(invariants, name))).split("\n", maxsplit=1)[0] for name in PROMISES]


def test_each_promise_of_the_page_names_its_proof() -> None:
    """Every paragraph that promises something is in the table of proofs, and every test that is named there exists."""
    promised = [" ".join(title.split()) for title in re.findall(r"^\*\*(.+?)\*\*", PAGE, re.MULTILINE | re.DOTALL)]
    proofs = _table("### What proves it")
    assert [row[0] for row in proofs] == promised
    for row in [*proofs, *_table("### Whatever happens")]:
        tests = re.findall(r"`(test_\w+)\.py::(test_\w+)`", row[1])
        assert tests, row
        for module, name in tests:
            text = (ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
            assert re.search(rf"^def {name}\(", text, re.MULTILINE), (module, name)
