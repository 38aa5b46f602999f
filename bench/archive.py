"""Ten organisations with years of messages behind them: words of known frequency, in the real tables.

The first organisation has a fifth of all messages. Rows lie on disk in order of time, those of all tenants
among each other, as they would have come in.
"""

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from bench.cluster import Cluster

# A read-only bench of much data: more memory, and no log for what no crash has to survive.
SETTINGS = {
    "shared_buffers": "2GB",
    "maintenance_work_mem": "512MB",
    "max_parallel_maintenance_workers": "2",
    "max_wal_size": "16GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}

# How many of a hundred messages hold each of these.
COMMON = {"hello": 50, "price": 30, "saturday": 12}
MEDIUM = {"bicycle": 5, "warranty": 2, "brochure": 1, "notary": 0.5}
FORMER = "fax"  # in two of a hundred messages of the oldest quarter, and never again
_RARE = 2_222  # words, one of which stands in each message: some 450 hits in a million
_OTHERS = 9
_LOADERS = 2
_CHUNK = 25_000
_DAYS = 730

_ORGANIZATION = "('00000000-0000-7000-8000-' || lpad({n}::text, 12, '0'))::uuid"
_CHANNEL = "('00000000-0000-7000-9000-' || lpad({n}::text, 12, '0'))::uuid"
_CONTACT = "('00000000-0000-7000-a000-' || lpad({n}::text, 12, '0'))::uuid"
_CONVERSATION = "('00000000-0000-7000-b000-' || lpad({n}::text, 12, '0'))::uuid"


@dataclass(frozen=True, slots=True)
class Archive:
    """What was loaded. All figures are of the first organisation."""

    organization_id: UUID
    messages: int
    conversations: int
    in_all: int

    def rare(self, number: int) -> str:
        """One of the rare words."""
        return f"rare{number % _RARE}"

    def unique(self, number: int) -> str:
        """A word that only one message of this organisation holds."""
        return f"only{5 * (number % self.messages)}"


def load_archive(cluster: Cluster, *, messages: int) -> Archive:
    """Fill the tables by two connections, then build their indexes."""
    archive = Archive(
        UUID(cluster.value(f"SELECT {_ORGANIZATION.format(n=0)}::text")),
        messages // 5,
        messages // 50,
        messages,
    )
    _furnish(cluster, archive)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        indexes = _set_aside(connection)
        _in_parallel(cluster, [(_MESSAGES, values) for values in _chunks(archive)])
        _in_parallel(cluster, [(index, {}) for index in indexes])
        for statement in (_CONVERSATIONS, _SCORES, _REVOKED):
            _as_loader(connection).execute(statement)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return archive


def _furnish(cluster: Cluster, archive: Archive) -> None:
    cluster.execute(
        "INSERT INTO organizations (id, name, created_at)"
        f" SELECT {_ORGANIZATION.format(n='n')}, 'Organisation ' || n, now()"
        f" FROM generate_series(0, {_OTHERS}) AS n"
    )
    cluster.execute(
        "INSERT INTO channels (organization_id, id, key, kind, address, account_sid, credentials, created_at)"
        f" SELECT {_ORGANIZATION.format(n='n')}, {_CHANNEL.format(n='n')}, repeat(n::text, 22), 'sms',"
        " '+1500555' || lpad(n::text, 4, '0'), 'AC' || repeat('0', 32), '', now()"
        f" FROM generate_series(0, {_OTHERS}) AS n"
    )
    cluster.execute(
        "INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)"
        f" SELECT {_ORGANIZATION.format(n='o')}, {_CONTACT.format(n='n')}, '+1202' || lpad(n::text, 7, '0'),"
        " 'Person ' || n, now(), now()"
        f" FROM generate_series(0, {_OTHERS}) AS o"
        " CROSS JOIN LATERAL generate_series(0, CASE o WHEN 0 THEN %(first)s ELSE %(others)s END - 1) AS n",
        first=archive.conversations,
        others=_conversations_of_others(archive),
    )


def _conversations_of_others(archive: Archive) -> int:
    return archive.conversations * 41 // 10 // _OTHERS


_MESSAGES = f"""
WITH drawn AS (
    SELECT n, tenant, floor(size * random() * random())::int AS thread, random() AS a, random() AS b,
           random() AS c, random() AS d, random() AS e, random() AS f, random() AS g, random() AS h
      FROM (SELECT n,
                   CASE WHEN n %% 5 = 0 THEN 0 ELSE 1 + (n / 5 + n) %% {_OTHERS} END AS tenant,
                   CASE WHEN n %% 5 = 0 THEN %(first_size)s ELSE %(other_size)s END AS size
              FROM generate_series(%(first)s::int, %(last)s::int) AS n) AS numbered
)
INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank,
                      provider_message_id, segments, created_at)
SELECT {_ORGANIZATION.format(n="tenant")},
       ('00000000-0000-7000-c000-' || lpad(n::text, 12, '0'))::uuid,
       {_CONVERSATION.format(n="thread")},
       CASE WHEN n %% 3 = 0 THEN 'outbound' ELSE 'inbound' END,
       concat_ws(' ', CASE WHEN a < 0.5 THEN 'Hello,' END, 'w' || (20000 * b ^ 3)::int,
                 CASE WHEN c < 0.3 THEN 'price' END, 'w' || (20000 * d ^ 3)::int,
                 CASE WHEN e < 0.12 THEN 'Saturday' END, 'w' || (20000 * f ^ 3)::int,
                 CASE WHEN g < 0.05 THEN 'bicycle' END, 'w' || (20000 * h ^ 3)::int,
                 CASE WHEN g >= 0.05 AND g < 0.07 THEN 'warranty' WHEN g >= 0.1 AND g < 0.11 THEN 'brochure'
                      WHEN g >= 0.2 AND g < 0.205 THEN 'notary' END,
                 'w' || (20000 * a ^ 3)::int, 'w' || (20000 * (1 - c) ^ 3)::int,
                 CASE WHEN n < %(in_all)s / 4 AND h < 0.02 THEN '{FORMER}' END,
                 'rare' || (n / 5 * 7919::bigint) %% {_RARE} || '?', 'only' || n),
       CASE WHEN n %% 3 = 0 THEN 'delivered' ELSE 'received' END, 1, 'SM' || md5(n::text), 1,
       %(since)s::timestamptz + n * (interval '{_DAYS} days' / %(in_all)s)
  FROM drawn
 ORDER BY n
"""


def _chunks(archive: Archive) -> list[dict[str, Any]]:
    common = {
        "first_size": archive.conversations,
        "other_size": _conversations_of_others(archive),
        "in_all": archive.in_all,
        "since": "2025-01-01T00:00:00Z",
    }
    return [
        {**common, "first": first, "last": min(first + _CHUNK, archive.in_all) - 1}
        for first in range(0, archive.in_all, _CHUNK)
    ]


# The newest message of each thread makes its place in the inbox; one in twenty is unread.
_CONVERSATIONS = """
INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at, last_message_id,
                           preview, unread_count, created_at)
SELECT DISTINCT ON (organization_id, conversation_id)
       organization_id, conversation_id,
       replace(conversation_id::text, '-b000-', '-a000-')::uuid,
       replace(organization_id::text, '-8000-', '-9000-')::uuid,
       created_at, id, left(body, 140), CASE WHEN hashtext(conversation_id::text) % 20 = 0 THEN 1 ELSE 0 END,
       created_at
  FROM messages
 ORDER BY organization_id, conversation_id, created_at DESC, id DESC
"""

# A model has read one message in five.
_SCORES = """
INSERT INTO scores (organization_id, id, message_id, outcome, intent, interest, reason, suggestions, language,
                    model, prompt_version, input_tokens, output_tokens, created_at)
SELECT organization_id, id, id, 'scored', 'asks_price', 70, 'Asks what it costs.',
       '["It is 900 euro.", "Shall I hold it for you?", "Come and see it on Saturday."]', 'en', 'model', '1',
       400, 100, created_at
  FROM messages
 WHERE direction = 'inbound' AND hashtext(id::text) % 10 IN (0, 1, 2)
"""

_REVOKED = """
INSERT INTO consent_states (organization_id, contact_id, channel_kind, purpose, state, source, event_id, since)
SELECT organization_id, id, 'sms', 'all', 'revoked', 'keyword', id, created_at
  FROM contacts
 WHERE hashtext(id::text) % 20 = 1
"""

_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
  FROM pg_index AS i
 WHERE i.indrelid = 'messages'::regclass
   AND NOT EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
 ORDER BY i.indexrelid
"""


def _set_aside(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop the indexes of `messages` that are no constraint; return how to make them again."""
    found = connection.execute(_INDEXES).fetchall()
    for name, _ in found:
        connection.execute(f"DROP INDEX {name}")  # pyright: ignore[reportArgumentType]
    return [definition for _, definition in found]


def _in_parallel(cluster: Cluster, work: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Run statements by several connections. Raises the first error."""
    waiting: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
    for statement in work:
        waiting.put(statement)
    failed: list[BaseException] = []

    def drain() -> None:
        try:
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                _as_loader(connection)
                while not failed and not waiting.empty():
                    sql, values = waiting.get()
                    connection.execute(sql, values or None)  # pyright: ignore[reportArgumentType]
        except BaseException as error:  # noqa: BLE001  raised again below
            failed.append(error)

    threads = [threading.Thread(target=drain) for _ in range(_LOADERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _as_loader(connection: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """Rows refer to what comes after them, and need not be safe before all are there."""
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    return connection
