"""The page of the contract: whole, readable, and nothing in it that runs or comes from elsewhere."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from functions.api.handler import app
from functions.api.page import example, page
from tests.world import World

CONTRACT: dict[str, Any] = app.openapi()
SCHEMAS: dict[str, Any] = CONTRACT["components"]["schemas"]
_VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Remembers what a page is made of; fails when a tag is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        return [value for _, name, value in self.attributes if name == attribute]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    return read(page(CONTRACT))


class TestPage:
    def test_it_is_served_to_everyone_and_may_run_nothing(self, world: World):
        answer = world.call("/docs", method="GET", headers={"host": "api.example.test"})
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        (style,) = re.findall("<style>(.*)</style>", answer.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert f"style-src 'sha256-{digest}'" in policy
        assert "unsafe" not in policy

    def test_nothing_runs_and_nothing_comes_from_another_host(self, reader: Reader):
        assert not reader.tags & {"script", "link", "img", "iframe", "object", "form", "base"}
        assert all(link.startswith(("#", "/")) for link in reader.all("href"))
        assert reader.all("src") == []
        assert not any(name.startswith("on") or name == "style" for _, name, _ in reader.attributes)
        assert "url(" not in page(CONTRACT)
        assert "@import" not in page(CONTRACT)

    def test_every_operation_is_told_and_every_link_leads_to_one(self, reader: Reader):
        names = {
            operation["operationId"]
            for methods in CONTRACT["paths"].values()
            for operation in methods.values()
        }
        assert names == {link[1:] for link in reader.all("href") if link.startswith("#")} - {
            "content",
            "operations",
        }
        assert names == set(reader.all("id")) - {"content", "operations"}

    def test_I8_what_the_contract_says_is_text(self):
        canary = '"><script>alert(1)</script>'
        hostile = json.loads(json.dumps(CONTRACT))
        hostile["info"]["title"] = hostile["tags"][0]["description"] = canary
        hostile["paths"]["/v1/me"]["get"]["description"] = canary
        assert "script" not in read(page(hostile)).tags


class TestExample:
    @pytest.mark.parametrize("name", sorted(SCHEMAS))
    def test_every_schema_has_one(self, name: str):
        shown = example(SCHEMAS[name], SCHEMAS)
        assert shown is not None
        assert json.dumps(shown)

    @pytest.mark.parametrize(
        ("schema", "value"),
        [
            ({"type": "string", "examples": ["a"]}, "a"),
            ({"$ref": "#/components/schemas/Word"}, "x"),
            ({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "null"}]}, 5),
            ({"type": "array", "items": {"type": "boolean"}}, [True]),
            ({"type": "object", "properties": {"a": {"const": 3}}}, {"a": 3}),
            ({"type": "null"}, None),
        ],
    )
    def test_of_each_kind(self, schema: dict[str, Any], value: Any):
        assert example(schema, {"Word": {"enum": ["x", "y"]}}) == value


def words(schema: dict[str, Any]) -> bool:
    """Whether this is text of any kind, which nobody can guess an example of."""
    kinds = schema.get("anyOf", [schema])
    return any(
        kind.get("type") == "string" and not {"enum", "const", "format"} & kind.keys() for kind in kinds
    )


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_of_text_shows_an_example(name: str):
    fields = SCHEMAS[name].get("properties", {})
    assert [field for field, told in fields.items() if words(told) and "examples" not in told] == []


BODIES = [
    (route.path_format, route.body_field.field_info.annotation)
    for found in iter_route_contexts(app.routes)
    if isinstance(route := found.original_route, APIRoute) and route.body_field
]


@pytest.mark.parametrize(("path", "kind"), BODIES)
def test_the_example_of_a_body_is_one_that_is_taken(path: str, kind: Any):
    """What a reader copies from the page works."""
    adapter = TypeAdapter(kind)
    schema = adapter.json_schema()
    adapter.validate_python(example(schema, schema.get("$defs", {})))
