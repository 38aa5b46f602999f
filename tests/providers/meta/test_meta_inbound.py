"""Recorded shapes of what Meta sends for WhatsApp, and anything else that may arrive in their place."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.contacts.types import Identity, Person
from leadsrally.kit.errors import Invalid
from leadsrally.messaging.types import (
    AccountChanged,
    Amendment,
    DeliveryReport,
    Ignored,
    InboundMessage,
    Item,
    Kind,
    MediaReference,
    News,
    Preference,
    Renaming,
    Status,
    Unreadable,
)
from leadsrally.providers.meta.inbound import STATUS, items, object_of, reread
from leadsrally.providers.meta.reading import load

CASES = Path(__file__).parents[2] / "cases" / "meta"
NUMBER = "106540352242922"
CONTACTS = [{"profile": {"name": "Sheena Nelson"}, "wa_id": "16505551234"}]


def cases(name: str) -> list[dict[str, Any]]:
    return json.loads((CASES / f"{name}.json").read_text("utf-8"))


def envelope(*changes: object, field: object = "messages") -> dict[str, Any]:
    return {
        "object": "whatsapp_business_account",
        "entry": [
            {"id": "102290129340398", "changes": [{"field": field, "value": change} for change in changes]}
        ],
    }


def value(**parts: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": NUMBER}
    return {"messaging_product": "whatsapp", "metadata": metadata, **parts}


def read(document: Mapping[str, Any]) -> list[Item]:
    """Through the wire and back, so that the very bytes are read."""
    return list(items(load(json.dumps(document).encode())))


def only(document: Mapping[str, Any]) -> News:
    (item,) = read(document)
    assert item.phone_number_id == NUMBER
    return item.news


def person(given: Mapping[str, Any]) -> Person:
    kinds = ("bsuid", "wa_id", "parent_bsuid")
    identities = tuple(Identity(kind, given[kind]) for kind in kinds if kind in given)
    return Person(given["phone"], identities, given.get("name", ""))


def moment(iso: str | None) -> datetime | None:
    return None if iso is None else datetime.fromisoformat(iso)


def expected(case: dict[str, Any]) -> News:
    """What a case says should come of it."""
    told, message_id = case["expect"], case["message"].get("id")
    match told:
        case {"unreadable": reason}:
            return Unreadable(reason)
        case {"ignored": reason}:
            return Ignored(reason)
        case {"amendment": part, "sender": who}:
            return Amendment(
                message_id, part["target"], person(who), part["action"], part["text"], moment(part["sent_at"])
            )
        case {"renaming": part, "sender": who}:
            return Renaming(
                message_id, person(who), person(part["after"]), part["body"], moment(part["sent_at"])
            )
        case {"inbound": part, "sender": who}:
            part = {
                **part,
                "media": tuple(MediaReference(*given) for given in part.get("media", ())),
                "sent_at": moment(part["sent_at"]),
            }
            return InboundMessage(message_id, person(who), "+15550783881", **part)
    raise ValueError(case["id"])


class TestRecorded:
    @pytest.mark.parametrize("case", cases("messages"), ids=lambda case: case["id"])
    def test_a_message(self, case: dict[str, Any]):
        beside = {"contacts": case["contacts"]} if "contacts" in case else {}
        found = only(envelope(value(messages=[case["message"]], **beside, **case.get("value", {}))))
        assert found == expected(case)

    @pytest.mark.parametrize("case", cases("statuses"), ids=lambda case: case["id"])
    def test_a_status(self, case: dict[str, Any]):
        found, told = only(envelope(value(statuses=[case["status"]]))), case["expect"]
        if not isinstance(found, DeliveryReport):
            assert found == (
                Ignored(told["ignored"]) if "ignored" in told else Unreadable(told["unreadable"])
            )
            return
        assert found == DeliveryReport(
            **{
                **told,
                "status": Status(told["status"]),
                "message_id": None if told["message_id"] is None else UUID(told["message_id"]),
                "reported_at": moment(told["reported_at"]),
                "recipient": None if told["recipient"] is None else person(told["recipient"]),
            }
        )

    @pytest.mark.parametrize("case", cases("preferences"), ids=lambda case: case["id"])
    def test_a_preference(self, case: dict[str, Any]):
        contacts = case.get("contacts", CONTACTS)
        sent = value(user_preferences=[case["preference"]], contacts=contacts)
        found, told = only(envelope(sent, field="user_preferences")), case["expect"]
        if not isinstance(found, Preference):
            assert found == (
                Ignored(told["ignored"]) if "ignored" in told else Unreadable(told["unreadable"])
            )
            return
        said_at = moment(told["said_at"])
        assert said_at is not None
        assert found == Preference(person(told["sender"]), told["wants_marketing"], said_at)

    def test_there_is_a_case_for_every_type_and_status(self):
        """All types of providers.md's table, and of our own kinds those that a contact can cause."""
        inbound = {
            case["expect"]["inbound"]["kind"] for case in cases("messages") if "inbound" in case["expect"]
        }
        assert inbound == set(get_args(Kind)) - {"template", "interactive"}
        sent = {case["message"].get("type") for case in cases("messages")}
        assert sent >= {
            "text", "image", "video", "audio", "document", "sticker", "location", "contacts", "button",
            "interactive", "reaction", "order", "system", "edit", "revoke", "unsupported", "request_welcome",
        }  # fmt: skip
        assert {case["status"]["status"] for case in cases("statuses")} >= {*STATUS, "deleted"}


