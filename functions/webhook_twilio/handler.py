"""What Twilio calls: inbound messages and delivery reports. Verify, one verb, answer after the commit."""

from typing import Any
from urllib.parse import parse_qsl

from leadsrally import runtime
from leadsrally.accounts.leaving import is_leaving
from leadsrally.kit import gateway
from leadsrally.kit.errors import TooLarge
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.messaging import store
from leadsrally.messaging.answer_webhook import Webhook, answer_webhook
from leadsrally.messaging.channels.directory import OpenChannel
from leadsrally.messaging.heed_no import heed_no
from leadsrally.messaging.receive import StaleChannelError, receive
from leadsrally.messaging.report import apply_report
from leadsrally.messaging.store import Call
from leadsrally.messaging.turn_away import turn_away
from leadsrally.messaging.types import Channel, DeliveryReport, InboundMessage
from leadsrally.providers.twilio import error_codes, inbound
from leadsrally.providers.twilio.signature import TwilioCredentials, verify
from leadsrally.runtime import Runtime
from leadsrally.telemetry import log

_MAX_BYTES = 65_536
# An empty TwiML answer means "no reply": https://www.twilio.com/docs/messaging/twiml
_ACCEPTED = gateway.answer(200, "<Response/>", "text/xml")


def handler(event: Event, _context: Any) -> Response:
    """Accept a genuine call once and refuse any other; each leaves a row in the delivery log (P1.5).

    2xx only after the commit. Without a database the answer is 503, so that the provider comes again.
    """
    door = runtime.of("webhook_twilio")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        kind = "status" if event["rawPath"].endswith("/status") else "inbound"
        return answer_webhook(lambda: _webhook(door), event, kind)


def _webhook(door: Runtime) -> Webhook[TwilioCredentials]:
    return Webhook(
        "twilio",
        door.db,
        door.clock,
        door.twilio_channels,
        door.surprised,
        lambda request, call, found: _accept(door, request, call, found),
    )


def _accept(door: Runtime, request: Request, call: Call, found: OpenChannel[TwilioCredentials]) -> Response:
    if len(request.body) > _MAX_BYTES:
        raise TooLarge(f"A webhook of Twilio has at most {_MAX_BYTES} bytes.", code="body_too_large")
    channel = found.channel
    # The address as it was configured at Twilio: a stage or a proxy's path never takes part.
    address = f"{door.settings.required('LEADSRALLY_PUBLIC_URL')}/webhooks/twilio/{channel.key}/{call.kind}"
    url = f"{address}?{request.query}" if request.query else address
    content_type = request.headers.get("content-type", "")
    params = verify(url, request.body, content_type, request.headers, found.credentials.at(call.at))
    if call.kind == "inbound":
        _receive(door, channel, inbound.parse_message(params), call)
    else:
        query = parse_qsl(request.query, keep_blank_values=True)
        _report(door, channel, inbound.parse_status(params, query), call)
    return _ACCEPTED


def _receive(door: Runtime, channel: Channel, message: InboundMessage, call: Call) -> None:
    try:
        receive(door.db, door.hashes, channel, message, call)
    except StaleChannelError:
        if not turn_away(door.db, door.hashes, channel, [message], call, error_codes.effect_of):
            raise


def _report(door: Runtime, channel: Channel, report: DeliveryReport | None, call: Call) -> None:
    with door.db.tenant(channel.organization_id) as tx:
        leaving = is_leaving(tx, channel.organization_id)
        if report is None or leaving:
            if report is not None:
                heed_no(tx, door.hashes, channel, report, call, error_codes.effect_of)
            store.log_call(tx, call, channel, outcome="ignored", http_status=200)
            return
        effect = error_codes.effect_of(report.error_code)
        applied = apply_report(tx, door.hashes, channel, report, effect=effect, now=call.at)
        store.log_call(
            tx, call, channel, outcome=applied.outcome, http_status=200, message_id=applied.message_id
        )
