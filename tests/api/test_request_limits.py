"""What a request may be: size, depth, characters, fields, and the version that an edit was made of."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from functions.api import etags, limits
from functions.api.limits import Body
from leadsrally.kit.errors import Stale, Unconditional
from tests.api.conftest import Client, problem, told


class Form(Body):
    fields: dict[str, Any]


def nested(depth: int) -> Any:
    return "x" if depth == 0 else [nested(depth - 1)]


class TestBody:
    def test_I5_a_body_of_one_mebibyte_is_read_and_one_byte_more_is_not(self, client: Client):
        path = f"/v1/conversations/{uuid4()}/messages"
        padded = b'{"body": "x"}'.ljust(limits.MAX_BODY)
        assert client.raw("POST", path, padded).status == 404
        answer = client.raw("POST", path, padded + b" ")
        assert (answer.status, told(answer)["code"]) == (413, "body_too_large")

    def test_I5_so_it_is_for_what_is_no_text(self, client: Client):
        padded = b"\xff" * (limits.MAX_BODY + 3)
        answer = client.raw("POST", "/v1/auth/login", padded, **{"content-type": "image/png"})
        assert answer.status == 413

    @pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "a\udfff", "\udc00\ud800"])
    def test_I2_no_text_that_cannot_be_stored(self, text: str):
        for sent in ({"fields": {"a": text}}, {"fields": {text: 1}}, {"fields": {"a": [{"b": [text]}]}}):
            with pytest.raises(ValidationError, match="cannot be stored"):
                Form.model_validate(sent)

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
    def test_I3_every_other_text(self, text: str):
        assert Form.model_validate({"fields": {text: text}}).fields == {text: text}

    def test_W12_not_too_deep(self):
        Form.model_validate({"fields": {"a": nested(limits.MAX_DEPTH - 2)}})
        for depth in (limits.MAX_DEPTH - 1, 900):
            with pytest.raises(ValidationError, match="too deep"):
                Form.model_validate({"fields": {"a": nested(depth)}})

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
    def test_W12_no_number_that_is_none(self, number: str):
        class Priced(Body):
            price: float

        with pytest.raises(ValidationError, match="finite"):
            Priced.model_validate(json.loads(f'{{"price": {number}}}'))

    def test_I2_at_the_edge(self, client: Client):
        path = f"/v1/conversations/{uuid4()}/messages"
        for body in (b'{"body": "\\u0000"}', b'{"body": "\\ud83d"}', b'{"body": "x", "\\udead": 1}'):
            answer = client.raw("POST", path, body)
            assert (answer.status, told(answer)["code"]) == (422, "malformed"), body

    def test_I1_a_NUL_in_the_query(self, client: Client):
        for query in ("?limit=1%00", "?cursor=%00", "?%00"):
            problem(client.get(f"/v1/conversations{query}"), 422, "malformed")

    def test_T11_a_parameter_that_is_not_offered(self, client: Client):
        """A filter that is spelled wrong would otherwise show everything."""
        for query in ("?unraed=true", "?limit=1&organization_id=x", "?=", "?LIMIT=1", "?sort=phone"):
            problem(client.get(f"/v1/conversations{query}"), 422, "malformed")
        problem(client.get("/v1/me?a=b"), 422, "malformed")
        assert client.get("/v1/conversations?limit=1&unread=true")[0] == 200

    def test_T11_a_field_that_is_not_offered_is_named_only_if_it_is_ours(self, client: Client):
        path = f"/v1/conversations/{uuid4()}/messages"
        body = problem(client.post(path, {"body": "x", "role": "owner"}), 422, "malformed")
        assert body["errors"] == [{"field": "body.role", "problem": "Extra inputs are not permitted"}]
        body = problem(client.post(path, {"body": "x", "CANARY": 1}), 422, "malformed")
        assert body["errors"] == [{"field": "body", "problem": "Extra inputs are not permitted"}]


class TestIfMatch:
    def test_a_tag_is_read_as_it_was_given(self):
        for version in (1, 7, 123_456_789):
            assert etags.version_of(etags.tag(version)) == version

    def test_an_edit_says_what_it_was_made_of(self):
        with pytest.raises(Unconditional):
            etags.version_of(None)

    @pytest.mark.parametrize(
        "given", ["", "3", "*", 'W/"3"', '"3", "4"', '"03"', '"-1"', '"x"', '"3', '"9999999999"', '"٣"']
    )
    def test_what_is_no_tag_of_ours_matches_nothing(self, given: str):
        """RFC 9110 section 13.1.1: If-Match compares strongly, so a weak tag never matches."""
        with pytest.raises(Stale):
            etags.version_of(given)
