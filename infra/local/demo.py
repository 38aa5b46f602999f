"""The organisation that `make up` begins with, and the file that lets a script play every part."""

import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.local import demo_meta, demo_twilio
from infra.local.provision import OWNER
from infra.local.secrets import LocalSecrets, write_private
from infra.simulators.twilio import TwilioAccount
from leadsrally.accounts.audit import SYSTEM
from leadsrally.accounts.passwords import hash_password
from leadsrally.kit.clock import system_clock
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.directory import meta_context, twilio_context
from leadsrally.privacy.outside import store as outside
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.twilio.signature import TwilioCredentials

MAIL_FROM = "LeadsRally <hello@demo.leadsrally.example>"
OWNER_EMAIL = "owner@demo.leadsrally.example"
NUMBER = "+15005550010"
ACCOUNT_SID = "AC00000000000000000000000000000d01"
PHONES = ("+12025550101", "+12025550102", "+12025550103")

_NAMESPACE = UUID("6f0a7c1e-5a0e-4b4e-9d55-2f1a44d0c0de")
ORGANIZATION_ID = uuid5(_NAMESPACE, "organization")
USER_ID = uuid5(_NAMESPACE, "owner")
CHANNEL_ID = uuid5(_NAMESPACE, "sms")
WHATSAPP_CHANNEL_ID = uuid5(_NAMESPACE, "whatsapp")
LEAD_CHANNEL_ID = uuid5(_NAMESPACE, "lead_ads")

_ORGANIZATION = """
INSERT INTO organizations (
    id, name, help_contact, time_zone, ai_scoring, ai_suggestions, created_at
)
VALUES (%(id)s, 'Harbour Bikes', 'help@harbour-bikes.example', 'America/New_York', true, true, %(now)s)
ON CONFLICT DO NOTHING
"""

_USER = """
INSERT INTO users (organization_id, id, email, password_hash, role, created_at)
VALUES (%(organization_id)s, %(id)s, %(email)s, %(password_hash)s, 'owner', %(now)s)
ON CONFLICT DO NOTHING
"""

# What its owner would have attested and accepted at the sign-up.
_ACCEPTED = """
INSERT INTO acceptances (organization_id, id, user_id, document, document_version, accepted_at)
SELECT %(organization_id)s, gen_random_uuid(), %(user_id)s, document, '2026-04-17', %(now)s
  FROM unnest(ARRAY['terms', 'privacy_policy', 'business_use', 'age']) AS document
"""

_CHANNEL = """
INSERT INTO channels (
    organization_id, id, key, kind, address, account_sid, credentials, created_at
)
VALUES (
    %(organization_id)s, %(id)s, %(key)s, 'sms', %(address)s, %(account_sid)s, %(credentials)s, %(now)s
)
ON CONFLICT DO NOTHING
"""

_PAGE = """
INSERT INTO channels (organization_id, id, key, kind, page_id, credentials, created_at)
VALUES (%(organization_id)s, %(id)s, %(key)s, 'lead_ads', %(page_id)s, %(credentials)s, %(now)s)
ON CONFLICT DO NOTHING
"""

_WHATSAPP = """
INSERT INTO channels (
    organization_id, id, key, kind, address, waba_id, phone_number_id, credentials, created_at
)
VALUES (
    %(organization_id)s, %(id)s, %(key)s, 'whatsapp', %(address)s, %(waba_id)s, %(phone_number_id)s,
    %(credentials)s, %(now)s
)
ON CONFLICT DO NOTHING
"""

# Also of an installation that was made before apps were asked for.
_APP = """
UPDATE channels
   SET app_id = %(app_id)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND app_id IS NULL
"""


def twilio_account(
    migrate_url: str, secrets: LocalSecrets, master_keys: dict[str, bytes], base_url: str
) -> TwilioAccount:
    """The organisation's account at the simulated Twilio."""
    vault = Vault(LocalKeys(master_keys, next(iter(master_keys))))
    with _as_owner(migrate_url) as connection:
        return demo_twilio.account(
            connection,
            vault,
            base_url,
            ACCOUNT_SID,
            secrets.twilio_auth_token,
            NUMBER,
            demo_twilio.SPARE_NUMBER,
        )


def _as_owner(migrate_url: str) -> psycopg.Connection[Any]:
    """A transaction of the tables' owner that sees the demo organisation."""
    options = conninfo_to_dict(migrate_url)
    options["options"] = f"-c role={OWNER}"
    connection = psycopg.connect(make_conninfo(**options))
    connection.execute("SELECT set_config('leadsrally.organization_id', %s, true)", (str(ORGANIZATION_ID),))
    return connection


