"""P4.7: a row for each transfer of a contact's data to a subprocessor. Kinds of data, never the data."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

Subprocessor = Literal["twilio", "meta", "anthropic", "sentry", "resend", "railway", "aws"]
DataKind = Literal["phone", "message_text", "redacted_message_text", "file"]

_DISCLOSE = """
INSERT INTO disclosures (
    organization_id, id, contact_id, subprocessor, purpose, data_kinds, message_id, disclosed_at
)
VALUES (
    %(organization_id)s, %(id)s, %(contact_id)s, %(subprocessor)s, %(purpose)s, %(data_kinds)s,
    %(message_id)s, %(now)s
)
"""


def disclose(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    subprocessor: Subprocessor,
    purpose: str,
    data_kinds: Sequence[DataKind],
    *,
    message_id: UUID | None,
    now: datetime,
) -> None:
    """Written in the transaction before the call, so that a crash can leave a row too many, never one too few."""
    given = _given(organization_id, contact_id, subprocessor, purpose, data_kinds, message_id, now)
    tx.run(_DISCLOSE, given)


_DISCLOSE_ONCE = """
INSERT INTO disclosures (
    organization_id, id, contact_id, subprocessor, purpose, data_kinds, message_id, disclosed_at
)
SELECT %(organization_id)s, %(id)s, %(contact_id)s, %(subprocessor)s, %(purpose)s, %(data_kinds)s,
       %(message_id)s, %(now)s
 WHERE NOT EXISTS (
           SELECT 1
             FROM disclosures
            WHERE organization_id = %(organization_id)s
              AND contact_id = %(contact_id)s
              AND disclosed_at >= %(since)s
              AND message_id = %(message_id)s
              AND subprocessor = %(subprocessor)s
              AND data_kinds = %(data_kinds)s)
"""


def disclose_once(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    subprocessor: Subprocessor,
    purpose: str,
    data_kinds: Sequence[DataKind],
    *,
    message_id: UUID,
    since: datetime,
    now: datetime,
) -> None:
    """As `disclose`, for a message that may be tried many times: it is told once to whom it went, from the first try on.

    `since` is when the message was written. Whoever calls holds its row, so that no other can come between.
    """
    given = _given(organization_id, contact_id, subprocessor, purpose, data_kinds, message_id, now)
    tx.run(_DISCLOSE_ONCE, {**given, "since": since})


def _given(
    organization_id: UUID,
    contact_id: UUID,
    subprocessor: Subprocessor,
    purpose: str,
    data_kinds: Sequence[DataKind],
    message_id: UUID | None,
    now: datetime,
) -> dict[str, Any]:
    return {
        "organization_id": organization_id,
        "id": new_id(now),
        "contact_id": contact_id,
        "subprocessor": subprocessor,
        "purpose": purpose,
        "data_kinds": list(data_kinds),
        "message_id": message_id,
        "now": now,
    }
