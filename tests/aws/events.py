"""Events in the shapes that AWS brings them, written by hand so that the local host's makers are not believed."""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from infra.simulators.resend import webhooks as svix
from infra.simulators.twilio import signing
from tests.world import PUBLIC_URL, Line


def http(
    method: str,
    route: str,
    path: str,
    *,
    headers: Mapping[str, str],
    parameters: Mapping[str, str] | None = None,
    body: str | None = None,
    base64_body: bool = False,
) -> dict[str, Any]:
    """API Gateway's payload 2.0 for an HTTP API; what is empty is absent."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{method} {route}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "hooks.example.test", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "hooks.example.test",
            "domainPrefix": "hooks",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "TwilioProxy/1.1",
            },
            "requestId": f"{uuid4().hex[:14]}=",
            "routeKey": f"{method} {route}",
            "stage": "$default",
            "time": "24/Nov/2026:09:00:00 +0000",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": base64_body,
    }
    if parameters:
        event["pathParameters"] = dict(parameters)
    if body is not None:
        event["body"] = base64.b64encode(body.encode()).decode() if base64_body else body
    return event


def text(
    line: Line, body: str, *, sender: str, sid: str, base64_body: bool = False, signature: str | None = None
) -> dict[str, Any]:
    """A text as Twilio posts it, signed by the simulator's own arithmetic unless a signature is given."""
    form = {
        "ToCountry": "US",
        "ToState": "",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "FromCity": "",
        "SmsSid": sid,
        "FromCountry": "US",
        "To": line.number,
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": line.account_sid,
        "From": sender,
        "ApiVersion": "2010-04-01",
        "SmsStatus": "received",
        "Body": body,
    }
    path = f"/webhooks/twilio/{line.key}/inbound"
    signed = signature or signing.sign(f"{PUBLIC_URL}{path}", form.items(), line.auth_token)
    return http(
        "POST",
        "/webhooks/twilio/{channel_key}/inbound",
        path,
        headers={
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "x-twilio-signature": signed,
            "user-agent": "TwilioProxy/1.1",
        },
        parameters={"channel_key": line.key},
        body=urlencode(form),
        base64_body=base64_body,
    )


def mail_report(told: Any, secret: str, event_id: str, *, base64_body: bool = False) -> dict[str, Any]:
    """What Resend posts, signed by the simulator's own arithmetic."""
    body = json.dumps(told, ensure_ascii=False)
    timestamp = str(int(time.time()))
    return http(
        "POST",
        "/webhooks/resend",
        "/webhooks/resend",
        headers={
            "content-type": "application/json",
            "svix-id": event_id,
            "svix-timestamp": timestamp,
            "svix-signature": svix.sign(secret, event_id, timestamp, body.encode()),
            "user-agent": "Svix-Webhooks/1.0",
        },
        body=body,
        base64_body=base64_body,
    )


def sqs(queue: str, *bodies: str) -> dict[str, Any]:
    """What Lambda's poller hands over: a record for each message body."""
    return {
        "Records": [
            {
                "messageId": str(uuid4()),
                "receiptHandle": "AQEB" + "x" * 40,
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "098f6bcd4621d373cade4e832627b4f6",
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:123456789012:leadsrally-test-{queue}",
                "awsRegion": "eu-west-1",
            }
            for body in bodies
        ]
    }


def bell(queue: str, *job_ids: object) -> dict[str, Any]:
    return sqs(queue, *(json.dumps({"job": str(job_id)}) for job_id in job_ids))


def schedule() -> dict[str, Any]:
    """EventBridge Scheduler's own envelope; its `detail` is a string."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": "2026-11-24T09:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:scheduler:eu-west-1:123456789012:schedule/default/leadsrally-test"],
        "detail": "{}",
    }
