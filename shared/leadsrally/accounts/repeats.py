"""Requests that may come again: what was answered the first time, kept for a day.

The key is taken before anything is done and the answer stored behind it, all in one transaction. A twin that
comes meanwhile waits for the key, and then finds the answer; after a failure the key is free again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict

LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Repeatable:
    """A request under the key that its sender chose."""

    organization_id: UUID
    actor_id: UUID
    key: str
    request_hash: bytes


_TAKE = """
INSERT INTO idempotency_keys AS k (organization_id, actor_id, key, request_hash, created_at)
VALUES (%(organization_id)s, %(actor_id)s, %(key)s, %(request_hash)s, %(now)s)
ON CONFLICT (organization_id, actor_id, key) DO UPDATE
   SET request_hash = excluded.request_hash, answer = NULL, created_at = excluded.created_at
 WHERE k.created_at <= %(past)s
RETURNING true
"""

_TAKEN = """
SELECT request_hash, answer -> 'answer' AS answer, answer IS NOT NULL AS kept
  FROM idempotency_keys
 WHERE organization_id = %(organization_id)s
   AND actor_id = %(actor_id)s
   AND key = %(key)s
"""


@dataclass(frozen=True, slots=True)
class _Taken:
    request_hash: bytes
    answer: Any
    kept: bool


def take(tx: Tx, request: Repeatable, *, now: datetime) -> bool:
    """Whether this request is the first with its key. Waits for a twin that is on its way."""
    return bool(tx.value(_TAKE, {**_place(request), "request_hash": request.request_hash, "now": now,
                                 "past": now - LIFETIME}))  # fmt: skip


def first_answer(tx: Tx, request: Repeatable) -> Any:
    """What the first request with this key was answered.

    Raises `Conflict` when that was another request, or when its answer is not kept.
    """
    taken = tx.one(_Taken, _TAKEN, _place(request))
    if taken.request_hash != request.request_hash:
        raise Conflict(
            "This Idempotency-Key was used for another request. Use a new key for a new request.",
            code="idempotency_key_reused",
        )
    if not taken.kept:
        raise Conflict(
            "This was done already, and its answer is shown only once. Look at what exists now; to do it "
            "again, use a new Idempotency-Key.",
            code="answer_shown_once",
        )
    return taken.answer


_KEEP = """
UPDATE idempotency_keys
   SET answer = %(answer)s
 WHERE organization_id = %(organization_id)s
   AND actor_id = %(actor_id)s
   AND key = %(key)s
"""


def keep_answer(tx: Tx, request: Repeatable, answer: Any) -> None:
    """Store what is answered, as JSON."""
    tx.run(_KEEP, {**_place(request), "answer": Jsonb({"answer": answer})})


def _place(request: Repeatable) -> dict[str, Any]:
    return {"organization_id": request.organization_id, "actor_id": request.actor_id, "key": request.key}
