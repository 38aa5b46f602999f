"""People of an organisation to whom things happen, and what they are told of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.notices.types import Mail
from tests.billing.invoices import an_invoice
from tests.world import Org, World, days


@dataclass
class Office:
    """An organisation with an owner and an agent, and a way to have each kind of thing happen."""

    world: World
    org: Org

    def __post_init__(self) -> None:
        self.owner = self.person("owner@harbour.example", "owner")
        self.agent = self.person("agent@harbour.example", "agent")

    def person(self, email: str, role: str = "agent", **columns: Any) -> UUID:
        return self._row("users", email=email, password_hash="$2b$12$" + "a" * 53, role=role, **columns)

    def _row(self, table: str, **columns: Any) -> UUID:
        row_id = uuid4()
        now = self.world.clock.now
        self.world._insert(
            table, {"organization_id": self.org.id, "id": row_id, "created_at": now, **columns}
        )
        return row_id

    def signup(self, email: str = "new@harbour.example", **columns: Any) -> UUID:
        return self._row(
            "signups",
            **{
                "email": email,
                "password_hash": "x",
                "terms_version": "1",
                "policy_version": "1",
                "expires_at": self.world.clock.now + days(1),
                **columns,
            },
        )

    def reset(self, user_id: UUID | None = None, **columns: Any) -> UUID:
        expires_at = self.world.clock.now + days(1)
        return self._row(
            "password_resets", **{"user_id": user_id or self.agent, "expires_at": expires_at, **columns}
        )

    def email_change(self, **columns: Any) -> UUID:
        return self._row(
            "email_changes",
            **{
                "user_id": self.agent,
                "old_email": "agent@harbour.example",
                "new_email": "agent@elsewhere.example",
                "expires_at": self.world.clock.now + days(1),
                **columns,
            },
        )

    def invitation(self, email: str = "guest@harbour.example", **columns: Any) -> UUID:
        return self._row(
            "invitations",
            **{
                "email": email,
                "role": "viewer",
                "invited_by": self.owner,
                "expires_at": self.world.clock.now + days(7),
                **columns,
            },
        )

    def session(self, **columns: Any) -> UUID:
        now = self.world.clock.now
        return self._row(
            "sessions",
            **{
                "user_id": self.agent,
                "kind": "browser",
                "token_hash": b"h" * 32,
                "source_ip": "203.0.113.9",
                "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "rotated_at": now,
                "confirmed_at": now,
                "last_used_at": now,
                "expires_at": now + days(30),
                **columns,
            },
        )

    def api_key(self, **columns: Any) -> UUID:
        return self._row(
            "api_keys",
            **{"user_id": self.agent, "name": "Nightly import", "key_hash": b"", "scopes": [], **columns},
        )

    def second_factor(self) -> None:
        now = self.world.clock.now
        self.world._insert(
            "second_factors",
            {
                "organization_id": self.org.id,
                "user_id": self.agent,
                "secret": b"",
                "created_at": now,
                "confirmed_at": now,
            },
        )

    def template(self, **columns: Any) -> UUID:
        now = self.world.clock.now
        return self._row(
            "templates",
            **{
                "waba_id": "1",
                "provider_id": "1",
                "name": "spring_sale",
                "language": "en_US",
                "category": "marketing",
                "state": "paused",
                "form": "{}",
                "changed_at": now,
                "synced_at": now,
                **columns,
            },
        )

    def channel_with_token(self) -> UUID:
        ends = self.world.clock.now + days(3)
        return self.world.whatsapp_line(self.org, token_expires_at=ends).id

    def channel_in_trouble(self) -> UUID:
        line = self.world.whatsapp_line(self.org, trouble="190", trouble_since=self.world.clock.now)
        return line.id

    def export(self) -> UUID:
        export_id, now = uuid4(), self.world.clock.now
        values = {
            "organization_id": self.org.id,
            "id": export_id,
            "requested_by": self.agent,
            "state": "ready",
        }
        times = {"requested_at": now, "ready_at": now, "expires_at": now + days(7)}
        self.world._insert("exports", {**values, **times})
        return export_id

    def policy(self) -> UUID:
        """A version of the policy that is announced."""
        version_id, now = uuid4(), self.world.clock.now
        self.world._insert(
            "policy_versions",
            {
                "id": version_id,
                "dated": f"2{self.world.value('SELECT count(*) FROM policy_versions'):03d}-01-01",
                "fingerprint": b"f" * 32,
                "material": True,
                "summary": "Files are kept in another region.",
                "published_at": now,
                "announced_for": now + days(16),
            },
        )
        return version_id

    def incident(self) -> UUID:
        """One that is confirmed and affects this organisation."""
        incident_id, now = uuid4(), self.world.clock.now
        told = {"nature": "A key leaked.", "consequences": "None known.", "measures": "It was changed."}
        times = {"detected_at": now, "recorded_at": now, "confirmed_at": now}
        row = {"id": incident_id, "drill": False, "title": "x", "people_about": 1, "records_about": 2}
        self.world._insert("incidents", {**row, **told, **times})
        affected = {"organization_id": self.org.id, "incident_id": incident_id, "found_at": now}
        self.world._insert("incident_notices", {**affected, "counts": '{"contacts": 1}'})
        return incident_id

    def deletion(self, **taken_back: Any) -> UUID:
        deletion_id, now = uuid4(), self.world.clock.now
        times = {"requested_at": now, "erases_at": now + days(30)}
        values = {"organization_id": self.org.id, "id": deletion_id, "state_before": "active", **times}
        self.world._insert("account_deletions", {**values, **taken_back})
        return deletion_id

    def kept(self) -> UUID:
        """A deletion that was taken back."""
        return self.deletion(reversed_by=self.owner, reversed_at=self.world.clock.now)

    def happens(self, kind: str, **ids: UUID) -> UUID:
        """The thing is promised to be told, and told; returns the job's id."""
        job_id = self.world.notify(self.org.id, kind, **ids)
        self.world.work("notify")
        return job_id

    def told(self, kind: str, **ids: UUID) -> list[Mail]:
        """As `happens`; returns the mails it came to."""
        before = len(self.world.mailer.mails)
        self.happens(kind, **ids)
        return self.world.mailer.mails[before:]

    def notices(self, **where: Any) -> list[dict[str, Any]]:
        found = self.world.rows("SELECT * FROM notices ORDER BY created_at, address")
        return [row for row in found if all(row[name] == value for name, value in where.items())]

    def notice(self, **where: Any) -> dict[str, Any]:
        (found,) = self.notices(**where)
        return found

    def jobs(self) -> list[dict[str, Any]]:
        return self.world.rows("SELECT state, kind, error, run_at, attempts FROM jobs WHERE queue = 'notify'")

    def hears(self, event: str, notice: dict[str, Any], *, event_id: str | None = None, **data: Any) -> int:
        """Resend says this of a notice's mail; the status of our answer."""
        told = self.world.mail_event(
            f"email.{event}", organization_id=notice["organization_id"], notice_id=notice["id"], **data
        )
        return self.world.resend(told, event_id=event_id).status


