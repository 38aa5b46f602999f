"""Meta's list of templates, read into ours."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Forbidden, Unavailable
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.graph import Graph
from leadsrally.providers.meta.templates import MetaTemplates, template
from tests.providers.meta.answering import FakeMeta, answering, reset

CASES = json.loads((Path(__file__).parents[2] / "cases" / "meta" / "templates.json").read_text("utf-8"))


class TestTemplate:
    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
    def test_as_meta_lists_it(self, case: dict[str, Any]):
        read = template(case["item"])
        assert read is not None
        assert json.loads(json.dumps(asdict(read))) == case["expected"]

    @pytest.mark.parametrize(
        "missing", ["id", "name", "language", "components"], ids=lambda name: f"without {name}"
    )
    def test_what_is_no_template(self, missing: str):
        item = {name: value for name, value in CASES[0]["item"].items() if name != missing}
        assert template(item) is None

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
        max_leaves=15,
    )

    @given(
        st.dictionaries(
            st.sampled_from(["id", "name", "language", "status", "category", "components", "quality_score"]),
            json_values,
        )
    )
    def test_nothing_that_can_be_listed_raises(self, item: dict[str, Any]):
        template(item)
        template({**CASES[1]["item"], **item})


class TestCatalogue:
    @pytest.fixture
    def ask(self):
        with answering() as meta:
            graph = Graph(
                MetaCredentials(("secret",), "verify", "token"), base_url=meta.base_url, timeout=1.0
            )

            def ask():
                return MetaTemplates(graph).templates("102")

            yield meta, ask
            graph.close()

    def test_every_state_and_every_page(self, ask: tuple[FakeMeta, Any]):
        meta, templates = ask
        paging = {"next": "x", "cursors": {"after": "2"}}
        meta.pages = [
            {"data": [CASES[0]["item"], {"broken": True}], "paging": paging},
            {"data": [CASES[1]["item"]]},
        ]
        assert [one.state for one in templates()] == ["approved", "paused"]
        assert meta.seen[0].path == "/v26.0/102/message_templates"
        assert "components" in meta.seen[0].query["fields"][0]
        assert "status" not in meta.seen[0].query, "it would list one state only"

    @pytest.mark.parametrize("code", [190, 10, 200, 100])
    def test_a_token_that_is_not_good_for_it(self, ask: tuple[FakeMeta, Any], code: int):
        meta, templates = ask
        meta.refuse(code, 400)
        with pytest.raises(Forbidden) as refused:
            templates()
        assert refused.value.code == str(code)

    @pytest.mark.parametrize("code", [4, 80007, 2, 131000])
    def test_not_now(self, ask: tuple[FakeMeta, Any], code: int):
        meta, templates = ask
        meta.refuse(code, 400)
        with pytest.raises(Unavailable):
            templates()

    def test_half_a_list_is_no_list(self, ask: tuple[FakeMeta, Any]):
        """Else what stands on the second page would be taken for deleted."""
        meta, templates = ask
        meta.pages = [{"data": [CASES[0]["item"]], "paging": {"next": "x", "cursors": {"after": "2"}}}]
        meta.status, meta.body = 200, {"other": 1}
        with pytest.raises(Unavailable):
            templates()
        meta.misbehave = reset
        with pytest.raises(Unavailable):
            templates()