TEXT = {
    "from": "16505551234",
    "id": "wamid.A",
    "timestamp": "1749416383",
    "type": "text",
    "text": {"body": "x"},
}
SENT = {"id": "wamid.OURS", "status": "sent", "timestamp": "1749416400"}


class TestEdit:
    """New words replace the old ones only where they can be read."""

    def edit(self, message: dict[str, Any]) -> Any:
        edited = {**TEXT, "type": "edit", "edit": {"original_message_id": "wamid.B", "message": message}}
        (item,) = read(envelope(value(messages=[edited])))
        return item.news

    @pytest.mark.parametrize("named", [{}, {"id": "1234"}])
    def test_a_caption_is_read_without_its_file(self, named: dict[str, str]):
        news = self.edit({"type": "image", "image": {**named, "caption": "Please stop texting me"}})
        assert (news.action, news.text) == ("edit", "Please stop texting me")

    @pytest.mark.parametrize(
        "message",
        [
            {},
            {"type": "hologram", "hologram": {"body": "x"}},
            {"type": "text"},
            {"type": "image"},
            {"type": "unsupported", "errors": [{"code": 131051}]},
        ],
    )
    def test_W11_one_that_cannot_be_read_takes_no_words_away(self, message: dict[str, Any]):
        assert self.edit(message) == Unreadable("edit")


