"""Send one message, at most once: claim, commit, call, record."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.run import is_last, word_of
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.sniff import file_name
from leadsrally.kit.storage import LONGEST_LINK
from leadsrally.messaging.media.store import key_of
from leadsrally.sending import gate, record, store
from leadsrally.sending.hold_back import SLOW_DOWN, hold_back
from leadsrally.sending.leave_files import leave_files
from leadsrally.sending.post import Post
from leadsrally.sending.types import NotProcessed, OutboundFile, OutboundMessage, StoredFile, Unclear
from leadsrally.telemetry import log

_LOOK_AFTER = timedelta(seconds=30)


def send_message(post: Post, job: Job) -> Result:
    """Ask the gate and, if it says yes, call the provider exactly once.

    Neither Twilio nor Meta has an idempotency key, so nothing is ever repeated blindly: a crash or a
    broken answer after the call leaves the message `unknown`, to be looked up by `reconcile`.
    """
    organization_id, message_id = job.organization_id, UUID(job.payload["message_id"])
    claim = _claim(post, organization_id, message_id)
    if isinstance(claim, gate.Unready):
        try:
            for_now = leave_files(post, organization_id, claim)
        except Exception as error:  # noqa: BLE001  raised again, but for what passes
            return _not_called(post, job, message_id, error)
        if for_now is not None:
            return for_now
        claim = _claim(post, organization_id, message_id)
    match claim:
        case gate.Settled() | gate.Interrupted():
            return Done()
        case gate.Unready():
            return Later(SLOW_DOWN, "files_not_left")
        case gate.Verdict(decision, rule, until):
            log.info("message.held", message_id=message_id, verdict=decision, rule=rule)
            return Later(_wait(until, post.clock()), rule) if decision == "defer" else Done()
        case gate.Cleared():
            return _call(post, job, claim)


def _claim(post: Post, organization_id: UUID, message_id: UUID) -> gate.Claim:
    with post.db.tenant(organization_id) as tx:
        claim = gate.claim(tx, post.hashes, organization_id, message_id, now=post.clock())
        if isinstance(claim, gate.Interrupted):
            record.unclear(tx, organization_id, message_id, now=post.clock())
            look_up_later(tx, organization_id, message_id, now=post.clock())
    return claim


def _call(post: Post, job: Job, cleared: gate.Cleared) -> Result:
    organization_id = job.organization_id
    try:
        sender = post.sender_for(organization_id, cleared.to)
        files = _files(post, organization_id, cleared)
    except Exception as error:  # noqa: BLE001  raised again, but for what passes
        return _not_called(post, job, cleared.message_id, error)
    outcome = sender.send(replace(outbound(post.public_url, cleared, post.clock()), files=files))
    now = post.clock()
    with post.db.tenant(organization_id) as tx:
        record.record(tx, post.hashes, organization_id, cleared, outcome, effect_of=post.effect_of, now=now)
        if isinstance(outcome, NotProcessed):
            return hold_back(tx, organization_id, cleared.to, cleared.conversation_id, outcome, now=now)
        if isinstance(outcome, Unclear):
            look_up_later(tx, organization_id, cleared.message_id, now=now)
    log.info("message.called", message_id=cleared.message_id, outcome=type(outcome).__name__.lower())
    return Done()


def _not_called(post: Post, job: Job, message_id: UUID, error: Exception) -> Later:
    """Something of ours kept us from calling, so nothing was sent and the claim is given back.

    What is away comes back: the message waits for it, without using up the tries of its job, until the gate finds it
    too old. Raises anything else; with the job's last try the message is failed, under the error's word.
    """
    waits = isinstance(error, Unavailable)
    with post.db.tenant(job.organization_id) as tx:
        store.release(tx, job.organization_id, message_id)
        if not waits and is_last(job, error):
            store.give_up(tx, job.organization_id, message_id, word_of(error))
    if not waits:
        raise error
    log.warning("message.not_called", message_id=message_id, error=error)
    return Later(SLOW_DOWN, word_of(error))


def _files(post: Post, organization_id: UUID, cleared: gate.Cleared) -> tuple[OutboundFile, ...]:
    """Each file as the provider gets it: by the id of its copy, or by an address where it fetches one.

    The address is good for a quarter of an hour; Twilio fetches what it is sent before it answers or soon after:
    https://www.twilio.com/docs/messaging/guides/accepted-mime-types
    """
    if cleared.to.channel_kind == "whatsapp":
        return tuple(OutboundFile(file.left_as or "", _name(file)) for file in cleared.files)
    if not cleared.files:
        return ()
    links = post.files().links
    return tuple(
        OutboundFile(
            links.link(
                key_of(organization_id, file.id),
                file_name=_name(file),
                content_type=file.content_type,
                lasting=LONGEST_LINK,
            ).url
        )
        for file in cleared.files
    )


def _name(file: StoredFile) -> str:
    return file_name(file.file_name, file.content_type, "file")


def outbound(public_url: str, cleared: gate.Cleared, now: datetime) -> OutboundMessage:
    """The message as a provider gets it, its files counted only.

    Our id goes with it, so that a report can never miss its message.
    """
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
        files=tuple(OutboundFile("") for _ in cleared.files),
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
    return SLOW_DOWN if until is None else max(until - now, timedelta(seconds=1))
