"""One call of each operation that succeeds: what the matrix of tenants and roles is made from.

A route that is added to the API has to bring its example, or tests/api/test_matrix.py fails.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from functions.api.handler import app
from leadsrally import runtime
from leadsrally.accounts.api_key import SECRET_BYTES, ApiKey
from leadsrally.accounts.audit import SYSTEM
from leadsrally.accounts.one_time_code import code_at, step_at
from leadsrally.accounts.second_factor import PURPOSE
from leadsrally.contacts.merge import merge
from leadsrally.kit.crypto import SealContext
from leadsrally.messaging.channels.ask_provider import ask_provider
from tests.api.conftest import PASSWORD, Client, person
from tests.billing.invoices import an_invoice
from tests.sending.whatsapp import thread
from tests.uploading import uploaded
from tests.world import START, Line, Org, World

CONTRACT: dict[str, Any] = app.openapi()
Operation = tuple[str, str]
OPERATIONS: list[Operation] = [
    (method.upper(), path) for path, methods in CONTRACT["paths"].items() for method in sorted(methods)
]


def operation(method: str, path: str) -> dict[str, Any]:
    return CONTRACT["paths"][path][method.lower()]


@dataclass
class Tenant:
    """An organisation that makes a fresh one of everything when asked to."""

    world: World
    org: Org
    owner: Client
    line: Line
    _phones: int = 0

    @classmethod
    def new(cls, world: World, name: str, phones: int) -> "Tenant":
        """`phones` keeps the numbers of two tenants' contacts apart."""
        org = world.organization(name)
        return cls(world, org, person(world, org), world.line(org), phones)

    def conversation(self) -> UUID:
        self._phones += 1
        return self.world.conversation(self.line, sender=f"+1202555{self._phones:04d}")

    def file(self) -> Mapping[str, UUID]:
        """A stored file and its message."""
        conversation_id = self.conversation()
        phone = f"+1202555{self._phones:04d}"
        picture = {"MediaUrl0": "https://api.twilio.com/m", "MediaContentType0": "image/png"}
        self.world.text(self.line, None, sender=phone, NumMedia="1", **picture)
        mine = "SELECT id FROM messages WHERE conversation_id = %(id)s"
        stored = f"""UPDATE media SET state = 'stored', source = NULL, bytes = 1, sha256 = sha256('x'), settled_at = created_at
                      WHERE message_id IN ({mine}) RETURNING message_id, id AS media_id"""
        return self.world.row(stored, id=conversation_id)

    def whatsapp_conversation(self) -> UUID:
        """With somebody who has just written."""
        self._phones += 1
        line = self.world.whatsapp_line(self.org)
        form = {"body": {"text": "Hi {{1}}", "values": ["1"]}, "header": None, "footer": "", "buttons": []}
        self.template(waba_id=line.waba_id, name="ready", form=Jsonb({**form, "named": False}))
        return thread(self.world, line, f"+1202555{self._phones:04d}")

    def contact(self, **columns: Any) -> UUID:
        self._phones += 1
        now = self.world.clock.now
        return self._row("contacts", **{"phone": f"+1202556{self._phones:04d}", "updated_at": now, **columns})

    def template(self, **columns: Any) -> UUID:
        form = {
            "body": {"text": "Hi", "values": []},
            "header": None,
            "footer": "",
            "buttons": [],
            "named": False,
        }
        values = {
            "waba_id": "9",
            "provider_id": "1",
            "name": uuid4().hex,
            "language": "en_US",
            "form": Jsonb(form),
        }
        now = self.world.clock.now
        return self._row(
            "templates",
            **{
                **values,
                "category": "utility",
                "state": "approved",
                "changed_at": now,
                "synced_at": now,
                **columns,
            },
        )

    def dead_job(self) -> UUID:
        message_id = self.world.reply(self.line, self.conversation(), "never sent")
        job = "UPDATE jobs SET state = 'dead', error = 'x' WHERE payload ->> 'message_id' = %(id)s"
        self.world.execute(job, id=str(message_id))
        found = "SELECT id FROM jobs WHERE payload ->> 'message_id' = %(id)s"
        return self.world.value(found, id=str(message_id))

    def channel(self, number: str | None = None) -> UUID:
        """An active number, and no other channel with it."""
        self._phones += 1
        number = number or f"+1500557{self._phones:04d}"
        self.world.execute(
            "UPDATE channels SET address = id::text WHERE address = %(number)s AND organization_id = %(id)s",
            number=number,
            id=self.org.id,
        )
        return self.world.line(self.org, address=number).id

    def task(self) -> UUID:
        with runtime.of("api").db.tenant(self.org.id) as tx:
            return ask_provider(
                tx, self.org.id, "test", self.channel(), actor=SYSTEM, now=self.world.clock.now
            )

    def failed_lead(self) -> UUID:
        page, now = self.world.lead_page(self.org), self.world.clock.now
        values = {"channel_id": page.id, "page_id": page.page_id, "provider_lead_id": str(uuid4().int)[:20]}
        lead_id = uuid4()
        self.world._insert(
            "leads",
            {
                "organization_id": self.org.id,
                "id": lead_id,
                **values,
                "provider_form_id": "9",
                "state": "failed",
                "failure": "100",
                "found_by": "webhook",
                "backfilled": False,
                "submitted_at": now,
                "received_at": now,
            },
        )
        return lead_id

    def lead_form(self, channel_id: UUID) -> UUID:
        question = {"key": "q1", "label": "Your name", "kind": "CUSTOM"}
        return self._row(
            "lead_forms",
            channel_id=channel_id,
            provider_form_id="9",
            name="Test ride",
            locale="en_US",
            state="active",
            questions=Jsonb([question]),
            mapping=Jsonb({}),
            consents=Jsonb({}),
            synced_at=self.world.clock.now,
        )

    def member(self) -> UUID:
        return person(self.world, self.org, "agent").user_id

    def invitation(self) -> UUID:
        values = {"email": f"{uuid4().hex}@example.test", "role": "agent", "invited_by": self.owner.user_id}
        return self._row("invitations", **values, expires_at=self.world.clock.now.replace(year=2100))

    def api_key(self, user_id: UUID, scopes: list[str] | None = None) -> ApiKey:
        key = ApiKey(self.org.id, uuid4(), uuid4().bytes * (SECRET_BYTES // 16))
        values = {"user_id": user_id, "name": "key", "key_hash": key.hash(), "scopes": scopes or []}
        self._row("api_keys", id=key.id, **values)
        return key

    def _row(self, table: str, **values: Any) -> UUID:
        values = {"id": uuid4(), "organization_id": self.org.id, "created_at": self.world.clock.now, **values}
        self.world._insert(table, values)
        return values["id"]


Places = Callable[[Tenant, Client], Mapping[str, UUID]]


@dataclass(frozen=True)
class Example:
    """What is sent, and what the `{…}` of the path stand for: a fresh thing of a tenant, for one who asks."""

    body: Callable[[], Any] = lambda: None
    places: Places = lambda _tenant, _asking: {}
    query: str = ""


def conversation(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"conversation_id": tenant.conversation()}


def contact(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """Somebody who has agreed to offers."""
    thread = tenant.conversation()
    phone, contact_id = tenant.world.row(
        """SELECT p.phone, p.id FROM contacts AS p JOIN conversations AS c ON c.contact_id = p.id
            WHERE c.id = %(id)s""",
        id=thread,
    ).values()
    tenant.world.agrees(tenant.line, phone)
    return {"contact_id": contact_id}


def channel(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"channel_id": tenant.channel()}


def somebody(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"contact_id": tenant.contact()}


def tagged(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    contact_id, tag_id = tenant.contact(), tenant._row("tags", name=uuid4().hex)
    tenant.world._insert(
        "contact_tags",
        {"organization_id": tenant.org.id, "contact_id": contact_id, "tag_id": tag_id, "tagged_at": START},
    )
    return {"contact_id": contact_id, "tag_id": tag_id}


def noted(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    contact_id = tenant.contact()
    return {
        "contact_id": contact_id,
        "note_id": tenant._row("contact_notes", contact_id=contact_id, body="likes red"),
    }


_CONDITION = {"on": "name", "is": "empty", "value": True}


def twins(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"contact_id": tenant.contact(email="twin@example.test"), "loser_id": tenant.contact()}


def merged(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    winner, loser = (tenant.contact(email="twin@example.test") for _ in range(2))
    with runtime.of("api").db.tenant(tenant.org.id) as tx:
        merge_id = merge(tx, tenant.org.id, winner, loser, actor=SYSTEM, now=tenant.world.clock.now)
    return {"contact_id": winner, "merge_id": merge_id}


def segment(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"segment_id": tenant._row("segments", name=uuid4().hex, condition=Jsonb(_CONDITION))}


def field(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"field_id": tenant._row("contact_fields", key=f"a{uuid4().hex}", label="City", type="text")}


def released(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"channel_id": tenant.channel(_RELEASED)}


def business(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"channel_id": tenant.world.whatsapp_line(tenant.org).id}


def whatsapp(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"conversation_id": tenant.whatsapp_conversation()}


def template(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"template_id": tenant.template()}


def upload(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"upload_id": uploaded(tenant.world, tenant.org.id)}


def lead(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"lead_id": tenant.failed_lead()}


def lead_page(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"channel_id": tenant.world.lead_page(tenant.org).id}


def lead_form(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    page = lead_page(tenant, asking)
    return {**page, "form_id": tenant.lead_form(page["channel_id"])}


def member(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"user_id": tenant.member()}


def invitation(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"invitation_id": tenant.invitation()}


def own_key(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    return {"key_id": tenant.api_key(asking.user_id).id}


def own_session(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    return {"session_id": tenant.world.session(asking.user_id, tenant.org)}


def own_notification(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    tenant.world.notify(tenant.org.id, "role_changed", user_id=asking.user_id)
    tenant.world.work("notify")
    newest = "SELECT id AS notification_id FROM notices WHERE user_id = %(id)s ORDER BY id DESC LIMIT 1"
    return tenant.world.row(newest, id=asking.user_id)


def no_export_under_way(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    tenant.world.execute(
        "UPDATE exports SET state = 'cancelled' WHERE organization_id = %(id)s", id=tenant.org.id
    )
    return {}


def published(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """A version of the policy, which is everybody's."""
    tenant.world.execute(
        """INSERT INTO policy_versions (id, dated, fingerprint, material, summary, published_at, announced_for)
           VALUES (gen_random_uuid(), '2026-04-17', sha256('x'), true, 'The first one.', %(now)s, %(now)s)
           ON CONFLICT DO NOTHING""",
        now=tenant.world.clock.now,
    )
    return {}


def export(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    """One that is ready, with one part."""
    now = tenant.world.clock.now
    export_id, org_id = uuid4(), tenant.org.id
    values = {"id": export_id, "requested_by": asking.user_id, "state": "ready", "requested_at": now}
    times = {"ready_at": now, "expires_at": now.replace(year=2100)}
    tenant.world._insert("exports", {"organization_id": org_id, **values, **times})
    part = {"organization_id": org_id, "export_id": export_id, "number": 1, "bytes": 1, "made_at": now}
    tenant.world._insert("export_parts", part)
    return {"export_id": export_id}


def invoice(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    return {"invoice_id": an_invoice(tenant.world, tenant.org)}


_to_be_erased: dict[str, str] = {}


def somebody_to_erase(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """Whose id goes into the body."""
    _to_be_erased["id"] = str(tenant.contact())
    return {}


def erasure(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    erasure_id, subject = uuid4(), {"kind": "message", "subject_id": uuid4()}
    asked = {"requested_by": asking.user_id, "requested_at": tenant.world.clock.now}
    tenant.world._insert("erasures", {"organization_id": tenant.org.id, "id": erasure_id, **subject, **asked})
    return {"erasure_id": erasure_id}


def erasure_done(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    """One that is over."""
    made = erasure(tenant, asking)
    tenant.world.execute(
        "UPDATE erasures SET state = 'done', finished_at = requested_at WHERE id = %(id)s",
        id=made["erasure_id"],
    )
    return made


def staying(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """An organisation that nobody has asked to delete."""
    tenant.world.execute("DELETE FROM account_deletions WHERE organization_id = %(id)s", id=tenant.org.id)
    tenant.world.execute("UPDATE organizations SET state = 'active' WHERE id = %(id)s", id=tenant.org.id)
    return {}


def deletion(tenant: Tenant, asking: Client) -> Mapping[str, UUID]:
    """One that was asked for, of an organisation that goes on for the tests that follow."""
    staying(tenant, asking)
    now = tenant.world.clock.now
    times = {"requested_at": now, "erases_at": now + timedelta(days=30)}
    values = {"organization_id": tenant.org.id, "id": uuid4(), "state_before": "active", **times}
    tenant.world._insert("account_deletions", values)
    return {}


SECRET = b"12345678901234567890"  # of RFC 6238


def second_factor(tenant: Tenant, asking: Client, *, on: bool = True) -> Mapping[str, UUID]:
    context = SealContext(tenant.org.id, PURPOSE, asking.user_id)
    values = {"organization_id": tenant.org.id, "user_id": asking.user_id, "created_at": START}
    sealed = tenant.world.vault.seal(SECRET, context)
    tenant.world._insert(
        "second_factors", {**values, "secret": sealed, "confirmed_at": START if on else None}
    )
    return {}


def begun(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """An import whose file is there, and was looked at by nobody."""
    return {"import_id": _imported(tenant, "awaiting_file")}


def looked_at(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"import_id": _imported(tenant, "ready")}


def imported(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"import_id": _imported(tenant, "done", counts=Jsonb({"reasons": {"phone_missing": 1}}))}


def undone(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"import_id": _imported(tenant, "undone")}


def _imported(tenant: Tenant, state: str, **columns: Any) -> UUID:
    phone = Jsonb([{"column": 0, "to": "phone", "field": None, "rule": "fill"}])
    claimed = Jsonb({"channels": [], "wording": None, "method": None, "reference": None})
    given = {
        "kind": "contacts",
        "actor_kind": "system",
        "bytes": 1,
        "columns": Jsonb(["Phone"]),
        "mapping": phone,
    }
    given |= {"state": state, "attestation": claimed, "started_at": tenant.world.clock.now, **columns}
    return tenant._row("imports", **given)


def deleted_field(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    away = {"key": f"a{uuid4().hex}", "old_key": f"b{uuid4().hex}", "deleted_at": tenant.world.clock.now}
    return {"field_id": tenant._row("contact_fields", label="City", type="text", **away)}


def deleted_tag(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    away = {"name": uuid4().hex, "old_name": uuid4().hex, "deleted_at": tenant.world.clock.now}
    return {"tag_id": tenant._row("tags", **away)}


def bulk_running(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"action_id": _bulk(tenant, "running")}


def bulk_done(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"action_id": _bulk(tenant, "done")}


def contacts_written(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    return {"action_id": _bulk(tenant, "done", kind="export")}


def _bulk(tenant: Tenant, state: str, **columns: Any) -> UUID:
    times = {"progressed_at": tenant.world.clock.now, "expected": 1, "margin": 0}
    given = {"kind": "tag", "state": state, "actor_kind": "system", "condition": Jsonb({"all": []})}
    return tenant._row("bulk_actions", **{**given, **times, **columns})


def suppression(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    """Listed by the customer, so that it can be lifted."""
    number_hash = uuid4().bytes
    tenant._phones += 1
    listed = {
        "number_hash": number_hash,
        "organization_id": tenant.org.id,
        "listed_at": tenant.world.clock.now,
    }
    tenant.world._insert("listed_numbers", {**listed, "phone": f"+1202555{tenant._phones:04d}"})
    values = {
        "channel_kind": "sms",
        "number_hash": number_hash,
        "source": "list",
        "since": tenant.world.clock.now,
    }
    row = {"organization_id": tenant.org.id, "id": uuid4(), **values}
    tenant.world._insert("suppressions", row)
    return {"suppression_id": row["id"]}


def exported_suppressions(tenant: Tenant, _asking: Client) -> Mapping[str, UUID]:
    status, asked = tenant.owner.post("/v1/suppressions/exports", {})
    assert status == 202, asked
    tenant.world.work("import_contacts")
    return {"export_id": asked["id"]}


_RELEASED = "+15005569999"
_ACCOUNT = {"account_sid": "AC" + "d" * 32, "auth_token": "t" * 32}
_BUSINESS = {"app_id": "670843887433847", "app_secret": "s" * 32, "access_token": "t" * 64}
_numbers = count(1)


def another_node() -> str:
    return f"1060000000{next(_numbers):05d}"


def another_number() -> str:
    return f"+1500556{next(_numbers):04d}"


EXAMPLES: dict[Operation, Example] = {
    ("POST", "/v1/auth/login"): Example(lambda: {"email": "a@b.test", "password": "x"}),
    ("POST", "/v1/auth/refresh"): Example(lambda: {"refresh_token": "x"}),
    ("POST", "/v1/auth/logout"): Example(dict),
    ("POST", "/v1/auth/signup"): Example(dict),
    ("POST", "/v1/auth/accept"): Example(lambda: {"token": "x"}),
    ("POST", "/v1/auth/verify"): Example(lambda: {"token": "x"}),
    ("POST", "/v1/auth/forgot"): Example(lambda: {"email": "a@b.test"}),
    ("POST", "/v1/auth/reset"): Example(lambda: {"token": "x", "password": "x"}),
    ("POST", "/v1/auth/email"): Example(lambda: {"token": "x"}),
    ("POST", "/v1/auth/confirm"): Example(lambda: {"password": PASSWORD}),
    ("GET", "/v1/me"): Example(),
    ("PATCH", "/v1/me"): Example(lambda: {"email": f"{uuid4().hex}@example.test"}),
    ("POST", "/v1/me/password"): Example(
        lambda: {"current_password": PASSWORD, "new_password": "seven lazy kettles whistle"}
    ),
    ("POST", "/v1/me/second-factor"): Example(),
    ("POST", "/v1/me/second-factor/proof"): Example(
        lambda: {"code": code_at(SECRET, step_at(START))}, places=lambda *of: second_factor(*of, on=False)
    ),
    ("POST", "/v1/me/second-factor/recovery-codes"): Example(places=second_factor),
    ("DELETE", "/v1/me/second-factor"): Example(places=second_factor),
    ("DELETE", "/v1/me"): Example(),
    ("GET", "/v1/sessions"): Example(),
    ("DELETE", "/v1/sessions"): Example(),
    ("DELETE", "/v1/sessions/{session_id}"): Example(places=own_session),
    ("GET", "/v1/notifications"): Example(),
    ("POST", "/v1/notifications/{notification_id}/read"): Example(places=own_notification),
    ("POST", "/v1/me/mail/unblock"): Example(),
    ("GET", "/v1/organization"): Example(),
    ("PATCH", "/v1/organization"): Example(lambda: {"name": "Boats"}),
    ("GET", "/v1/members"): Example(),
    ("GET", "/v1/members/{user_id}"): Example(places=member),
    ("PATCH", "/v1/members/{user_id}"): Example(lambda: {"role": "viewer"}, places=member),
    ("DELETE", "/v1/members/{user_id}"): Example(places=member),
    ("POST", "/v1/members/{user_id}/mail/unblock"): Example(places=member),
    ("GET", "/v1/invitations"): Example(),
    ("POST", "/v1/invitations"): Example(lambda: {"email": f"{uuid4().hex}@example.test", "role": "agent"}),
    ("POST", "/v1/invitations/{invitation_id}/resend"): Example(places=invitation),
    ("DELETE", "/v1/invitations/{invitation_id}"): Example(places=invitation),
    ("GET", "/v1/api-keys"): Example(),
    ("POST", "/v1/api-keys"): Example(lambda: {"name": "CRM", "scopes": ["me.read"]}),
    ("POST", "/v1/api-keys/{key_id}/rotate"): Example(dict, places=own_key),
    ("DELETE", "/v1/api-keys/{key_id}"): Example(places=own_key),
    ("GET", "/v1/audit-log"): Example(),
    ("GET", "/v1/channels"): Example(),
    ("POST", "/v1/channels"): Example(lambda: {**_ACCOUNT, "number": another_number()}),
    ("POST", "/v1/channels/whatsapp"): Example(
        lambda: {**_BUSINESS, "waba_id": "102290129340398", "phone_number_id": another_node()}
    ),
    ("POST", "/v1/channels/lead-ads"): Example(lambda: {**_BUSINESS, "page_id": another_node()}),
    ("POST", "/v1/channels/{channel_id}/verify-token"): Example(places=business),
    ("GET", "/v1/channels/{channel_id}"): Example(places=channel),
    ("PATCH", "/v1/channels/{channel_id}"): Example(lambda: {"name": "Sales"}, places=channel),
    ("DELETE", "/v1/channels/{channel_id}"): Example(places=channel),
    ("POST", "/v1/channels/{channel_id}/credentials"): Example(lambda: {"auth_token": "n" * 32}, channel),
    ("POST", "/v1/channels/{channel_id}/test"): Example(places=channel),
    ("POST", "/v1/channels/{channel_id}/configure"): Example(places=channel),
    ("POST", "/v1/channels/{channel_id}/release"): Example(lambda: {"confirm": _RELEASED}, released),
    ("POST", "/v1/channels/number-searches"): Example(lambda: {"using": _ACCOUNT, "country": "US"}),
    ("POST", "/v1/channels/number-purchases"): Example(
        lambda: {"using": _ACCOUNT, "number": another_number()}
    ),
    ("GET", "/v1/channels/tasks/{task_id}"): Example(
        places=lambda tenant, _asking: {"task_id": tenant.task()}
    ),
    ("GET", "/v1/consents"): Example(),
    ("GET", "/v1/consents/{contact_id}"): Example(places=contact),
    ("GET", "/v1/consents/{contact_id}/events"): Example(places=contact),
    ("POST", "/v1/consents/{contact_id}/grants"): Example(
        lambda: {
            "channel": "sms",
            "purpose": "marketing",
            "obtained_at": "2026-11-20T09:30:00Z",
            "method": "web_form",
            "wording": "I agree to get offers by text message.",
        },
        places=contact,
    ),
    ("POST", "/v1/consents/{contact_id}/revocations"): Example(dict, places=contact),
    ("GET", "/v1/contacts"): Example(),
    ("POST", "/v1/contacts"): Example(lambda: {"email": f"{uuid4().hex}@example.test", "tags": ["vip"]}),
    ("GET", "/v1/contacts/{contact_id}"): Example(places=somebody),
    ("PATCH", "/v1/contacts/{contact_id}"): Example(lambda: {"name": "Ada"}, places=somebody),
    ("POST", "/v1/contacts/{contact_id}/tags"): Example(lambda: {"names": ["vip"]}, places=somebody),
    ("DELETE", "/v1/contacts/{contact_id}/tags/{tag_id}"): Example(places=tagged),
    ("GET", "/v1/contacts/{contact_id}/notes"): Example(places=somebody),
    ("POST", "/v1/contacts/{contact_id}/notes"): Example(lambda: {"body": "likes red"}, places=somebody),
    ("GET", "/v1/contacts/{contact_id}/notes/{note_id}"): Example(places=noted),
    ("PATCH", "/v1/contacts/{contact_id}/notes/{note_id}"): Example(lambda: {"body": "likes blue"}, noted),
    ("DELETE", "/v1/contacts/{contact_id}/notes/{note_id}"): Example(places=noted),
    ("GET", "/v1/fields"): Example(),
    ("POST", "/v1/fields"): Example(lambda: {"key": f"a{uuid4().hex}", "label": "City", "type": "text"}),
    ("GET", "/v1/fields/{field_id}"): Example(places=field),
    ("PATCH", "/v1/fields/{field_id}"): Example(lambda: {"label": "Town"}, places=field),
    ("POST", "/v1/contacts/bulk"): Example(lambda: {"kind": "tag", "tag": ["vip"], "condition": {"all": []}}),
    ("POST", "/v1/contacts/exports"): Example(lambda: {"search": "ada"}),
    ("POST", "/v1/contacts/count"): Example(lambda: {"search": "ada"}),
    ("POST", "/v1/contacts/erasures"): Example(lambda: {"contact_ids": [str(uuid4())], "people": 1}),
    ("GET", "/v1/contacts/bulk"): Example(),
    ("GET", "/v1/contacts/bulk/{action_id}"): Example(places=bulk_done),
    ("POST", "/v1/contacts/bulk/{action_id}/cancel"): Example(places=bulk_running),
    ("POST", "/v1/contacts/bulk/{action_id}/undo"): Example(places=bulk_done),
    ("GET", "/v1/contacts/bulk/{action_id}/file"): Example(places=contacts_written),
    ("GET", "/v1/fields/{field_id}/uses"): Example(places=field),
    ("DELETE", "/v1/fields/{field_id}"): Example(places=field),
    ("POST", "/v1/fields/{field_id}/restore"): Example(places=deleted_field),
    ("GET", "/v1/tags/{tag_id}/uses"): Example(places=tagged),
    ("DELETE", "/v1/tags/{tag_id}"): Example(places=tagged),
    ("POST", "/v1/tags/{tag_id}/restore"): Example(places=deleted_tag),
    ("GET", "/v1/contacts/duplicates"): Example(),
    ("GET", "/v1/contacts/{contact_id}/duplicates"): Example(places=somebody),
    ("GET", "/v1/contacts/{contact_id}/timeline"): Example(places=somebody),
    ("GET", "/v1/contacts/{contact_id}/merges"): Example(places=somebody),
    ("POST", "/v1/contacts/{contact_id}/merges/{loser_id}"): Example(places=twins),
    ("POST", "/v1/contacts/{contact_id}/merges/{merge_id}/split"): Example(places=merged),
    ("GET", "/v1/segments"): Example(),
    ("POST", "/v1/segments"): Example(lambda: {"name": uuid4().hex, "condition": _CONDITION}),
    ("POST", "/v1/segments/preview"): Example(lambda: {"condition": _CONDITION}),
    ("GET", "/v1/segments/{segment_id}"): Example(places=segment),
    ("PATCH", "/v1/segments/{segment_id}"): Example(lambda: {"name": uuid4().hex}, places=segment),
    ("DELETE", "/v1/segments/{segment_id}"): Example(places=segment),
    ("GET", "/v1/segments/{segment_id}/count"): Example(places=segment),
    ("GET", "/v1/segments/{segment_id}/contacts"): Example(places=segment),
    ("GET", "/v1/tags"): Example(),
    ("POST", "/v1/tags/taggings"): Example(lambda: {"contact_ids": [str(uuid4())], "add": ["vip"]}),
    ("GET", "/v1/tags/{tag_id}"): Example(places=tagged),
    ("PATCH", "/v1/tags/{tag_id}"): Example(lambda: {"name": uuid4().hex}, places=tagged),
    ("GET", "/v1/conversations"): Example(),
    ("POST", "/v1/conversations"): Example(
        lambda: {"contact_id": "{contact_id}", "channel_id": "{channel_id}", "message": {"body": "hi"}},
        places=lambda tenant, asking: {**contact(tenant, asking), **channel(tenant, asking)},
    ),
    ("GET", "/v1/conversations/{conversation_id}"): Example(places=conversation),
    ("GET", "/v1/conversations/{conversation_id}/messages"): Example(places=conversation),
    ("POST", "/v1/conversations/{conversation_id}/messages"): Example(
        lambda: {"body": "hi"}, places=conversation
    ),
    ("POST", "/v1/conversations/{conversation_id}/messages/preview"): Example(
        lambda: {"body": "hi"}, places=conversation
    ),
    ("POST", "/v1/conversations/{conversation_id}/templates"): Example(
        lambda: {"name": "ready", "body": {"1": "Ada"}}, places=whatsapp
    ),
    ("POST", "/v1/conversations/{conversation_id}/choices"): Example(
        lambda: {"body": "Which?", "buttons": [{"id": "a", "title": "A"}]}, places=whatsapp
    ),
    ("POST", "/v1/conversations/{conversation_id}/read"): Example(places=conversation),
    ("POST", "/v1/conversations/{conversation_id}/review"): Example(
        lambda: {"decision": "seen"}, places=conversation
    ),
    ("POST", "/v1/conversations/{conversation_id}/assign"): Example(
        lambda: {"user_id": None}, places=conversation
    ),
    ("POST", "/v1/conversations/{conversation_id}/takeover"): Example(dict, places=conversation),
    ("POST", "/v1/conversations/{conversation_id}/handback"): Example(dict, places=conversation),
    ("POST", "/v1/conversations/{conversation_id}/presence"): Example(dict, places=conversation),
    ("GET", "/v1/messages"): Example(query="?search=hello"),
    ("POST", "/v1/messages/{message_id}/cancel"): Example(
        places=lambda tenant, _asking: {
            "message_id": tenant.world.reply(tenant.line, tenant.conversation(), "hi")
        }
    ),
    ("GET", "/v1/messages/{message_id}/why"): Example(
        places=lambda tenant, _asking: {
            "message_id": tenant.world.reply(tenant.line, tenant.conversation(), "hi")
        }
    ),
    ("GET", "/v1/messages/{message_id}/media/{media_id}"): Example(
        places=lambda tenant, _asking: tenant.file()
    ),
    ("GET", "/v1/billing/usage"): Example(),
    ("GET", "/v1/billing/invoices"): Example(),
    ("GET", "/v1/billing/invoices/{invoice_id}"): Example(places=invoice),
    ("GET", "/v1/billing/invoices/{invoice_id}/copy"): Example(places=invoice),
    ("POST", "/v1/uploads"): Example(
        lambda: {"file_name": "a.png", "content_type": "image/png", "bytes": 12}
    ),
    ("GET", "/v1/uploads/{upload_id}"): Example(places=upload),
    ("POST", "/v1/uploads/{upload_id}/look"): Example(places=upload),
    ("DELETE", "/v1/uploads/{upload_id}"): Example(places=upload),
    ("GET", "/v1/templates"): Example(),
    ("GET", "/v1/templates/{template_id}"): Example(places=template),
    ("POST", "/v1/templates/{template_id}/preview"): Example(dict, places=template),
    ("POST", "/v1/templates/sync/{channel_id}"): Example(
        places=lambda tenant, _asking: {"channel_id": tenant.world.whatsapp_line(tenant.org).id}
    ),
    ("GET", "/v1/leads"): Example(),
    ("POST", "/v1/leads/replay"): Example(dict),
    ("GET", "/v1/leads/{lead_id}"): Example(places=lead),
    ("POST", "/v1/leads/{lead_id}/retry"): Example(places=lead),
    ("GET", "/v1/channels/{channel_id}/forms"): Example(places=lead_page),
    ("POST", "/v1/channels/{channel_id}/forms/sync"): Example(places=lead_page),
    ("GET", "/v1/channels/{channel_id}/forms/{form_id}"): Example(places=lead_form),
    ("PATCH", "/v1/channels/{channel_id}/forms/{form_id}"): Example(
        lambda: {"mapping": {"q1": "ignore"}}, places=lead_form
    ),
    ("GET", "/v1/imports"): Example(),
    ("POST", "/v1/imports"): Example(lambda: {"bytes": 100, "file_name": "leads.csv"}),
    ("GET", "/v1/imports/{import_id}"): Example(places=looked_at),
    ("PATCH", "/v1/imports/{import_id}"): Example(lambda: {"country": "DE"}, looked_at),
    ("POST", "/v1/imports/{import_id}/look"): Example(dict, begun),
    ("POST", "/v1/imports/{import_id}/check"): Example(places=looked_at),
    ("POST", "/v1/imports/{import_id}/run"): Example(places=looked_at),
    ("POST", "/v1/imports/{import_id}/cancel"): Example(places=looked_at),
    ("POST", "/v1/imports/{import_id}/undo"): Example(places=imported),
    ("GET", "/v1/imports/{import_id}/problems"): Example(places=imported),
    ("GET", "/v1/imports/{import_id}/undone"): Example(places=undone),
    ("GET", "/v1/suppressions"): Example(),
    ("POST", "/v1/suppressions"): Example(lambda: {"phone": "+14158675310", "channels": ["sms"]}),
    ("DELETE", "/v1/suppressions/{suppression_id}"): Example(places=suppression),
    ("POST", "/v1/suppressions/exports"): Example(dict),
    ("GET", "/v1/suppressions/exports/{export_id}"): Example(places=exported_suppressions),
    ("GET", "/v1/webhook-deliveries"): Example(),
    ("GET", "/v1/disclosures"): Example(),
    ("GET", "/v1/policy"): Example(),
    ("POST", "/v1/policy/acceptances"): Example(lambda: {"dated": "2026-04-17"}, places=published),
    ("GET", "/v1/processing-record"): Example(),
    ("GET", "/v1/exports"): Example(),
    ("POST", "/v1/exports"): Example(dict, places=no_export_under_way),
    ("GET", "/v1/exports/{export_id}"): Example(places=export),
    ("DELETE", "/v1/exports/{export_id}"): Example(places=export),
    ("GET", "/v1/exports/{export_id}/download"): Example(places=export),
    ("GET", "/v1/retention"): Example(),
    ("PATCH", "/v1/retention"): Example(lambda: {"messages_days": 730}),
    ("POST", "/v1/retention/preview"): Example(lambda: {"messages_days": 730}),
    ("GET", "/v1/retention/runs"): Example(),
    ("GET", "/v1/account/deletion"): Example(places=deletion),
    ("POST", "/v1/account/deletion"): Example(places=staying),
    ("DELETE", "/v1/account/deletion"): Example(places=deletion),
    ("GET", "/v1/erasures"): Example(),
    ("POST", "/v1/erasures"): Example(lambda: {"kind": "contact", **_to_be_erased}, somebody_to_erase),
    ("GET", "/v1/erasures/{erasure_id}"): Example(places=erasure),
    ("GET", "/v1/erasures/{erasure_id}/certificate"): Example(places=erasure_done),
    ("GET", "/v1/jobs/dead"): Example(),
    ("POST", "/v1/jobs/{job_id}/replay"): Example(
        places=lambda tenant, _asking: {"job_id": tenant.dead_job()}
    ),
    ("GET", "/healthz"): Example(),
}


def call(
    world: World,
    which: Operation,
    places: Mapping[str, UUID],
    token: str | None,
    *,
    reader: str | None = None,
) -> tuple[int, Any]:
    """Ask the operation of its example, with these ids in its path, and in its body where that names one.

    An edit is made of the newest version that `reader` sees, or who asks.
    """
    method, path = which
    example = EXAMPLES[which]
    for name, identifier in places.items():
        path = path.replace(f"{{{name}}}", str(identifier))
    assert "{" not in path, f"the example of {which} leaves a part of the path open"
    headers: dict[str, str] = {}
    if any(parameter["name"] == "If-Match" for parameter in operation(*which).get("parameters", ())):
        headers["if-match"] = _version(world, path, reader or token)
    body = json.dumps(example.body())
    for name, identifier in places.items():
        body = body.replace(f'"{{{name}}}"', f'"{identifier}"')
    return world.api(method, path + example.query, token, json.loads(body), **headers)


def _version(world: World, path: str, token: str | None) -> str:
    seen = world.call(path, method="GET", headers={"authorization": f"Bearer {token}", "host": "x"})
    return seen.headers.get("etag", '"1"')
