"""Meta's words about leads, leads themselves and their forms, read into ours; and what a refusal comes to."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Limited, Unavailable
from leadsrally.messaging.leads.types import Ignored, TokenRefused, Unreadable, Withheld, Word
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.graph import Graph
from leadsrally.providers.meta.leadgen import items
from leadsrally.providers.meta.leads import MetaLeads, form, lead
from tests.providers.meta.answering import FakeMeta, answering, reset

_CASES = Path(__file__).parents[2] / "cases" / "meta" / "leads"
WORDS, LEADS, FORMS = (
    json.loads((_CASES / f"{name}.json").read_text("utf-8")) for name in ("words", "leads", "forms")
)
TOKEN = "EAAGtestPageToken0001"  # of vectors.md section 2, as the secret and the proof are
PROOF = "44ce8ae20e7f2bc38a58165c6881a5de3c6f7cfa7b25bfe00e6c47ea2a3d5bf4"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=datetime.isoformat))


def told(news: Word | Unreadable | Ignored) -> Any:
    match news:
        case Word():
            return {"word": plain(asdict(news))}
        case Unreadable(reason):
            return {"unreadable": reason}
        case Ignored():
            return "ignored"


class TestWords:
    @pytest.mark.parametrize("case", WORDS, ids=lambda case: case["name"])
    def test_as_meta_sends_them(self, case: dict[str, Any]):
        assert [told(item.news) for item in items(case["document"])] == case["news"]

    @given(JSON, JSON, JSON)
    def test_nothing_that_can_be_sent_raises(self, entry: Any, change: Any, value: Any):
        for document in (
            {"entry": entry},
            {"entry": [entry, {"changes": change}]},
            {"entry": [{"id": change, "changes": [{"field": "leadgen", "value": value}]}]},
            {
                "entry": [
                    {"changes": [{"field": "leadgen", "value": {"leadgen_id": value, "page_id": entry}}]}
                ]
            },
        ):
            list(items(document))


class TestLead:
    @pytest.mark.parametrize("case", LEADS, ids=lambda case: case["name"])
    def test_as_meta_hands_it_over(self, case: dict[str, Any]):
        read = lead(case["item"])
        assert read is not None
        whole = plain(asdict(read))
        whole["answers"] = [[one["key"], one["values"]] for one in whole["answers"]]
        assert whole == case["lead"]

    @given(st.dictionaries(st.sampled_from(list(LEADS[0]["item"])), JSON))
    def test_nothing_that_can_be_handed_over_raises(self, item: dict[str, Any]):
        lead(item)
        lead({**LEADS[0]["item"], **item})


class TestForm:
    @pytest.mark.parametrize("case", FORMS, ids=lambda case: case["name"])
    def test_as_meta_lists_it(self, case: dict[str, Any]):
        read = form(case["item"])
        assert read is not None
        assert plain(asdict(read)) == case["form"]

    @given(st.dictionaries(st.sampled_from(list(FORMS[0]["item"])), JSON))
    def test_nothing_that_can_be_listed_raises(self, item: dict[str, Any]):
        form(item)
        form({**FORMS[0]["item"], **item})


class TestAsked:
    @pytest.fixture
    def meta(self):
        with answering() as fake:
            yield fake

    @pytest.fixture
    def source(self, meta: FakeMeta):
        credentials = MetaCredentials(("meta-app-secret-for-tests",), "verify", TOKEN)
        graph = Graph(credentials, base_url=meta.base_url, timeout=1.0)
        yield MetaLeads(graph)
        graph.close()

    def test_a_lead_is_asked_for_with_all_its_fields_and_the_proof(self, meta: FakeMeta, source: MetaLeads):
        meta.body = LEADS[0]["item"]
        assert source.lead("444444444444444").answers[0].text == "Ana Lima"
        (seen,) = meta.seen
        assert (seen.method, seen.path) == ("GET", "/v26.0/444444444444444")
        assert seen.query["appsecret_proof"] == [PROOF]
        assert seen.headers["Authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in str(seen.query), "an address is logged on the way"
        wanted = seen.query["fields"][0].split(",")
        assert {"field_data", "custom_disclaimer_responses", "is_organic", "campaign_name"} <= set(wanted)

    def test_what_is_not_this_lead_is_withheld(self, meta: FakeMeta, source: MetaLeads):
        for body in ({"id": "1"}, {"data": []}, {"id": "1", "name": "x"}):
            meta.body = body
            with pytest.raises(Withheld) as refused:
                source.lead("444444444444444")
            assert refused.value.code == "unreadable"

    def test_forms_come_page_after_page(self, meta: FakeMeta, source: MetaLeads):
        paging = {"next": "https://graph.facebook.com/x?access_token=canary", "cursors": {"after": "2"}}
        first = {"data": [FORMS[0]["item"], {"broken": True}], "paging": paging}
        meta.pages = [first, {"data": [FORMS[1]["item"]]}]
        assert [one.state for one in source.forms("104")] == ["active", "archived"]
        assert [seen.path for seen in meta.seen] == ["/v26.0/104/leadgen_forms"] * 2
        assert meta.seen[1].query["after"] == ["2"]

    def test_leads_of_a_form_since_a_time(self, meta: FakeMeta, source: MetaLeads):
        paging = {"next": "x", "cursors": {"after": "QVFI1"}}
        meta.pages = [{"data": [LEADS[1]["item"], {}], "paging": paging}, {"data": []}]
        since = datetime(2026, 11, 1, tzinfo=UTC)
        page = source.leads("222", since, None)
        assert ([one.form_id for one in page.leads], page.after) == (["222"], "QVFI1")
        assert source.leads("222", since, page.after).after is None
        rule = json.loads(meta.seen[0].query["filtering"][0])
        assert rule == [{"field": "time_created", "operator": "GREATER_THAN", "value": 1793491200}]
        assert meta.seen[1].query["after"] == ["QVFI1"]

    @pytest.mark.parametrize("code", [0, 102, 190, 463, 467])
    def test_a_token_that_is_over(self, meta: FakeMeta, source: MetaLeads, code: int):
        meta.refuse(code, 400)
        with pytest.raises(TokenRefused) as refused:
            source.lead("1")
        assert refused.value.code == str(code)
        assert "canary" not in str(refused.value)

    @pytest.mark.parametrize("code", [3, 10, 100, 200, 299])
    def test_what_is_missing_or_withheld(self, meta: FakeMeta, source: MetaLeads, code: int):
        meta.refuse(code, 403)
        with pytest.raises(Withheld) as refused:
            source.lead("1")
        assert refused.value.code == str(code)

    @pytest.mark.parametrize("code", [4, 17, 32, 613, 80005])
    def test_too_many_calls_for_the_page(self, meta: FakeMeta, source: MetaLeads, code: int):
        meta.refuse(code, 403)
        meta.headers["x-business-use-case-usage"] = json.dumps(
            {"104": [{"type": "leadgen", "estimated_time_to_regain_access": 7}]}
        )
        with pytest.raises(Limited) as refused:
            source.forms("1")
        assert refused.value.retry_after == 420
        meta.headers.clear()
        with pytest.raises(Limited) as refused:
            source.leads("1", datetime(2026, 1, 1, tzinfo=UTC), None)
        assert refused.value.retry_after == 300

    def test_429_whatever_its_code(self, meta: FakeMeta, source: MetaLeads):
        meta.refuse(999, 429)
        with pytest.raises(Limited):
            source.test_leads("1")

    @pytest.mark.parametrize("code", [1, 2, 999])
    def test_everything_else_is_tried_again(self, meta: FakeMeta, source: MetaLeads, code: int):
        meta.refuse(code, 500)
        with pytest.raises(Unavailable):
            source.form("1")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]"])
    def test_an_answer_that_is_none(self, meta: FakeMeta, source: MetaLeads, body: bytes):
        meta.body = body
        with pytest.raises(Unavailable) as silent:
            source.lead("1")
        assert silent.value.code == "not_answered"

    def test_a_connection_that_breaks(self, meta: FakeMeta, source: MetaLeads):
        meta.misbehave = reset
        with pytest.raises(Unavailable):
            source.lead("1")