class TestDelivery:
    """Arrays within arrays, each looped; each piece for itself."""

    def test_all_arrays_are_looped(self):
        document = envelope(value(messages=[TEXT, TEXT], statuses=[SENT, SENT]), value(messages=[TEXT]))
        document["entry"].append(document["entry"][0])
        kinds = [type(item.news) for item in read(document)]
        one = [InboundMessage] * 2 + [DeliveryReport] * 2 + [InboundMessage]
        assert kinds == one * 2

    def test_W11_a_piece_that_is_none_does_not_lose_its_neighbours(self):
        broken: list[Any] = [None, 7, "x", [], True, {}]
        document = envelope(value(messages=[*broken, TEXT], statuses=[*broken, SENT]), None, 7, {}, [TEXT])
        document["entry"] += [None, 7, {"id": "1"}, {"changes": 7}, {"changes": [None, {"field": 7}]}]
        found = [item.news for item in read(document)]
        assert [type(news) for news in found if not isinstance(news, Unreadable)] == [
            InboundMessage,
            DeliveryReport,
        ]
        reasons = [news.reason for news in found if isinstance(news, Unreadable)]
        assert reasons == [
            *["messages"] * 5, "message_id", *["statuses"] * 5, "message_id", *["change"] * 4,
            *["changes"] * 4, *["change"] * 2,
        ]  # fmt: skip

    def test_W11_each_piece_names_the_number_it_is_about(self):
        other = {**value(messages=[TEXT]), "metadata": {"phone_number_id": 999}}
        nobody = {"messages": [TEXT]}
        found = read(envelope(value(messages=[TEXT]), other, nobody))
        assert [item.phone_number_id for item in found] == [NUMBER, "999", ""]

    def test_the_raw_piece_comes_along(self):
        told = envelope(value(messages=[{"id": "wamid.A", "type": "text"}], contacts=[]))
        (item,) = read(told)
        del told["entry"][0]["changes"][0]["value"]["contacts"]
        alone = value(messages=[{"id": "wamid.A", "type": "text"}])
        assert item.news == Unreadable("sender")
        assert item.raw()["entry"][0]["changes"][0]["value"] == {
            name: alone[name] for name in ("metadata", "messages")
        }

    def test_a_raw_piece_is_a_delivery_that_reads_the_same_and_holds_nobody_else(self):
        contacts = [
            {"wa_id": "12025550101", "user_id": "US.1", "profile": {"name": "Ann"}},
            {"wa_id": "12025550102", "profile": {"name": "Bob"}},
        ]
        messages = [
            {**TEXT, "id": "wamid.A", "from": "12025550101"},
            {**TEXT, "id": "wamid.B", "from": "12025550102"},
            {"type": "text"},
        ]
        for item in read(envelope(value(messages=messages, contacts=contacts))):
            kept = json.dumps(item.raw())
            (again,) = reread(kept.encode())
            assert again == item
            assert ("Ann" in kept) + ("Bob" in kept) <= 1

    @pytest.mark.parametrize(
        "field",
        ["account_update", "phone_number_quality_update", "phone_number_name_update", "account_alerts"],
    )
    def test_news_of_an_account_names_it(self, field: str):
        """These know no number's id: `{"display_phone_number": …, "event": …}`."""
        news = {"display_phone_number": "15550783881", "event": "FLAGGED", "current_limit": "TIER_250"}
        (item,) = read(envelope(news, field=field))
        assert item.news == AccountChanged("102290129340398")

    @pytest.mark.parametrize("field", ["smb_message_echoes", "something_of_2027"])
    def test_other_news_is_none_of_ours(self, field: str):
        assert only(envelope(value(anything=1), field=field)) == Ignored("field")

    @pytest.mark.parametrize("field", [[], {}, 7, None, True, ["message_template_status_update"]])
    def test_W12_a_field_that_is_no_word(self, field: Any):
        assert only(envelope(value(anything=1), field=field)) == Unreadable("change")

    def test_errors_without_a_message_are_none_of_ours(self):
        assert only(envelope(value(errors=[{"code": 0, "title": "no"}]))) == Ignored("errors")
        assert only(envelope(value())) == Ignored("empty")

    @pytest.mark.parametrize("entry", [None, {}, 7, "x"])
    def test_a_delivery_without_entries(self, entry: object):
        (item,) = items({"object": "whatsapp_business_account", "entry": entry})
        assert item.news == Unreadable("entry")

    def test_whose_news_it_is(self):
        assert object_of({"object": "page"}) == "page"
        assert object_of({"object": ["page"]}) == object_of({}) == ""

    def test_unknown_fields_change_nothing(self):
        more = {"something_new": {"deep": [1, {"x": None}]}}
        plain = only(envelope(value(messages=[TEXT])))
        assert only(envelope({**value(messages=[{**TEXT, **more}]), **more})) == plain


class TestBytes:
    """W12: bytes that are no usable JSON are refused, each in a moment."""

    @pytest.mark.parametrize(
        "raw",
        [
            b"", b"[]", b"7", b'"x"', b"null", b"{", b"\xff\xfe", b'{"a":NaN}', b'{"a":-Infinity}',
            b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' + b"9" * 5_000 + b"}", b"{} {}",
        ],
        ids=lambda raw: f"{raw[:12]!r}",
    )  # fmt: skip
    def test_W12_no_document(self, raw: bytes):
        with pytest.raises(Invalid) as refused:
            load(raw)
        assert refused.value.code == "json"

    def test_W12_of_a_name_given_twice_the_last_counts(self):
        assert load(b'{"object":"page","object":"whatsapp_business_account"}') == {
            "object": "whatsapp_business_account"
        }

    def test_W12_a_number_beyond_all_others(self):
        place = {**TEXT, "type": "location", "location": {"latitude": 1.0, "longitude": 2.0}}
        raw = json.dumps(envelope(value(messages=[place]))).replace("1.0", "1e400")
        (item,) = items(load(raw.encode()))
        assert isinstance(item.news, InboundMessage)
        assert item.news.kind == "unsupported"


