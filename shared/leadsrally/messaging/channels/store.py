"""Channels as they are written. The API's role cannot read credentials, so what it runs never names them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx

_SHOWN = """
SELECT id, kind, name, key, address, account_sid, waba_id, phone_number_id, page_id, app_id, state,
       provider_answers_keywords, quiet_until, trouble, trouble_since, health, quality, messaging_limit, name_status,
       token_expires_at, challenged_at, checks, checked_at, version, created_at, disconnected_at
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def shown(tx: Tx, organization_id: UUID, channel_id: UUID) -> dict[str, Any] | None:
    """A channel as a person may see it."""
    found = tx.dicts(_SHOWN, {"organization_id": organization_id, "channel_id": channel_id})
    return found[0] if found else None


_NEWEST = """
SELECT id, kind, name, key, address, account_sid, waba_id, phone_number_id, page_id, app_id, state,
       provider_answers_keywords, quiet_until, trouble, trouble_since, health, quality, messaging_limit, name_status,
       token_expires_at, challenged_at, checks, checked_at, version, created_at, disconnected_at
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """Newest first, after the given place (keyset)."""
    return tx.dicts(
        _NEWEST,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


@dataclass(frozen=True, slots=True)
class Place:
    """The row that a number has or had."""

    id: UUID
    state: Literal["active", "disconnected"]


_SMS_PLACE = """
SELECT id, state
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND kind = 'sms'
   AND address = %(address)s
"""


def sms_place(tx: Tx, organization_id: UUID, address: str) -> Place | None:
    """Where this number of ours is, or was before it was disconnected."""
    return tx.maybe(Place, _SMS_PLACE, {"organization_id": organization_id, "address": address})


# A number that comes back takes its old place, so that its conversations go on. Its address at our webhook is new.
_CONNECT_SMS = """
INSERT INTO channels AS c (organization_id, id, key, kind, address, account_sid, credentials, name, created_at)
VALUES (%(organization_id)s, %(channel_id)s, %(key)s, 'sms', %(address)s, %(account_sid)s, %(credentials)s, %(name)s,
        %(now)s)
ON CONFLICT (organization_id, kind, address)
DO UPDATE SET key = excluded.key,
              account_sid = excluded.account_sid,
              credentials = %(credentials)s,
              credentials_version = c.credentials_version + 1,
              name = CASE WHEN excluded.name = '' THEN c.name ELSE excluded.name END,
              state = 'active',
              quiet_until = NULL,
              checks = NULL,
              checked_at = NULL,
              disconnected_at = NULL,
              version = c.version + 1
        WHERE c.state = 'disconnected'
          AND c.id = excluded.id
RETURNING c.id
"""


def connect_sms(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    *,
    key: str,
    address: str,
    account_sid: str,
    credentials: bytes,
    name: str,
    now: datetime,
) -> bool:
    """Write the channel. False: the number is connected already, or its place is another one than `channel_id`."""
    return (
        tx.value(
            _CONNECT_SMS,
            {
                "organization_id": organization_id,
                "channel_id": channel_id,
                "key": key,
                "address": address,
                "account_sid": account_sid,
                "credentials": credentials,
                "name": name,
                "now": now,
            },
        )
        is not None
    )


_EDIT = """
UPDATE channels
   SET name = coalesce(%(name)s, name),
       provider_answers_keywords = coalesce(%(provider_answers_keywords)s, provider_answers_keywords),
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND version = %(version)s
"""


def edit(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    *,
    version: int,
    name: str | None,
    provider_answers_keywords: bool | None,
) -> bool:
    """Change what is given. False: there is no such channel of that version."""
    return (
        tx.run(
            _EDIT,
            {
                "organization_id": organization_id,
                "channel_id": channel_id,
                "version": version,
                "name": name,
                "provider_answers_keywords": provider_answers_keywords,
            },
        )
        > 0
    )


_DISCONNECT = """
UPDATE channels
   SET state = 'disconnected',
       credentials = NULL,
       credentials_version = credentials_version + 1,
       checks = NULL,
       checked_at = NULL,
       disconnected_at = %(now)s,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND state = 'active'
   AND version = coalesce(%(version)s, version)
"""


def disconnect(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, version: int | None, now: datetime
) -> bool:
    """Forget the credentials. False: it is not active, or of another version."""
    return (
        tx.run(
            _DISCONNECT,
            {"organization_id": organization_id, "channel_id": channel_id, "version": version, "now": now},
        )
        > 0
    )


@dataclass(frozen=True, slots=True)
class Held:
    """An active channel with its sealed credentials."""

    id: UUID
    credentials: bytes
    credentials_version: int


_OF_ACCOUNT = """
SELECT id, credentials, credentials_version
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND kind = 'sms'
   AND account_sid = %(account_sid)s
   AND state = 'active'
 ORDER BY id
"""


def of_account(tx: Tx, organization_id: UUID, account_sid: str) -> list[Held]:
    """The organisation's active channels on one Twilio account."""
    return tx.all(Held, _OF_ACCOUNT, {"organization_id": organization_id, "account_sid": account_sid})


_REPLACE = """
UPDATE channels
   SET credentials = %(credentials)s,
       credentials_version = credentials_version + 1,
       version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND state = 'active'
   AND credentials_version = %(read_version)s
"""


def replace_credentials(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, read_version: int, credentials: bytes
) -> bool:
    """Put other credentials in the place of those that were read. False: somebody else was quicker."""
    return (
        tx.run(
            _REPLACE,
            {
                "organization_id": organization_id,
                "channel_id": channel_id,
                "read_version": read_version,
                "credentials": credentials,
            },
        )
        > 0
    )


# Of the connection that was tested: a result that comes after another one was made says nothing about that.
_CHECKED = """
UPDATE channels
   SET checks = %(checks)s, checked_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
   AND key = %(key)s
   AND state = 'active'
"""


def note_checks(
    tx: Tx, organization_id: UUID, channel_id: UUID, key: str, checks: list[dict[str, Any]], *, now: datetime
) -> None:
    tx.run(
        _CHECKED,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "key": key,
            "checks": Jsonb(checks),
            "now": now,
        },
    )
