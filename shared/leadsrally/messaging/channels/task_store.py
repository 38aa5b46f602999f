"""What is being done for a channel at its provider, as it is written."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.messaging.types import ChannelKind

TaskKind = Literal["connect", "disconnect", "test", "configure", "replace", "search", "buy", "release"]
TaskProvider = Literal["twilio", "meta"]
TaskState = Literal["waiting", "calling", "unknown", "done", "failed"]

_TASKS_KEPT = timedelta(days=30)

_INSERT_TASK = """
INSERT INTO channel_tasks (
    organization_id, id, kind, provider, channel_id, account_sid, secret, number, wanted, actor_kind, actor_id, created_at
)
VALUES (
    %(organization_id)s, %(task_id)s, %(kind)s, %(provider)s, %(channel_id)s, %(account_sid)s, %(secret)s, %(number)s,
    %(wanted)s, %(actor_kind)s, %(actor_id)s, %(now)s
)
ON CONFLICT (organization_id, number) WHERE kind = 'buy' AND finished_at IS NULL DO NOTHING
"""


def insert_task(
    tx: Tx,
    organization_id: UUID,
    task_id: UUID,
    kind: TaskKind,
    *,
    provider: TaskProvider,
    channel_id: UUID | None,
    account_sid: str | None,
    secret: bytes | None,
    number: str | None,
    wanted: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> bool:
    """Write it down. False: this number is being bought already."""
    return (
        tx.run(
            _INSERT_TASK,
            {
                "organization_id": organization_id,
                "task_id": task_id,
                "kind": kind,
                "provider": provider,
                "channel_id": channel_id,
                "account_sid": account_sid,
                "secret": secret,
                "number": number,
                "wanted": None if wanted is None else Jsonb(wanted),
                "actor_kind": actor.kind,
                "actor_id": actor.id,
                "now": now,
            },
        )
        > 0
    )


_FORGET_TASKS = """
DELETE FROM channel_tasks
 WHERE organization_id = %(organization_id)s
   AND finished_at < %(before)s
"""


def forget_old_tasks(tx: Tx, organization_id: UUID, *, now: datetime) -> None:
    """What was done more than thirty days ago stands in the audit log."""
    tx.run(_FORGET_TASKS, {"organization_id": organization_id, "before": now - _TASKS_KEPT})


_SHOWN_TASK = """
SELECT id, kind, provider, channel_id, number, state, failure, result, created_at, finished_at
  FROM channel_tasks
 WHERE organization_id = %(organization_id)s
   AND id = %(task_id)s
"""


def shown_task(tx: Tx, organization_id: UUID, task_id: UUID) -> dict[str, Any] | None:
    """A task as a person may see it."""
    found = tx.dicts(_SHOWN_TASK, {"organization_id": organization_id, "task_id": task_id})
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Work:
    """A task with the channel whose account it uses, if it uses one's."""

    organization_id: UUID
    task_id: UUID
    kind: TaskKind
    state: TaskState
    account_sid: str  # empty for what is no number at Twilio
    secret: bytes | None
    number: str | None
    wanted: dict[str, Any] | None
    actor_kind: Literal["person", "api_key", "system"]
    actor_id: UUID | None
    called_at: datetime | None
    channel_id: UUID | None
    channel_kind: ChannelKind | None
    channel_state: Literal["active", "disconnected"] | None
    channel_key: str | None
    channel_address: str | None
    channel_credentials: bytes | None

    @property
    def actor(self) -> Actor:
        """Who asked for it."""
        return Actor(self.actor_kind, self.actor_id)


_WORK = """
SELECT t.organization_id, t.id AS task_id, t.kind, t.state, coalesce(t.account_sid, c.account_sid, '') AS account_sid,
       t.secret, t.number, t.wanted, t.actor_kind, t.actor_id, t.called_at,
       c.id AS channel_id, c.kind AS channel_kind, c.state AS channel_state, c.key AS channel_key, c.address AS channel_address,
       c.credentials AS channel_credentials
  FROM channel_tasks AS t
  LEFT JOIN channels AS c ON c.organization_id = t.organization_id AND c.id = t.channel_id
 WHERE t.organization_id = %(organization_id)s
   AND t.id = %(task_id)s
   AND t.finished_at IS NULL
"""


def work(tx: Tx, organization_id: UUID, task_id: UUID) -> Work | None:
    """The task with all that it needs, or None when it is finished."""
    return tx.maybe(Work, _WORK, {"organization_id": organization_id, "task_id": task_id})


_MOVE = """
UPDATE channel_tasks
   SET state = %(to)s, called_at = coalesce(%(called_at)s, called_at)
 WHERE organization_id = %(organization_id)s
   AND id = %(task_id)s
   AND state = %(from)s
"""


def move(tx: Tx, at: Work, before: TaskState, after: TaskState, *, called_at: datetime | None = None) -> bool:
    """From one state to the next. False: it is not in that state any more."""
    return (
        tx.run(
            _MOVE,
            {
                "organization_id": at.organization_id,
                "task_id": at.task_id,
                "from": before,
                "to": after,
                "called_at": called_at,
            },
        )
        > 0
    )


_FINISH = """
UPDATE channel_tasks
   SET state = %(state)s, failure = %(failure)s, result = %(result)s, finished_at = %(now)s, secret = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(task_id)s
   AND finished_at IS NULL
"""


def finish(
    tx: Tx, at: Work, *, failure: str | None = None, result: dict[str, Any] | None = None, now: datetime
) -> bool:
    """Done, or failed for a reason; what it brought of secrets is forgotten. False: it was finished before."""
    return (
        tx.run(
            _FINISH,
            {
                "organization_id": at.organization_id,
                "task_id": at.task_id,
                "state": "done" if failure is None else "failed",
                "failure": failure,
                "result": None if result is None else Jsonb(result),
                "now": now,
            },
        )
        > 0
    )
