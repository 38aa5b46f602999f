"""The audit log: who did what to what. Append-only; ids and closed words, never a value that was set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

AuditAction = Literal[
    "organization.created",
    "organization.edited",
    "member.joined",
    "member.role_changed",
    "member.removed",
    "mail.unblocked",
    "invitation.sent",
    "invitation.revoked",
    "session.began",
    "session.ended",
    "session.reuse_detected",
    "sessions.ended",
    "password.changed",
    "password.reset",
    "email.changed",
    "second_factor.added",
    "second_factor.removed",
    "recovery_codes.renewed",
    "recovery_code.used",
    "api_key.created",
    "api_key.rotated",
    "api_key.revoked",
    "channel.connected",
    "channel.edited",
    "channel.credentials_replaced",
    "channel.disconnected",
    "number.bought",
    "channel.configured",
    "number.configured",
    "number.released",
    "conversation.taken_over",
    "conversation.handed_back",
    "consent.granted",
    "consent.lifted",
    "consent.revoked",
    "lead.retried",
    "leads.replayed",
    "lead_form.edited",
    "export.requested",
    "export.downloaded",
    "export.deleted",
    "retention.changed",
    "erasure.requested",
    "erasure.begun",
    "account.deletion_requested",
    "account.deletion_reversed",
    "contact.created",
    "contact.edited",
    "contact.tagged",
    "contact.untagged",
    "contact.note_added",
    "contact.note_edited",
    "contact.note_deleted",
    "contacts.merged",
    "contacts.split",
    "contacts.tagged",
    "contacts.exported",
    "contacts.export_downloaded",
    "bulk_action.started",
    "bulk_action.cancelled",
    "bulk_action.undone",
    "field.created",
    "field.edited",
    "field.deleted",
    "field.restored",
    "tag.created",
    "tag.edited",
    "tag.deleted",
    "tag.restored",
    "segment.created",
    "segment.edited",
    "segment.deleted",
    "import.begun",
    "import.started",
    "import.cancelled",
    "import.undone",
    "suppression.added",
    "suppression.lifted",
    "suppressions.exported",
    "policy.accepted",
    "permission.refused",
    "job.replayed",
]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, a person's API key (its id), or nobody but the system."""

    kind: Literal["person", "api_key", "system"]
    id: UUID | None = None


SYSTEM = Actor("system")

_RECORD = """
INSERT INTO audit_log (
    organization_id, id, actor_kind, actor_id, action, target_kind, target_id, details, occurred_at
)
VALUES (
    %(organization_id)s, %(id)s, %(actor_kind)s, %(actor_id)s, %(action)s, %(target_kind)s, %(target_id)s,
    %(details)s, %(now)s
)
"""


def record(
    tx: Tx,
    organization_id: UUID,
    actor: Actor,
    action: AuditAction,
    *,
    now: datetime,
    target: tuple[str, UUID] | None = None,
    details: Mapping[str, str] | None = None,
) -> None:
    """Write one row, in the transaction of what it speaks of.

    `target` is a kind of thing and its id; `details` are closed words only (a role, a reason), by name.
    """
    kind, target_id = target or (None, None)
    tx.run(
        _RECORD,
        {
            "organization_id": organization_id,
            "id": new_id(now),
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "action": action,
            "target_kind": kind,
            "target_id": target_id,
            "details": Jsonb(dict(details or {})),
            "now": now,
        },
    )


# Names are looked up as they are now: a row of the log outlives what it names, and holds no address itself.
_NEWEST = """
SELECT l.id, l.actor_kind, l.actor_id, l.action, l.target_kind, l.target_id, l.details, l.occurred_at,
       CASE l.actor_kind
            WHEN 'person' THEN (SELECT email FROM users AS u
                                 WHERE u.organization_id = l.organization_id AND u.id = l.actor_id)
            WHEN 'api_key' THEN (SELECT name FROM api_keys AS k
                                  WHERE k.organization_id = l.organization_id AND k.id = l.actor_id)
       END AS actor_name,
       CASE l.target_kind
            WHEN 'user' THEN (SELECT email FROM users AS u
                               WHERE u.organization_id = l.organization_id AND u.id = l.target_id)
            WHEN 'invitation' THEN (SELECT email FROM invitations AS i
                                     WHERE i.organization_id = l.organization_id AND i.id = l.target_id)
            WHEN 'api_key' THEN (SELECT name FROM api_keys AS k
                                  WHERE k.organization_id = l.organization_id AND k.id = l.target_id)
            WHEN 'channel' THEN (SELECT address FROM channels AS c
                                  WHERE c.organization_id = l.organization_id AND c.id = l.target_id)
       END AS target_name
  FROM audit_log AS l
 WHERE l.organization_id = %(organization_id)s
   AND (l.occurred_at, l.id) < (%(before)s, %(before_id)s)
 ORDER BY l.occurred_at DESC, l.id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset)."""
    return tx.dicts(
        _NEWEST,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )
