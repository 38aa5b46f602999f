"""A channel through which nothing passes until somebody sets it right at its provider."""

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx

# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)


def nothing_passes(trouble: str | None) -> bool:
    """Whether the provider itself has refused, by a code of its own. A test's words are about something else."""
    return trouble is not None and trouble.isdecimal()


_IN_TROUBLE = """
UPDATE channels
   SET trouble = %(code)s, trouble_since = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND trouble IS DISTINCT FROM %(code)s
RETURNING id
"""


Telling = Literal[
    "channel_trouble",  # the provider takes nothing that is sent
    "channel_attention",  # a test found something that has to be set right
]


def channel_in_trouble(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    code: str,
    *,
    now: datetime,
    telling: Telling = "channel_trouble",
) -> None:
    """Note the provider's code, or the word of a test, and tell the owners when it is news."""
    values = {"organization_id": organization_id, "channel_id": channel_id, "code": code, "now": now}
    if tx.value(_IN_TROUBLE, values) is not None:
        enqueue(
            tx,
            organization_id,
            "notify",
            telling,
            {"channel_id": str(channel_id)},
            now=now,
            delay=_UNRUNG,
            unique_key=f"channel_trouble:{channel_id}",
        )


# What a test found, in words, is over when another test says so: a message may pass all the same.
_PASSED = r"""
UPDATE channels
   SET trouble = NULL, trouble_since = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND trouble ~ '^\d+$'
"""


def channel_out_of_trouble(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """Something passed: what the provider had refused is over."""
    tx.run(_PASSED, {"organization_id": organization_id, "channel_id": channel_id})


_WELL = """
UPDATE channels
   SET trouble = NULL, trouble_since = NULL, quiet_until = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND trouble IS NOT NULL
"""


def channel_is_well(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """A test found nothing wrong, so what waited for somebody to set it right has to wait no longer."""
    tx.run(_WELL, {"organization_id": organization_id, "channel_id": channel_id})
