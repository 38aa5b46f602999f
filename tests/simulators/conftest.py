import json
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from infra.simulators.running import Running
from infra.simulators.serve import mount
from infra.simulators.twilio import Limits, MessagingService, TwilioAccount, TwilioNumber
from tests.simulators.doors import Door, Stand

ACCOUNT_SID = "AC" + "1" * 32
TOKEN = "test-auth-token-0123456789abcdef"
KEY_ID, KEY_SECRET = "webhooks_sharedkey_01", "test-shared-secret"
NUMBER, PHONE = "+15005550010", "+15005550101"
POOLED, SERVICE = "+15005550011", "MG" + "2" * 32
CASES = Path(__file__).parent.parent / "cases" / "twilio"


@pytest.fixture(scope="session")
def signatures():
    return {case["id"]: case for case in json.loads((CASES / "signatures.json").read_text("utf-8"))}


@pytest.fixture(scope="session")
def door_server():
    stand = Stand()
    with Running(stand) as server:
        yield stand, server


@pytest.fixture(scope="session")
def house_server():
    stand = Stand()
    with Running(stand) as server:
        yield stand, server


@pytest.fixture
def door(door_server):
    stand, server = door_server
    door = Door()
    door.url = server.base_url
    stand.app = door.app
    return door


@pytest.fixture
def account(door):
    return TwilioAccount(
        ACCOUNT_SID,
        TOKEN,
        shared_keys={KEY_ID: KEY_SECRET},
        numbers=[
            TwilioNumber(NUMBER, f"{door.url}/inbound?tenant=42"),
            TwilioNumber(POOLED, f"{door.url}/pool"),
        ],
        messaging_services=[MessagingService(SERVICE, [POOLED])],
    )


@pytest.fixture
def house(account, house_server):
    """All simulators behind one address, as the one-process host has them; new and empty for each test."""
    stand, server = house_server
    stand.app = app = mount([account], [PHONE], callback_delay=0.0, limits=Limits(connect=1.0, total=1.0))
    base = f"{server.base_url}/simulators"
    with httpx.Client(base_url=base, trust_env=False, verify=False, timeout=5) as http:
        yield SimpleNamespace(
            base=base,
            http=http,
            port=server.port,
            twilio=app.state.twilio,
            anthropic=app.state.anthropic,
            sentry=app.state.sentry,
        )


@pytest.fixture
def twilio(house):
    """The official client, pointed at the simulator."""
    made = []

    def client(sid=ACCOUNT_SID, token=TOKEN, timeout=2.0):
        http = TwilioHttpClient(timeout=timeout)
        made.append(http)
        client = Client(sid, token, http_client=http)
        client.api.base_url = f"{house.base}/twilio"
        return client

    yield client
    for http in made:
        http.session.close()
