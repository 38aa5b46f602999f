"""An empty database by name, for the tests that fill one themselves."""

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.database import TestDatabase

_numbers = count(1)


@pytest.fixture
def unmade(administration: tuple[psycopg.Connection[Any], str]) -> Iterator[TestDatabase]:
    """A name for which there is no database yet."""
    connection, sockets = administration
    made = TestDatabase(f"unmade_{os.getpid()}_{next(_numbers)}", sockets)
    yield made
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(made.name)))


@pytest.fixture
def admin(administration: tuple[psycopg.Connection[Any], str]) -> psycopg.Connection[Any]:
    """A superuser's session outside of the test's database."""
    return administration[0]
