"""WhatsApp numbers and pages as they are written.

The API's role cannot read credentials, so what it runs, `connect` and `let_go`, never reads them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.messaging.channels.store import Place
from leadsrally.messaging.types import Health, NewsOf, Quality


@dataclass(frozen=True, slots=True)
class Identity:
    """What a channel is at Meta. The app is the customer's own."""

    kind: Literal["whatsapp", "lead_ads"]
    app_id: str
    waba_id: str | None = None
    phone_number_id: str | None = None
    page_id: str | None = None


_PLACE = """
SELECT id, state
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND (phone_number_id = %(phone_number_id)s OR page_id = %(page_id)s)
"""


def place(tx: Tx, organization_id: UUID, identity: Identity) -> Place | None:
    """Where this number or page is, or was before it was disconnected."""
    return tx.maybe(
        Place,
        _PLACE,
        {
            "organization_id": organization_id,
            "phone_number_id": identity.phone_number_id,
            "page_id": identity.page_id,
        },
    )


# One that comes back takes its old place, so that its conversations and leads go on, under a new webhook address.
_BACK = """
DO UPDATE SET key = excluded.key,
              waba_id = excluded.waba_id,
              app_id = excluded.app_id,
              credentials = %(credentials)s,
              credentials_version = c.credentials_version + 1,
              name = CASE WHEN excluded.name = '' THEN c.name ELSE excluded.name END,
              state = 'active',
              quiet_until = NULL,
              trouble = NULL,
              trouble_since = NULL,
              checks = NULL,
              checked_at = NULL,
              health = NULL,
              quality = NULL,
              messaging_limit = NULL,
              name_status = NULL,
              token_expires_at = NULL,
              expiry_warned_at = NULL,
              challenged_at = NULL,
              disconnected_at = NULL,
              version = c.version + 1
        WHERE c.state = 'disconnected'
          AND c.id = excluded.id
RETURNING c.id
"""
_INSERT = """
INSERT INTO channels AS c (organization_id, id, key, kind, waba_id, phone_number_id, page_id, app_id, credentials, name,
                           created_at)
VALUES (%(organization_id)s, %(channel_id)s, %(key)s, %(kind)s, %(waba_id)s, %(phone_number_id)s, %(page_id)s,
        %(app_id)s, %(credentials)s, %(name)s, %(now)s)
"""
_CONNECT_WHATSAPP = (
    _INSERT + "ON CONFLICT (organization_id, phone_number_id) WHERE phone_number_id IS NOT NULL" + _BACK
)
_CONNECT_PAGE = _INSERT + "ON CONFLICT (organization_id, page_id) WHERE page_id IS NOT NULL" + _BACK


def connect(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    identity: Identity,
    *,
    key: str,
    credentials: bytes,
    name: str,
    now: datetime,
) -> bool:
    """Write the channel. False: it is connected already, or its place is another one than `channel_id`."""
    written = tx.value(
        _CONNECT_WHATSAPP if identity.kind == "whatsapp" else _CONNECT_PAGE,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "key": key,
            "kind": identity.kind,
            "waba_id": identity.waba_id,
            "phone_number_id": identity.phone_number_id,
            "page_id": identity.page_id,
            "app_id": identity.app_id,
            "credentials": credentials,
            "name": name,
            "now": now,
        },
    )
    return written is not None


# The credentials stay until the app is taken off at Meta, minutes at most: a task forgets them, whatever comes of it.
_LET_GO = """
UPDATE channels
   SET state = 'disconnected',
       credentials_version = credentials_version + 1,
       checks = NULL,
       checked_at = NULL,
       trouble = NULL,
       trouble_since = NULL,
       token_expires_at = NULL,
       expiry_warned_at = NULL,
       disconnected_at = %(now)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND state = 'active'
   AND version = %(version)s
"""


def let_go(tx: Tx, organization_id: UUID, channel_id: UUID, *, version: int, now: datetime) -> bool:
    """Nothing passes from now on. False: it is not active, or of another version."""
    values = {"organization_id": organization_id, "channel_id": channel_id, "version": version, "now": now}
    return tx.run(_LET_GO, values) > 0


_FORGET = """
UPDATE channels
   SET credentials = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND state = 'disconnected'
"""


