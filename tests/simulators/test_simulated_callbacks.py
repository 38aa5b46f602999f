"""Status callbacks: signed, in the order that was asked for, and never for the initial status."""

import socket

import pytest
from twilio.request_validator import RequestValidator, get_signature_algorithm

from tests.simulators.conftest import ACCOUNT_SID, KEY_SECRET, NUMBER, PHONE, SERVICE, TOKEN
from tests.simulators.doors import eventually


@pytest.fixture
def send(twilio, door):
    def send(**params):
        return twilio().messages.create(
            **{
                "to": PHONE,
                "from_": NUMBER,
                "body": "hi",
                "status_callback": f"{door.url}/status?m=1",
                **params,
            }
        )

    return send


def statuses(calls):
    return [call.params["MessageStatus"] for call in calls]


def test_sent_then_delivered_and_nothing_for_queued(send, door):
    message = send()
    calls = door.wait_for(2)
    assert statuses(calls) == ["sent", "delivered"]
    for call in calls:
        assert call.params["MessageSid"] == call.params["SmsSid"] == message.sid
        assert call.params["AccountSid"] == ACCOUNT_SID
        assert (call.params["From"], call.params["To"]) == (NUMBER, PHONE)
        assert call.params["SmsStatus"] == call.params["MessageStatus"]
        assert "ErrorCode" not in call.params
    assert "RawDlrDoneDate" in calls[1].params


def test_signed_as_the_official_validator_wants(send, door):
    send()
    for call in door.wait_for(2):
        url, signature = door.url + call.target, call.headers["x-twilio-signature"]
        assert "x-twilio-webhooks-signature-settings" not in call.headers
        assert RequestValidator(TOKEN).validate(url, call.params, signature)
        assert not RequestValidator(TOKEN).validate(url, {**call.params, "MessageStatus": "read"}, signature)
        assert not RequestValidator("wrong").validate(url, call.params, signature)


def test_signed_with_a_shared_key(send, door, account):
    account.signing_key = next(iter(account.shared_keys))
    send()
    for call in door.wait_for(2):
        algorithm = get_signature_algorithm(call.headers["x-twilio-webhooks-signature-settings"])
        assert algorithm == "HMAC_SHA256"
        url, signature = door.url + call.target, call.headers["x-twilio-signature"]
        assert RequestValidator(KEY_SECRET).validate(url, call.params, signature, algorithm)
        assert not RequestValidator(TOKEN).validate(url, call.params, signature)


def test_out_of_order_and_repeated(send, door, house, twilio):
    house.http.post(
        "/twilio/_sim/callbacks", json={"order": ["delivered", "sent"], "delay": 0.0, "duplicate": 2}
    )
    message = send()
    assert statuses(door.wait_for(4)) == ["delivered", "delivered", "sent", "sent"]
    assert twilio().messages(message.sid).fetch().status == "delivered"
    send()  # the order was for one message
    assert statuses(door.wait_for(6))[4:] == ["sent", "delivered"]


def test_orders_can_pick_their_message_and_stay(send, door, house):
    order = {"order": ["sent"], "times": None, "match": {"to": "+15005550102"}}
    assert house.http.post("/twilio/_sim/callbacks", json=[order]).json() == {"open": 1}
    for _ in range(2):
        send(to="+15005550102")
    assert statuses(door.wait_for(2)) == ["sent", "sent"]
    send()
    assert statuses(door.wait_for(4))[2:] == ["sent", "delivered"]


def test_failures_carry_their_code(send, door, house):
    house.http.post("/twilio/_sim/callbacks", json={"order": ["sent", "undelivered"], "error_code": 30007})
    send()
    sent, undelivered = door.wait_for(2)
    assert "ErrorCode" not in sent.params
    assert undelivered.params["ErrorCode"] == "30007"
    send(to="+15005030001")
    assert door.wait_for(3)[2].params["MessageStatus"] == "failed"
    assert door.wait_for(3)[2].params["ErrorCode"] == "30001"


def test_a_messaging_service_is_named(send, door):
    send(from_="", messaging_service_sid=SERVICE)
    assert door.wait_for(2)[0].params["MessagingServiceSid"] == SERVICE


def test_what_was_called_out_can_be_read(send, door, house):
    door.status = 503
    message = send()
    door.wait_for(2)  # an error is not retried: the next status follows
    made = eventually(lambda: len(m := house.http.get("/twilio/_sim/callbacks").json()) == 2 and m)
    assert [(m["message_sid"], m["message_status"], m["status"]) for m in made] == [
        (message.sid, "sent", 503),
        (message.sid, "delivered", 503),
    ]
    assert house.http.delete("/twilio/_sim/callbacks").status_code == 204
    assert house.http.get("/twilio/_sim/callbacks").json() == []


def test_an_unreachable_callback_is_tried_twice(send, house, twilio):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        message = send(status_callback=f"http://127.0.0.1:{taken.getsockname()[1]}/status")
        eventually(lambda: twilio().messages(message.sid).fetch().status == "delivered")
        made = eventually(lambda: len(m := house.http.get("/twilio/_sim/callbacks").json()) == 2 and m)
    assert [(m["status"], m["attempts"]) for m in made] == [(None, 2), (None, 2)]


@pytest.mark.parametrize("order", [{"ordre": []}, {"order": ["gone"]}, {"match": {"body": "x"}}, "delivered"])
def test_a_misspelt_order_is_refused(house, order):
    assert house.http.post("/twilio/_sim/callbacks", json=order).status_code == 400
