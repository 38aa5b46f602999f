"""Files of messages at the simulated Twilio: behind credentials at the API, behind an address at its servers."""

import base64

import httpx
import pytest

from tests.simulators.conftest import ACCOUNT_SID, NUMBER, PHONE, TOKEN

PICTURE = b"\x89PNG\r\n\x1a\n" + b"x" * 1000
AUTH = (ACCOUNT_SID, TOKEN)


@pytest.fixture
def url(house, door):
    """The address of a picture that a phone has sent, as our webhook was told it."""
    sent = {"content_type": "image/png", "data": base64.b64encode(PICTURE).decode()}
    text = {"to": NUMBER, "body": None, "media": [sent]}
    assert house.http.post(f"/twilio/_sim/phones/{PHONE}/text", json=text).status_code == 200
    (call,) = door.calls
    assert (call.params["NumMedia"], call.params["MediaContentType0"]) == ("1", "image/png")
    assert call.params["MessageSid"].startswith("MM")
    return call.params["MediaUrl0"]


def test_a_picture_is_where_the_webhook_says(house, url):
    assert url.startswith(f"{house.base}/twilio/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/MM")
    assert httpx.get(url, trust_env=False).status_code == 401
    sent_on = httpx.get(url, auth=AUTH, trust_env=False)
    assert sent_on.status_code == 307
    served = httpx.get(sent_on.headers["location"], trust_env=False)
    assert (served.content, served.headers["content-type"]) == (PICTURE, "image/png")


def test_its_servers_take_no_credentials_and_no_guesses(url):
    address = httpx.get(url, auth=AUTH, trust_env=False).headers["location"]
    assert httpx.get(address, auth=AUTH, trust_env=False).status_code == 400
    assert httpx.get(address.partition("?")[0], trust_env=False).status_code == 403
    assert (
        httpx.get(address.replace("media-server/AC", "media-server/ac"), trust_env=False).status_code == 403
    )


def test_the_official_client_lists_and_deletes(twilio, url):
    message_sid, _, media_sid = url.rpartition("/Messages/")[2].split("/")
    client = twilio()
    (listed,) = client.messages(message_sid).media.list()
    assert (listed.sid, listed.content_type, listed.parent_sid) == (media_sid, "image/png", message_sid)
    assert client.messages(message_sid).media(media_sid).fetch().sid == media_sid
    assert client.messages(message_sid).media(media_sid).delete()
    assert client.messages(message_sid).media.list() == []
    assert httpx.get(url, auth=AUTH, trust_env=False).status_code == 404


def test_files_go_with_their_message(twilio, url):
    message_sid = url.rpartition("/Messages/")[2].split("/")[0]
    assert twilio().messages(message_sid).delete()
    assert httpx.get(url, auth=AUTH, trust_env=False).status_code == 404


def test_another_message_has_other_files(url):
    other = url.replace(url.rpartition("/Messages/")[2].split("/")[0], "MM" + "0" * 32)
    assert httpx.get(other, auth=AUTH, trust_env=False).status_code == 404


def test_the_phone_page_sees_it_without_credentials(house, url):
    seen = house.http.get(f"/twilio/_sim/media/{url.rpartition('/')[2]}")
    assert (seen.content, seen.headers["content-type"]) == (PICTURE, "image/png")
    assert "sandbox" in seen.headers["content-security-policy"]
    assert house.http.get("/twilio/_sim/media/ME0").status_code == 404


@pytest.mark.parametrize(
    "file",
    [
        {"content_type": "image/png", "data": "no base64!"},
        {"data": "eA=="},
        {"content_type": "image/png", "data": base64.b64encode(b"x" * (5 * 1024 * 1024 + 1)).decode()},
    ],
    ids=["no base64", "no type", "too large"],
)
def test_orders_that_make_no_sense(house, door, file):
    answer = house.http.post(f"/twilio/_sim/phones/{PHONE}/text", json={"to": NUMBER, "media": [file]})
    assert (answer.status_code, bool(answer.json()["problem"])) == (400, True)
    assert not door.calls
