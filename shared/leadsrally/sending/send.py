"""Send one message, at most once: claim, commit, call, record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.sending import gate, record, store
from leadsrally.sending.types import Addressee, MeansOptOut, NotProcessed, OutboundText, Sender, Unclear
from leadsrally.telemetry import log

_LOOK_AFTER = timedelta(seconds=30)
_SLOW_DOWN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Post:
    """What is needed to send: where to store, whom to ask, how to reach a provider."""

    db: Database
    clock: Clock
    hashes: KeyedHash
    sender_for: Callable[[UUID, Addressee], Sender]
    means_opt_out: MeansOptOut
    public_url: str


def send_message(post: Post, job: Job) -> Result:
    """Ask the gate and, if it says yes, call the provider exactly once.

    Neither Twilio nor Meta has an idempotency key, so nothing is ever repeated blindly: a crash or a
    broken answer after the call leaves the message `unknown`, to be looked up by `reconcile`.
    """
    organization_id, message_id = job.organization_id, UUID(job.payload["message_id"])
    with post.db.tenant(organization_id) as tx:
        claim = gate.claim(tx, post.hashes, organization_id, message_id, now=post.clock())
        if isinstance(claim, gate.Interrupted):
            record.unclear(tx, organization_id, message_id)
            look_up_later(tx, organization_id, message_id, now=post.clock())
    match claim:
        case gate.Settled() | gate.Interrupted():
            return Done()
        case gate.Verdict(decision, rule, until):
            log.info("message.held", message_id=message_id, verdict=decision, rule=rule)
            return Later(_wait(until, post.clock()), rule) if decision == "defer" else Done()
        case gate.Cleared():
            return _call(post, organization_id, claim)


def _call(post: Post, organization_id: UUID, cleared: gate.Cleared) -> Result:
    text = outbound_text(
        post.public_url, cleared.message_id, cleared.body, cleared.to, cleared.expires_at, post.clock()
    )
    outcome = _sender(post, organization_id, cleared).send(text)
    now = post.clock()
    with post.db.tenant(organization_id) as tx:
        record.record(
            tx, post.hashes, organization_id, cleared, outcome, means_opt_out=post.means_opt_out, now=now
        )
        if isinstance(outcome, NotProcessed):
            pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else _SLOW_DOWN
            store.quiet_channel(tx, organization_id, cleared.to.channel_id, now + pause)
            return Later(pause, outcome.reason)
        if isinstance(outcome, Unclear):
            look_up_later(tx, organization_id, cleared.message_id, now=now)
    log.info("message.called", message_id=cleared.message_id, outcome=type(outcome).__name__.lower())
    return Done()


def _sender(post: Post, organization_id: UUID, cleared: gate.Cleared) -> Sender:
    """The way to the provider. When there is none nothing was sent, and the claim is given back."""
    try:
        return post.sender_for(organization_id, cleared.to)
    except Exception:
        with post.db.tenant(organization_id) as tx:
            store.release(tx, organization_id, cleared.message_id)
        raise


def outbound_text(
    public_url: str, message_id: UUID, body: str, to: Addressee, expires_at: datetime | None, now: datetime
) -> OutboundText:
    """The text as a provider gets it. Its callback carries our id, so a report can never miss its message."""
    validity = None if expires_at is None else max(1, min(36_000, int((expires_at - now).total_seconds())))
    return OutboundText(
        message_id=message_id,
        recipient=to.phone,
        sender=to.our_number,
        body=body,
        status_callback=f"{public_url}/webhooks/twilio/{to.channel_key}/status?message={message_id}",
        validity_seconds=validity,
    )


def look_up_later(tx: Tx, organization_id: UUID, message_id: UUID, *, now: datetime) -> None:
    """Promise the look-up of a message whose fate is not known."""
    enqueue(
        tx,
        organization_id,
        "send_message",
        "reconcile",
        {"message_id": str(message_id)},
        now=now,
        delay=_LOOK_AFTER,
        unique_key=f"reconcile:{message_id}",
    )


def _wait(until: datetime | None, now: datetime) -> timedelta:
    return _SLOW_DOWN if until is None else max(until - now, timedelta(seconds=1))