def strings(found: object) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping):
        for key, part in found.items():
            yield from strings(key)
            yield from strings(part)
    elif isinstance(found, (list, tuple)):
        for part in found:
            yield from strings(part)
    elif is_dataclass(found):
        for part in fields(found):
            yield from strings(getattr(found, part.name))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        ["\x00", "\ud800", "16505551234", "US.123", "wamid.A", "1749416383", "9" * 40, "1e400", "[1"]
    ),
)
NAMES = st.sampled_from(
    ["entry", "changes", "field", "value", "metadata", "phone_number_id", "contacts", "profile", "name", "wa_id",
     "user_id", "messages", "statuses", "user_preferences", "from", "from_user_id", "id", "type", "timestamp", "text",
     "body", "image", "location", "latitude", "longitude", "interactive", "nfm_reply", "response_json", "reaction",
     "message_id", "edit", "message", "original_message_id", "revoke", "system", "context", "referral", "order",
     "product_items", "quantity", "errors", "code", "status", "pricing", "billable", "category", "button", "phones"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["text", "image", "location", "contacts", "button", "interactive", "nfm_reply", "call_permission_reply", "reaction",
     "edit", "revoke", "system", "order", "unsupported", "request_welcome", "user_changed_number", "stop",
     "customer_identity_changed", "marketing_messages", "messages", "user_preferences", "sent", "failed"]
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS | WORDS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=6),
    max_leaves=25,
)
MESSAGE = st.builds(
    lambda kind, parts: {**TEXT, "type": kind, **parts},
    WORDS,
    st.dictionaries(NAMES | WORDS, ANYTHING, max_size=5),
)


class TestAnything:
    @settings(max_examples=200, deadline=None)
    @given(st.one_of(ANYTHING, st.lists(MESSAGE, max_size=3)), st.lists(ANYTHING, max_size=2), ANYTHING)
    def test_whatever_is_kept_of_a_piece_reads_the_same_again(
        self, messages: object, statuses: object, contacts: object
    ):
        """Of what has not even the shape of pieces the whole is kept, with the others that it holds."""
        try:
            wire = json.dumps(
                envelope(value(messages=messages, statuses=statuses, contacts=contacts)), allow_nan=False
            )
        except ValueError:
            return  # no JSON says that
        for item in items(json.loads(wire)):
            again = [found.news for found in reread(json.dumps(item.raw()).encode())]
            assert item.news in again

    @settings(max_examples=500, deadline=None)
    @given(st.one_of(ANYTHING, st.lists(MESSAGE, max_size=3)), st.lists(ANYTHING, max_size=2), ANYTHING)
    def test_I1_I2_W12_whatever_comes_is_values_that_can_be_stored(
        self, messages: object, statuses: object, contacts: object
    ):
        document = envelope(value(messages=messages, statuses=statuses, contacts=contacts), messages)
        document["entry"].append(contacts)
        for item in items(document):
            assert isinstance(item.news, get_args(News))
            for text in strings(item.news):
                assert "\x00" not in text
                text.encode()
            content = getattr(item.news, "content", None)
            json.dumps(content, allow_nan=False)
            at = getattr(item.news, "sent_at", None)
            assert at is None or at >= datetime(2009, 1, 1, tzinfo=UTC)

    @settings(max_examples=200, deadline=None)
    @given(ANYTHING)
    def test_a_document_of_any_shape(self, document: object):
        try:
            given = load(json.dumps(document).encode("utf-8", "surrogatepass"))
        except Invalid:
            return
        assert all(isinstance(item, Item) for item in items(given))

    @settings(deadline=None)
    @given(st.text(st.characters(), max_size=300))
    def test_a_text_that_can_be_stored_is_kept_exactly(self, body: str):
        found = only(envelope(value(messages=[{**TEXT, "text": {"body": body}}])))
        assert isinstance(found, InboundMessage)
        storable = not any(ch == "\x00" or "\ud800" <= ch <= "\udfff" for ch in body)
        assert found.altered is not storable
        assert len(found.body) == len(body)
        if storable:
            assert found.body == body
