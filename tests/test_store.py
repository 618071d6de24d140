"""A store keeps what it was given, once, whatever happens meanwhile: the same promises on each kind."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from posicional.backends import store_objects
from posicional.backends.store import open_store
from posicional.errors import ObjectExists, ObjectMissing, StoreError, UsageError
from posicional.ports import Store
from tiny_s3 import TinyS3
from worlds import new_store, s3_store


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store of each kind."""
    if request.param == "s3":
        with s3_store(monkeypatch) as (bucket, _):
            yield bucket
    else:
        yield new_store(request.param, tmp_path)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Store, TinyS3]]:
    """An empty bucket and its server, whose retries do not wait long."""
    with s3_store(monkeypatch) as (bucket, server):
        yield bucket, server


@pytest.fixture
def folder(tmp_path: Path) -> Store:
    """An empty folder."""
    return new_store("folder", tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The system calls that decide what survives a power cut, in their order; the real calls still happen."""
    made: list[str] = []

    def record(name: str, real: Callable[..., object], describe: Callable[..., str]) -> None:
        def call(*args: object, **words: object) -> object:
            made.append(f"{name} {describe(*args)}")
            return real(*args, **words)

        monkeypatch.setattr(os, name, call)

    def opened(handle: int) -> str:
        path = Path(f"/proc/self/fd/{handle}").resolve()
        return f"folder {path.name}" if path.is_dir() else "hidden file" if path.name.startswith(".") else "file"

    record("fsync", os.fsync, opened)
    record("link", os.link, lambda _source, target: Path(target).name)
    record("rename", os.rename, lambda _source, target: Path(target).name)
    return made


def keys(store: Store, prefix: str) -> list[str]:
    """The keys of a listing, in its order."""
    return [found.key for found in store.list(prefix)]


def put(store: Store, key: str, data: bytes) -> None:
    """Write an object as a part is written; unlike a fact it may replace another."""
    with store.sink(key.rpartition("/")[0] + "/").open(key.rpartition("/")[2]) as part:
        part.write(data)


def test_what_is_created_is_read_back(store: Store) -> None:
    """Bytes come back as they went in, also none at all, and under names with accents, blanks and signs."""
    for key, data in {"a/b.json": b"{}", "a/vazio": b"", "a/ç ã+%25~&=#?.txt": b"\x00\xff"}.items():
        store.create(key, data)
        assert data == store.read(key)
        assert (key, len(data)) == (store.head(key).key, store.head(key).size)
    assert sorted(["a/b.json", "a/vazio", "a/ç ã+%25~&=#?.txt"]) == keys(store, "a/")


def test_second_create_is_refused_and_changes_nothing(store: Store) -> None:
    """Create-only means that the first stays."""
    store.create("k/1.json", b"first")
    with pytest.raises(ObjectExists):
        store.create("k/1.json", b"second")
    assert store.read("k/1.json") == b"first"


def test_of_many_creators_exactly_one_wins(store: Store) -> None:
    """Eight threads, twenty keys: one winner each, and what stands there is the winner's."""
    for number in range(20):
        key, barrier = f"claims/{number}", threading.Barrier(8)
        winners: list[int] = []

        def claim(me: int, key: str = key, barrier: threading.Barrier = barrier, won: list[int] = winners) -> None:
            barrier.wait()
            try:
                store.create(key, str(me).encode())
            except ObjectExists:
                return
            won.append(me)

        threads = [threading.Thread(target=claim, args=(me,)) for me in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [store.read(key).decode()] == [str(me) for me in winners]


def test_missing_object(store: Store) -> None:
    """Reading or looking at nothing says so; deleting nothing is nothing."""
    for call in (store.read, store.head):
        with pytest.raises(ObjectMissing):
            call("nada/aqui")
    store.delete("nada/aqui")
    assert keys(store, "nada/") == []


def test_delete(store: Store) -> None:
    """What is deleted is gone."""
    store.create("a/b", b"1")
    store.delete("a/b")
    assert keys(store, "a/") == []


def test_list_is_in_the_order_of_whole_keys(store: Store) -> None:
    """The same order as S3: by the whole key, so `a-b` stands before `a/b`; a prefix is a whole segment."""
    names = ["x/a/b", "x/a-b/c", "x/a.txt", "x/a0", "x/a/b2/c", "xy/z", "x/é"]
    for name in names:
        store.create(name, b"")
    assert sorted(name for name in names if name.startswith("x/")) == keys(store, "x/")
    assert sorted(names) == keys(store, "")


def test_list_by_the_beginning_of_a_name(store: Store) -> None:
    """What a prefix without a slash begins: files, and what is in folders of such names; the name itself is one."""
    names = ["x/CON_20261121.txt", "x/CON_20261122", "x/CON_20261122.txt", "x/CON_20261122b/1", "x/CON_20261123.txt"]
    for name in [*names, "x/CLI_20261122.txt", "x/.CON_20261122", "x/a/CON_20261122.txt", "CON_20261122.txt"]:
        store.create(name, b"")
    assert keys(store, "x/CON_20261122") == names[1:4]
    assert keys(store, "x/Z") == keys(store, "y/C") == []
    assert keys(store, "CON_2") == ["CON_20261122.txt"]


@pytest.mark.parametrize("named", ["a", "b", "zz"])
def test_s3_is_asked_for_no_page_too_many(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """Of a hundred names in pages of five, those of one day cost a page; whatever stands before and behind them."""
    with s3_store(monkeypatch) as (s3, server):
        for file in ("a", "b", "zz"):
            for day in range(100, 200):
                s3.create(f"in/{file}_{day}.txt", b"")
        server.page = 5
        monkeypatch.setattr(store_objects, "PAGE", 5)
        server.requests.clear()
        assert keys(s3, f"in/{named}_150.") == [f"in/{named}_150.txt"]
        assert len(server.requests) <= 3  # the day's, and those whose last figure alone is another
        server.requests.clear()
        assert len(keys(s3, "in/")) == 300
        assert len(server.requests) == 60


def test_hidden_names_are_not_listed(store: Store) -> None:
    """Names with a leading dot, of files and folders, are not there."""
    for name in ("in/.half.txt", "in/.git/config", "in/full.txt"):
        store.create(name, b"1")
    assert keys(store, "in/") == ["in/full.txt"]


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/../b", "a/./b"])
def test_keys_cannot_leave_the_store(store: Store, key: str) -> None:
    """A key that is no relative path of names is refused."""
    with pytest.raises(StoreError):
        store.create(key, b"1")


def test_part_is_there_only_when_it_is_closed(store: Store) -> None:
    """A part is seen whole or not at all, and its stream knows how far it is."""
    part = store.sink("p/t1/").open("part-00000.parquet")
    part.write(b"a" * 100)
    assert (keys(store, "p/"), part.tell()) == ([], 100)
    part.close()
    assert [(found.key, found.size) for found in store.list("p/")] == [("p/t1/part-00000.parquet", 100)]


@pytest.mark.parametrize("how", ["error", "forgotten"])
def test_part_that_is_left_leaves_nothing(store: Store, tmp_path: Path, how: str) -> None:
    """An error while writing, or a forgotten stream, does not publish half a part; nothing hidden stays either."""
    part = store.sink("p/").open("x.parquet")
    part.write(b"half")
    if how == "error":
        with pytest.raises(ZeroDivisionError), part:
            raise ZeroDivisionError
    del part
    gc.collect()
    assert keys(store, "p/") == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_ranges_of_a_source(store: Store) -> None:
    """A source gives any range, also beyond its end and of nothing."""
    put(store, "in/a.txt", bytes(range(256)))
    source = store.source(store.head("in/a.txt"))
    assert (256, bytes(range(256))) == (source.size, source.open().read())
    assert (
        source.open(5, 7).read(),
        source.open(255, 300).read(),
        source.open(7, 7).read(),
    ) == (b"\x05\x06", b"\xff", b"")


def test_source_of_an_empty_object(store: Store) -> None:
    """An empty object is a source of no bytes."""
    put(store, "in/vazio.txt", b"")
    assert store.source(store.head("in/vazio.txt")).open().read() == b""


def test_version_changes_with_the_content(store: Store) -> None:
    """The same name with other bytes is another version; the listing agrees with the head."""
    put(store, "in/a.txt", b"one")
    before = store.head("in/a.txt")
    put(store, "in/a.txt", b"two")
    after = store.head("in/a.txt")
    assert before.version != after.version
    assert [after] == list(store.list("in/"))


def test_source_is_of_one_version(store: Store) -> None:
    """A source of a version that is gone fails rather than give other bytes."""
    put(store, "in/a.txt", b"one")
    source = store.source(store.head("in/a.txt"))
    put(store, "in/a.txt", b"two")
    with pytest.raises(ObjectMissing, match="changed"):
        source.open().read()


def test_file_that_changes_while_it_is_read(folder: Store) -> None:
    """A writer that still appends, or truncates, is noticed at the end of the stream."""
    put(folder, "in/a.txt", b"x" * 100)
    path = Path(folder.locate("in/a.txt"))
    for size in (150, 50):
        stream = folder.source(folder.head("in/a.txt")).open()
        stream.read(10)
        path.write_bytes(b"x" * size)
        with pytest.raises(ObjectMissing, match="changed"):
            list(iter(partial(stream.read, 64), b""))
        stream.close()


def test_file_replaced_while_it_is_read_gives_the_old_bytes(folder: Store) -> None:
    """A rename over the name leaves the open stream on the version it was opened for."""
    put(folder, "in/a.txt", b"old")
    stream = folder.source(folder.head("in/a.txt")).open()
    put(folder, "in/a.txt", b"new")
    assert stream.read() == b"old"


def test_located_objects_can_be_opened(store: Store) -> None:
    """An engine finds an object under the path it is told, or under its URL through the store of the URL's host."""
    put(store, "out/part.parquet", b"PAR1")
    place = store.locate("out/part.parquet")
    scheme, _, path = place.rpartition("://")
    host, _, key = path.partition("/")
    found = open_store(f"{scheme}://{host}").read(key) if scheme else Path(place).read_bytes()
    assert found == b"PAR1"


def test_store_pickles(store: Store) -> None:
    """A worker process gets the store, a source or a sink and works on the same objects."""
    put(store, "in/a.txt", b"abc")
    source = store.source(store.head("in/a.txt"))
    again, sink = pickle.loads(pickle.dumps((source, store.sink("out/"))))  # noqa: S301 - our own
    assert again.open().read() == b"abc"
    with sink.open("b.txt") as part:
        part.write(b"b")
    assert pickle.loads(pickle.dumps(store)).read("out/b.txt") == b"b"  # noqa: S301 - our own


# The folder alone: durability, and what a folder can be.


def test_a_fact_is_synced_before_and_after_it_gets_its_name(folder: Store, calls: list[str]) -> None:
    """Bytes first, then the name, then the folder that holds the name; new folders are synced into theirs."""
    folder.create("controle/f/0001.json", b"{}")
    folder.create("controle/f/0002.json", b"{}")
    root = Path(folder.url)
    assert [
        f"fsync folder {root.parent.name}",
        "fsync folder dados",
        "fsync folder controle",
        "fsync hidden file",
        "link 0001.json",
        "fsync folder f",
        "fsync hidden file",
        "link 0002.json",
        "fsync folder f",
    ] == calls


def test_the_loser_of_a_create_syncs_the_folder_too(folder: Store, calls: list[str]) -> None:
    """Whoever relies on another's fact makes sure that it survives."""
    folder.create("k/1", b"1")
    calls.clear()
    with pytest.raises(ObjectExists):
        folder.create("k/1", b"2")
    assert calls == ["fsync hidden file", "link 1", "fsync folder k"]


def test_a_part_is_synced_before_and_after_it_gets_its_name(folder: Store, calls: list[str]) -> None:
    """The same for parts, so that they are there before the fact that names them."""
    put(folder, "p/part-0", b"1")
    assert calls[-3:] == ["fsync hidden file", "rename part-0", "fsync folder p"]


def test_a_power_cut_before_the_link_leaves_no_name(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stops a create leaves either the whole object or none, and no hidden file."""

    def cut(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", cut)
        with pytest.raises(StoreError, match="Input/output error"):
            folder.create("k/1", b"1")
    assert [path for path in Path(folder.url).rglob("*") if path.is_file()] == []
    folder.create("k/1", b"1")


def test_links_are_followed_but_never_in_circles(folder: Store, tmp_path: Path) -> None:
    """A linked file or folder counts, a loop is walked once, a dangling link is nothing."""
    folder.create("in/a.txt", b"1")
    root = Path(folder.url)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.txt").write_bytes(b"2")
    (root / "in" / "sub").symlink_to(elsewhere)
    (root / "in" / "loop").symlink_to(root / "in")
    (elsewhere / "up").symlink_to(root)
    (root / "in" / "self").symlink_to(root / "in" / "self")
    (root / "in" / "gone.txt").symlink_to(tmp_path / "nowhere")
    assert keys(folder, "in/") == ["in/a.txt", "in/sub/b.txt"]


def test_listing_one_day_of_many_is_quick(folder: Store) -> None:
    """A prefix is listed alone: the rest of the store is not touched."""
    root = Path(folder.url, "controle", "f")
    for day in range(300):
        (root / f"day{day:03d}").mkdir(parents=True)
        for number in range(10):
            (root / f"day{day:03d}" / f"{number:04d}.json").touch()
    opened: list[str] = []
    real = os.scandir

    def scandir(path: str) -> Iterator[os.DirEntry[str]]:
        opened.append(str(path))
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        assert len(keys(folder, "controle/f/day007/")) == 10
    assert len(opened) == 1


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """Says so, for writing and for listing, without a traceback of the system's."""
    (tmp_path / "dados").write_text("not a folder")
    store = new_store("folder", tmp_path)
    for call in (
        lambda: store.create("k/1", b"1"),
        lambda: keys(store, "k/"),
        lambda: store.sink("p/").open("x"),
        lambda: store.head("k/1"),
    ):
        with pytest.raises(StoreError, match="a file where a folder should be"):
            call()


def test_a_folder_where_a_file_should_be(folder: Store) -> None:
    """An arrived folder is no file."""
    folder.create("in/a.txt/b", b"1")
    with pytest.raises(ObjectMissing, match="not a file"):
        folder.head("in/a.txt")
    with pytest.raises(StoreError, match="a folder where a file should be"):
        folder.read("in/a.txt")


@pytest.mark.parametrize(
    ("number", "says"), [(28, "the disk is full"), (30, "the folder is read-only"), (13, "permission denied")]
)
def test_what_the_system_refuses_is_explained(
    folder: Store, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    """A full disk, a read-only folder and missing rights are told in words, with what to do, for facts and parts."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    part = folder.sink("p/").open("x")
    part.write(b"1")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=says) as raised:
        folder.create("k/1", b"1")
    assert raised.value.hint
    with pytest.raises(StoreError, match=says):
        part.close()
    assert keys(folder, "p/") == []


def test_a_real_read_only_folder() -> None:
    """A folder without the right to write gives the same words from the system itself."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        with somebody(), pytest.raises(StoreError, match="permission denied"):
            open_store(folder).create("k/1", b"1")


@contextmanager
def somebody() -> Iterator[None]:
    """No root for a while, who may write everywhere."""
    rights = os.geteuid()
    if rights == 0:
        os.seteuid(65534)  # nobody
    try:
        yield
    finally:
        os.seteuid(rights)


def test_a_really_full_disk() -> None:
    """/dev/full refuses every write: the words come from the system's own error."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    store = open_store("/dev")
    part = store.sink("shm/posicional-test/").open("x")
    part._file.close()  # type: ignore[attr-defined]  # noqa: SLF001 - put the full device in the file's place
    part._file = open("/dev/full", "wb")  # type: ignore[attr-defined]  # noqa: PTH123, SIM115, SLF001
    part.write(b"1")
    with pytest.raises(StoreError, match="the disk is full"):
        part.close()
    shutil.rmtree("/dev/shm/posicional-test")  # noqa: S108 - made above


# S3: what the server does on the way.


def test_throttling_and_server_errors_are_retried(s3: tuple[Store, TinyS3]) -> None:
    """A server that is busy for a moment is asked again, with a growing pause, for reading and for writing."""
    store, server = s3
    server.faults = {"CREATE": ["503", "500"], "GET": ["503", "503"]}
    store.create("a/b", b"1")
    assert store.read("a/b") == b"1"
    assert [request.split()[0] for request in server.requests] == ["PUT"] * 3 + ["GET"] * 3


def test_a_write_that_is_done_and_reported_as_failed(s3: tuple[Store, TinyS3]) -> None:
    """The retry meets what it had written itself: the store says that it exists, and the bytes are there."""
    store, server = s3
    server.faults = {"CREATE": ["500 after"]}
    with pytest.raises(ObjectExists):
        store.create("a/b", b"mine")
    assert store.read("a/b") == b"mine"


@pytest.mark.parametrize(
    ("status", "says"), [("403", "access denied"), ("401", "access denied"), ("400", "as ordered")]
)
def test_what_the_server_refuses_is_explained(s3: tuple[Store, TinyS3], status: str, says: str) -> None:
    """One sentence with what to do, without XML and the library's state."""
    store, server = s3
    server.faults = {"CREATE": [status] * 20}
    with pytest.raises(StoreError, match=says) as raised:
        store.create("a/b", b"1")
    assert raised.value.hint
    assert not {"\n", "<"} & set(str(raised.value))


def test_a_server_that_is_not_there(s3: tuple[Store, TinyS3], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence without the library's words; likewise where the environment does not say who we are."""
    monkeypatch.setattr(store_objects, "RETRIES", 0)
    s3[1].faults = {"CREATE": ["503"]}
    with pytest.raises(StoreError, match=r"a: the store answers 503 \(Ordered: as ordered\) -> "):
        open_store(s3[0].url).create("a", b"1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"a: the store cannot be reached -> check"):
        open_store("s3://balde").read("a")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match="the bucket cannot be opened; got Generic S3 error: Missing Secret"):
        open_store("s3://balde")


def test_there_is_no_such_bucket(s3: tuple[Store, TinyS3]) -> None:
    """The bucket is named, rather than the object that cannot be there."""
    store = open_store(f"s3://outro/{s3[1].url[-5:]}")
    for call in (lambda: store.create("a", b"1"), lambda: store.read("a"), lambda: keys(store, "a/")):
        with pytest.raises(StoreError, match="no such bucket"):
            call()


def test_a_part_of_many_pieces(s3: tuple[Store, TinyS3]) -> None:
    """A part larger than one request goes up in pieces, and is read back in pieces of its one version."""
    store, _ = s3
    data = bytes(range(256)) * (80_000)
    with store.sink("p/").open("big") as part:
        for start in range(0, len(data), 1 << 20):
            part.write(data[start : start + (1 << 20)])
    found = store.head("p/big")
    stream = store.source(found).open(3)
    assert b"".join(iter(partial(stream.read, 1 << 20), b"")) == data[3:]


# URLs


def test_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is below the working directory; file:// is decoded; memory is shared by name."""
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "dados") == open_store("./dados").url
    assert str(tmp_path / "meus dados") == open_store(f"file://{tmp_path}/meus%20dados").url
    open_store("memory://um").create("a", b"1")
    assert (keys(open_store("memory://dois"), ""), keys(open_store("memory://um"), "")) == ([], ["a"])


@pytest.mark.parametrize("url", ["s3:/bucket/x", "s3//bucket/x", "s3:bucket", "file:/dados", "memory:um"])
def test_a_misspelled_url_is_no_folder(url: str) -> None:
    """Whoever forgets a letter of s3:// would wait for ever for what arrives somewhere else."""
    with pytest.raises(UsageError, match=f"did you mean {url.partition(':')[0].partition('/')[0]}://"):
        open_store(url)


def test_a_folder_may_be_called_like_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a single slash behind it."""
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "s3" / "dados") == open_store("s3/dados").url


@pytest.mark.parametrize("url", ["gs://bucket/x", "http://host/x", "s3://", "s3:///x"])
def test_unknown_urls(url: str) -> None:
    """What is not supported is said, with what is."""
    with pytest.raises(UsageError):
        open_store(url)


def test_unreachable_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: one clear sentence after the retries, and no dump of the library's state."""
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "sa-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with monkeypatch.context() as patch:
        patch.setattr("posicional.backends.store_objects.RETRIES", 0)
        store = open_store("s3://nenhum-balde/p")
    with pytest.raises(StoreError) as raised:
        store.create("k", b"1")
    assert "\n" not in str(raised.value)
    assert "nenhum-balde" in raised.value.where
    assert "endpoint" in raised.value.hint
