"""What a team writes without us: FastAPI, a pool, BEGIN … COMMIT, the same three rows. For comparison only."""

from typing import Annotated
from urllib.parse import parse_qsl

import uvicorn
from fastapi import FastAPI, Header, HTTPException, Request
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from twilio.request_validator import RequestValidator

from bench.house import PUBLIC_URL, Line


def build(url: str, line: Line, conversation: str) -> FastAPI:
    """The application; `url` is an administrator's, as is usual too."""
    app = FastAPI()
    pool = ConnectionPool(url, min_size=8, max_size=8, open=True)
    validator = RequestValidator(line.auth_token)

    def store(form: dict[str, str]) -> None:
        with pool.connection() as connection:
            message = connection.execute(
                "INSERT INTO messages (organization_id, id, conversation_id, direction, body, status,"
                " status_rank, provider_message_id, created_at) VALUES (%s, gen_random_uuid(), %s, 'inbound', %s,"
                " 'received', 100, %s, now()) RETURNING id",
                (line.organization_id, conversation, form["Body"], form["MessageSid"]),
            ).fetchone()
            assert message is not None
            connection.execute(
                "INSERT INTO delivery_log (received_at, id, organization_id, provider, kind, outcome,"
                " http_status, bytes, request_id) VALUES (now(), gen_random_uuid(), %s, 'twilio', 'inbound',"
                " 'stored', 200, 500, 'usual')",
                (line.organization_id,),
            )
            connection.execute(
                "INSERT INTO jobs (id, organization_id, queue, kind, payload, run_at, created_at)"
                " VALUES (gen_random_uuid(), %s, 'usual', 'score', %s, now() + interval '1 day', now())",
                (line.organization_id, Jsonb({"message_id": str(message[0])})),
            )

    @app.post("/webhooks/twilio/{key}/inbound")
    async def inbound(key: str, request: Request, x_twilio_signature: Annotated[str, Header()]) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if not validator.validate(f"{PUBLIC_URL}/webhooks/twilio/{key}/inbound", form, x_twilio_signature):
            raise HTTPException(403)
        await run_in_threadpool(store, form)
        return Response("<Response/>", media_type="text/xml")

    return app


def serve(url: str, line: Line, conversation: str, port: int) -> None:
    uvicorn.run(
        build(url, line, conversation), host="127.0.0.1", port=port, log_level="error", access_log=False
    )