# For each kind: how it comes about, who is told, and where the link leads.
HAPPENINGS: dict[str, tuple[Callable[[Office], dict[str, UUID]], set[str], str | None]] = {
    "verify_signup": (lambda o: {"signup_id": o.signup()}, {"new@harbour.example"}, "/verify#"),
    "account_exists": (lambda o: {"user_id": o.agent}, {"agent@harbour.example"}, "/login"),
    "reset_password": (lambda o: {"reset_id": o.reset()}, {"agent@harbour.example"}, "/reset#"),
    "password_changed": (lambda o: {"user_id": o.agent}, {"agent@harbour.example"}, None),
    "change_email": (lambda o: {"change_id": o.email_change()}, {"agent@elsewhere.example"}, "/email#"),
    "email_changed": (
        lambda o: {"change_id": o.email_change(used_at=o.world.clock.now)},
        {"agent@harbour.example"},
        None,
    ),
    "invitation": (lambda o: {"invitation_id": o.invitation()}, {"guest@harbour.example"}, "/invite#"),
    "new_login": (
        lambda o: {"user_id": o.agent, "session_id": o.session()},
        {"agent@harbour.example"},
        None,
    ),
    "role_changed": (lambda o: {"user_id": o.agent}, {"agent@harbour.example"}, None),
    "api_key_created": (
        lambda o: {"key_id": o.api_key()},
        {"agent@harbour.example", "owner@harbour.example"},
        None,
    ),
    "second_factor_changed": (lambda o: {"user_id": o.agent}, {"agent@harbour.example"}, None),
    "session_reuse": (
        lambda o: {"user_id": o.agent, "session_id": o.session()},
        {"agent@harbour.example", "owner@harbour.example"},
        None,
    ),
    "invoice_ready": (
        lambda o: {"invoice_id": an_invoice(o.world, o.org)},
        {"owner@harbour.example"},
        "/settings/billing",
    ),
    "template_stopped": (lambda o: {"template_id": o.template()}, {"owner@harbour.example"}, "/templates"),
    "channel_trouble": (
        lambda o: {"channel_id": o.channel_in_trouble()},
        {"owner@harbour.example"},
        "/channels",
    ),
    "channel_attention": (
        lambda o: {"channel_id": o.channel_in_trouble()},
        {"owner@harbour.example"},
        "/channels",
    ),
    "token_expiring": (
        lambda o: {"channel_id": o.channel_with_token()},
        {"owner@harbour.example"},
        "/channels",
    ),
    "account_deletion": (
        lambda o: {"deletion_id": o.deletion()},
        {"owner@harbour.example"},
        "/settings/privacy",
    ),
    "account_kept": (
        lambda o: {"deletion_id": o.kept()},
        {"owner@harbour.example"},
        "/settings/privacy",
    ),
    "export_ready": (
        lambda o: {"export_id": o.export()},
        {"agent@harbour.example"},
        "/settings/privacy",
    ),
    "incident": (lambda o: {"incident_id": o.incident()}, {"owner@harbour.example"}, None),
    "policy_change": (lambda o: {"version_id": o.policy()}, {"owner@harbour.example"}, "/policy"),
    "policy_reminder": (lambda o: {"version_id": o.policy()}, {"owner@harbour.example"}, "/policy"),
}


@pytest.fixture
def office(world: World, org: Org) -> Office:
    return Office(world, org)
