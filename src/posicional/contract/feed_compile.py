"""What a feed means: its dates, files with their layouts, datasets with their SQL, and where they are shown."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from posicional.contract.calendar import Calendar
from posicional.contract.environment import expand, is_reference
from posicional.contract.feed import (
    CONVERT_ABOVE,
    Aws,
    Basic,
    Dataset,
    EngineSettings,
    Feed,
    IndexOf,
    Keep,
    OpenSearchTarget,
)
from posicional.contract.feed_alerts import compile_alerts, compile_board
from posicional.contract.feed_days import compile_calendar, compile_due
from posicional.contract.feed_files import FilesCompiler
from posicional.contract.feed_words import AuthWords, DatasetWords, EngineWords, FeedWords, IndexWords, OpenSearchWords
from posicional.contract.source import Document, Where, reason
from posicional.contract.store_url import SCHEMES, misspelled
from posicional.contract.vocabulary import suggestion

# What Spark SQL calls the types that both engines can write.
_TYPE = re.compile(
    r"string|boolean|tinyint|smallint|int|integer|bigint|date|timestamp|timestamp_ntz|binary"
    r"|decimal\( ?[0-9]{1,2} ?(, ?[0-9]{1,2} ?)?\)|(array|struct|map)<.+>"
)
_LONGEST_INDEX = 200  # OpenSearch takes 255 bytes; the date, run and publication are added


class FeedCompiler:
    """Works a feed out. `documents` are the feed's and those of its layouts, holidays and SQL, with their faults."""

    def __init__(self, document: Document, path: Path, env: Mapping[str, str]) -> None:
        self.document = document
        self.path = path
        self.folder = path.parent
        self.env = env
        self.documents = [document]

    def fault(self, where: Where, message: str, hint: str = "") -> None:
        """Note a fault of the feed's own YAML."""
        self.document.fault(where, message, hint)

    def compile(self, words: FeedWords) -> Feed | None:
        """The feed; None where a fault keeps it from being made. All faults stand in `documents`."""
        for word in ("files", "datasets"):
            if not words.lost(word) and not self.document.root[word] and not self.document.root[word].cut:
                self.fault((word,), "must not be empty")
        zone = self._zone(words.timezone)
        calendar, read = compile_calendar(words.calendar, self.document, self.folder)
        self.documents += read
        deadline = compile_due(words.deadline, ("deadline",), self.document)
        store = self._store(words.store)
        files = FilesCompiler(self.document, self.folder, calendar)
        expected = files.compile(words.files)
        self.documents += files.documents
        datasets = {name: self._dataset(name, one) for name, one in words.datasets.items()}
        self._check_names(words, files.tables)
        opensearch = None
        if words.publish and words.publish.opensearch:
            opensearch = self._opensearch(words.publish.opensearch, words)
        engine = self._engine(words.engine)
        alerts = compile_alerts(words.alerts, self.env, self.document)
        board = compile_board(words.board, self.env, self.document)
        if zone is None or deadline is None or store is None or any(each.faults for each in self.documents):
            return None
        return Feed(
            name=words.feed,
            path=self.path,
            timezone=zone,
            calendar=calendar or Calendar(),
            deadline=deadline,
            store=store,
            files=expected,
            datasets={name: dataset for name, dataset in datasets.items() if dataset},
            opensearch=opensearch,
            alerts=alerts,
            remind_every=words.remind_every,
            board=board,
            settle=words.settle,
            lookback=words.lookback,
            attempts=words.attempts,
            latest_only=words.latest_only,
            engine=engine,
        )

    def _zone(self, name: str) -> ZoneInfo | None:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            near = suggestion(name, sorted(zoneinfo.available_timezones()))
            hint = near if near.startswith("did") else "such as America/Sao_Paulo"
            self.fault(("timezone",), f"no time zone is called {name}", hint)
            return None

    def _store(self, said: str) -> str | None:
        text = expand(said, self.env, self.document, ("store",))
        if text is None:
            return None
        scheme, mark, _ = text.partition("://")
        if meant := misspelled(text):
            self.fault(("store",), "this is no store", f"did you mean {meant}?")
        if not mark:
            return str((self.folder / text).resolve())
        if scheme.lower() not in SCHEMES:
            self.fault(("store",), f"a store {scheme}:// is not known", "a folder, or s3://bucket/prefix")
        return text

    def _engine(self, words: EngineWords) -> EngineSettings:
        return EngineSettings(
            use=words.use,
            memory=words.memory or 0,
            threads=words.threads or 0,
            temp=str((self.folder / words.temp).resolve()) if words.temp else "",
            convert_above=words.convert_above or CONVERT_ABOVE,
        )

    # --- datasets ---

    def _dataset(self, name: str, words: DatasetWords) -> Dataset | None:
        where: Where = ("datasets", name)
        path = self.folder / words.sql
        sql = None if words.lost("sql") else self._sql(path, words.sql, (*where, "sql"))
        expect = {}
        for number, each in enumerate(words.expect):
            query = self._sql(self.folder / each, each, (*where, "expect", number))
            if query is not None:
                expect[each] = query
        for number, column in enumerate(() if words.lost("key") else words.key):
            if column in words.key[:number]:
                self.fault((*where, "key", number), f"{column} is named twice")
            elif words.columns and column.lower() not in map(str.lower, words.columns):
                hint = suggestion(column, words.columns)
                self.fault((*where, "key", number), f"{column} is not among the columns", hint)
        for column, kind in words.columns.items():
            if not _TYPE.fullmatch(kind.strip().lower()):
                hint = 'string, bigint, "decimal(15,2)", date, timestamp_ntz, boolean, …'
                self.fault((*where, "columns", column), f"{kind} is not a type", hint)
        if sql is None:
            return None
        return Dataset(
            name=name,
            sql=sql,
            sql_path=path,
            key=words.key,
            columns=words.columns,
            expect=expect,
            lineage=words.lineage or "",
            protect=words.protect,
        )

    def _sql(self, path: Path, said: str, where: Where) -> str | None:
        try:
            sql = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            self.fault(where, f"no such file: {said}", f"it was looked for at {path}")
        except IsADirectoryError:
            self.fault(where, f"{said} is a directory, not a file")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self.fault(where, f"{said} is not UTF-8: line {line}", "save it as UTF-8")
        except (OSError, ValueError) as error:
            self.fault(where, f"{said} cannot be read: {reason(error)}")
        else:
            if sql.strip():
                return sql
            self.fault(where, f"{said} is empty")
        return None

    def _check_names(self, words: FeedWords, tables: Sequence[tuple[str, str]]) -> None:
        """Files make tables and datasets are tables: SQL takes no name twice, whatever its case."""
        seen: dict[str, str] = {}
        for table, file in tables:
            maker = f"file {file}"
            if (first := seen.setdefault(table.lower(), maker)) != maker:
                self.fault(("files", file), f"makes a table {table}, and so does {first}", "rename the file")
        for name in words.datasets:
            maker = f"dataset {name}"
            if (first := seen.setdefault(name.lower(), maker)) != maker:
                self.fault(("datasets", name), f"is the name of a table of {first} too", "rename the dataset")

    # --- publishing ---

    def _opensearch(self, words: OpenSearchWords, feed: FeedWords) -> OpenSearchTarget | None:
        where: Where = ("publish", "opensearch")
        url = expand(words.url, self.env, self.document, (*where, "url"))
        if url is not None and not _is_http(url):
            self.fault((*where, "url"), "not the address of a server", "such as https://search.example.com:9200")
        shown: dict[str, IndexOf] = {}
        lost = self.document.root.get("datasets")
        for name, index in words.datasets.items():
            here = (*where, "datasets", name)
            if name not in feed.datasets and name not in getattr(lost, "cut", ()):
                self.fault(here, f"no dataset is called {name}", suggestion(name, feed.datasets))
            self._check_index(index, shown, here)
            self._check_mode(words, index, here)
            self._check_columns(index, feed.datasets.get(name), here)
            shown[name] = IndexOf(
                dataset=name,
                index=index.index,
                view=index.view or "latest",
                fields=index.fields,
                settings=index.settings,
                nulls=index.nulls,
                max_refused=index.max_refused,
                deleted=index.deleted or "",
            )
        if words.keep and not words.keep.said():
            self.fault((*where, "keep"), "keeps everything, as without it", "say how many runs or days, or both")
        if words.keep and words.mode == "upsert":
            self.fault((*where, "keep"), "mode: upsert has one index, of which all is kept", "leave keep out")
        keep = Keep(words.keep.runs or 0, words.keep.days or 0) if words.keep else Keep()
        auth = self._auth(words.auth, url, (*where, "auth")) if words.auth else None
        if url is None:
            return None
        return OpenSearchTarget(url, shown, keep, words.mode == "upsert", auth, words.compress)

    def _auth(self, words: AuthWords, url: str | None, where: Where) -> Basic | Aws | None:
        """Who we are to the endpoint. What variables hold appears in no fault."""
        if url and _is_http(url) and urlsplit(url).username is not None:
            self.fault(where, "there is a user in the url as well", "leave one of them out")
        if words.aws is not None:
            if words.user is not None or words.password is not None:
                self.fault((*where, "aws"), "stands beside a user and password", "leave one of them out")
            return Aws(words.aws.service or "", words.aws.region or "")
        if words.user is None or words.password is None:
            if not (words.lost("user") or words.lost("password")):
                self.fault(where, "a user and a password go together", "or: auth: aws")
            return None
        if not is_reference(words.password):
            hint = "write password: ${OPENSEARCH_PASSWORD}, and set that variable"
            self.fault((*where, "password"), "a password does not belong into a contract", hint)
        user = expand(words.user, self.env, self.document, (*where, "user"))
        password = expand(words.password, self.env, self.document, (*where, "password"))
        return Basic(user, password) if user is not None and password is not None else None

    def _check_mode(self, words: OpenSearchWords, index: IndexWords, where: Where) -> None:
        if words.mode == "upsert":
            if index.view is not None:
                self.fault((*where, "view"), "mode: upsert has one index, which shows everything", "leave view out")
        elif index.deleted is not None:
            self.fault((*where, "deleted"), "only mode: upsert deletes documents", "leave it out: a day is shown whole")

    def _check_columns(self, index: IndexWords, dataset: DatasetWords | None, where: Where) -> None:
        """Columns that are named must be among those of the dataset, where it says which it has."""
        if dataset is None or not dataset.columns:
            return
        named = {(*where, "fields", column): column for column in index.fields}
        if index.deleted is not None:
            named[*where, "deleted"] = index.deleted
        for here, column in named.items():
            if column.lower() not in map(str.lower, dataset.columns):
                self.fault(here, f"{column} is not among the columns", suggestion(column, dataset.columns))

    def _check_index(self, words: IndexWords, others: Mapping[str, IndexOf], where: Where) -> None:
        index = words.index
        here = (*where, "index")
        if not re.fullmatch(r'[^-_+.\s\\/*?"<>|,#:A-Z][^\s\\/*?"<>|,#:A-Z]*', index):
            hint = "small letters, digits, - and _, beginning with a letter or digit"
            self.fault(here, f"{index!r} is not a name that OpenSearch takes", hint)
        elif len(index.encode()) > _LONGEST_INDEX:
            self.fault(here, f"the name has {len(index.encode())} bytes; {_LONGEST_INDEX} at most")
        for other in others.values():
            if other.index == index:
                self.fault(here, f"{other.dataset} is published as {index} already", "give each dataset its own")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = re.fullmatch(r"[^\s\\\"<>^`{|}]+", parts.hostname or "") is not None
        return parts.scheme in ("http", "https") and named and (parts.port or 1) > 0
    except ValueError:
        return False
