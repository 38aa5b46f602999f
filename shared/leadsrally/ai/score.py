"""Ask a model what a contact wants, if it may be asked, and keep what it says beside the message."""

from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from uuid import UUID

from leadsrally.ai import store
from leadsrally.ai.minimise import MESSAGES, minimise
from leadsrally.ai.store import Brief
from leadsrally.ai.types import Answer, Declined, ModelUnavailable, Scored, Scorer, Snippet
from leadsrally.billing.meter import Tokens
from leadsrally.consent import change, suppressions
from leadsrally.consent import store as consent_store
from leadsrally.consent.permission import opted_out
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store as contacts
from leadsrally.disclosures.store import disclose
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store as messages
from leadsrally.messaging.take_over import taken_over
from leadsrally.telemetry import log

PROMPT_VERSION = "score.v1"
# The function that runs this has 60 s and does several jobs; the model has less than half of it.
_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What is needed to score: where to store and whom to ask."""

    db: Database
    clock: Clock
    hashes: KeyedHash
    scorer: Scorer | None  # None: no model is configured, and nothing is ever called


def score_conversation(desk: Desk, job: Job) -> Result:
    """Score the newest inbound message of a conversation, once, with a bounded snippet before it.

    Makes no call when the organisation's AI is off, a colleague has taken the conversation over, the person has opted
    out, the day's budget is spent or the message was scored already. Raises `Unavailable` when the model cannot be reached now.
    """
    organization_id = job.organization_id
    conversation_id = UUID(job.payload["conversation_id"])
    if desk.scorer is None:
        return Done()
    day = desk.clock().date()
    with desk.db.tenant(organization_id) as tx:
        brief = store.brief(tx, organization_id, conversation_id)
        conversation = _snippet(tx, desk, organization_id, conversation_id, brief, day)
    if brief is None or conversation is None:
        return Done()
    result = desk.scorer.score(_system_prompt(), conversation, timeout=_TIMEOUT_SECONDS)
    if isinstance(result, ModelUnavailable):
        raise Unavailable(
            "The AI model is busy; the message will be scored later.",
            code="model_unavailable",
            retry_after=result.retry_after,
        )
    with desk.db.tenant(organization_id) as tx:
        _keep(tx, desk, organization_id, conversation_id, brief, result, day)
    return Done()


def may_ask(*, scoring: bool, suggestions: bool) -> bool:
    """Whether the organisation has switched on anything that a model is asked for (P2.2, P4.3)."""
    return scoring or suggestions


def _snippet(
    tx: Tx, desk: Desk, organization_id: UUID, conversation_id: UUID, brief: Brief | None, day: date
) -> str | None:
    """The minimised conversation, with its budget taken and its disclosure noted; None: do not ask."""
    if brief is None or brief.scored or brief.taken_over or not brief.active:
        return None
    if not may_ask(scoring=brief.scoring, suggestions=brief.suggestions):
        return None
    if _opted_out(tx, desk.hashes, organization_id, brief):
        return None
    now = desk.clock()
    within_budget = store.spend_call(
        tx,
        organization_id,
        day,
        daily_calls=brief.daily_calls,
        daily_tokens=brief.daily_tokens,
    )
    if not within_budget:
        log.warning("ai.budget_spent", conversation_id=conversation_id)
        return None
    disclose(
        tx,
        organization_id,
        brief.contact_id,
        "anthropic",
        "score_message",
        ("redacted_message_text",),
        message_id=brief.message_id,
        now=now,
    )
    lines = messages.last_lines(tx, organization_id, conversation_id, limit=MESSAGES)
    return minimise([Snippet(line.direction, line.body) for line in lines], [brief.name])


def _opted_out(tx: Tx, hashes: KeyedHash, organization_id: UUID, brief: Brief) -> bool:
    addresses = contacts.addresses_of(tx, organization_id, brief.contact_id) or ()
    known_as = change.address_hashes(hashes, organization_id, addresses)
    return opted_out(
        consent_store.standings(tx, organization_id, brief.contact_id, brief.channel_kind),
        suppressed=suppressions.suppressed(tx, organization_id, brief.channel_kind, known_as, "service"),
    )


def _keep(
    tx: Tx,
    desk: Desk,
    organization_id: UUID,
    conversation_id: UUID,
    brief: Brief,
    result: Scored | Declined,
    day: date,
) -> None:
    now = desk.clock()
    answer = result.answer if isinstance(result, Scored) else None
    # On the day that paid for the call: an answer may come after midnight.
    store.spend_tokens(tx, organization_id, day, result.input_tokens + result.output_tokens)
    # The thread before the person, in the order in which a text that says STOP takes them.
    by_a_person = taken_over(tx, organization_id, conversation_id)
    # Somebody may have opted out while the model was asked: a draft is kept under the lock that a STOP waits for.
    if not consent_store.lock(tx, organization_id, brief.contact_id):
        return  # the person was erased while the model was asked
    if by_a_person:
        # Nothing is shown of what came too late; but a wish to hear no more holds, whoever has heard it.
        _heed_stop(tx, organization_id, conversation_id, brief, answer, now)
        return
    drafts = brief.suggestions and not _opted_out(tx, desk.hashes, organization_id, brief)
    kept = store.keep(
        tx,
        organization_id,
        brief.message_id,
        score_id=new_id(now),
        outcome="scored" if isinstance(result, Scored) else result.reason,
        answer=answer,
        with_score=brief.scoring,
        with_suggestions=drafts,
        model=result.model,
        prompt_version=PROMPT_VERSION,
        tokens=Tokens(
            result.input_tokens - result.cache_read_tokens - result.cache_write_tokens,
            result.output_tokens,
            result.cache_read_tokens,
            result.cache_write_tokens,
        ),
        now=now,
    )
    if not kept or answer is None:
        return
    if brief.scoring:
        store.show(tx, organization_id, conversation_id, brief.message_id, answer)
    _heed_stop(tx, organization_id, conversation_id, brief, answer, now)


def _heed_stop(
    tx: Tx, organization_id: UUID, conversation_id: UUID, brief: Brief, answer: Answer | None, now: datetime
) -> None:
    if answer is None or not answer.wants_to_stop:
        return
    evidence = Evidence("ai", now, message_id=brief.message_id)
    if change.pause(tx, organization_id, brief.contact_id, brief.channel_kind, evidence, now=now):
        messages.ask_a_person(tx, organization_id, conversation_id, "may_want_to_stop")


def _system_prompt() -> str:
    prompts = resources.files("leadsrally.ai") / "prompts"
    return (prompts / f"{PROMPT_VERSION}.md").read_text(encoding="utf-8")
