"""What can go wrong between an application and its database or disk, each with how it begins and how it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import make_url

from tests.databases import SQLITE, drop_database, fresh_database, postgres_url
from tests.prove.outage_site import Site
from tests.prove.place import furnish
from tests.prove.proxy import PrivateServer, Proxy


@dataclass
class Rig:
    """What lies between the application and its data."""

    url: str  # directly
    proxy: Proxy | None = None
    server: PrivateServer | None = None
    locks: list[sqlite3.Connection] = field(default_factory=list)

    @property
    def through(self) -> str:
        return self.proxy.url if self.proxy else self.url


Act = Callable[[Rig, Site], object]


@dataclass(frozen=True)
class Trouble:
    """``felt``: somebody must have got the page that nothing was saved, else the outage was none."""

    name: str
    seconds: float
    begin: Act
    end: Act
    with_file: bool = False
    felt: bool = True
    own_server: bool = False


@contextmanager
def rig(database: str, trouble: Trouble) -> Iterator[Rig]:
    """A furnished database, behind a proxy where there is a network."""
    if database == "sqlite":
        made = Rig(fresh_database(SQLITE, prepare=furnish))
    elif trouble.own_server:
        server = PrivateServer()
        furnish(server.url)
        made = Rig(server.url, Proxy(server.url), server)
    else:
        url = fresh_database(postgres_url(), prepare=furnish)
        made = Rig(url, Proxy(url))
    try:
        yield made
    finally:
        if made.proxy:
            made.proxy.close()
        if made.server:
            made.server.close()
        else:
            drop_database(made.url)


def troubles(database: str, *, short: bool) -> list[Trouble]:
    """All troubles of one kind of database, the quickest first."""
    if database == "sqlite":
        return [_full(1.0 if short else 4.0), _files(1.0 if short else 4.0), _locked()]
    quick = [_refused(1.0 if short else 4.0), _cut(700, 1.0 if short else 3.0)]
    if short:
        return quick
    cuts = [_cut(size, 3.0) for size in (1, 60, 5_000, 15_000)]
    return [*quick, _files(4.0), *cuts, _hung(), _slow(), _stopped()]


def _mode(mode: str, *, reset: bool = False, cut_after: int = 0, delay: float = 0.0) -> Act:
    def act(rig: Rig, _site: Site) -> None:
        assert rig.proxy is not None
        rig.proxy.mode, rig.proxy.cut_after, rig.proxy.delay = mode, cut_after, delay
        if reset:
            rig.proxy.reset()

    return act


def _refused(seconds: float) -> Trouble:
    return Trouble("connections refused and reset", seconds, _mode("refuse", reset=True), _mode("pass"))


def _cut(size: int, seconds: float) -> Trouble:
    return Trouble(f"cut after {size} bytes", seconds, _mode("cut", reset=True, cut_after=size), _mode("pass"))


def _hung() -> Trouble:
    return Trouble("silent", 12.0, _mode("hang"), _mode("pass"))


def _slow() -> Trouble:
    return Trouble("slow", 5.0, _mode("pass", delay=0.05), _mode("pass"), felt=False)


def _stopped() -> Trouble:
    def stop(rig: Rig, _site: Site) -> None:
        assert rig.server is not None
        rig.server.stop()

    def start(rig: Rig, _site: Site) -> None:
        assert rig.server is not None
        rig.server.start()

    return Trouble("server stopped", 4.0, stop, start, own_server=True)


def _switch(name: str, *, on: bool) -> Act:
    def act(_rig: Rig, site: Site) -> None:
        if on:
            (site.control / name).touch()
        else:
            (site.control / name).unlink()

    return act


def _full(seconds: float) -> Trouble:
    return Trouble("database full", seconds, _switch("full", on=True), _switch("full", on=False))


def _files(seconds: float) -> Trouble:
    begin, end = _switch("no files", on=True), _switch("no files", on=False)
    return Trouble("disk full", seconds, begin, end, with_file=True)


def _locked() -> Trouble:
    def lock(rig: Rig, _site: Site) -> None:
        connection = sqlite3.connect(make_url(rig.url).database or "", isolation_level=None, timeout=20)
        connection.execute("BEGIN IMMEDIATE")
        rig.locks.append(connection)

    def unlock(rig: Rig, _site: Site) -> None:
        rig.locks.pop().close()

    return Trouble("locked by somebody else", 10.5, lock, unlock)
