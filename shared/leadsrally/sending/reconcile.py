"""Find out what became of a message whose call got no answer, by asking the provider what it has."""

from datetime import timedelta
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.errors import RETRYABLE, LeadsRallyError
from leadsrally.messaging import store as messages
from leadsrally.messaging.types import Status
from leadsrally.sending import gate, record, store
from leadsrally.sending.post import Post
from leadsrally.sending.send import outbound
from leadsrally.telemetry import log

# The provider's clock and ours may differ, and its list may lag behind its answers.
_SKEW = timedelta(minutes=1)
_AGAIN_AFTER = timedelta(minutes=2)
_GIVE_UP_AFTER = timedelta(minutes=15)


def reconcile(post: Post, job: Job) -> Result:
    """Resolve an `unknown` message: adopt the one provider message that fits, or ask a person.

    A callback may have resolved it in the meantime; then there is nothing to do. Nothing is ever sent from
    here. Raises `Unavailable` when the provider cannot be asked, so that the job is tried again; with the
    last try a person is asked instead.
    """
    organization_id, message_id = job.organization_id, UUID(job.payload["message_id"])
    with post.db.tenant(organization_id) as tx:
        message = store.lock(tx, organization_id, message_id)
    if message is None or message.status != Status.UNKNOWN or message.claimed_at is None:
        return Done()
    cleared = gate.cleared(message, claimed_at=message.claimed_at, expires_at=None)
    to, sought = cleared.to, outbound(post.public_url, cleared, post.clock())
    try:
        found = post.sender_for(organization_id, to).find(sought, message.claimed_at - _SKEW)
    except LeadsRallyError as error:
        if error.kind in RETRYABLE and job.attempts < job.max_attempts:
            raise
        found = ()  # nobody can be asked any more: the channel was disconnected, or its seal does not open
    now = post.clock()
    with post.db.tenant(organization_id) as tx:
        taken = store.taken(tx, organization_id, list(found))
        free = [sid for sid in found if sid not in taken]
        # One candidate for two of our messages: a report, which names its message, must say whose it is.
        ours = len(free) == 1 and not store.has_unresolved_twin(tx, organization_id, message_id)
        if ours:
            record.accepted(
                tx,
                post.hashes,
                organization_id,
                cleared,
                free[0],
                None,
                effect_of=post.effect_of,
                now=now,
            )
            log.info("message.found", message_id=message_id)
            return Done()
        if len(free) < 2 and now - message.claimed_at < _GIVE_UP_AFTER:
            return Later(_AGAIN_AFTER, "not_found_yet")
        messages.ask_a_person(tx, organization_id, message.conversation_id, "delivery_unknown")
    log.warning("message.fate_unknown", message_id=message_id, candidates=len(free))
    return Done()
