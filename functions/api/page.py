"""The contract as a page to read: HTML from the OpenAPI document, without a script and from no other host."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
# The page may use this style and nothing else: https://www.w3.org/TR/CSP3/#grammardef-hash-source
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
)

Schema = dict[str, Any]


def page(contract: dict[str, Any]) -> str:
    """The whole page, complete and in order of the contract's tags."""
    info = contract["info"]
    schemas: dict[str, Schema] = contract["components"]["schemas"]
    chapters = [(tag, list(_operations(contract, tag["name"]))) for tag in contract["tags"]]
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>",
            '<a class="skip" href="#content">To the content</a><nav id="operations" aria-label="Operations">',
            *(_contents(tag["name"], operations) for tag, operations in chapters),
            f'</nav><main id="content"><h1>{escape(info["title"])} API</h1>',
            f'<p class="lead">{escape(info["summary"])}</p>',
            '<p class="jump"><a href="#operations">All operations</a></p>',
            _prose(info["description"]),
            '<p>The same as a document for programs: <a href="/openapi.json">openapi.json</a>.</p>',
            *(_chapter(tag, operations, schemas) for tag, operations in chapters),
            "</main></body></html>",
        )
    )


def _operations(contract: dict[str, Any], tag: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method, path, operation


def _contents(tag: str, operations: Iterable[tuple[str, str, dict[str, Any]]]) -> str:
    links = "".join(
        f'<li><a href="#{escape(operation["operationId"])}">{_method(method)}'
        f'<span class="path">{_path(path)}</span></a></li>'
        for method, path, operation in operations
    )
    return f"<h2>{escape(_title(tag))}</h2><ul>{links}</ul>"


def _chapter(
    tag: dict[str, str], operations: Iterable[tuple[str, str, dict[str, Any]]], schemas: dict[str, Schema]
) -> str:
    told = "".join(_operation(*given, schemas) for given in operations)
    name = escape(_title(tag["name"]))
    return f"<section><h2>{name}</h2>{_prose(tag['description'])}{told}</section>"


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Schema]) -> str:
    name = escape(operation["operationId"])
    return "".join(
        (
            f'<article id="{name}"><h3>{_method(method)}',
            f'<a class="path" href="#{name}">{_path(path)}</a></h3>',
            _prose(operation["description"]),
            "" if "x-action" in operation else '<p class="who">Open to everyone.</p>',
            _parameters(operation.get("parameters", ()), schemas),
            _body(operation.get("requestBody"), schemas),
            *(
                _answer(status, response, schemas)
                for status, response in operation["responses"].items()
                if status < "400"
            ),
            _problems(operation["responses"]),
            "</article>",
        )
    )


def _parameters(parameters: Iterable[dict[str, Any]], schemas: dict[str, Schema]) -> str:
    rows = "".join(
        _row(
            given["name"],
            f"{_kind(given['schema'], schemas)}, in the {given['in']}",
            given.get("description", ""),
            required=given.get("required", False),
        )
        for given in parameters
    )
    return f"<h4>Parameters</h4>{_table(rows)}" if rows else ""


def _body(body: dict[str, Any] | None, schemas: dict[str, Schema]) -> str:
    if body is None:
        return ""
    schema = body["content"]["application/json"]["schema"]
    return f"<h4>Body</h4>{_json(example(schema, schemas))}{_fields(schema, schemas)}"


def _answer(status: str, response: dict[str, Any], schemas: dict[str, Schema]) -> str:
    headers = "".join(
        f"<p><code>{escape(name)}</code> {_inline(header['description'])}</p>"
        for name, header in response.get("headers", {}).items()
    )
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if not schema:
        return f"<h4>Answer {escape(status)}, without a body</h4>{headers}"
    fields = _fields(schema, schemas)
    folded = f"<details><summary>Fields</summary>{fields}</details>" if fields else ""
    return f"<h4>Answer {escape(status)}</h4>{headers}{_json(example(schema, schemas))}{folded}"


def _problems(responses: dict[str, dict[str, Any]]) -> str:
    listed = "".join(
        f"<li>{escape(status)} {escape(response['description'].lower())}</li>"
        for status, response in responses.items()
        if status >= "400"
    )
    return f'<h4>Problems</h4><ul class="problems">{listed}</ul>'


def _fields(schema: Schema, schemas: dict[str, Schema]) -> str:
    """A table of the fields of an object, or of the objects in a list."""
    found = _resolved(schema, schemas)
    required = found.get("required", ())
    rows = "".join(
        _row(name, _kind(field, schemas), field.get("description", ""), required=name in required)
        for name, field in found.get("properties", {}).items()
    )
    inner = [
        _fields(item, schemas)
        for field in found.get("properties", {}).values()
        if (item := field.get("items")) and "$ref" in item
    ]
    return (_table(rows) if rows else "") + "".join(inner)


def _row(name: str, kind: str, told: str, *, required: bool) -> str:
    need = ' <span class="need">required</span>' if required else ""
    return (
        f"<tr><td><code>{escape(name)}</code>{need}</td>"
        f'<td class="kind">{escape(kind)}</td><td>{_inline(told)}</td></tr>'
    )


def _table(rows: str) -> str:
    return (
        '<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">Kind</th>'
        f'<th scope="col">Meaning</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _kind(schema: Schema, schemas: dict[str, Schema]) -> str:
    """What a value may be, in a few words."""
    if "anyOf" in schema:
        return " or ".join(_kind(one, schemas) for one in schema["anyOf"])
    if "$ref" in schema:
        named = schemas[schema["$ref"].rpartition("/")[2]]
        return _kind(named, schemas) if "enum" in named else "object"
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(word) for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'], schemas)}"
    word: str = schema.get("type", "anything")
    word = {"date-time": "instant", "uuid": "id", "string": "text"}.get(schema.get("format", word), word)
    return word + _bounds(schema)


def _bounds(schema: Schema) -> str:
    """How large a number or how long a text may be, if that is said."""
    if "maximum" in schema:
        return f" from {schema.get('minimum', 0):g} to {schema['maximum']:g}"
    if "maxLength" in schema:
        least = schema.get("minLength", 0)
        return f" of {least} to {schema['maxLength']} characters"
    return ""


_FORMATS = {"uuid": "019ab3f4-6f00-7c3e-8a51-5b0d1f9a2c44", "date-time": "2026-11-24T15:04:05Z"}


def example(schema: Schema, schemas: dict[str, Schema]) -> Any:
    """A value that the schema would take: its own example where it has one."""
    found = schema if "examples" in schema else _resolved(schema, schemas)
    if "const" in found:
        return found["const"]
    if chosen := found.get("examples") or found.get("enum"):
        return chosen[0]
    if "properties" in found:
        return {name: example(field, schemas) for name, field in found["properties"].items()}
    if "items" in found:
        return [example(found["items"], schemas)]
    plain = {"string": "text", "integer": max(found.get("minimum", 1), 1), "boolean": True}
    return _FORMATS.get(found.get("format", "")) or plain.get(found.get("type", ""))


def _resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """The schema behind a reference, and of several kinds the first."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = schema["anyOf"][0]
        else:
            return schema


def _json(value: Any) -> str:
    return f'<pre tabindex="0"><code>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</code></pre>'


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


def _path(path: str) -> str:
    """A path that breaks, where it must, before a slash."""
    return escape(path).replace("/", "<wbr>/")


def _method(method: str) -> str:
    return f'<span class="method {escape(method)}">{escape(method.upper())}</span>'


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(part)}</p>" for part in text.split("\n\n") if part.strip())


def _inline(text: str) -> str:
    """The little of Markdown that the contract uses: code and bold."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", marked)
