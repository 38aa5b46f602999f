"""An organisation with a Twilio number and many known contacts, and texts that are genuinely signed."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from tempfile import gettempdir
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from twilio.request_validator import RequestValidator

from bench.cluster import Cluster
from leadsrally.kit.crypto import Vault
from leadsrally.kit.settings import SETTINGS, Settings
from leadsrally.messaging.channels.directory import twilio_context
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.twilio.signature import TwilioCredentials

PUBLIC_URL = "https://hooks.example.test"
_KEY = base64.b64encode(b"b" * 32).decode()
ENVIRONMENT = {
    "LEADSRALLY_ENV": "development",
    "LEADSRALLY_RELEASE": "bench",
    "LEADSRALLY_PUBLIC_URL": PUBLIC_URL,
    "LEADSRALLY_APP_URL": "https://app.example.test",
    "LEADSRALLY_MASTER_KEYS": f"bench={_KEY}",
    "LEADSRALLY_MAIL_FROM": "LeadsRally <hello@mail.example.test>",
    "LEADSRALLY_STORAGE_DIR": f"{gettempdir()}/leadsrally-bench-files",
    "RESEND_API_KEY": "re_bench",
    "RESEND_WEBHOOK_SECRETS": f"whsec_{_KEY}",
    **{setting.name: _KEY for setting in SETTINGS if setting.required and setting.name.endswith("_KEY")},
}
FORM_TYPE = "application/x-www-form-urlencoded"

# Contact and conversation number n have ids that the limit's SQL can write too.
CONTACT_ID = "('00000000-0000-7000-8000-' || lpad({n}::text, 12, '0'))::uuid"
CONVERSATION_ID = "('00000000-0000-7000-9000-' || lpad({n}::text, 12, '0'))::uuid"


@dataclass(frozen=True, slots=True)
class Line:
    """A number of an organisation, with the secret that Twilio would sign with."""

    organization_id: str
    channel_id: str
    key: str
    number: str
    account_sid: str
    auth_token: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Text:
    """One inbound text as it stands on the wire."""

    sid: str
    path: str
    body: bytes
    signature: str


def furnish(cluster: Cluster, *, contacts: int, scoring: bool = True) -> Line:
    """Make the organisation, its number, and `contacts` people with a conversation each."""
    line = Line(
        organization_id=str(uuid4()),
        channel_id=str(uuid4()),
        key=secrets.token_urlsafe(24),
        number="+15005550010",
        account_sid=f"AC{secrets.token_hex(16)}",
        auth_token=secrets.token_hex(16),
    )
    keys = Settings(ENVIRONMENT).keys("LEADSRALLY_MASTER_KEYS")
    place = twilio_context(UUID(line.organization_id), UUID(line.channel_id))
    sealed = Vault(LocalKeys(keys, next(iter(keys)))).seal(
        TwilioCredentials(line.account_sid, (line.auth_token,)).to_json(), place
    )
    values: dict[str, Any] = {**line.to_dict(), "now": datetime.now(UTC), "sealed": sealed}
    cluster.execute(
        "INSERT INTO organizations (id, name, ai_scoring, created_at)"
        " VALUES (%(organization_id)s, 'Bench', %(scoring)s, %(now)s)",
        scoring=scoring,
        **values,
    )
    cluster.execute(
        "INSERT INTO channels (organization_id, id, key, kind, address, account_sid, credentials, created_at)"
        " VALUES (%(organization_id)s, %(channel_id)s, %(key)s, 'sms', %(number)s, %(account_sid)s,"
        " %(sealed)s, %(now)s)",
        **values,
    )
    cluster.execute(
        "INSERT INTO contacts (organization_id, id, phone, created_at, updated_at)"
        f" SELECT %(organization_id)s, {CONTACT_ID.format(n='n')}, '+1202' || lpad(n::text, 7, '0'), %(now)s,"
        " %(now)s FROM generate_series(1, %(contacts)s) AS n",
        contacts=contacts,
        **values,
    )
    cluster.execute(
        "INSERT INTO conversations (organization_id, id, contact_id, channel_id, last_message_at,"
        " last_message_id, created_at)"
        f" SELECT %(organization_id)s, {CONVERSATION_ID.format(n='n')}, {CONTACT_ID.format(n='n')},"
        " %(channel_id)s, %(now)s, gen_random_uuid(), %(now)s FROM generate_series(1, %(contacts)s) AS n",
        contacts=contacts,
        **values,
    )
    cluster.execute("VACUUM ANALYZE")
    return line


def texts(line: Line, *, contacts: int, first: int, new_every: int = 10) -> Iterator[Text]:
    """Texts without end, each with an id of its own; every `new_every`-th is from somebody unknown.

    `first` says where to go on among the contacts, so that two rounds need not meet the same ones.
    """
    path = f"/webhooks/twilio/{line.key}/inbound"
    validator = RequestValidator(line.auth_token)
    place = first
    while True:
        place += 1
        known = place % new_every != 0
        phone = f"+1202{place % contacts + 1:07d}" if known else f"+1303{place:07d}"
        sid = f"SM{secrets.token_hex(16)}"
        form = {
            "ToCountry": "US",
            "ToState": "",
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "ToCity": "",
            "FromZip": "20001",
            "SmsSid": sid,
            "FromState": "DC",
            "SmsStatus": "received",
            "FromCity": "WASHINGTON",
            "Body": f"Hello, is the blue bike number {place} still free on Saturday?",
            "FromCountry": "US",
            "To": line.number,
            "ToZip": "",
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": line.account_sid,
            "From": phone,
            "ApiVersion": "2010-04-01",
        }
        signature = validator.compute_signature(PUBLIC_URL + path, form)
        yield Text(sid, path, urlencode(form).encode(), signature)
