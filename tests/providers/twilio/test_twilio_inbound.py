"""Recorded shapes of what Twilio sends, and anything else that may arrive in their place."""

import json
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.contacts.types import Person
from leadsrally.kit.errors import Invalid
from leadsrally.messaging.types import DeliveryReport, InboundMessage, KeywordSignal, MediaReference, Status
from leadsrally.providers.twilio.inbound import OPT_OUT_TYPE, STATUS, parse_message, parse_status

CASES = Path(__file__).parents[2] / "cases" / "twilio"
INBOUND: list[dict[str, Any]] = json.loads((CASES / "inbound.json").read_text())
REPORTS: list[dict[str, Any]] = json.loads((CASES / "status.json").read_text())

# Every word of `message_enum_status` in Twilio's OpenAPI document.
TWILIO_STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received", "accepted",
    "scheduled", "read", "partially_delivered", "canceled",
}  # fmt: skip


def pairs(case: list[list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in case]


@pytest.mark.parametrize("case", INBOUND, ids=lambda case: case["id"])
def test_an_inbound_message_as_recorded(case: dict[str, Any]) -> None:
    params = pairs(case["params"])
    if "invalid" in case:
        with pytest.raises(Invalid) as raised:
            parse_message(params)
        assert raised.value.code == case["invalid"]
        return
    expected = dict(case["expect"])
    expected["sender"] = Person(expected["sender"])
    expected["media"] = tuple(MediaReference(url, kind) for url, kind in expected["media"])
    assert parse_message(params) == InboundMessage(**expected)


@pytest.mark.parametrize("case", REPORTS, ids=lambda case: case["id"])
def test_a_status_callback_as_recorded(case: dict[str, Any]) -> None:
    params, query = pairs(case["params"]), pairs(case["query"])
    if "invalid" in case:
        with pytest.raises(Invalid) as raised:
            parse_status(params, query)
        assert raised.value.code == case["invalid"]
        return
    report = parse_status(params, query)
    if case["expect"] is None:
        assert report is None
        return
    assert report is not None
    shown = {
        "provider_message_id": report.provider_message_id,
        "status": report.status.value,
        "error_code": report.error_code,
        "message_id": None if report.message_id is None else str(report.message_id),
    }
    assert shown == case["expect"]


def test_every_status_word_of_twilio_is_decided_on() -> None:
    assert STATUS.keys() | {"receiving", "received"} == TWILIO_STATUSES
    ours_alone = {Status.QUEUED, Status.CLAIMED, Status.UNKNOWN, Status.REFUSED, Status.RECEIVED}
    assert not ours_alone & set(STATUS.values())
    assert set(OPT_OUT_TYPE.values()) == set(get_args(KeywordSignal))


def test_W13_only_ten_media_are_taken_however_many_are_announced() -> None:
    base = next(case for case in INBOUND if case["id"] == "mms-without-body")
    params = [
        (name, value) for name, value in pairs(base["params"]) if not name.startswith(("NumMedia", "Media"))
    ]
    params += [("NumMedia", "9999")]
    params += [(f"MediaUrl{index}", f"https://api.twilio.com/{index}") for index in range(50)]
    assert len(parse_message(params).media) == 10


def test_W12_a_long_body_and_a_long_address() -> None:
    base = dict(pairs(INBOUND[0]["params"]))
    message = parse_message(list({**base, "Body": "x" * 60_000, "From": "9" * 500}.items()))
    assert len(message.body) == 60_000
    assert len(message.sender.phone or "") == 64


NAMES = st.sampled_from(
    ["MessageSid", "SmsMessageSid", "SmsSid", "From", "To", "Body", "NumMedia", "MediaUrl0", "MediaContentType0",
     "NumSegments", "OptOutType", "MessageStatus", "SmsStatus", "ErrorCode", "message", "x"]
)  # fmt: skip
VALUES = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        [
            "SM" + "0" * 32,
            "+15005550006",
            "whatsapp:+1",
            "9" * 30,
            "1",
            "delivered",
            "\x00",
            "\ud800",
            "²",
            "٣",
            "-1",
            "STOP",
        ]
    ),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=16), st.lists(st.tuples(NAMES, VALUES), max_size=4))
@settings(max_examples=600, deadline=None)
def test_I1_I2_whatever_comes_is_a_value_that_can_be_stored_or_our_error(
    params: list[tuple[str, str]], query: list[tuple[str, str]]
) -> None:
    try:
        message = parse_message(params)
    except Invalid:
        pass
    else:
        media = [part for item in message.media for part in (item.source, item.content_type)]
        for text in (
            message.body,
            message.sender.phone or "",
            message.recipient,
            message.provider_message_id,
            *media,
        ):
            assert "\x00" not in text
            text.encode()
    try:
        report = parse_status(params, query)
    except Invalid:
        return
    assert report is None or isinstance(report, DeliveryReport)


@given(st.text(st.characters(), max_size=300))
@settings(deadline=None)
def test_a_body_that_can_be_stored_is_kept_exactly(body: str) -> None:
    base = dict(pairs(INBOUND[0]["params"]))
    message = parse_message(list({**base, "Body": body}.items()))
    storable = not any(ch == "\x00" or "\ud800" <= ch <= "\udfff" for ch in body)
    assert message.altered is not storable
    assert len(message.body) == len(body)
    if storable:
        assert message.body == body
        wire = urlencode({"Body": body})
        assert parse_qsl(wire, keep_blank_values=True) == [("Body", body)]
