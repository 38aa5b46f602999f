"""A whole LeadsRally for one test: every function on its own role, time that moves, providers that remember."""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row
from twilio.request_validator import RequestValidator

from infra.local.bells import event_for
from infra.local.context import Context
from infra.local.functions import Function, load
from leadsrally import runtime
from leadsrally.accounts.passwords import hash_password
from leadsrally.jobs.run import due_now
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.kit.settings import Settings
from leadsrally.messaging.channels.directory import meta_context, twilio_context
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.runtime import Runtime
from tests.database import TestDatabase
from tests.fakes import (
    MovableClock,
    RecordingCatalogue,
    RecordingCopies,
    RecordingDepot,
    RecordingLeads,
    RecordingMailer,
    RecordingMedia,
    RecordingScorer,
    RecordingSender,
)

PUBLIC_URL = "https://hooks.example.test"
APP_URL = "https://app.example.test"
# Today, since the database's own clock has made the days that the delivery log can be written to.
START = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)
SOURCE_IP = "203.0.113.7"
_KEY = base64.b64encode(b"k" * 32).decode()
SETTINGS = {
    "LEADSRALLY_ENV": "development",
    "LEADSRALLY_PUBLIC_URL": PUBLIC_URL,
    "LEADSRALLY_MASTER_KEYS": f"test-1={_KEY}",
    "LEADSRALLY_HASH_KEY": _KEY,
    "LEADSRALLY_TOKEN_KEY": _KEY,
    "LEADSRALLY_APP_URL": APP_URL,
    "LEADSRALLY_LINK_KEY": _KEY,
    "LEADSRALLY_MAIL_FROM": "LeadsRally <hello@mail.example.test>",
    "RESEND_API_KEY": "re_test",
    "RESEND_WEBHOOK_SECRETS": f"whsec_{_KEY}",
}


@dataclass(frozen=True, slots=True)
class Org:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """An SMS number of an organisation, with the secret Twilio would sign with."""

    organization_id: UUID
    id: UUID
    key: str
    number: str
    account_sid: str
    auth_token: str


@dataclass(frozen=True, slots=True)
class MetaLine:
    """A WhatsApp number or a page of an organisation, with the secrets that Meta would use."""

    organization_id: UUID
    id: UUID
    key: str
    number: str | None
    waba_id: str | None
    phone_number_id: str | None
    page_id: str | None
    app_id: str
    app_secret: str
    verify_token: str
    access_token: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    headers: dict[str, str]
    cookies: tuple[str, ...] = ()


