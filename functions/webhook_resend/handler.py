"""What Resend calls when a mail arrives, comes back or is called spam. Verify, one verb, answer after the commit."""

from typing import Any

from leadsrally import runtime
from leadsrally.kit import gateway
from leadsrally.kit.errors import LeadsRallyError, TooLarge
from leadsrally.kit.gateway import Event, Request, Response
from leadsrally.messaging import store
from leadsrally.messaging.answer_call import answer_call, call_of
from leadsrally.messaging.store import Call
from leadsrally.notices.report import apply_report
from leadsrally.providers.resend import webhook
from leadsrally.runtime import Runtime
from leadsrally.telemetry import log

_MAX_BYTES = 65_536
_ACCEPTED = gateway.answer(200, "{}", "application/json")


def handler(event: Event, _context: Any) -> Response:
    """Accept a genuine call once and refuse any other; each leaves a row in the delivery log (P1.5).

    2xx only after the commit. Without a database the answer is 503, so that Resend comes again.
    """
    door = runtime.of("webhook_resend")
    with log.bound(function=door.function, request_id=event["requestContext"]["requestId"]):
        try:
            request = gateway.read(event)
            call = call_of(request, "resend", "event", door.clock())
            return answer_call(door.db, door.surprised, call, None, lambda: _accept(door, request, call))
        except LeadsRallyError as error:
            log.warning("webhook.unanswered", code=error.code)
            return gateway.refuse(error)


def _accept(door: Runtime, request: Request, call: Call) -> Response:
    if len(request.body) > _MAX_BYTES:
        raise TooLarge(f"A webhook of Resend has at most {_MAX_BYTES} bytes.", code="body_too_large")
    event_id = webhook.verify(request.body, request.headers, door.resend_keys, now=call.at)
    report = webhook.parse(event_id, request.body)
    if report is not None:
        with door.db.tenant(report.organization_id) as tx:
            outcome = apply_report(tx, report, now=call.at)
            if outcome != "ignored":
                owner = report.organization_id
                store.log_call(tx, call, None, organization_id=owner, outcome=outcome, http_status=200)
                return _ACCEPTED
    with door.db.across() as tx:
        store.log_call(tx, call, None, outcome="ignored", http_status=200)
    return _ACCEPTED
