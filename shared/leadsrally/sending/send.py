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
from leadsrally.messaging.channels.in_trouble import channel_in_trouble
from leadsrally.sending import gate, record, store
from leadsrally.sending.types import Addressee, EffectOf, NotProcessed, OutboundMessage, Sender, Unclear
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
    effect_of: EffectOf
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
    message = outbound(post.public_url, cleared, post.clock())
    outcome = _sender(post, organization_id, cleared).send(message)
    now = post.clock()
    with post.db.tenant(organization_id) as tx:
        record.record(tx, post.hashes, organization_id, cleared, outcome, effect_of=post.effect_of, now=now)
        if isinstance(outcome, NotProcessed):
            return _hold_back(tx, organization_id, cleared, outcome, now)
        if isinstance(outcome, Unclear):
            look_up_later(tx, organization_id, cleared.message_id, now=now)
    log.info("message.called", message_id=cleared.message_id, outcome=type(outcome).__name__.lower())
    return Done()


def _hold_back(
    tx: Tx, organization_id: UUID, cleared: gate.Cleared, outcome: NotProcessed, now: datetime
) -> Result:
    """Nothing was sent. Whatever is too fast waits, and nobody else."""
    pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else _SLOW_DOWN
    match outcome.holds:
        case "sender":
            store.quiet_channel(tx, organization_id, cleared.to.channel_id, now + pause)
        case "account":
            store.quiet_account(tx, organization_id, cleared.to.channel_id, now + pause)
        case "pair":
            store.quiet_pair(tx, organization_id, cleared.conversation_id, now + pause)
    if outcome.trouble is not None:
        channel_in_trouble(tx, organization_id, cleared.to.channel_id, outcome.trouble, now=now)
    return Later(pause, outcome.reason)


def _sender(post: Post, organization_id: UUID, cleared: gate.Cleared) -> Sender:
    """The way to the provider. When there is none nothing was sent, and the claim is given back."""
    try:
        return post.sender_for(organization_id, cleared.to)
    except Exception:
        with post.db.tenant(organization_id) as tx:
            store.release(tx, organization_id, cleared.message_id)
        raise


def outbound(public_url: str, cleared: gate.Cleared, now: datetime) -> OutboundMessage:
    """The message as a provider gets it. Our id goes with it, so that a report can never miss its message."""
    to, expires_at = cleared.to, cleared.expires_at
    validity = None if expires_at is None else max(1, min(36_000, int((expires_at - now).total_seconds())))
    callback = f"{public_url}/webhooks/twilio/{to.channel_key}/status?message={cleared.message_id}"
    return OutboundMessage(
        message_id=cleared.message_id,
        recipient=to.address,
        sender=to.phone_number_id if to.channel_kind == "whatsapp" else to.our_number,
        body=cleared.body,
        status_callback=callback if to.channel_kind == "sms" else "",
        validity_seconds=validity,
        kind=cleared.kind,
        content=cleared.content,
        reply_to=cleared.reply_to,
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
