"""What Meta calls: WhatsApp and Lead Ads. Verify, take every piece for itself, answer after the commits."""

from collections.abc import Callable, Iterator
from typing import Any

from leadsrally import runtime
from leadsrally.kit import gateway
from leadsrally.kit.errors import TooLarge
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.messaging import store
from leadsrally.messaging.answer_webhook import Webhook, answer_webhook
from leadsrally.messaging.channels import meta_store
from leadsrally.messaging.channels.directory import OpenChannel
from leadsrally.messaging.heed_no import MayRefuse
from leadsrally.messaging.leads.receive import receive_words
from leadsrally.messaging.store import Call
from leadsrally.messaging.take_delivery import Intake, take_delivery
from leadsrally.messaging.turn_away import turn_away
from leadsrally.providers.meta import inbound, leadgen
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.error_codes import effect_of
from leadsrally.providers.meta.reading import load
from leadsrally.providers.meta.signature import answer_challenge, verify
from leadsrally.runtime import Runtime
from leadsrally.telemetry import log

# A thousand pieces have about one megabyte; more than six do not reach a function.
_MAX_BYTES = 6_000_000
_TEXT = "text/plain; charset=utf-8"

Accept = Callable[[Runtime, Request, Call, OpenChannel[MetaCredentials]], Response]


def handler(event: Event, _context: Any) -> Response:
    """Confirm the address (GET), or take a genuine delivery (POST); each call leaves a row in the log (P1.5).

    2xx only after everything is committed; for anything else Meta comes again, for up to seven days.
    """
    door = runtime.of("webhook_meta")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        asks = event["requestContext"]["http"]["method"] == "GET"
        accept = _confirm if asks else _take
        return answer_webhook(lambda: _webhook(door, accept), event, "challenge" if asks else "delivery")


def _webhook(door: Runtime, accept: Accept) -> Webhook[MetaCredentials]:
    return Webhook(
        "meta",
        door.db,
        door.clock,
        door.meta_channels,
        door.surprised,
        lambda request, call, found: accept(door, request, call, found),
    )


def _confirm(door: Runtime, request: Request, call: Call, found: OpenChannel[MetaCredentials]) -> Response:
    challenge = answer_challenge(request.query, found.credentials)
    with door.db.tenant(found.channel.organization_id) as tx:
        meta_store.note_challenge(tx, found.channel.organization_id, found.channel.id, now=call.at)
        store.log_call(tx, call, found.channel, outcome="confirmed", http_status=200)
    return gateway.answer(200, challenge, _TEXT)


def _take(door: Runtime, request: Request, call: Call, found: OpenChannel[MetaCredentials]) -> Response:
    if len(request.body) > _MAX_BYTES:
        raise TooLarge(f"A webhook of Meta has at most {_MAX_BYTES} bytes.", code="body_too_large")
    verify(request.body, request.headers, found.credentials.at(call.at))
    document = load(request.body)
    if turn_away(door.db, door.hashes, found.channel, _said(document), call, effect_of):
        return gateway.answer(200, "", _TEXT)
    match inbound.object_of(document):
        case inbound.WHATSAPP:
            take_delivery(_intake(door), found.channel, inbound.items(document), call)
        case inbound.PAGE:
            receive_words(door.db, door.hashes, found.channel, leadgen.items(document), call)
        case _:  # what else an app can subscribe to
            with door.db.tenant(found.channel.organization_id) as tx:
                store.log_call(tx, call, found.channel, outcome="ignored", http_status=200)
    return gateway.answer(200, "", _TEXT)


def _said(document: Any) -> Iterator[MayRefuse]:
    """What may be a no. Read only while the organisation leaves."""
    if inbound.object_of(document) == inbound.WHATSAPP:
        for item in inbound.items(document):
            if isinstance(item.news, MayRefuse):
                yield item.news


def _intake(door: Runtime) -> Intake:
    return Intake(
        door.db,
        door.hashes,
        effect_of,
        door.surprised,
    )
