"""Exchange a refresh token for the next one. One that comes back later than it may ends its session (A1).

RFC 9700 section 4.14.2. An answer can get lost and two tabs can ask at once, so the token before the current one
is taken once more within ten seconds, from the same device, and gives the same successor as the first time (A2).
"""

from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Literal

from leadsrally.accounts import audit, limits, refresh_tokens, sessions
from leadsrally.accounts.audit import SYSTEM
from leadsrally.accounts.front_desk import FrontDesk, Tokens
from leadsrally.accounts.refresh_tokens import RefreshToken
from leadsrally.accounts.sessions import Kept, Kind
from leadsrally.accounts.types import Visitor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unauthenticated

GRACE = timedelta(seconds=10)


def refresh(desk: FrontDesk, token: str, kind: Kind, visitor: Visitor) -> Tokens:
    """The next tokens of the session; it goes on for 14 days, and 30 days in all.

    `kind` is the way the token came: a browser's comes in a cookie, a client's in the body, and neither the
    other way. Raises `Unauthenticated` when the session has ended, by this very token perhaps, and `Limited` for one
    that is refreshed all the time.
    """
    shown = refresh_tokens.read(desk.token_key, token)
    tokens = wait = None
    with desk.db.tenant(shown.organization_id) as tx:
        now = desk.clock()
        session = sessions.living(tx, shown.organization_id, shown.session_id, now=now)
        if session is not None and session.kind == kind:
            wait = limits.spend(tx, desk.hashes, limits.REFRESH, str(shown.session_id), now)
            tokens = None if wait else _turn(desk, tx, session, shown, visitor, now)
    limits.refuse(wait)
    if tokens is None:
        raise Unauthenticated("Log in again: this session has ended.", code="session_ended")
    return tokens


def _turn(
    desk: FrontDesk, tx: Tx, session: Kept, shown: RefreshToken, visitor: Visitor, now: datetime
) -> Tokens | None:
    use = judge(session, shown, visitor, now)
    if use == "stale":
        _end_family(tx, session, shown, now)
        return None
    successor = shown.next(desk.token_key)
    first = use == "current"
    sessions.use(
        tx,
        shown.organization_id,
        shown.session_id,
        token_hash=successor.hash,
        previous_hash=shown.hash if first else None,
        rotated_at=now if first else session.rotated_at,
        expires_at=sessions.end_of(session.created_at, now),
        visitor=visitor,
        now=now,
    )
    return desk.tokens(session.user_id, session.role, successor)


def judge(
    session: Kept, shown: RefreshToken, visitor: Visitor, now: datetime
) -> Literal["current", "again", "stale"]:
    """Pure: what it means that a living session is shown this token."""
    if compare_digest(session.token_hash, shown.hash):
        return "current"
    before = session.previous_hash
    lately = now - session.rotated_at <= GRACE and visitor.device == session.user_agent
    return "again" if lately and before is not None and compare_digest(before, shown.hash) else "stale"


def _end_family(tx: Tx, session: Kept, shown: RefreshToken, now: datetime) -> None:
    organization_id, session_id = shown.organization_id, shown.session_id
    sessions.end(tx, organization_id, session_id, "reuse", actor=SYSTEM, now=now)
    audit.record(
        tx,
        organization_id,
        SYSTEM,
        "session.reuse_detected",
        now=now,
        target=("session", session_id),
    )
    ids = {"user_id": str(session.user_id), "session_id": str(session_id)}
    enqueue(tx, organization_id, "notify", "session_reuse", ids, now=now)
