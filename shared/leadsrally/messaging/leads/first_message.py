"""What whoever leaves a lead is written at once: a text, or on WhatsApp a template, with gaps for what is known of them.

It is an offer like any other: it goes to whoever agreed to offers, in the hours of the place it goes to, and the gate
says of each whether it may.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid, NotFound
from leadsrally.messaging import merge
from leadsrally.messaging.compose import MAX_CHARACTERS, check_words
from leadsrally.messaging.leads.types import Lead
from leadsrally.messaging.templates import store as template_store

QUEUE: Final = "automation"
SEND: Final = "first_message"
FRESH: Final = timedelta(days=1)
"""Whoever left an older lead is not written to by itself any more: they do not wait for an answer."""


@dataclass(frozen=True, slots=True)
class FirstMessage:
    """By which channel, and what: a text, or the name of a template and the values of its gaps."""

    channel_id: UUID
    text: str | None
    template: str | None
    language: str | None
    body: Mapping[str, str]
    header: Mapping[str, str]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """As it is stored with a form, and as the API takes it."""
        return cls(
            UUID(str(stored["channel_id"])),
            stored.get("text"),
            stored.get("template"),
            stored.get("language"),
            stored.get("body") or {},
            stored.get("header") or {},
        )

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {**asdict(self), "channel_id": str(self.channel_id)}

    def words(self) -> tuple[str, ...]:
        """All that may hold gaps."""
        return (self.text or "", *self.body.values(), *self.header.values())


@dataclass(frozen=True, slots=True)
class _Channel:
    kind: str
    state: str
    waba_id: str | None


_CHANNEL = """
SELECT kind, state, waba_id
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def check_first_message(tx: Tx, organization_id: UUID, wanted: FirstMessage, names: frozenset[str]) -> None:
    """Raise `NotFound` or `Invalid` for what could not be sent to anybody. `names`: what gaps may ask for."""
    channel = tx.maybe(
        _Channel, _CHANNEL, {"organization_id": organization_id, "channel_id": wanted.channel_id}
    )
    if channel is None or channel.state != "active" or channel.kind == "lead_ads":
        raise NotFound("There is no such SMS or WhatsApp number.", code="channel_not_found")
    if (wanted.text is None) == (wanted.template is None):
        raise Invalid("Give either a text or a template.", code="text_or_template")
    if (channel.kind == "whatsapp") != (wanted.template is not None):
        raise Invalid(
            "Whoever has not written yet gets a template by WhatsApp, and a text by SMS. Choose the other.",
            code="text_or_template",
        )
    for words in wanted.words():
        if unknown := [name for name in merge.names_in(words) if name not in names]:
            raise Invalid(
                f"A gap asks for {unknown[0]}, which is not there. There are: {', '.join(sorted(names))}.",
                code="merge_field",
            )
    if wanted.text is not None:
        check_words(wanted.text)
        if len(wanted.text) > MAX_CHARACTERS["sms"]:
            raise Invalid(
                f"A text has at most {MAX_CHARACTERS['sms']} characters. Shorten it.", code="body_too_long"
            )
    elif not template_store.of_name(tx, organization_id, channel.waba_id or "", wanted.template or ""):
        raise NotFound(
            "There is no such template. Sync the templates, or check its name.", code="template_not_found"
        )


def ask_for_first_message(tx: Tx, organization_id: UUID, lead_id: UUID, lead: Lead, *, now: datetime) -> None:
    """Have it sent, unless the lead is too old to wait for an answer."""
    if lead.submitted_at is None or now - lead.submitted_at < FRESH:
        enqueue(
            tx,
            organization_id,
            QUEUE,
            SEND,
            {"lead_id": str(lead_id)},
            now=now,
            unique_key=f"first_message:{lead_id}",
        )
