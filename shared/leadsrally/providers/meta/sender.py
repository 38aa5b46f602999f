"""Sending over WhatsApp's Cloud API.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages. There is no idempotency
key, and no list of what was sent: when a call ends in silence, only a status that carries our id can say what became of
the message.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from leadsrally.contacts.types import Identity
from leadsrally.providers.meta.error_codes import explain
from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal, Unreached
from leadsrally.providers.meta.outbound import body_of
from leadsrally.providers.meta.reading import identifier, listing, mapping, text
from leadsrally.sending.types import (
    Accepted,
    NotProcessed,
    OutboundMessage,
    Outcome,
    Rejected,
    Unclear,
)

ATTENTION_SECONDS: Final = 900.0
"""How long messages wait before a channel that somebody must set right at Meta is tried again."""


class MetaSender:
    """`leadsrally.sending.types.Sender` for one WhatsApp number. Keeps its connection; safe to keep and reuse."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def send(self, message: OutboundMessage) -> Outcome:
        """Call Meta once. Never raises for what Meta or the network did; reasons are words of ours and codes."""
        try:
            answer = self._graph.post(f"{message.sender}/messages", body_of(message))
        except GraphFailure as failure:
            return _outcome(failure)
        sent = mapping(next(iter(listing(answer.get("messages"))), None))
        message_id = identifier(sent.get("id"))
        if not message_id:
            return Unclear("Meta's answer named no message")
        return Accepted(
            message_id,
            held=sent.get("message_status") == "held_for_quality_assessment",
            recipient=_identities(answer),
        )

    def find(self, message: OutboundMessage, not_before: datetime) -> tuple[str, ...]:  # noqa: ARG002
        """None, ever: Meta keeps no list that could be asked."""
        return ()


def _identities(answer: Mapping[str, Any]) -> tuple[Identity, ...]:
    """What Meta calls the person, which need not be the number that was dialled."""
    contact = mapping(next(iter(listing(answer.get("contacts"))), None))
    wa_id, user_id = text(contact.get("wa_id"), 64), text(contact.get("user_id"), 200)
    named = [Identity("bsuid", user_id)] if user_id else []
    return tuple(named + ([Identity("wa_id", wa_id)] if wa_id.isdecimal() else []))


def _outcome(failure: GraphFailure) -> Outcome:
    """What a failed call means for the message."""
    match failure:
        case Unreached():
            return NotProcessed(f"no connection: {failure.what}")
        case Refusal():
            return refused(failure)
        case _:
            return Unclear(failure.what)


def refused(refusal: Refusal) -> Rejected | NotProcessed | Unclear:
    """What an error of Meta's means for what was asked, by its code alone."""
    return _by_status(refusal) if refusal.code is None else _by_code(str(refusal.code), refusal)


def _by_status(refusal: Refusal) -> Rejected | NotProcessed | Unclear:
    if refusal.status == 429:
        return NotProcessed("rate limit", refusal.wait)
    # 408 is what something between us gives up with; it does not know how far the request got.
    final = 400 <= refusal.status < 500 and refusal.status != 408
    return Rejected(f"http_{refusal.status}") if final else Unclear(refusal.what)


def _by_code(code: str, refusal: Refusal) -> Rejected | NotProcessed | Unclear:
    told = explain(code)
    wait = refusal.wait or (told.wait.total_seconds() if told.wait else None)
    match told.effect:
        case "slow_channel":
            return NotProcessed(refusal.what, wait)
        case "slow_account":
            return NotProcessed(refusal.what, wait, holds="account")
        case "slow_pair":
            return NotProcessed(refusal.what, wait, holds="pair")
        case "attention":
            return NotProcessed(refusal.what, wait or ATTENTION_SECONDS, trouble=code)
        case "unsure":
            return Unclear(refusal.what)
        case _:
            # A code that we do not know, under a status that says that Meta itself had broken, proves nothing.
            known = told.effect != "none" or told.final
            return Rejected(code) if known or refusal.status < 500 else Unclear(refusal.what)
