"""A template and its values: what fits, how it reads, and in which language it goes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Invalid
from leadsrally.messaging.templates.values import (
    Values,
    check,
    content_of,
    from_json,
    in_language,
    read,
    to_json,
    values_of,
)
from leadsrally.messaging.types import Button, Header, TemplateForm, Wording

FORM = TemplateForm(
    body=Wording.of("Hi {{1}}, your {{2}} is ready, {{1}}."),
    header=Header("text", Wording.of("Order {{1}}")),
    footer="Harbour Bikes",
    buttons=(
        Button("quick_reply", "Thanks"),
        Button("url", "Track", "https://harbour.example/{{1}}", wants_value=True),
        Button("url", "Shop", "https://harbour.example/shop"),
        Button("copy_code", "Copy", wants_value=True),
    ),
)
GOOD = Values(
    body={"1": "Ana", "2": "bike"}, header={"1": "42"}, buttons={1: "a42", 3: "SPRING20", 0: "THANKS"}
)


def with_(**changes: object) -> Values:
    return Values(
        **{**{name: getattr(GOOD, name) for name in ("body", "header", "buttons", "file")}, **changes}
    )


class TestRead:
    def test_as_its_reader_sees_it(self):
        shown = read(FORM, GOOD)
        assert (shown.header, shown.body, shown.footer) == (
            "Order 42",
            "Hi Ana, your bike is ready, Ana.",
            "Harbour Bikes",
        )
        assert [button.url for button in shown.buttons] == [
            None,
            "https://harbour.example/a42",
            "https://harbour.example/shop",
            None,
        ]

    def test_I10_a_value_is_text_and_nothing_else(self):
        shown = read(FORM, with_(body={"1": "{{2}}", "2": r"\g<1> {0.__class__} {{1}}"}))
        assert shown.body == r"Hi {{2}}, your \g<1> {0.__class__} {{1}} is ready, {{2}}."

    def test_named_values(self):
        form = TemplateForm(Wording.of("{{first_name}}, see you on {{ day }}"), named=True)
        assert form.body.values == ("first_name", "day")
        assert read(form, Values({"day": "Monday", "first_name": "Ana"})).body == "Ana, see you on Monday"


class TestCheck:
    @pytest.mark.parametrize(
        ("values", "says"),
        [
            (with_(body={"1": "Ana"}), "wants a value for 2"),
            (with_(body={}), "wants a value for 1, 2"),
            (with_(body={"1": "Ana", "2": "bike", "3": "more"}), "it wants 1, 2"),
            (with_(header={}), "The header of the template wants a value for 1"),
            (with_(buttons={1: "a"}), "The buttons of the template wants a value for 3"),
            (
                with_(buttons={1: "a", 3: "b", 2: "c"}),
                "values that the buttons of the template does not have",
            ),
            (with_(body={"1": " ", "2": "bike"}), "is empty"),
            (with_(body={"1": "A\nB", "2": "bike"}), "line break"),
            (with_(body={"1": "A\tB", "2": "bike"}), "tab"),
            (with_(body={"1": "A     B", "2": "bike"}), "four spaces"),
            (with_(body={"1": "x" * 1020, "2": "bike"}), "longer than 1024"),
            (with_(header={"1": "x" * 56}), "longer than 60"),
            (with_(buttons={1: "x" * 2001, 3: "b"}), "button 1 is longer than 2000"),
            (with_(buttons={1: "a", 3: "x" * 16}), "button 3 is longer than 15"),
            (with_(buttons={1: "a", 3: "b", 0: "x" * 129}), "button 0 is longer than 128"),
            (with_(file="image"), "takes no file"),
        ],
    )
    def test_what_whatsapp_would_refuse(self, values: Values, says: str):
        with pytest.raises(Invalid, match=says) as wrong:
            check(FORM, values)
        assert wrong.value.code == "template_values"

    def test_what_it_takes(self):
        check(FORM, GOOD)
        check(FORM, with_(body={"1": "A    B", "2": "x"}, buttons={1: "a", 3: "x" * 15}))

    def test_nothing_of_the_values_is_repeated(self):
        with pytest.raises(Invalid) as wrong:
            check(FORM, with_(body={"1": "canary", "2": "bike", "canary-name": "x"}))
        assert "canary" not in wrong.value.sentence

    @pytest.mark.parametrize("kind", ["image", "video", "document"])
    def test_a_file_in_the_header(self, kind: str):
        form = TemplateForm(Wording("Look"), Header(kind, Wording("")))  # pyright: ignore[reportArgumentType]
        check(form, Values(file=kind))
        for other in (None, "audio", {"image": "video"}.get(kind, "image")):
            with pytest.raises(Invalid, match=f"a file of the kind {kind}"):
                check(form, Values(file=other))

    def test_a_location_cannot_be_sent(self):
        with pytest.raises(Invalid, match="location"):
            check(TemplateForm(Wording("Look"), Header("location", Wording(""))), Values())


class TestContent:
    def test_what_a_message_keeps_is_enough_to_check_and_to_send_it(self):
        kept = json.loads(json.dumps(content_of("ready", "en_US", FORM, GOOD)))
        assert values_of(kept) == GOOD
        check(FORM, values_of(kept))
        assert kept["template"]["body"] == [["1", "Ana"], ["2", "bike"]]
        assert [button["index"] for button in kept["template"]["buttons"]] == [0, 1, 3]
        assert kept["template"]["shown"]["header"] == "Order 42"

    def test_a_template_that_changed_in_the_meantime_does_not_fit_any_more(self):
        kept = content_of("ready", "en_US", FORM, GOOD)
        changed = TemplateForm(Wording.of("Hi {{1}}, {{2}}, {{3}}"), FORM.header, FORM.footer, FORM.buttons)
        with pytest.raises(Invalid):
            check(changed, values_of(kept))

    def test_stored_and_read_back(self):
        assert from_json(json.loads(json.dumps(to_json(FORM)))) == FORM

    @given(st.text(max_size=200))
    def test_any_wording_is_filled_where_it_has_gaps_and_nowhere_else(self, text: str):
        wording = Wording.of(text)
        assert wording.filled({}) == text
        filled = wording.filled(dict.fromkeys(wording.values, "x"))
        assert Wording.of(filled).values == ()


class TestLanguage:
    @pytest.mark.parametrize(
        ("offered", "wanted", "house", "chosen"),
        [
            ("en_US es", "es", "en", "es"),
            ("en_US es_MX es", "es_MX", "en", "es_MX"),
            ("en_US es_MX es_ES", "es", "en", "es_ES"),
            ("en_US es", "es_AR", "en", "es"),
            ("en_US es_MX", "es_AR", "en", "es_MX"),
            ("en_US es", "de", "en", "en_US"),
            ("en_GB en_US", None, "en_US", "en_US"),
            ("pt_BR", None, "pt", "pt_BR"),
            ("EN_us", "en_US", "de", "EN_us"),
            ("es", "de", "fr", None),
            ("", "en", "en", None),
            ("est", "es", "es", None),
        ],
    )
    def test_the_nearest_that_there_is(
        self, offered: str, wanted: str | None, house: str, chosen: str | None
    ):
        assert in_language({language: language for language in offered.split()}, wanted, house) == chosen
