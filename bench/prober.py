"""Writes of others on schedule, beside which something heavy is done: what it costs them."""

import threading
import time
from collections.abc import Callable
from typing import Any, Self

import psycopg

from bench.cluster import Cluster


class Prober:
    """One write after the other on a connection of its own, each when it is due, whatever the last one took.

    Open loop: a write's time counts from when it was due, so that one that waits for another counts as long as it waits.
    """

    def __init__(self, pg: Cluster, rate: int, write: Callable[[psycopg.Connection[Any]], object]) -> None:
        """`rate`: writes a second."""
        self._rate = rate
        self._write = write
        self._connection = psycopg.connect(pg.url(), autocommit=True)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._took: list[tuple[float, float]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._connection.close()

    def between(self, first: float, last: float) -> list[float]:
        """Milliseconds of the writes that were due in this span of `time.perf_counter`."""
        return [took for due, took in self._took if first <= due < last]

    def _probe(self) -> None:
        due = time.perf_counter()
        while not self._stopping.is_set():
            due += 1 / self._rate
            time.sleep(max(0.0, due - time.perf_counter()))
            self._write(self._connection)
            self._took.append((due, (time.perf_counter() - due) * 1000))


def written(pg: Cluster) -> int:
    """How many bytes of log the server has written since it was made."""
    return int(pg.value("SELECT pg_current_wal_insert_lsn() - '0/0'"))