@dataclass
class World:
    database: TestDatabase
    clock: MovableClock = field(default_factory=lambda: MovableClock(START))
    sender: RecordingSender = field(default_factory=RecordingSender)
    meta_sender: RecordingSender = field(default_factory=lambda: RecordingSender("wamid."))
    depot: RecordingDepot = field(default_factory=RecordingDepot)
    scorer: RecordingScorer = field(default_factory=RecordingScorer)
    mailer: RecordingMailer = field(default_factory=RecordingMailer)
    rung: list[tuple[str, UUID]] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    files: RecordingMedia = field(default_factory=RecordingMedia)
    catalogue: RecordingCatalogue = field(default_factory=RecordingCatalogue)
    leads: RecordingLeads = field(default_factory=RecordingLeads)
    copies: RecordingCopies = field(default_factory=RecordingCopies)

    def __post_init__(self) -> None:
        self.functions: dict[str, Function] = {function.name: function for function in load()}
        self._numbers = 0
        self._folder = TemporaryDirectory(prefix="leadsrally-")
        self._everything = psycopg.connect(self.database.url(), autocommit=True, row_factory=dict_row)
        self.bells = Database(self.database.url("leadsrally_tick"))

    def open(self, *, connections: int = 4, real_providers: bool = False) -> "World":
        """Install a runtime for each function; they see only the settings that serverless.yml gives them."""
        for function in self.functions.values():
            values = {
                **SETTINGS,
                "LEADSRALLY_STORAGE_DIR": self._folder.name,
                **self.settings,
                "DATABASE_URL": self.database.url(f"leadsrally_{function.name}"),
            }
            runtime.install(
                Runtime(
                    function.name,
                    Settings(values, allowed=function.settings),
                    clock=self.clock,
                    connections=connections,
                    announce=self._announced,
                    scorer=None if real_providers else self.scorer,
                    mailer=None if real_providers else self.mailer,
                    media_sources=None if real_providers else {"sms": self.files, "whatsapp": self.files},
                    senders=None if real_providers else {"sms": self.sender, "whatsapp": self.meta_sender},
                    depot=None if real_providers else self.depot,
                    templates=None if real_providers else self.catalogue,
                    leads=None if real_providers else self.leads,
                    copies=None if real_providers else self.copies,
                )
            )
        return self

    def close_connections(self) -> None:
        """Take the runtimes of all functions down. `open` makes new ones."""
        for name in self.functions:
            installed = runtime.of(name)
            if "db" in vars(installed):
                installed.db.close()
            runtime.uninstall(name)

    def close(self) -> None:
        self.close_connections()
        self.bells.close()
        self._everything.close()
        self._folder.cleanup()

    def _announced(self, queue: str, ids: Any) -> None:
        self.rung += [(queue, job_id) for job_id in ids]

    # -- rows ---------------------------------------------------------------------------------------------

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Anything in the database, past row-level security: for asserting only."""
        return self._everything.execute(sql, params).fetchall()  # pyright: ignore[reportArgumentType]

    def row(self, sql: str, **params: Any) -> dict[str, Any]:
        found = self.rows(sql, **params)
        assert len(found) == 1, f"{len(found)} rows instead of one"
        return found[0]

    def value(self, sql: str, **params: Any) -> Any:
        return next(iter(self.row(sql, **params).values()))

    def execute(self, sql: str, **params: Any) -> None:
        self._everything.execute(sql, params)  # pyright: ignore[reportArgumentType]

    # -- what exists --------------------------------------------------------------------------------------

    def organization(self, name: str = "Harbour Bikes", **columns: Any) -> Org:
        org = Org(uuid4(), name)
        values = {
            "id": org.id,
            "name": name,
            "help_contact": "help@harbour.example",
            "ai_scoring": True,
            "ai_suggestions": True,
            "created_at": self.clock.now,
            **columns,
        }
        self._insert("organizations", values)
        return org

    def user(
        self, org: Org, role: str = "owner", email: str | None = None, password: str = "pass-word-1"
    ) -> UUID:
        user_id = uuid4()
        self._insert(
            "users",
            {
                "organization_id": org.id,
                "id": user_id,
                "email": email or f"{role}-{user_id.hex[:6]}@example.test",
                "password_hash": hash_password(password),
                "role": role,
                "created_at": self.clock.now,
            },
        )
        return user_id

    def line(self, org: Org, *, shared_keys: Mapping[str, str] | None = None, **columns: Any) -> Line:
        self._numbers += 1
        line = Line(
            organization_id=org.id,
            id=uuid4(),
            key=secrets.token_urlsafe(24),
            number=f"+1500555{self._numbers:04d}",
            account_sid=f"AC{self._numbers:032d}",
            auth_token=secrets.token_hex(16),
        )
        credentials = TwilioCredentials(line.account_sid, (line.auth_token,), shared_keys or {})
        self._insert(
            "channels",
            {
                "organization_id": org.id,
                "id": line.id,
                "key": line.key,
                "kind": "sms",
                "address": line.number,
                "account_sid": line.account_sid,
                "credentials": self.vault.seal(credentials.to_json(), twilio_context(org.id, line.id)),
                "created_at": self.clock.now,
                **columns,
            },
        )
        return line

    def whatsapp_line(self, org: Org, **columns: Any) -> MetaLine:
        """A WhatsApp number of the organisation."""
        self._numbers += 1
        number, phone_number_id = f"+1555010{self._numbers:04d}", f"1060000000{self._numbers:05d}"
        return self._meta_line(
            org, "whatsapp", number, f"10200000{self._numbers:05d}", phone_number_id, **columns
        )

    def lead_page(self, org: Org, **columns: Any) -> MetaLine:
        """A page of the organisation whose lead forms are read."""
        self._numbers += 1
        return self._meta_line(org, "lead_ads", None, None, None, f"1040000{self._numbers:05d}", **columns)

    def _meta_line(
        self,
        org: Org,
        kind: str,
        number: str | None,
        waba_id: str | None,
        phone_number_id: str | None,
        page_id: str | None = None,
        **columns: Any,
    ) -> MetaLine:
        line = MetaLine(
            organization_id=org.id,
            id=uuid4(),
            key=secrets.token_urlsafe(24),
            number=number,
            waba_id=waba_id,
            phone_number_id=phone_number_id,
            page_id=page_id,
            app_id=f"6700000{self._numbers:05d}",
            app_secret=secrets.token_hex(16),
            verify_token=secrets.token_urlsafe(16),
            access_token="EAAG" + secrets.token_hex(16),
        )
        credentials = MetaCredentials((line.app_secret,), line.verify_token, line.access_token)
        self._insert(
            "channels",
            {
                "organization_id": org.id,
                "id": line.id,
                "key": line.key,
                "kind": kind,
                "address": number,
                "waba_id": waba_id,
                "phone_number_id": phone_number_id,
                "page_id": page_id,
                "app_id": line.app_id,
                "credentials": self.vault.seal(credentials.to_json(), meta_context(org.id, line.id)),
                "created_at": self.clock.now,
                **columns,
            },
        )
        return line

    @property
    def vault(self) -> Vault:
        return Vault(LocalKeys(Settings(SETTINGS).keys("LEADSRALLY_MASTER_KEYS"), "test-1"))

    def _insert(self, table: str, values: Mapping[str, Any]) -> None:
        names = ", ".join(values)
        places = ", ".join(f"%({name})s" for name in values)
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", **values)

    # -- what happens -------------------------------------------------------------------------------------

    def text(
        self,
        line: Line,
        body: str | None,
        *,
        sender: str = "+12025550101",
        sid: str | None = None,
        **params: str,
    ) -> Answer:
        """A text from a phone arrives, genuinely signed."""
        form = {
            "MessageSid": sid or f"SM{uuid4().hex}",
            "AccountSid": line.account_sid,
            "From": sender,
            "To": line.number,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
            "FromCity": "",
            "ToZip": "",
            **({} if body is None else {"Body": body}),
            **params,
        }
        return self.post(line, "inbound", form)

    def report(
        self, line: Line, sid: str, status: str, *, message_id: UUID | None = None, **params: str
    ) -> Answer:
        """Twilio reports what became of a message, genuinely signed."""
        form = {
            "MessageSid": sid,
            "SmsSid": sid,
            "MessageStatus": status,
            "AccountSid": line.account_sid,
            "From": line.number,
            **params,
        }
        return self.post(line, "status", form, query=f"message={message_id}" if message_id else "")

    def whatsapp(
        self,
        line: MetaLine,
        body: str = "Hello there",
        *,
        sender: str | None = "12025550101",
        name: str = "Sheena Nelson",
        wamid: str | None = None,
        at: datetime | None = None,
        **message: Any,
    ) -> Answer:
        """A WhatsApp message arrives, genuinely signed: a text, or what `message` says (`type=…`, its object, …)."""
        own: dict[str, Any] = {
            "id": wamid or f"wamid.{uuid4().hex}",
            "timestamp": str(int((at or self.clock.now).timestamp())),
            **({} if sender is None else {"from": sender}),
            **({} if "type" in message else {"type": "text", "text": {"body": body}}),
            **message,
        }
        contact: dict[str, Any] = {"profile": {"name": name}}
        contact |= {} if sender is None else {"wa_id": sender}
        contact |= {"user_id": own["from_user_id"]} if "from_user_id" in own else {}
        beside = {} if own["type"] == "system" else {"contacts": [contact]}
        return self.meta(line, self.news(line, messages=[own], **beside))

    def whatsapp_status(self, line: MetaLine, wamid: str, status: str, **fields: Any) -> Answer:
        """Meta reports what became of a WhatsApp message, genuinely signed."""
        at = str(int(self.clock.now.timestamp()))
        return self.meta(
            line, self.news(line, statuses=[{"id": wamid, "status": status, "timestamp": at, **fields}])
        )

    def sent_by_us(self, line: MetaLine, wamid: str | None, body: str = "We open at nine") -> UUID:
        """A message of ours in the newest thread of this number, as the provider has accepted it."""
        threads = self.rows("SELECT id FROM conversations WHERE channel_id = %(id)s ORDER BY id", id=line.id)
        message_id = uuid4()
        self._insert(
            "messages",
            {
                "organization_id": line.organization_id,
                "id": message_id,
                "conversation_id": threads[-1]["id"],
                "direction": "outbound",
                "body": body,
                "status": "accepted" if wamid else "claimed",
                "status_rank": 30 if wamid else 20,
                "provider_message_id": wamid,
                "created_at": self.clock.now,
            },
        )
        return message_id

    def prefers(
        self,
        line: MetaLine,
        value: str,
        *,
        at: datetime | None = None,
        wa_id: str = "12025550101",
        **fields: Any,
    ) -> Answer:
        """A person tells WhatsApp whether they want marketing."""
        said = {
            "wa_id": wa_id,
            "category": "marketing_messages",
            "value": value,
            "timestamp": int((at or self.clock.now).timestamp()),
            **fields,
        }
        return self.meta(line, self.news(line, field="user_preferences", user_preferences=[said]))

    def news(self, line: MetaLine, *, field: str = "messages", **value: Any) -> dict[str, Any]:
        """A delivery of one change about this number."""
        metadata = {
            "display_phone_number": (line.number or "").removeprefix("+"),
            "phone_number_id": line.phone_number_id,
        }
        change = {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        return {"object": "whatsapp_business_account", "entry": [{"id": line.waba_id, "changes": [change]}]}

    def lead(
        self,
        line: MetaLine,
        lead_id: str,
        *,
        form_id: str = "9000000000001",
        at: datetime | None = None,
        integers: bool = False,
        page_id: str | None = None,
        **value: Any,
    ) -> Answer:
        """Meta tells that somebody has left a lead in a form of this page, genuinely signed."""
        ids = {"leadgen_id": lead_id, "page_id": page_id or line.page_id or "", "form_id": form_id}
        told = {name: int(given) if integers else given for name, given in ids.items()}
        created = int((at or self.clock.now).timestamp())
        change = {"field": "leadgen", "value": {**told, "created_time": created, **value}}
        entry = {"id": told["page_id"], "time": created, "changes": [change]}
        return self.meta(line, {"object": "page", "entry": [entry]})

    def meta(
        self,
        line: MetaLine,
        delivery: Mapping[str, Any] | bytes,
        *,
        signature: str | None = None,
        headers: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Answer:
        """Meta calls the webhook of this channel."""
        body = delivery if isinstance(delivery, bytes) else json.dumps(delivery).encode()
        if signature is None:
            signature = "sha256=" + hmac.digest(line.app_secret.encode(), body, "sha256").hex()
        sent = {"content-type": "application/json", "x-hub-signature-256": signature, **(headers or {})}
        return self.call(f"/webhooks/meta/{line.key}", headers=sent, body=body, **changes)

    def post(
        self,
        line: Line,
        kind: str,
        form: Mapping[str, str],
        *,
        query: str = "",
        signature: str | None = None,
        **changes: Any,
    ) -> Answer:
        path = f"/webhooks/twilio/{line.key}/{kind}"
        url = f"{PUBLIC_URL}{path}" + (f"?{query}" if query else "")
        body = urlencode(form).encode()
        if signature is None:
            signature = RequestValidator(line.auth_token).compute_signature(url, dict(form))
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return self.call(path, headers=headers, body=body, query=query, **changes)

    def call(
        self,
        path: str,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        query: str = "",
        base64_body: bool = False,
        raw_path: str | None = None,
        source_ip: str = SOURCE_IP,
    ) -> Answer:
        """An HTTP request reaches its function as API Gateway would bring it."""
        from infra.local import gateway

        matched = gateway.Routes(list(self.functions.values())).match(method, path)
        assert matched is not None, path
        route, parameters = matched
        event = gateway.event(
            route,
            parameters,
            method=method,
            path=raw_path or path,
            query=query,
            headers=[(k.encode(), v.encode("latin-1")) for k, v in (headers or {}).items()],
            body=body,
            source_ip=source_ip,
            protocol="HTTP/1.1",
        )
        if base64_body:
            event["body"], event["isBase64Encoded"] = base64.b64encode(body).decode(), True
        result = route.function.handler()(event, Context(route.function))
        raw = result.get("body") or ""
        text = base64.b64decode(raw).decode() if result.get("isBase64Encoded") else raw
        cookies = tuple(result.get("cookies") or ())
        return Answer(result["statusCode"], text, result.get("headers") or {}, cookies)

    def notify(self, organization_id: UUID, kind: str, **ids: UUID) -> UUID:
        """Cause a notice as the API does, by a job; returns the job's id."""
        from leadsrally.jobs.enqueue import enqueue

        payload = {name: str(value) for name, value in ids.items()}
        with runtime.of("api").db.tenant(organization_id) as tx:
            return enqueue(tx, organization_id, "notify", kind, payload, now=self.clock.now)

    def mail_event(self, kind: str, *, organization_id: Any, notice_id: Any, **data: Any) -> dict[str, Any]:
        """What Resend says of one of our mails."""
        return {
            "type": kind,
            "created_at": self.clock.now.isoformat(),
            "data": {
                "email_id": "4ef9a417-02e9-4d39-ad75-9611e0fcc33c",
                "from": "hello@mail.example.test",
                "to": ["somebody@example.test"],
                "subject": "Confirm your address",
                "tags": {"organization": str(organization_id), "notice": str(notice_id)},
                **data,
            },
        }

    def resend(
        self, event: Any, *, event_id: str | None = None, secret: bytes = b"k" * 32, **changes: Any
    ) -> Answer:
        """Resend calls, genuinely signed."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        event_id = event_id or f"msg_{uuid4().hex}"
        timestamp = str(int(self.clock.now.timestamp()))
        signed = f"{event_id}.{timestamp}.".encode() + body
        signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
        headers = {
            "content-type": "application/json",
            "svix-id": event_id,
            "svix-timestamp": timestamp,
            "svix-signature": f"v1,{signature}",
        }
        return self.call("/webhooks/resend", headers=headers, body=body, **changes)

    def due(self, queue: str, limit: int = 100) -> list[UUID]:
        return due_now(self.bells, queue, limit=limit, now=self.clock.now, besides=())

    def ring(self, queue: str, ids: list[UUID]) -> dict[str, Any]:
        """The bell rings for these jobs."""
        function = self.functions[queue]
        return function.handler()(event_for(queue, ids), Context(function))

    def work(self, queue: str) -> int:
        """Run all that is due now and all that becomes due by it; returns how many bells it took."""
        rounds = 0
        while ids := self.due(queue):
            self.ring(queue, ids)
            rounds += 1
            assert rounds < 100, "the queue never empties"
        return rounds

    def rings(self, name: str) -> Any:
        """The schedule of a function rings."""
        return self.functions[name].handler()({}, Context(self.functions[name]))

    def score(self) -> None:
        """Let a burst settle, then score."""
        self.clock.pass_(seconds=3)
        self.work("ai_score")

    def reply(self, line: Line | MetaLine, conversation_id: UUID, body: str, **options: Any) -> UUID:
        """A colleague writes; the message is queued, not sent."""
        from leadsrally.messaging.compose import queue_message

        with runtime.of("api").db.tenant(line.organization_id) as tx:
            return queue_message(
                tx, line.organization_id, conversation_id, body, now=self.clock.now, **options
            )

    def agrees(
        self, line: Line | MetaLine, sender: str = "+12025550101", *, purpose: str = "marketing", **said: Any
    ) -> str:
        """This person agrees to be messaged for a purpose, with proof; returns what became of it."""
        from leadsrally.consent.types import Evidence
        from leadsrally.contacts.opt_in import opt_in

        evidence: dict[str, Any] = {
            "source": "staff",
            "occurred_at": self.clock.now,
            "actor_id": uuid4(),
            "method": "web_form",
            "wording": "I agree to get offers by text message.",
            "reference": "form 817",
            **said,
        }
        contact_id = self.value("SELECT id FROM contacts WHERE organization_id = %(o)s AND phone = %(p)s",
                                o=line.organization_id, p=sender)  # fmt: skip
        kind = "sms" if isinstance(line, Line) else "whatsapp"
        door = runtime.of("api")
        with door.db.tenant(line.organization_id) as tx:
            return (
                opt_in(
                    tx,
                    door.hashes,
                    line.organization_id,
                    contact_id,
                    kind,
                    purpose,  # pyright: ignore[reportArgumentType]
                    Evidence(**evidence),
                    now=self.clock.now,
                )
                or "gone"
            )

    def conversation(self, line: Line, sender: str = "+12025550101") -> UUID:
        """The thread with this phone, begun by a text of theirs if there is none yet."""
        sql = """SELECT c.id FROM conversations c JOIN contacts p ON p.id = c.contact_id
                  WHERE c.channel_id = %(channel)s AND p.phone = %(phone)s"""
        found = self.rows(sql, channel=line.id, phone=sender)
        if not found:
            assert self.text(line, "Hello there", sender=sender).status == 200
            found = self.rows(sql, channel=line.id, phone=sender)
        return found[0]["id"]

    def message(self, message_id: UUID) -> dict[str, Any]:
        return self.row("SELECT * FROM messages WHERE id = %(id)s", id=message_id)

    def token(self, user_id: UUID, org: Org) -> str:
        """An access token of this person, of the session they have or of a new one."""
        from leadsrally.accounts import tokens
        from leadsrally.accounts.permissions import scopes_of

        role = self.value("SELECT role FROM users WHERE id = %(id)s", id=user_id)
        bearer = tokens.Bearer(org.id, user_id, self.session(user_id, org), scopes_of(role))
        return tokens.issue(Settings(SETTINGS).key("LEADSRALLY_TOKEN_KEY"), bearer, self.clock)

    def session(self, user_id: UUID, org: Org) -> UUID:
        """The session of this person that lives, or a new one."""
        found = self.rows(
            """SELECT id FROM sessions WHERE user_id = %(user)s AND revoked_at IS NULL AND expires_at > %(now)s
                ORDER BY created_at LIMIT 1""",
            user=user_id,
            now=self.clock.now,
        )
        if found:
            return found[0]["id"]
        session_id, now = uuid4(), self.clock.now
        times = dict.fromkeys(("rotated_at", "confirmed_at", "created_at", "last_used_at"), now)
        self._insert(
            "sessions",
            {
                "organization_id": org.id,
                "id": session_id,
                "user_id": user_id,
                "kind": "client",
                "token_hash": bytes(32),
                "expires_at": now + timedelta(days=14),
                **times,
            },
        )
        return session_id

    def api(
        self, method: str, path: str, token: str | None = None, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """A request of a customer; the answer's JSON, of a page its text."""
        path, _, query = path.partition("?")
        sent = {"content-type": "application/json", "host": "api.example.test", **headers}
        if token:
            sent["authorization"] = f"Bearer {token}"
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.call(path, method=method, headers=sent, body=raw, query=query)
        if answer.headers.get("content-type", "").startswith("text/html"):
            return answer.status, answer.body
        return answer.status, json.loads(answer.body) if answer.body else None


def days(number: float) -> timedelta:
    return timedelta(days=number)
