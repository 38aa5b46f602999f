"""Write to whoever has just left a lead, as the customer has set it for the form."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import OUR_FAULT, Conflict, LeadsRallyError, Unavailable
from leadsrally.messaging.compose import queue_message
from leadsrally.messaging.leads.first_message import FirstMessage
from leadsrally.messaging.open_conversation import open_conversation
from leadsrally.messaging.opt_out_words import LinkDesk
from leadsrally.messaging.preview import fill_gaps
from leadsrally.messaging.take_over import taken_over
from leadsrally.messaging.templates.compose import TemplateWanted, queue_template
from leadsrally.messaging.templates.values import Values
from leadsrally.telemetry import log


@dataclass(frozen=True, slots=True)
class AnswerDesk:
    """What writing to people by itself needs."""

    db: Database
    clock: Clock
    links: LinkDesk


@dataclass(frozen=True, slots=True)
class _Lead:
    contact_id: UUID
    first_message: dict[str, Any]


_LEAD = """
SELECT l.contact_id, f.first_message
  FROM leads AS l
  JOIN lead_forms AS f ON f.organization_id = l.organization_id AND f.id = l.form_id
 WHERE l.organization_id = %(organization_id)s
   AND l.id = %(lead_id)s
   AND l.state = 'fetched'
   AND l.contact_id IS NOT NULL
   AND l.first_message_id IS NULL
   AND f.first_message IS NOT NULL
"""
_RECORD = """
UPDATE leads
   SET first_message_id = %(message_id)s, first_message_failure = %(failure)s
 WHERE organization_id = %(organization_id)s
   AND id = %(lead_id)s
"""


def answer_lead(desk: AnswerDesk, job: Job) -> Result:
    """Queue the form's first message to the lead's contact, once, or say with the lead why there is none.

    Run again it finds that it did. Nothing is sent when the form was set otherwise meanwhile, when a
    colleague has taken their conversation over, or when the lead's person is gone. Raises `Unavailable`.
    """
    organization_id, lead_id, now = job.organization_id, UUID(job.payload["lead_id"]), desk.clock()
    try:
        with desk.db.tenant(organization_id) as tx:
            lead = tx.maybe(_Lead, _LEAD, {"organization_id": organization_id, "lead_id": lead_id})
            if lead is None:
                return Done()
            message_id = _queue(tx, desk, organization_id, lead_id, lead, now)
            _record(tx, organization_id, lead_id, message_id, None)
    except LeadsRallyError as refused:
        if isinstance(refused, Unavailable) or refused.kind in OUR_FAULT:
            raise
        with desk.db.tenant(
            organization_id
        ) as tx:  # the thread that was to be opened is gone with the first one
            _record(tx, organization_id, lead_id, None, refused.code)
        log.info("lead.not_answered", lead_id=lead_id, code=refused.code)
        return Done()
    log.info("lead.answered", lead_id=lead_id, message_id=message_id)
    return Done()


def _queue(
    tx: Tx, desk: AnswerDesk, organization_id: UUID, lead_id: UUID, lead: _Lead, now: datetime
) -> UUID:
    wanted = FirstMessage.from_json(lead.first_message)
    conversation_id = open_conversation(tx, organization_id, lead.contact_id, wanted.channel_id, now=now)
    if taken_over(tx, organization_id, conversation_id):
        raise Conflict("A colleague answers this person. Ask them.", code="taken_over")

    def filled(words: str) -> str:
        return fill_gaps(tx, organization_id, conversation_id, words)

    key = f"lead:{lead_id}"
    if wanted.template is None:
        return queue_message(
            tx,
            organization_id,
            conversation_id,
            filled(wanted.text or ""),
            purpose="marketing",
            idempotency_key=key,
            links=desk.links,
            now=now,
        )
    values = Values(
        {name: filled(words) for name, words in wanted.body.items()},
        {name: filled(words) for name, words in wanted.header.items()},
    )
    template = TemplateWanted(wanted.template, wanted.language, values)
    return queue_template(
        tx, organization_id, conversation_id, template, idempotency_key=key, now=now
    ).message_id


def _record(
    tx: Tx, organization_id: UUID, lead_id: UUID, message_id: UUID | None, failure: str | None
) -> None:
    tx.run(
        _RECORD,
        {
            "organization_id": organization_id,
            "lead_id": lead_id,
            "message_id": message_id,
            "failure": failure,
        },
    )
