"""A channel through which nothing passes until somebody sets it right at its provider."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx

# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)

_IN_TROUBLE = """
UPDATE channels
   SET trouble = %(code)s, trouble_since = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND trouble IS DISTINCT FROM %(code)s
RETURNING id
"""


def channel_in_trouble(tx: Tx, organization_id: UUID, channel_id: UUID, code: str, *, now: datetime) -> None:
    """Note the provider's code, and tell the owners when it is news."""
    values = {"organization_id": organization_id, "channel_id": channel_id, "code": code, "now": now}
    if tx.value(_IN_TROUBLE, values) is not None:
        enqueue(
            tx,
            organization_id,
            "notify",
            "channel_trouble",
            {"channel_id": str(channel_id)},
            now=now,
            delay=_UNRUNG,
            unique_key=f"channel_trouble:{channel_id}",
        )


_OUT_OF_TROUBLE = """
UPDATE channels
   SET trouble = NULL, trouble_since = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def channel_out_of_trouble(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """Something passed."""
    tx.run(_OUT_OF_TROUBLE, {"organization_id": organization_id, "channel_id": channel_id})
