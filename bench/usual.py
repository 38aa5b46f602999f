"""What a team usually writes with FastAPI and psycopg, for comparison only.

A plain endpoint in the thread pool, a connection pool, BEGIN … COMMIT around one statement a step. It stores
the same rows as the house does, but sees past row security and needs no tenant.
"""

from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from twilio.request_validator import RequestValidator


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def application(url: str, public_url: str, line: dict[str, str]) -> FastAPI:
    """The application, its pool open."""
    app = FastAPI()
    pool = ConnectionPool(url, min_size=8, max_size=8, open=True)
    validator = RequestValidator(line["auth_token"])
    tenant, channel = line["organization_id"], line["channel_id"]

    @app.post("/webhooks/twilio/{key}/inbound")
    def inbound(key: str, request: Request, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
        signature = request.headers.get("x-twilio-signature", "")
        if not validator.validate(f"{public_url}/webhooks/twilio/{key}/inbound", form, signature):
            raise HTTPException(403)
        with pool.connection() as connection:
            _store(connection, tenant, channel, form)
        return Response("<Response/>", media_type="text/xml")

    return app


_RECEIPT = """
INSERT INTO message_receipts (organization_id, channel_id, provider_hash) VALUES (%s, %s, sha256(%s::bytea))
ON CONFLICT DO NOTHING RETURNING 1
"""
_CONTACT = """
INSERT INTO contacts (organization_id, id, phone, created_at, updated_at) VALUES (%s, %s, %s, now(), now())
ON CONFLICT (organization_id, phone) DO UPDATE SET phone = excluded.phone RETURNING id
"""
_CONVERSATION = """
INSERT INTO conversations AS c (organization_id, id, contact_id, channel_id, last_message_at, last_message_id,
                                preview, unread_count, created_at)
VALUES (%s, %s, %s, %s, now(), %s, %s, 1, now())
ON CONFLICT (organization_id, contact_id, channel_id)
DO UPDATE SET last_message_at = now(), last_message_id = excluded.last_message_id,
              preview = excluded.preview, unread_count = c.unread_count + 1
RETURNING id
"""
_MESSAGE = """
INSERT INTO messages (organization_id, id, conversation_id, direction, body, status, status_rank,
                      provider_message_id, created_at)
VALUES (%s, %s, %s, 'inbound', %s, 'received', 1, %s, now())
"""
_JOB = """
INSERT INTO jobs AS w (id, organization_id, queue, kind, payload, run_at, unique_key, created_at)
VALUES (%s, %s, 'ai_score', 'score', %s, now() + interval '1 day', %s, now())
ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL AND state = 'queued'
DO UPDATE SET run_at = w.run_at
"""
_LOG = """
INSERT INTO delivery_log (received_at, id, organization_id, channel_id, provider, kind, outcome, http_status,
                          bytes, message_id, request_id)
VALUES (now(), %s, %s, %s, 'twilio', 'inbound', %s, 200, 512, %s, %s)
"""


def _store(connection: Any, tenant: str, channel: str, form: dict[str, str]) -> None:
    def one(sql: str, *values: Any) -> Any:
        row = connection.execute(sql, values).fetchone()
        return row and row[0]

    received = one(_RECEIPT, tenant, channel, form["MessageSid"].encode())
    message = uuid4() if received else None
    if received:
        contact = one(_CONTACT, tenant, uuid4(), form["From"])
        thread = one(_CONVERSATION, tenant, uuid4(), contact, channel, message, form["Body"][:140])
        connection.execute(_MESSAGE, (tenant, message, thread, form["Body"], form["MessageSid"]))
        payload = Jsonb({"conversation_id": str(thread)})
        connection.execute(_JOB, (uuid4(), tenant, payload, f"conversation:{thread}"))
    outcome = "stored" if received else "duplicate"
    connection.execute(_LOG, (uuid4(), tenant, channel, outcome, message, str(uuid4())))
