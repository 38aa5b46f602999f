"""What the demo organisation has at the simulated Twilio: its account, the numbers it was left with, one to connect."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from infra.simulators.twilio import TwilioAccount, TwilioNumber
from leadsrally.kit.crypto import SealBroken, Vault
from leadsrally.messaging.channels.directory import twilio_context
from leadsrally.messaging.channels.workbench import inbound_url
from leadsrally.providers.twilio.signature import TwilioCredentials

SPARE_NUMBER = "+15005550011"
"""Owned at Twilio and connected nowhere: to be connected by hand or by a script."""

_CHANNELS = """
SELECT organization_id, id, key, address, credentials
  FROM channels
 WHERE account_sid = %(account_sid)s
   AND state = 'active'
 ORDER BY created_at, id
"""


def account(
    owner: psycopg.Connection[Any],
    vault: Vault,
    base_url: str,
    account_sid: str,
    auth_token: str,
    *numbers: str,
) -> TwilioAccount:
    """The account as the channels say it is, since the simulator itself forgets.

    `owner` sees the demo organisation. Every connected number belongs to it and sends its texts to us; `numbers` belong
    to it in any case. Its token is the one that the channels use by now, `auth_token` when there is none.
    """
    rows = owner.cursor(row_factory=dict_row).execute(_CHANNELS, {"account_sid": account_sid}).fetchall()
    owned = {number: TwilioNumber(number) for number in numbers}
    tokens: tuple[str, ...] = (auth_token,)
    for row in rows:
        owned[row["address"]] = TwilioNumber(row["address"], inbound_url(base_url, row["key"]))
        try:
            opened = vault.open(row["credentials"], twilio_context(row["organization_id"], row["id"]))
        except SealBroken:  # somebody plays with the master keys
            continue
        tokens = TwilioCredentials.from_json(opened).auth_tokens
    return TwilioAccount(
        account_sid,
        tokens[0],
        secondary_token=tokens[1] if len(tokens) > 1 else None,
        numbers=list(owned.values()),
    )
