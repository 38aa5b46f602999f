"""The bell of one process: LISTEN and a poll, ringing queue functions with SQS-shaped events.

A job that this process enqueues is heard at once, without Postgres; NOTIFY tells the other processes of the
same database, at most once in a twentieth of a second for each queue. It is sent after the commit and not
inside it: a transaction that notifies takes a lock of the whole server while it commits, and all webhooks
would stand in one line.
"""

import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg

from infra.local.context import Context
from infra.local.functions import Function
from leadsrally.jobs.run import due_now
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.telemetry import log

_POLL_SECONDS = 1.0
_LISTEN_SECONDS = 1.0  # how long a stop may wait for the listener
_NOTIFY_SECONDS = 0.05
_CHANNEL = "leadsrally_jobs"


class Bells:
    """Rings each queue function for what is due, several batches side by side."""

    def __init__(
        self,
        functions: Sequence[Function],
        db: Database,
        listen_url: str,
        clock: Clock,
        *,
        side_by_side: int = 4,
        batch: Callable[[Function], int] = lambda function: function.batch_size,
    ) -> None:
        self._db = db
        self._listen_url = listen_url
        self._clock = clock
        self._batch = batch
        self._queues = {
            function.name: _Queue(function, side_by_side) for function in functions if function.queue
        }
        self._stopping = threading.Event()
        self._unsent: set[str] = set()
        self._unsent_lock = threading.Lock()
        self._ring = threading.Event()
        self._threads = [
            threading.Thread(target=self._dispatch, args=(queue,), name=f"bell-{name}", daemon=True)
            for name, queue in self._queues.items()
        ]
        self._threads.append(threading.Thread(target=self._listen, name="bell-listen", daemon=True))
        self._threads.append(threading.Thread(target=self._notify, name="bell-notify", daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batches that run and ring no more."""
        self._stopping.set()
        self._ring.set()
        for queue in self._queues.values():
            queue.heard.set()
        for thread in self._threads:
            thread.join(timeout=10)
        for queue in self._queues.values():
            queue.pool.shutdown(wait=True, cancel_futures=True)

    def announce(self, queue: str, _ids: Sequence[UUID]) -> None:
        """What `Database` calls after a commit that enqueued."""
        known = self._queues.get(queue)
        if known is not None:
            known.heard.set()
        with self._unsent_lock:
            self._unsent.add(queue)
        self._ring.set()

    def _dispatch(self, queue: "_Queue") -> None:
        while not self._stopping.is_set():
            queue.heard.wait(_POLL_SECONDS)
            queue.heard.clear()
            try:
                self._ring_for(queue)
            except LeadsRallyError as error:
                log.warning("bell.failed", queue=queue.function.name, code=error.code)
                self._stopping.wait(_POLL_SECONDS)
            except Exception as error:
                # Whatever it was: a queue whose thread has ended would never be served again.
                log.error("bell.failed", queue=queue.function.name, error=error)
                self._stopping.wait(_POLL_SECONDS)

    def _ring_for(self, queue: "_Queue") -> None:
        size = self._batch(queue.function)
        while not self._stopping.is_set():
            queue.free.acquire()
            if self._stopping.is_set():
                queue.free.release()
                return
            try:
                ids = due_now(
                    self._db, queue.function.name, limit=size, now=self._clock(), besides=queue.in_flight()
                )
            except BaseException:
                queue.free.release()
                raise
            if not ids:
                queue.free.release()
                return
            queue.begin(ids)
            queue.pool.submit(self._run, queue, ids)

    def _run(self, queue: "_Queue", ids: list[UUID]) -> None:
        try:
            queue.handler(event_for(queue.function.name, ids), Context(queue.function))
        except Exception as error:
            log.error("batch.failed", queue=queue.function.name, error=error)
            self._stopping.wait(_POLL_SECONDS)  # its jobs are due still; do not spin on them
        finally:
            queue.end(ids)
            queue.free.release()
            queue.heard.set()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                with psycopg.connect(self._listen_url, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    while not self._stopping.is_set():
                        for notice in connection.notifies(timeout=_LISTEN_SECONDS):
                            if notice.payload in self._queues:
                                self._queues[notice.payload].heard.set()
            except psycopg.Error:
                self._stopping.wait(_POLL_SECONDS)  # the poll goes on meanwhile

    def _notify(self) -> None:
        while not self._stopping.is_set():
            self._ring.wait()
            self._ring.clear()
            with self._unsent_lock:
                queues, self._unsent = self._unsent, set()
            try:
                with self._db.session() as connection:
                    for queue in queues:
                        connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, queue))
            except (LeadsRallyError, psycopg.Error):
                pass  # a hint is lost; the poll finds the job
            self._stopping.wait(_NOTIFY_SECONDS)


class _Queue:
    """One queue function with the batches it is working on."""

    def __init__(self, function: Function, side_by_side: int) -> None:
        self.function = function
        self.handler: Callable[[dict[str, Any], Any], Any] = function.handler()
        self.heard = threading.Event()
        self.free = threading.Semaphore(side_by_side)
        self.pool = ThreadPoolExecutor(side_by_side, thread_name_prefix=f"queue-{function.name}")
        self._lock = threading.Lock()
        self._in_flight: set[UUID] = set()

    def begin(self, ids: Sequence[UUID]) -> None:
        with self._lock:
            self._in_flight.update(ids)

    def end(self, ids: Sequence[UUID]) -> None:
        with self._lock:
            self._in_flight.difference_update(ids)

    def in_flight(self) -> list[UUID]:
        with self._lock:
            return list(self._in_flight)


def event_for(queue: str, ids: Sequence[UUID]) -> dict[str, Any]:
    """An SQS event as Lambda gets it, a record for each job."""
    return {
        "Records": [
            {
                "messageId": str(job_id),
                "receiptHandle": os.urandom(8).hex(),
                "body": json.dumps({"job": str(job_id)}),
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:local:0:leadsrally-{queue}",
                "awsRegion": "local",
            }
            for job_id in ids
        ]
    }
