"""Statements that wait for a lock, and the sessions that hold one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg

from tests.world import World


@contextmanager
def held(world: World, lock: LiteralString) -> Iterator[None]:
    """Another session holds what `lock` takes, as a slow migration or a stuck report would."""
    with psycopg.connect(world.database.url()) as other:
        other.execute(lock)
        yield
        other.rollback()


def until_one_waits(world: World, statement: str = "", *, at_least: int = 1) -> None:
    """Until a statement of a function (or so many), with these words in it, waits for a lock."""
    sql = """SELECT count(*) FROM pg_stat_activity
              WHERE datname = %(name)s AND wait_event_type = 'Lock' AND usename LIKE 'leadsrally%%'
                AND query LIKE '%%' || %(statement)s || '%%'"""
    deadline = time.monotonic() + 10
    while world.value(sql, name=world.database.name, statement=statement) < at_least:
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.005)
