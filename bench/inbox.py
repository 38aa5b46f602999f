"""Inbox, thread and word search among 5,000,000 messages, of which the tenant that asks has 1,000,000.

The layer's own functions, as the API's role under row security, on one kept connection with a transaction
open: a time is that of one call, with its round trip and its rows made into dicts. The limit is the same
rows fetched by primary key, by an administrator, who is under no row security; it is asked right after.
Inbox pages and threads begin at random places; a search asks for the newest fifty. On a machine with other
work the 99th percentile is mostly the wait for a core, in the limit too, so the processor time is told besides.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from bench.archive import COMMON, FORMER, MEDIUM, SETTINGS, Archive, load_archive
from bench.cluster import Cluster, cluster
from bench.figures import Figure, alone, percentile, within
from leadsrally.kit.cursor import START, Place
from leadsrally.kit.db import Database, Tx
from leadsrally.messaging import inbox

_PAGE = 50
_LIMITS = {
    "conversations": """
SELECT id, contact_id, channel_id, last_message_at, last_message_id, preview, unread_count, intent, interest
  FROM conversations
 WHERE organization_id = %s AND id = ANY (%s)
""",
    "messages": """
SELECT id, conversation_id, direction, body, status, created_at
  FROM messages
 WHERE organization_id = %s AND id = ANY (%s)
""",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is asked again and again. `rows` is how many must come, lest an empty answer count."""

    name: str
    table: str
    ask: Callable[[Tx, int], list[dict[str, Any]]]
    rows: int = _PAGE
    aim: float | None = None  # milliseconds at the 99th percentile
    note: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Milliseconds of one call."""

    wall: float
    cpu: float  # of the server's process and of ours
    limit: float


def measure(*, quick: bool) -> list[Figure]:
    """Load, then ask all questions in turn, many times."""
    messages, calls = (250_000, 200) if quick else (5_000_000, 1_000)
    with cluster(**SETTINGS) as pg:
        archive = load_archive(pg, messages=messages)
        questions = _questions(pg, archive)
        asked: dict[str, list[Asked]] = {question.name: [] for question in questions}
        db = Database(pg.url("api"))
        with psycopg.connect(pg.url(), autocommit=True, row_factory=dict_row) as bare:
            for number in range(-20, calls):  # the first ones warm plans and caches
                for question in questions:
                    once = _once(db, bare, archive, question, number % calls)
                    if number >= 0:
                        asked[question.name].append(once)
        db.close()
    return [figure for question in questions for figure in _figures(question, asked[question.name])]


def _once(
    db: Database, bare: psycopg.Connection[dict[str, Any]], archive: Archive, question: Question, number: int
) -> Asked:
    """Ask the question, then for its rows by primary key."""
    with db.tenant(archive.organization_id) as tx:
        server = tx.value("SELECT pg_backend_pid()", {})
        spent, started = _spent(server), time.perf_counter()
        rows = question.ask(tx, number)
        wall, cpu = (time.perf_counter() - started) * 1000, _spent(server) - spent
    ids = [row["id"] for row in rows]
    started = time.perf_counter()
    found = bare.execute(_LIMITS[question.table], (archive.organization_id, ids), prepare=True).fetchall()  # pyright: ignore[reportArgumentType]
    limit = (time.perf_counter() - started) * 1000
    if len(rows) < question.rows or len(found) != len(rows):
        raise RuntimeError(f"{question.name}: {len(rows)} rows of {question.rows}, {len(found)} by key")
    return Asked(wall, cpu, limit)


def _spent(server: int) -> float:
    """Milliseconds of processor time so far: of a server's process (only Linux tells) and of this thread."""
    try:
        theirs = int(Path(f"/proc/{server}/schedstat").read_text(encoding="utf-8").split()[0])
    except OSError:
        theirs = 0
    return (theirs + time.thread_time_ns()) / 1e6


