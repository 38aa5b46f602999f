"""Phones text our numbers: every parameter signed, keywords obeyed by the provider, failures told."""

import socket

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator, get_signature_algorithm

from tests.simulators.conftest import ACCOUNT_SID, KEY_ID, KEY_SECRET, NUMBER, PHONE, POOLED, SERVICE, TOKEN


@pytest.fixture
def text(house):
    def text(body=None, *, phone=PHONE, to=NUMBER, **order):
        answer = house.http.post(f"/twilio/_sim/phones/{phone}/text", json={"to": to, "body": body, **order})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return text


@pytest.fixture
def phone(house):
    def phone(number=PHONE):
        told = house.http.get("/twilio/_sim/phones").json()
        return next(phone for phone in told["phones"] if phone["number"] == number)

    return phone


def test_every_parameter_of_a_real_text(text, door):
    told = text("Café 👍 & more + 100%")
    (call,) = door.calls
    assert (told["status"], told["body"], told["error_code"]) == (200, "<Response/>", None)
    assert set(call.params) == {
        "ToCountry", "ToState", "ToCity", "ToZip", "FromCountry", "FromState", "FromCity", "FromZip",
        "SmsMessageSid", "SmsSid", "MessageSid", "AccountSid", "ApiVersion", "SmsStatus", "NumMedia", "NumSegments",
        "From", "To", "Body",
    }  # fmt: skip
    assert (
        call.params["MessageSid"]
        == call.params["SmsSid"]
        == call.params["SmsMessageSid"]
        == told["message_sid"]
    )
    assert (call.params["From"], call.params["To"]) == (PHONE, NUMBER)
    assert (call.params["Body"], call.params["ToCity"]) == ("Café 👍 & more + 100%", "")
    assert (call.params["AccountSid"], call.params["SmsStatus"]) == (ACCOUNT_SID, "received")
    assert call.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert call.headers["i-twilio-idempotency-token"]


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_signed_over_the_address_as_configured(text, door, algorithm):
    text(" stop talking ", algorithm=algorithm)
    (call,) = door.calls
    settings = call.headers.get("x-twilio-webhooks-signature-settings", "")
    assert get_signature_algorithm(settings) == algorithm
    assert (KEY_ID in settings) == (algorithm == "HMAC_SHA256")
    secret = KEY_SECRET if algorithm == "HMAC_SHA256" else TOKEN
    url = f"{door.url}/inbound?tenant=42"
    assert RequestValidator(secret).validate(url, call.params, call.headers["x-twilio-signature"], algorithm)


def test_a_public_address_is_signed_though_served_elsewhere(text, door, house, account):
    house.twilio.caller.reach["https://hooks.example.test"] = door.url
    account.numbers[0].sms_url = "https://hooks.example.test/prod/inbound?tenant=42#rc=0"
    text("hi")
    (call,) = door.calls
    assert call.target == "/prod/inbound?tenant=42"
    url = "https://hooks.example.test/prod/inbound?tenant=42"
    assert RequestValidator(TOKEN).validate(url, call.params, call.headers["x-twilio-signature"])


def test_get_webhooks_sign_the_query(text, door, account):
    account.numbers[0].sms_method = "GET"
    text("a b")
    (call,) = door.calls
    assert call.method == "GET"
    assert "Body=a+b" in call.target
    assert RequestValidator(TOKEN).validate(door.url + call.target, {}, call.headers["x-twilio-signature"])


@pytest.mark.parametrize("together", [False, True])
def test_the_same_text_more_than_once(text, door, phone, together):
    told = text("hi", times=3, together=together)
    assert [answer["status"] for answer in told["answers"]] == [200, 200, 200]
    assert {call.params["MessageSid"] for call in door.calls} == {told["message_sid"]}
    assert len({call.headers["i-twilio-idempotency-token"] for call in door.calls}) == 1
    again = text("hi", message_sid=told["message_sid"])
    assert again["message_sid"] == told["message_sid"]
    assert len(phone()["messages"]) == 1


def test_media_without_a_body(text, door):
    text(None, media=["https://m.example/1", {"url": "https://m.example/2", "content_type": "image/png"}])
    (call,) = door.calls
    assert "Body" not in call.params
    assert (call.params["NumMedia"], call.params["MessageSid"][:2]) == ("2", "MM")
    assert (call.params["MediaUrl1"], call.params["MediaContentType1"]) == (
        "https://m.example/2",
        "image/png",
    )


def test_numbers_in_a_service_say_so(text, door):
    text("hi", to=POOLED)
    assert door.calls[0].params["MessagingServiceSid"] == SERVICE


def test_a_service_without_an_address_swallows_texts(text, door, account, twilio):
    account.messaging_services[0].use_inbound_webhook_on_number = False
    assert text("hi", to=POOLED)["status"] is None
    assert not door.calls
    assert twilio().messages.list() == []


def test_inbound_texts_can_be_found_redacted_and_deleted(text, twilio):
    sid = text("my secret")["message_sid"]
    client = twilio()
    message = client.messages(sid).fetch()
    assert (message.direction, message.status, message.body) == ("inbound", "received", "my secret")
    assert client.messages(sid).update(body="").body == ""
    assert client.messages(sid).delete()


