"""What Twilio calls: inbound messages and delivery reports. Verify, one verb, answer after the commit."""

from typing import Any
from urllib.parse import parse_qsl

from leadsrally import runtime
from leadsrally.kit import gateway
from leadsrally.kit.crypto import SealBroken
from leadsrally.kit.errors import (
    HTTP_STATUS,
    OUR_FAULT,
    Forbidden,
    LeadsRallyError,
    Misconfigured,
    NotFound,
    TooLarge,
    Unavailable,
)
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.kit.ids import new_id
from leadsrally.messaging import store
from leadsrally.messaging.channels import OpenChannel
from leadsrally.messaging.receive import StaleChannelError, receive
from leadsrally.messaging.report import apply_report
from leadsrally.messaging.store import Call
from leadsrally.providers.twilio import error_codes, inbound
from leadsrally.providers.twilio.signature import TwilioCredentials, verify
from leadsrally.runtime import Runtime
from leadsrally.telemetry import log

_MAX_BYTES = 65_536
# An empty TwiML answer means "no reply": https://www.twilio.com/docs/messaging/twiml
_ACCEPTED = gateway.answer(200, "<Response/>", "text/xml")

Found = OpenChannel[TwilioCredentials]


def handler(event: Event, _context: Any) -> Response:
    """Accept a genuine call once and refuse any other; each leaves a row in the delivery log (P1.5).

    2xx only after the commit. Without a database the answer is 503, so that the provider comes again.
    """
    door = runtime.of("webhook_twilio")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        try:
            request = gateway.read(event)
            call = _call(door, request)
            try:
                found = door.twilio_channels.find(request.parameters["channel_key"])
            except SealBroken as broken:  # of this channel alone; the others go on
                door.surprised(broken)
                _log_refusal(door, call, None, broken)
                return gateway.refuse(broken)
            return _answer(door, request, call, found)
        except LeadsRallyError as error:
            log.warning("webhook.unanswered", code=error.code)
            return gateway.refuse(error)


def _call(door: Runtime, request: Request) -> Call:
    now = door.clock()
    return Call(
        id=new_id(now),
        at=now,
        provider="twilio",
        kind="status" if request.path.endswith("/status") else "inbound",
        source_ip=request.source_ip,
        bytes=len(request.body),
        request_id=request.id,
    )


def _answer(door: Runtime, request: Request, call: Call, found: Found | None) -> Response:
    with log.bound(organization_id=found.channel.organization_id if found else None):
        try:
            _accept_as_kept_or_as_stored(door, request, call, found)
        except LeadsRallyError as error:
            refusal = error
            if error.kind in OUR_FAULT:
                door.surprised(error)
        except Exception as error:  # noqa: BLE001  the provider gets a 5xx, and the log its row
            door.surprised(error)
            refusal = Misconfigured("Something broke on our side. Try again later.", code="broken")
        else:
            return _ACCEPTED
        _log_refusal(door, call, found, refusal)
        return gateway.refuse(refusal)


def _accept_as_kept_or_as_stored(door: Runtime, request: Request, call: Call, found: Found | None) -> None:
    """Try with the channel as it was kept; when that is out of date, once more with the one in the database."""
    try:
        _accept_on_a_live_connection(door, request, call, found)
    except (StaleChannelError, Forbidden) as refused:
        fresh = door.twilio_channels.find_again(found.channel.key) if found else None
        same = found and fresh and fresh.channel.credentials_version == found.channel.credentials_version
        if isinstance(refused, Forbidden) and same:
            raise
        _accept(door, request, call, fresh)


def _accept_on_a_live_connection(door: Runtime, request: Request, call: Call, found: Found | None) -> None:
    """The kept connection may have died in our sleep. Receipts and ranks make a repeat harmless."""
    try:
        _accept(door, request, call, found)
    except Unavailable:
        _accept(door, request, call, found)


def _accept(door: Runtime, request: Request, call: Call, found: Found | None) -> None:
    if found is None:
        raise NotFound("There is no such webhook address.", code="channel_unknown")
    if len(request.body) > _MAX_BYTES:
        raise TooLarge(f"A webhook of Twilio has at most {_MAX_BYTES} bytes.", code="body_too_large")
    channel = found.channel
    # The address as it was configured at Twilio: a stage or a proxy's path never takes part.
    address = f"{door.settings.required('LEADSRALLY_PUBLIC_URL')}/webhooks/twilio/{channel.key}/{call.kind}"
    url = f"{address}?{request.query}" if request.query else address
    content_type = request.headers.get("content-type", "")
    params = verify(url, request.body, content_type, request.headers, found.credentials)
    if call.kind == "inbound":
        message = inbound.parse_message(params)
        receive(door.db, door.hashes, channel, message, call)
        return
    report = inbound.parse_status(params, parse_qsl(request.query, keep_blank_values=True))
    with door.db.tenant(channel.organization_id) as tx:
        if report is None:
            store.log_call(tx, call, channel, outcome="ignored", http_status=200)
            return
        means_opt_out = error_codes.explain(report.error_code).effect == "opt_out"
        apply_report(tx, door.hashes, channel, report, call, means_opt_out=means_opt_out)


def _log_refusal(door: Runtime, call: Call, found: Found | None, error: LeadsRallyError) -> None:
    opened = door.db.tenant(found.channel.organization_id) if found else door.db.across()
    with opened as tx:
        store.log_call(
            tx,
            call,
            found.channel if found else None,
            outcome="refused",
            reason=error.code,
            http_status=HTTP_STATUS[error.kind],
        )
    log.info("webhook.refused", code=error.code)
