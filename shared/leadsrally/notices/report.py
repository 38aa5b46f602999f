"""What the provider tells of a mail: noted once, obeyed when the mail came back or was called spam (P4.5)."""

from datetime import datetime
from typing import Final, Literal

from leadsrally.kit.db import Tx
from leadsrally.notices import store
from leadsrally.notices.types import Event, MailReport, State
from leadsrally.telemetry import log

_STATE: Final[dict[Event, State]] = {
    "sent": State.TAKEN,
    "delayed": State.TAKEN,
    "delivered": State.DELIVERED,
    "failed": State.FAILED,
    "suppressed": State.SUPPRESSED,
    "bounced": State.BOUNCED,
    "complained": State.COMPLAINED,
}


def apply_report(tx: Tx, report: MailReport, *, now: datetime) -> Literal["applied", "duplicate", "ignored"]:
    """Advance the notice and, if the report says so, block its recipient's mail.

    Reports come late, twice and in any order. A repeat changes nothing: it must not block an address that its
    owner has put right meanwhile. `ignored`: it speaks of no notice of ours.
    """
    if not store.lock(tx, report.organization_id, report.notice_id):
        return "ignored"
    if not store.remember(tx, report, now=now):
        return "duplicate"
    store.advance(tx, report, _STATE[report.event])
    if report.blocks is not None and store.block(tx, report, now=now):
        log.warning("notice.mail_blocked", notice_id=report.notice_id, reason=report.blocks)
    return "applied"
