"""What all tests share: a throw-away Postgres for the run, and a database for each test that asks for one."""

import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from leadsrally.accounts import passwords
from tests.database import Cluster, TestDatabase, administrator, clone
from tests.graphboard import Graphboard, connected_to_meta
from tests.switchboard import Switchboard, switched
from tests.world import Line, Org, World

_cluster = Cluster()


def pytest_configure(config: pytest.Config) -> None:
    # With workers the server belongs to their controller, which outlives them all. Alone, the process starts
    # one when the first test asks for it.
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        _cluster.start()


def pytest_unconfigure() -> None:
    _cluster.stop()


@pytest.fixture(scope="session")
def administration() -> Iterator[tuple[psycopg.Connection[Any], str]]:
    sockets = _cluster.sockets()
    with administrator(sockets) as connection:
        yield connection, sockets


_ROLES = 7_308_326_125_744  # advisory lock of the tests that make roles, and of those that look for them


@pytest.fixture
def roles_alone(administration: tuple[psycopg.Connection[Any], str]) -> Iterator[None]:
    """Roles belong to the whole server, so tests about them wait for each other, across workers too."""
    connection, _ = administration
    connection.execute("SELECT pg_advisory_lock(%s)", (_ROLES,))
    yield
    connection.execute("SELECT pg_advisory_unlock(%s)", (_ROLES,))


@pytest.fixture
def database(administration: tuple[psycopg.Connection[Any], str]) -> Iterator[TestDatabase]:
    """A migrated, empty database of the test's own."""
    with clone(*administration) as made:
        yield made


@pytest.fixture
def world(database: TestDatabase) -> Iterator[World]:
    """A whole LeadsRally on a database of its own."""
    made = World(database).open()
    yield made
    made.close()


@pytest.fixture
def org(world: World) -> Org:
    return world.organization()


@pytest.fixture
def line(world: World, org: Org) -> Line:
    return world.line(org)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """bcrypt at its lowest cost, a millisecond each; what it promises is tested where the cost is not touched."""
    monkeypatch.setattr(passwords, "COST", 4)
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


@pytest.fixture
def switchboard(world: World) -> Iterator[Switchboard]:
    """The world's channels at a simulated Twilio."""
    with switched(world) as made:
        yield made


@pytest.fixture
def graphboard(world: World) -> Iterator[Graphboard]:
    """The world's channels at a simulated Meta."""
    with connected_to_meta(world) as made:
        yield made


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