def seed(migrate_url: str, secrets: LocalSecrets, master_keys: dict[str, bytes]) -> bool:
    """Make the demo organisation if it is not there yet; returns whether it was made now."""
    now = datetime.now(UTC)
    vault = Vault(LocalKeys(master_keys, next(iter(master_keys))))
    credentials = TwilioCredentials(ACCOUNT_SID, (secrets.twilio_auth_token,))
    with _as_owner(migrate_url) as connection:
        made = connection.execute(_ORGANIZATION, {"id": ORGANIZATION_ID, "now": now}).rowcount > 0
        if made:
            connection.execute(
                _USER,
                {
                    "organization_id": ORGANIZATION_ID,
                    "id": USER_ID,
                    "email": OWNER_EMAIL,
                    "password_hash": hash_password(secrets.owner_password),
                    "now": now,
                },
            )
            connection.execute(
                _ACCEPTED, {"organization_id": ORGANIZATION_ID, "user_id": USER_ID, "now": now}
            )
            connection.execute(
                _CHANNEL,
                {
                    "organization_id": ORGANIZATION_ID,
                    "id": CHANNEL_ID,
                    "key": secrets.channel_key,
                    "address": NUMBER,
                    "account_sid": ACCOUNT_SID,
                    "credentials": vault.seal(
                        credentials.to_json(), twilio_context(ORGANIZATION_ID, CHANNEL_ID)
                    ),
                    "now": now,
                },
            )
        # An installation that was made before there was a page gets it now.
        page = MetaCredentials(
            (secrets.lead_app_secret,), secrets.lead_verify_token, secrets.lead_access_token
        )
        connection.execute(
            _PAGE,
            {
                "organization_id": ORGANIZATION_ID,
                "id": LEAD_CHANNEL_ID,
                "key": secrets.lead_channel_key,
                "page_id": demo_meta.PAGE_ID,
                "credentials": vault.seal(page.to_json(), meta_context(ORGANIZATION_ID, LEAD_CHANNEL_ID)),
                "now": now,
            },
        )
        # An installation that was made before there was WhatsApp gets it now.
        meta = MetaCredentials(
            (secrets.meta_app_secret,), secrets.meta_verify_token, secrets.meta_access_token
        )
        connection.execute(
            _WHATSAPP,
            {
                "organization_id": ORGANIZATION_ID,
                "id": WHATSAPP_CHANNEL_ID,
                "key": secrets.whatsapp_channel_key,
                "address": demo_meta.NUMBER,
                "waba_id": demo_meta.WABA_ID,
                "phone_number_id": demo_meta.PHONE_NUMBER_ID,
                "credentials": vault.seal(meta.to_json(), meta_context(ORGANIZATION_ID, WHATSAPP_CHANNEL_ID)),
                "now": now,
            },
        )
        apps = {WHATSAPP_CHANNEL_ID: demo_meta.APP_ID, LEAD_CHANNEL_ID: demo_meta.LEAD_APP_ID}
        for channel_id, app_id in apps.items():
            connection.execute(_APP, {"organization_id": ORGANIZATION_ID, "id": channel_id, "app_id": app_id})
    return made


_UNTESTED = """
SELECT id
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND kind IN ('whatsapp', 'lead_ads')
   AND state = 'active'
   AND app_id IS NOT NULL
   AND checked_at IS NULL
"""


def set_up_businesses(db: Database) -> None:
    """Have the simulated Meta told where to send its news, and the channels tested, as their owner would.

    Meta makes sure of the address meanwhile, so this is for when it is served.
    """
    with db.tenant(ORGANIZATION_ID) as tx:
        for channel_id in tx.values(_UNTESTED, {"organization_id": ORGANIZATION_ID}):
            ask_provider(tx, ORGANIZATION_ID, "configure", channel_id, actor=SYSTEM, now=datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Demo:
    """What `.leadsrally/demo.json` says. `database_url` is an administrator's, so that a script can age rows."""

    base_url: str
    database_url: str
    secrets: LocalSecrets

    def write(self, path: Path) -> None:
        simulators = f"{self.base_url}/simulators"
        text = json.dumps(
            {
                "base_url": self.base_url,
                "mail_from": MAIL_FROM,
                "owner": {"email": OWNER_EMAIL, "password": self.secrets.owner_password},
                "channels": {
                    "sms": {
                        "key": self.secrets.channel_key,
                        "number": NUMBER,
                        "account_sid": ACCOUNT_SID,
                        "auth_token": self.secrets.twilio_auth_token,
                        "webhook_base_url": self.base_url,
                    },
                    "whatsapp": {
                        "key": self.secrets.whatsapp_channel_key,
                        "phone_number_id": demo_meta.PHONE_NUMBER_ID,
                        "waba_id": demo_meta.WABA_ID,
                        "app_secret": self.secrets.meta_app_secret,
                        "verify_token": self.secrets.meta_verify_token,
                    },
                    "lead_ads": {
                        "key": self.secrets.lead_channel_key,
                        "page_id": demo_meta.PAGE_ID,
                        "form_ids": list(demo_meta.FORM_IDS),
                        "app_secret": self.secrets.lead_app_secret,
                        "verify_token": self.secrets.lead_verify_token,
                    },
                },
                "twilio": {
                    "account_sid": ACCOUNT_SID,
                    "auth_token": self.secrets.twilio_auth_token,
                    "spare_number": demo_twilio.SPARE_NUMBER,
                },
                "simulators": {
                    "twilio": f"{simulators}/twilio",
                    "meta": f"{simulators}/meta",
                    "anthropic": f"{simulators}/anthropic",
                    "resend": f"{simulators}/resend",
                    "sentry": f"{simulators}/sentry",
                    "phones": f"{simulators}/phones",
                    "mailbox": f"{simulators}/mailbox",
                },
                "phones": list(PHONES),
                "database_url": self.database_url,
            },
            indent=2,
        )
        write_private(path, text)


def look_at_nothing(url: str) -> None:
    """Write down, as whoever starts it could, that nothing of this installation lies at Sentry or at Railway."""
    now = system_clock()
    with closing(Database(url)) as db, db.across() as tx:
        for subject in ("sentry_plan", "railway_backups"):
            told = "simulated, on this machine"
            outside.record(tx, outside.Look(new_id(now), subject, "unused", None, "make up", told, now))