@pytest.mark.parametrize(
    "word", ["STOP", "stop", " Stop ", "UNSUBSCRIBE", "QUIT", "REVOKE", "OPTOUT", "CANCEL"]
)
def test_stop_is_obeyed_confirmed_and_still_delivered_to_us(text, phone, door, twilio, word):
    text(word)
    assert door.calls[0].params["Body"] == word
    assert "OptOutType" not in door.calls[0].params
    told = phone()
    assert told["opted_out"]
    assert told["opted_out_of"] == [NUMBER]
    assert [(m["direction"], m["kind"]) for m in told["messages"]] == [
        ("from_phone", "text"),
        ("to_phone", "provider"),
    ]
    with pytest.raises(TwilioRestException) as refusal:
        twilio().messages.create(to=PHONE, from_=NUMBER, body="hello")
    assert refusal.value.code == 21610


@pytest.mark.parametrize("word", ["START", "unstop", "Yes"])
def test_start_undoes_it(text, phone, twilio, word):
    text("STOP")
    text(word)
    assert not phone()["opted_out"]
    assert phone()["messages"][-1]["kind"] == "provider"
    assert twilio().messages.create(to=PHONE, from_=NUMBER, body="hello").status == "queued"


def test_only_what_is_news_is_confirmed(text, phone):
    for word in ("yes", "STOP", "STOP"):
        text(word)
    assert [m["kind"] for m in phone()["messages"]].count("provider") == 1


@pytest.mark.parametrize("words", ["please stop", "STOP!", "stop texting me", "yes please"])
def test_more_than_the_word_is_not_the_word(text, phone, words):
    text(words)
    assert not phone()["opted_out"]
    assert len(phone()["messages"]) == 1


def test_help_is_answered_by_the_provider(text, phone, door):
    text("HELP")
    assert phone()["messages"][1]["kind"] == "provider"
    assert len(door.calls) == 1


def test_stop_in_a_service_covers_the_service(text, phone, account, twilio, house):
    account.messaging_services[0].numbers.append(NUMBER)
    text("STOP", to=POOLED)
    assert set(phone()["opted_out_of"]) == {NUMBER, POOLED}


def test_opt_out_type_comes_with_advanced_opt_out_only(text, door, account):
    account.numbers[0].advanced_opt_out = True
    for body in ("STOP", "hello", "START", "HELP"):
        text(body)
    assert [call.params.get("OptOutType") for call in door.calls] == ["STOP", None, "START", "HELP"]
    text("alto", opt_out_type="STOP", to=POOLED)
    assert door.calls[-1].params["OptOutType"] == "STOP"


@pytest.mark.parametrize(
    ("status", "media_type", "body", "code"),
    [
        (403, "text/plain", "no", 11200),
        (500, "text/xml", "<Response/>", 11200),
        (200, "application/json", "{}", 12300),
        (200, "text/xml", "", 12100),
        (200, "text/xml", "<Answer/>", 12102),
        (200, "text/xml", f"<Response><!--{'x' * 70_000}--></Response>", 11750),
    ],
)
def test_bad_answers_are_logged_and_not_retried(text, door, status, media_type, body, code):
    door.status, door.media_type, door.body = status, media_type, body
    told = text("hi")
    assert (told["status"], told["error_code"]) == (status, code)
    assert len(door.calls) == 1


def test_the_fallback_hears_of_the_failure(text, door, account):
    door.status = 500
    account.numbers[0].sms_fallback_url = f"{door.url}/fallback"
    told = text("hi")
    main, fallback = door.calls
    assert fallback.target == "/fallback"
    assert (fallback.params["ErrorCode"], fallback.params["MessageSid"]) == (
        "11200",
        main.params["MessageSid"],
    )
    assert told["fallback"]["status"] == 500


def test_nobody_listens_tried_twice(text, account):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        account.numbers[0].sms_url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        told = text("hi")
    assert (told["status"], told["error_code"]) == (None, 11205)
    assert told["answers"][0]["attempts"] == 2


def test_a_slow_webhook_is_given_up_and_not_retried(text, door, account):
    door.delay = 0.6
    account.numbers[0].sms_url += "#rt=200"
    told = text("hi")
    assert (told["status"], told["error"]) == (None, "no answer within 0.2 s")
    assert len(door.calls) == 1


def test_twiml_replies_reach_the_phone(text, door, phone):
    door.body = "<Response><Message>Thanks!</Message><Message><Body>Bye</Body></Message></Response>"
    text("hi")
    assert [m["body"] for m in phone()["messages"]] == ["hi", "Thanks!", "Bye"]


def test_phones_can_be_added_and_emptied(house, text, phone):
    assert house.http.post("/twilio/_sim/phones", json={"number": "15005550199"}).status_code == 201
    assert phone("+15005550199")["messages"] == []
    text("STOP", phone="+15005550177")
    assert house.http.delete("/twilio/_sim/phones").status_code == 204
    assert phone("+15005550177") == {
        "number": "+15005550177",
        "opted_out": False,
        "opted_out_of": [],
        "messages": [],
    }


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"to": "+15005559999", "body": "x"}, 404),
        ({"to": NUMBER}, 400),
        ({"to": NUMBER, "body": "x", "algorithm": "MD5"}, 400),
        ({"to": NUMBER, "body": "x", "times": "many"}, 400),
    ],
)
def test_orders_that_make_no_sense(house, order, status):
    answer = house.http.post(f"/twilio/_sim/phones/{PHONE}/text", json=order)
    assert (answer.status_code, bool(answer.json()["problem"])) == (status, True)