def _questions(pg: Cluster, archive: Archive) -> list[Question]:
    rng = random.Random(7)
    organization_id = archive.organization_id
    pages = _places(pg, rng, "SELECT last_message_at, id FROM conversations", archive)
    unread = _places(pg, rng, "SELECT last_message_at, id FROM conversations", archive, "unread_count > 0")
    threads = _threads(pg, archive)

    def page(tx: Tx, number: int, *, of: list[Place], unread: bool) -> list[dict[str, Any]]:
        at = of[number % len(of)]
        return inbox.conversations(
            tx, organization_id, inbox.Wanted(unread=unread), before=at.at, before_id=at.id, limit=_PAGE
        )

    def thread(tx: Tx, number: int) -> list[dict[str, Any]]:
        conversation_id = threads[number % len(threads)]
        return inbox.thread(
            tx, organization_id, conversation_id, before=START.at, before_id=START.id, limit=_PAGE
        )

    def words(wanted: Callable[[int], str]) -> Callable[[Tx, int], list[dict[str, Any]]]:
        return lambda tx, number: inbox.search(
            tx, organization_id, wanted(number), before=START.at, before_id=START.id, limit=_PAGE
        )

    def hits(word: str) -> str:
        counted = pg.value(
            "SELECT count(*) FROM messages WHERE organization_id = %(organization_id)s"
            " AND words @@ of_tenant(organization_id, to_tsquery('simple', %(word)s))",
            organization_id=organization_id,
            word=word,
        )
        return f"{word} {counted:,}"

    medium, common = list(MEDIUM), list(COMMON)
    return [
        Question("inbox page", "conversations", lambda tx, n: page(tx, n, of=pages, unread=False), aim=5),
        Question(
            "inbox unread page", "conversations", lambda tx, n: page(tx, n, of=unread, unread=True), aim=3
        ),
        Question("inbox thread", "messages", thread, aim=3),
        Question("search unique word", "messages", words(lambda n: archive.unique(n * 7919)), rows=1, aim=15),
        Question(
            "search rare word",
            "messages",
            words(archive.rare),
            rows=min(_PAGE, archive.messages // 4_000),
            aim=15,
            note=f"hits: {hits(archive.rare(0))}",
        ),
        Question(
            "search medium word",
            "messages",
            words(lambda n: medium[n % len(medium)]),
            aim=15,
            note=f"hits: {', '.join(hits(word) for word in medium)}",
        ),
        Question(
            "search common word",
            "messages",
            words(lambda n: common[n % len(common)]),
            aim=15,
            note=f"hits: {', '.join(hits(word) for word in common)}",
        ),
        Question(
            "search medium and common word",
            "messages",
            words(lambda n: f"{common[n % len(common)]} {medium[n % len(medium)]}"),
            rows=1,
        ),
        Question(
            "search word of former times",
            "messages",
            words(lambda _: FORMER),
            note=f"hits: {hits(FORMER)}, none of them in the newest three quarters",
        ),
    ]


def _places(
    pg: Cluster, rng: random.Random, select: str, archive: Archive, where: str = "true"
) -> list[Place]:
    """Random places in a list, none among the last pages."""
    found = pg.execute(
        f"{select} WHERE organization_id = %(organization_id)s AND {where} ORDER BY 1, 2",
        organization_id=archive.organization_id,
    )
    return [Place(*row) for row in rng.sample(found[_PAGE:], min(1_000, len(found) - _PAGE))]


def _threads(pg: Cluster, archive: Archive) -> list[UUID]:
    """Conversations with more than a page, by chance."""
    found = pg.execute(
        "SELECT conversation_id FROM messages WHERE organization_id = %(organization_id)s"
        " GROUP BY 1 HAVING count(*) > %(page)s ORDER BY hashtext(conversation_id::text) LIMIT 1000",
        organization_id=archive.organization_id,
        page=_PAGE,
    )
    return [row[0] for row in found]


def _figures(question: Question, asked: Sequence[Asked]) -> list[Figure]:
    limit = "the same rows by primary key"

    def of(share: float, *, aim: float | None = None, note: str = "") -> Figure:
        return within(
            f"{question.name} p{share:.0%}".rstrip("%"),
            percentile([one.wall for one in asked], share),
            "ms",
            percentile([one.limit for one in asked], share),
            limit,
            at_most=aim,
            note=note,
        )

    cpu = percentile([one.cpu for one in asked], 0.99)
    return [
        of(0.5, note=question.note),
        of(0.99, aim=question.aim),
        alone(f"{question.name} p99 of CPU", cpu, "ms"),
    ]