def forget_credentials(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """Of a channel that was let go and not connected again since."""
    tx.run(_FORGET, {"organization_id": organization_id, "channel_id": channel_id})


@dataclass(frozen=True, slots=True)
class Business:
    """A WhatsApp number or a page with its sealed credentials."""

    organization_id: UUID
    id: UUID
    key: str
    kind: Literal["whatsapp", "lead_ads"]
    state: Literal["active", "disconnected"]
    app_id: str | None  # None: connected before apps were asked for
    waba_id: str | None
    phone_number_id: str | None
    page_id: str | None
    credentials: bytes
    credentials_version: int

    @property
    def node(self) -> str:
        """What the app is installed on at Meta."""
        return self.waba_id or self.page_id or ""

    @property
    def news(self) -> NewsOf:
        """Which of the app's news is about it."""
        return "whatsapp" if self.kind == "whatsapp" else "page"


_BUSINESS = """
SELECT organization_id, id, key, kind, state, app_id, waba_id, phone_number_id, page_id, credentials,
       credentials_version
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND kind IN ('whatsapp', 'lead_ads')
   AND credentials IS NOT NULL
"""


def business(tx: Tx, organization_id: UUID, channel_id: UUID) -> Business | None:
    """The channel while there are credentials of it: also after it was let go, until they are forgotten."""
    return tx.maybe(Business, _BUSINESS, {"organization_id": organization_id, "channel_id": channel_id})


_OF_APP = """
SELECT organization_id, id, key, kind, state, app_id, waba_id, phone_number_id, page_id, credentials,
       credentials_version
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND app_id = %(app_id)s
   AND state = 'active'
   AND credentials IS NOT NULL
 ORDER BY id
"""


def of_app(tx: Tx, organization_id: UUID, app_id: str) -> list[Business]:
    """The organisation's active channels by way of one app."""
    return tx.all(Business, _OF_APP, {"organization_id": organization_id, "app_id": app_id})


@dataclass(frozen=True, slots=True)
class Hook:
    """One of the addresses at which an app's news is taken, and when Meta made sure of it."""

    key: str
    challenged_at: datetime | None


_HOOKS = """
SELECT key, challenged_at
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND app_id = %(app_id)s
   AND state = 'active'
"""


def hooks(tx: Tx, organization_id: UUID, app_id: str) -> list[Hook]:
    """News of one app may come to the address of any of its channels: it has one, and they may be several."""
    return tx.all(Hook, _HOOKS, {"organization_id": organization_id, "app_id": app_id})


_CHALLENGED = """
UPDATE channels
   SET challenged_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def note_challenge(tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime) -> None:
    """Meta has made sure of the channel's address."""
    tx.run(_CHALLENGED, {"organization_id": organization_id, "channel_id": channel_id, "now": now})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands as of a test. What was not asked, or not answered, stays as it was."""

    token_known: bool = False
    token_expires_at: datetime | None = None
    number: str | None = None
    health: Health | None = None
    quality: Quality | None = None
    name_status: str | None = None
    messaging_limit: str | None = None


# Of the connection that was tested: a result that comes after another one was made says nothing about that.
_NOTE = """
UPDATE channels
   SET checks = %(checks)s,
       checked_at = %(now)s,
       health = coalesce(%(health)s, health),
       quality = coalesce(%(quality)s, quality),
       name_status = coalesce(%(name_status)s, name_status),
       messaging_limit = coalesce(%(messaging_limit)s, messaging_limit),
       token_expires_at = CASE WHEN %(token_known)s THEN %(token_expires_at)s ELSE token_expires_at END,
       expiry_warned_at = CASE WHEN %(token_known)s AND token_expires_at IS DISTINCT FROM %(token_expires_at)s
                               THEN NULL ELSE expiry_warned_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND key = %(key)s
   AND credentials_version = %(version)s
   AND state = 'active'
"""


def note(
    tx: Tx, tested: Business, checks: list[dict[str, Any]], standing: Standing, *, now: datetime
) -> bool:
    """Keep what a test found. False: the channel was disconnected or given other credentials meanwhile."""
    return (
        tx.run(
            _NOTE,
            {
                "organization_id": tested.organization_id,
                "channel_id": tested.id,
                "key": tested.key,
                "version": tested.credentials_version,
                "checks": Jsonb(checks),
                "now": now,
                "health": standing.health,
                "quality": standing.quality,
                "name_status": standing.name_status,
                "messaging_limit": standing.messaging_limit,
                "token_known": standing.token_known,
                "token_expires_at": standing.token_expires_at,
            },
        )
        > 0
    )


# A number may have moved to another account at Meta: the place that it had then gives it up.
_GIVE_UP = """
UPDATE channels
   SET address = NULL
 WHERE organization_id = %(organization_id)s
   AND kind = 'whatsapp'
   AND address = %(number)s
   AND id <> %(channel_id)s
   AND state = 'disconnected'
"""
_NUMBER = """
UPDATE channels AS c
   SET address = %(number)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND address IS DISTINCT FROM %(number)s
   AND NOT EXISTS (SELECT 1
                     FROM channels AS other
                    WHERE other.organization_id = c.organization_id
                      AND other.kind = 'whatsapp'
                      AND other.address = %(number)s)
"""


def note_number(tx: Tx, organization_id: UUID, channel_id: UUID, number: str) -> None:
    """Which number it is. It stays as it was while another active channel says that it is this one."""
    values = {"organization_id": organization_id, "channel_id": channel_id, "number": number}
    tx.run(_GIVE_UP, values)
    tx.run(_NUMBER, values)


@dataclass(frozen=True, slots=True)
class Due:
    """A channel to be tested again, or whose token ends soon."""

    organization_id: UUID
    channel_id: UUID
    checked_at: datetime | None
    token_expires_at: datetime | None
    expiry_warned_at: datetime | None


_DUE = """
SELECT organization_id, channel_id, checked_at, token_expires_at, expiry_warned_at
  FROM meta_channels_due(%(tested_before)s, %(expiring_before)s)
"""


def due(tx: Tx, *, tested_before: datetime, expiring_before: datetime) -> list[Due]:
    """Of all tenants, so outside of any."""
    return tx.all(Due, _DUE, {"tested_before": tested_before, "expiring_before": expiring_before})


_WARNED = """
UPDATE channels
   SET expiry_warned_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND state = 'active'
   AND token_expires_at = %(token_expires_at)s
   AND expiry_warned_at IS NOT DISTINCT FROM %(warned_at)s
"""


def note_warning(tx: Tx, of: Due, *, now: datetime) -> bool:
    """False: somebody else warned, or the token is another one by now."""
    return (
        tx.run(
            _WARNED,
            {
                "organization_id": of.organization_id,
                "channel_id": of.channel_id,
                "token_expires_at": of.token_expires_at,
                "warned_at": of.expiry_warned_at,
                "now": now,
            },
        )
        > 0
    )


_FORGET_EXPIRY = """
UPDATE channels
   SET token_expires_at = NULL, expiry_warned_at = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def forget_expiry(tx: Tx, organization_id: UUID, channel_id: UUID) -> None:
    """There is another token now; how long it is good for is for a test to say."""
    tx.run(_FORGET_EXPIRY, {"organization_id": organization_id, "channel_id": channel_id})
