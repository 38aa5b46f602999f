"""Put a template in the queue: found by its name, in the right language, its values checked before it leaves."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.messaging.compose import queue_draft
from leadsrally.messaging.media.send import attach, header_kind
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates import values as templates
from leadsrally.messaging.templates.store import Stored
from leadsrally.messaging.templates.values import Values
from leadsrally.messaging.types import ChannelKind, Draft


@dataclass(frozen=True, slots=True)
class TemplateWanted:
    """A template as somebody asks for it. Without a language the person's own is taken, else the organisation's.

    `upload` is the file for its header.
    """

    name: str
    language: str | None
    values: Values
    upload: UUID | None = None


@dataclass(frozen=True, slots=True)
class QueuedTemplate:
    message_id: UUID
    language: str


@dataclass(frozen=True, slots=True)
class _Place:
    kind: ChannelKind
    waba_id: str | None
    language: str  # of the organisation
    spoken: str | None  # of the person, as the last scored message showed it


_PLACE = """
SELECT ch.kind, ch.waba_id, o.language,
       (SELECT s.language
          FROM messages AS m
          JOIN scores AS s ON s.organization_id = m.organization_id AND s.message_id = m.id
         WHERE m.organization_id = c.organization_id
           AND m.conversation_id = c.id
           AND s.language IS NOT NULL
         ORDER BY m.said_at DESC, m.id DESC
         LIMIT 1) AS spoken
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


def queue_template(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    wanted: TemplateWanted,
    *,
    now: datetime,
    author_id: UUID | None = None,
    idempotency_key: str | None = None,
    lifetime: timedelta | None = None,
) -> QueuedTemplate:
    """Store the message as the person will read it, and the job that will send it.

    A marketing template is queued as marketing, whatever it is used for. Raises `NotFound` for a conversation or a
    template that is not there, `Conflict` for one that may not be sent now, and `Invalid` for values that do not fit
    or for a channel that has no templates; of its file, what `queue_files` raises.
    """
    place = tx.maybe(_Place, _PLACE, {"organization_id": organization_id, "conversation_id": conversation_id})
    if place is None:
        raise NotFound("There is no such conversation.", code="conversation_not_found")
    if place.kind != "whatsapp" or place.waba_id is None:
        raise Invalid("Templates are sent over WhatsApp only.", code="no_templates_here")
    template = _chosen(tx, organization_id, place, place.waba_id, wanted)
    form = templates.from_json(template.form)
    uploads = [] if wanted.upload is None else [wanted.upload]
    values = replace(wanted.values, file=header_kind(tx, organization_id, uploads))
    body = templates.read(form, values).body
    content = templates.content_of(template.name, template.language, form, values)
    message_id = queue_draft(
        tx,
        organization_id,
        conversation_id,
        Draft("template", body, content, template_id=template.id),
        now=now,
        purpose="marketing" if template.category == "marketing" else "service",
        author_id=author_id,
        idempotency_key=idempotency_key,
        lifetime=lifetime,
    )
    attach(tx, organization_id, message_id, uploads)
    return QueuedTemplate(message_id, template.language)


def _chosen(tx: Tx, organization_id: UUID, place: _Place, waba_id: str, wanted: TemplateWanted) -> Stored:
    """The approved one in the wanted language, or in the nearest that there is."""
    every = [
        one
        for one in template_store.of_name(tx, organization_id, waba_id, wanted.name)
        if one.state != "deleted"
    ]
    if not every:
        raise NotFound(
            "There is no such template. Sync the templates, or check its name.", code="template_not_found"
        )
    usable = {one.language: one for one in every if one.state == "approved"}
    if not usable:
        states = ", ".join(sorted({one.state for one in every}))
        raise Conflict(
            f"The template may not be sent: it is {states}. Choose another one.", code="template_not_approved"
        )
    chosen = templates.in_language(usable, wanted.language or place.spoken, place.language)
    if chosen is None:
        raise Conflict(
            f"The template is not approved in this language. It is in {', '.join(sorted(usable))}.",
            code="template_language",
        )
    return chosen
