"""O3 at Twilio: credentials for the account's own files at the API, nothing at its media servers, nobody else."""

import base64
from collections.abc import Iterator

import pytest

from infra.simulators.running import Running
from infra.simulators.serve import TwilioAccount, mount
from infra.simulators.twilio import TwilioSimulator
from infra.simulators.twilio.media import File
from leadsrally.kit.errors import Forbidden, LeadsRallyError, Misconfigured, NotFound, Unavailable
from leadsrally.providers.twilio.media import TwilioMedia
from leadsrally.providers.twilio.signature import TwilioCredentials
from tests.providers.servers import Elsewhere, elsewhere

ACCOUNT, TOKEN = "AC" + "1" * 32, "canary-token"
MESSAGE, MEDIA = "MM" + "2" * 32, "ME" + "3" * 32
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}/Media/{MEDIA}"
URL = f"https://api.twilio.com{PATH}"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 100_000


@pytest.fixture
def servers() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        yield made


def fetch(servers: Elsewhere, url: str = URL, account_sid: str = ACCOUNT) -> bytes:
    credentials = TwilioCredentials("AC" + "0" * 32, (TOKEN, "older"))
    with TwilioMedia(credentials, account_sid, connect=servers.connect).open(url) as incoming:
        return b"".join(incoming.chunks)


@pytest.mark.parametrize(
    "cdn",
    [
        f"mms.twiliocdn.com/{ACCOUNT}/0f9a",
        f"media.twiliocdn.com/{ACCOUNT}/0f9a",
        f"s3-external-1.amazonaws.com/media.twiliocdn.com/{ACCOUNT}/0f9a",
    ],
)
@pytest.mark.parametrize("api", ["api.twilio.com", "api.ie1.twilio.com", "api.dublin.ie1.twilio.com"])
def test_O3_credentials_stay_at_the_api(servers: Elsewhere, api: str, cdn: str) -> None:
    servers.answers = {
        f"{api}{PATH}": (307, {"location": f"https://{cdn}?Expires=1&Signature=x"}, b""),
        cdn: (200, {"content-type": "image/png"}, PICTURE),
    }
    assert fetch(servers, f"https://{api}{PATH}") == PICTURE
    first, second = servers.asked
    said = base64.b64decode(first.headers["authorization"].removeprefix("Basic ")).decode()
    assert said == f"AC{'0' * 32}:{TOKEN}"
    assert "authorization" not in second.headers


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test" + PATH,
        "https://twilio.com" + PATH,
        "https://www.twilio.com" + PATH,
        "https://api.twilio.com.evil.test" + PATH,
        "https://api.a.b.c.twilio.com" + PATH,
        "https://api..twilio.com" + PATH,
        "http://api.twilio.com" + PATH,
        "https://api.twilio.com/2010-04-01/Accounts/AC" + "9" * 32 + f"/Messages/{MESSAGE}/Media/{MEDIA}",
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json",
        f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}.json",
        URL + ".json",
        URL + "/../../../../Messages.json",
        "https://mms.twiliocdn.com/" + ACCOUNT + "/0f9a",
        "https://169.254.169.254" + PATH,
    ],
)
def test_O3_an_address_in_a_webhook_that_is_none_of_this_accounts_files(servers: Elsewhere, url: str) -> None:
    with pytest.raises(Forbidden):
        fetch(servers, url)
    assert servers.connected == []


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/a",
        "https://s3-external-1.amazonaws.com/somebodys-bucket/a",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com.evil/a",
        "https://s3-external-1.amazonaws.com/media.twiliocdn.com/../evil/a",
        "https://s3.amazonaws.com/media.twiliocdn.com/a",
        "https://mms.twiliocdn.com.evil.test/a",
        "http://mms.twiliocdn.com/a",
        URL,
    ],
)
def test_O3_it_sends_us_to_its_own_servers_only(servers: Elsewhere, location: str) -> None:
    servers.answers[f"api.twilio.com{PATH}"] = (302, {"location": location}, b"")
    with pytest.raises(Forbidden):
        fetch(servers)
    assert servers.connected == ["api.twilio.com"]


def test_without_a_token_there_is_nothing_to_ask_with() -> None:
    with pytest.raises(Misconfigured):
        TwilioMedia(TwilioCredentials(ACCOUNT, ()), ACCOUNT)


def test_it_shows_nothing_when_printed() -> None:
    assert repr(TwilioMedia(TwilioCredentials(ACCOUNT, (TOKEN,)), ACCOUNT)) == "TwilioMedia()"


class TestSimulated:
    @pytest.fixture
    def twilio(self) -> Iterator[tuple[str, TwilioSimulator]]:
        app = mount([TwilioAccount(ACCOUNT, TOKEN)])
        with Running(app) as running:
            yield f"{running.base_url}/simulators/twilio", app.state.twilio

    def fetch(self, base_url: str, url: str, token: str = TOKEN) -> bytes:
        media = TwilioMedia(TwilioCredentials(ACCOUNT, (token,)), ACCOUNT, base_url=base_url)
        with media.open(url) as incoming:
            assert incoming.content_type == "image/png"
            return b"".join(incoming.chunks)

    def test_a_file_comes_through_the_redirect(self, twilio: tuple[str, TwilioSimulator]):
        base_url, simulator = twilio
        file = simulator.shelf.add(File(ACCOUNT, MESSAGE, "image/png", PICTURE))
        assert self.fetch(base_url, f"{base_url}{file.path}") == PICTURE
        asked = [entry["headers"].get("authorization", "") for entry in simulator.recorder.log()]
        assert [bool(header) for header in asked] == [True, False]

    @pytest.mark.parametrize(("status", "kind"), [(429, Unavailable), (500, Unavailable), (404, NotFound)])
    def test_its_errors_have_their_meaning(
        self, twilio: tuple[str, TwilioSimulator], status: int, kind: type[LeadsRallyError]
    ):
        base_url, simulator = twilio
        file = simulator.shelf.add(File(ACCOUNT, MESSAGE, "image/png", PICTURE))
        simulator.recorder.faults.add([{"do": "status", "status": status}])
        with pytest.raises(kind):
            self.fetch(base_url, f"{base_url}{file.path}")

    def test_wrong_credentials_and_other_accounts(self, twilio: tuple[str, TwilioSimulator]):
        base_url, simulator = twilio
        file = simulator.shelf.add(File(ACCOUNT, MESSAGE, "image/png", PICTURE))
        with pytest.raises(Unavailable) as refused:
            self.fetch(base_url, f"{base_url}{file.path}", token="wrong")
        assert refused.value.code == "credentials_refused"
        with pytest.raises(NotFound):
            self.fetch(base_url, f"{base_url}{file.path[:-1]}{'0' if file.path[-1] != '0' else '1'}")
        with pytest.raises(Forbidden):
            self.fetch(base_url, f"{base_url.replace('127.0.0.1', 'localhost')}{file.path}")
