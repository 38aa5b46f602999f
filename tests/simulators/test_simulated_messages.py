"""The official Twilio client sends, lists, redacts and deletes against the simulator."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from tests.simulators.conftest import ACCOUNT_SID, NUMBER, PHONE, POOLED, SERVICE, TOKEN
from tests.simulators.doors import eventually


def final(client, sid):
    return eventually(
        lambda: (m := client.messages(sid).fetch()).status in {"delivered", "undelivered", "failed"} and m
    )


def test_create_answers_as_the_api_does(house):
    answer = house.http.post(
        f"{house.base}/twilio/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json",
        auth=(ACCOUNT_SID, TOKEN),
        data={"To": PHONE, "From": NUMBER, "Body": "hello"},
    )
    assert answer.status_code == 201
    told = answer.json()
    assert re.fullmatch("SM[0-9a-f]{32}", told["sid"])
    assert (told["status"], told["direction"]) == ("queued", "outbound-api")
    assert (told["num_segments"], told["num_media"]) == ("1", "0")
    assert told["date_sent"] is told["error_code"] is told["price"] is told["messaging_service_sid"] is None
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", told["date_created"])
    assert told["uri"] == f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{told['sid']}.json"
    assert told["subresource_uris"] == {"media": told["uri"].replace(".json", "/Media.json")}


def test_the_client_sends_and_the_message_arrives(twilio, house):
    client = twilio()
    message = client.messages.create(to=PHONE, from_=NUMBER, body="hello")
    assert message.status == "queued"
    done = final(client, message.sid)
    assert (done.status, done.body, done.error_code) == ("delivered", "hello", None)
    assert abs(done.date_sent - datetime.now(UTC)) < timedelta(minutes=1)
    (bubble,) = house.twilio.handsets.of(PHONE)
    assert (bubble.sid, bubble.body, bubble.other) == (message.sid, "hello", NUMBER)


def test_a_messaging_service_picks_its_sender_later(twilio):
    client = twilio()
    message = client.messages.create(to=PHONE, messaging_service_sid=SERVICE, body="hello")
    assert (message.status, message.from_, message.num_segments) == ("accepted", None, "0")
    done = final(client, message.sid)
    assert (done.from_, done.num_segments, done.messaging_service_sid) == (POOLED, "1", SERVICE)


@pytest.mark.parametrize(
    ("body", "segments"),
    [("a" * 160, "1"), ("a" * 161, "2"), ("€" * 80, "1"), ("€" * 81, "2"), ("ñ" * 160, "1"), ("ç" * 70, "1"),
     ("ç" * 71, "2"), ("👍" * 35, "1"), ("👍" * 36, "2"), ("a" * 1600, "11")],
)  # fmt: skip
def test_segments(twilio, body, segments):
    assert twilio().messages.create(to=PHONE, from_=NUMBER, body=body).num_segments == segments


def test_media_makes_an_mms(twilio):
    message = twilio().messages.create(
        to=PHONE, from_=NUMBER, media_url=["https://m.example/1", "https://m.example/2"]
    )
    assert message.sid.startswith("MM")
    assert message.num_media == "2"


@pytest.mark.parametrize(
    ("code", "params"),
    [
        (21211, {"to": "12345"}),
        (21211, {"to": "+15005550001"}),
        (21612, {"to": "+15005550002"}),
        (21408, {"to": "+15005550003"}),
        (21610, {"to": "+15005550004"}),
        (21614, {"to": "+15005550009"}),
        (21212, {"from_": "+15005550001"}),
        (21212, {"from_": "?"}),
        (21606, {"from_": "+15005550007"}),
        (21606, {"from_": "+15005559999"}),
        (21611, {"from_": "+15005550008"}),
        (21602, {"body": ""}),
        (21603, {"from_": ""}),
        (21604, {"to": ""}),
        (21617, {"body": "a" * 1601}),
        (21609, {"status_callback": "https://under_score.example/x"}),
        (21705, {"from_": "", "messaging_service_sid": "MG" + "9" * 32}),
    ],
)
def test_refusals_are_rest_exceptions(twilio, code, params):
    with pytest.raises(TwilioRestException) as refusal:
        twilio().messages.create(**{"to": PHONE, "from_": NUMBER, "body": "hello", **params})
    assert (refusal.value.code, refusal.value.status) == (code, 400)


def test_wrong_credentials(twilio):
    with pytest.raises(TwilioRestException) as refusal:
        twilio(token="wrong").messages.create(to=PHONE, from_=NUMBER, body="hello")
    assert (refusal.value.code, refusal.value.status) == (20003, 401)


def test_errors_have_the_documented_shape(house):
    answer = house.http.get(f"{house.base}/twilio/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert answer.json() == {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }


def test_opted_out_at_the_carrier(twilio, house):
    house.http.post(f"/twilio/_sim/phones/{PHONE}/opt-out", json={"opted_out": True, "to": NUMBER})
    with pytest.raises(TwilioRestException) as refusal:
        twilio().messages.create(to=PHONE, from_=NUMBER, body="hello")
    assert refusal.value.code == 21610
    house.http.post(f"/twilio/_sim/phones/{PHONE}/opt-out", json={"opted_out": False})
    assert twilio().messages.create(to=PHONE, from_=NUMBER, body="hello").status == "queued"


def test_behind_a_messaging_service_the_refusal_comes_late(twilio, house):
    house.http.post(f"/twilio/_sim/phones/{PHONE}/opt-out", json={"opted_out": True, "to": POOLED})
    client = twilio()
    message = client.messages.create(to=PHONE, messaging_service_sid=SERVICE, body="hello")
    done = final(client, message.sid)
    assert (done.status, done.error_code) == ("failed", 21610)
    assert not house.twilio.handsets.of(PHONE)


@pytest.mark.parametrize(
    ("code", "status"), [(30003, "undelivered"), (30007, "undelivered"), (30001, "failed")]
)
def test_recipients_that_fail_after_acceptance(twilio, house, code, status):
    client = twilio()
    message = client.messages.create(to=f"+150050{code}", from_=NUMBER, body="hello")
    done = final(client, message.sid)
    assert (done.status, done.error_code) == (status, code)
    assert not house.twilio.handsets.of(f"+150050{code}")


def test_list_pages_to_the_end_while_messages_are_deleted(twilio, house):
    client = twilio()
    sent = [client.messages.create(to=PHONE, from_=NUMBER, body=str(n)).sid for n in range(7)]
    eventually(lambda: all(m.final for m in house.twilio.book.newest_first(ACCOUNT_SID)))
    seen = []
    for message in client.messages.stream(to=PHONE, page_size=2):
        seen.append(message.sid)
        client.messages(message.sid).delete()
    assert seen == sent[::-1]
    assert client.messages.list() == []


def test_list_filters(twilio):
    client = twilio()
    client.messages.create(to=PHONE, from_=NUMBER, body="one")
    client.messages.create(to="+15005550102", from_=NUMBER, body="two")
    today = datetime.now(UTC)
    assert [m.body for m in client.messages.list(to=PHONE)] == ["one"]
    assert [m.body for m in client.messages.list(from_=NUMBER, limit=1)] == ["two"]
    assert client.messages.list(from_=PHONE) == []
    assert [m.body for m in client.messages.list(to=PHONE, date_sent=today.date())] == ["one"]
    assert len(client.messages.list(date_sent_after=today - timedelta(hours=1))) == 2
    assert client.messages.list(date_sent_before=today - timedelta(hours=1)) == []


def test_redact_leaves_only_the_metadata(twilio):
    client = twilio()
    message = client.messages.create(to=PHONE, from_=NUMBER, body="private")
    assert client.messages(message.sid).update(body="").body == ""
    assert client.messages(message.sid).fetch().to == PHONE


def test_delete_waits_for_a_final_status(twilio, house):
    house.http.post("/twilio/_sim/callbacks", json={"order": ["sent"]})
    client = twilio()
    message = client.messages.create(to=PHONE, from_=NUMBER, body="hello")
    with pytest.raises(TwilioRestException) as refusal:
        client.messages(message.sid).delete()
    assert (refusal.value.code, refusal.value.status) == (20009, 409)
    eventually(lambda: client.messages(message.sid).fetch().status == "sent")
    record = house.twilio.book.get(ACCOUNT_SID, message.sid)
    record.sent -= timedelta(hours=2)  # no carrier confirmed it, and an hour has passed
    assert client.messages(message.sid).delete()
    with pytest.raises(TwilioRestException) as gone:
        client.messages(message.sid).fetch()
    assert (gone.value.code, gone.value.status) == (20404, 404)


def test_scheduled_messages_can_be_canceled(twilio, house):
    client = twilio()
    at = datetime.now(UTC) + timedelta(hours=1)
    message = client.messages.create(
        to=PHONE, messaging_service_sid=SERVICE, body="later", schedule_type="fixed", send_at=at
    )
    assert message.status == "scheduled"
    assert client.messages(message.sid).update(status="canceled").status == "canceled"
    assert client.messages(message.sid).delete()


def test_test_credentials_answer_without_sending(house, twilio):
    from infra.simulators.twilio import TwilioAccount

    sid = "AC" + "7" * 32
    house.twilio.accounts[sid] = TwilioAccount(sid, "test", test_credentials=True)
    client = twilio(sid, "test")
    assert client.messages.create(to=PHONE, from_="+15005550006", body="hello").status == "queued"
    assert not house.twilio.handsets.of(PHONE)
    with pytest.raises(TwilioException, match="20008"):
        client.messages.list()


def test_unknown_paths_are_twilio_404s(house):
    answer = httpx.get(f"{house.base}/twilio/2010-04-01/Nothing.json", trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)
