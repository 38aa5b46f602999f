"""What a customer may keep for a shorter time than the policy, as data: how it is counted and how it goes.

A window of days ends to the instant: what lies so many days back, or longer, is due. Days are of 24 hours, in UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, LiteralString, get_args

Kind = Literal["messages", "conversations", "leads", "notes", "media", "delivery_log"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

LONGEST_DAYS: Final = 3650
POLICY_DAYS: Final[dict[Kind, int]] = {"delivery_log": 90}
"""Where the policy has a window of its own, a customer's is shorter. All else is kept until the customer deletes it."""

PATIENCE: Final = timedelta(days=1)
"""A window that was shortened is obeyed from a day later on, so that a slip can be taken back."""


@dataclass(frozen=True, slots=True)
class Due:
    """How one kind is counted; takes `organization_id` and `cutoff`."""

    clause: str
    count: LiteralString
    oldest: LiteralString  # the instant of the oldest one there is; takes `organization_id`


def cutoff(days: int, now: datetime) -> datetime:
    """The last instant that is due."""
    return now - timedelta(days=days)


DUE: Final[dict[Kind, Due]] = {
    "messages": Due(
        "P6.2",
        """
SELECT count(*)
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE m.organization_id = %(organization_id)s
   AND m.created_at <= %(cutoff)s
   AND c.contact_id IS NOT NULL
""",
        "SELECT min(created_at) FROM messages WHERE organization_id = %(organization_id)s",
    ),
    "conversations": Due(
        "P6.2",
        """
SELECT count(*)
  FROM conversations AS c
 WHERE c.organization_id = %(organization_id)s
   AND c.last_message_at <= %(cutoff)s
   AND c.contact_id IS NOT NULL
   AND NOT EXISTS (SELECT 1
                     FROM erasures AS e
                    WHERE e.organization_id = c.organization_id
                      AND e.subject_id = c.id
                      AND e.state <> 'done')
""",
        "SELECT min(last_message_at) FROM conversations WHERE organization_id = %(organization_id)s",
    ),
    "leads": Due(
        "P6.2",
        """
SELECT count(*)
  FROM leads
 WHERE organization_id = %(organization_id)s
   AND received_at <= %(cutoff)s
   AND state <> 'queued'
""",
        "SELECT min(received_at) FROM leads WHERE organization_id = %(organization_id)s",
    ),
    "notes": Due(
        "P6.2",
        """
SELECT count(*)
  FROM contact_notes
 WHERE organization_id = %(organization_id)s
   AND coalesce(edited_at, created_at) <= %(cutoff)s
""",
        "SELECT min(coalesce(edited_at, created_at)) FROM contact_notes WHERE organization_id = %(organization_id)s",
    ),
    "media": Due(
        "P6.2",
        """
SELECT count(*)
  FROM media
 WHERE organization_id = %(organization_id)s
   AND created_at <= %(cutoff)s
   AND message_id IS NOT NULL
   AND (state = 'stored' OR reason = 'erased')
""",
        """
SELECT min(created_at) FROM media WHERE organization_id = %(organization_id)s AND state = 'stored'
""",
    ),
    "delivery_log": Due(
        "P6.4",
        """
SELECT count(*)
  FROM delivery_log
 WHERE organization_id = %(organization_id)s
   AND received_at <= %(cutoff)s
""",
        "SELECT min(received_at) FROM delivery_log WHERE organization_id = %(organization_id)s",
    ),
}
