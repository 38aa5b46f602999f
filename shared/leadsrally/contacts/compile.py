"""A condition as SQL: fragments from the table below, joined; what was asked for goes along as parameters only.

Each fragment is about a row `c` of `contacts`, is true or false and never NULL, and has the places `{value}`,
`{slot}`, `{channel}` and `{purpose}`, which become names of parameters that are counted up.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString, cast
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.contacts.conditions import All, AnyOf, Condition, Not, Question
from leadsrally.kit.phone import variants

_THREADS: Final = "(SELECT {what} FROM conversations AS v WHERE v.organization_id = c.organization_id AND v.contact_id = c.id)"
_LAST_MESSAGE: Final = _THREADS.format(what="max(v.last_message_at)")
_LAST_INBOUND: Final = """(SELECT max(m.said_at)
    FROM conversations AS v
   CROSS JOIN LATERAL (
        SELECT said_at
          FROM messages
         WHERE organization_id = v.organization_id AND conversation_id = v.id AND direction = 'inbound'
         ORDER BY said_at DESC
         LIMIT 1) AS m
   WHERE v.organization_id = c.organization_id AND v.contact_id = c.id)"""
_VALUE: Final = "(c.fields -> {slot}::text)"
_NUMBER: Final = (
    f"CASE jsonb_typeof({_VALUE}) WHEN 'number' THEN {_VALUE}::numeric {{op}} {{value}}::numeric END"
)
_DAY: Final = '((c.fields ->> {slot}::text) COLLATE "C")'

# By what a question is about and how it asks.
FRAGMENTS: Final[Mapping[tuple[str, str], str]] = {
    (
        "name",
        "words",
    ): "name_words(c.organization_id, c.name) @@ words_wanted(c.organization_id, {value}::text)",
    ("name", "equal"): "lower(c.name) = lower({value}::text)",
    ("name", "empty"): "(c.name = '') = {value}::boolean",
    ("email", "equal"): "c.email_key = lower({value}::text)",
    ("email", "starts"): "starts_with(c.email_key, lower({value}::text))",
    ("email", "empty"): "(c.email = '') = {value}::boolean",
    ("phone", "equal"): (
        "(c.phone = ANY ({value}::text[]) OR EXISTS (SELECT 1 FROM contact_identities AS i"
        " WHERE i.organization_id = c.organization_id AND i.contact_id = c.id AND i.kind = 'number'"
        " AND i.value = ANY ({value}::text[]) AND i.retired_at IS NULL))"
    ),
    ("phone", "starts"): "starts_with(c.phone, {value}::text)",
    ("phone", "ends"): "right(c.phone, length({value}::text)) = {value}::text",
    ("phone", "empty"): "(c.phone IS NULL) = {value}::boolean",
    # `OFFSET 0`: one look into the index for each person who is asked about, never the whole table into a hash.
    ("tag", "set"): (
        "EXISTS (SELECT 1 FROM contact_tags AS t WHERE t.organization_id = c.organization_id"
        " AND t.contact_id = c.id AND t.tag_id = {value}::uuid OFFSET 0)"
    ),
    ("created_at", "before"): "c.created_at < {value}::timestamptz",
    ("created_at", "after"): "c.created_at >= {value}::timestamptz",
    ("created_at", "within_days"): "c.created_at >= {value}::timestamptz",
    ("last_message_at", "before"): f"{_LAST_MESSAGE} < {{value}}::timestamptz",
    ("last_message_at", "after"): f"{_LAST_MESSAGE} >= {{value}}::timestamptz",
    ("last_message_at", "within_days"): f"{_LAST_MESSAGE} >= {{value}}::timestamptz",
    ("last_message_at", "empty"): f"({_LAST_MESSAGE} IS NULL) = {{value}}::boolean",
    ("last_inbound_at", "before"): f"{_LAST_INBOUND} < {{value}}::timestamptz",
    ("last_inbound_at", "after"): f"{_LAST_INBOUND} >= {{value}}::timestamptz",
    ("last_inbound_at", "within_days"): f"{_LAST_INBOUND} >= {{value}}::timestamptz",
    ("last_inbound_at", "empty"): f"({_LAST_INBOUND} IS NULL) = {{value}}::boolean",
    ("interest", "at_least"): f"{_THREADS.format(what='max(v.interest)')} >= {{value}}::numeric",
    ("interest", "at_most"): f"{_THREADS.format(what='max(v.interest)')} <= {{value}}::numeric",
    ("intent", "equal"): f"{_THREADS.format(what='bool_or(v.intent = {value}::text)')}",
    (
        "unread",
        "equal",
    ): f"coalesce({_THREADS.format(what='max(v.unread_count)')} > 0, false) = {{value}}::boolean",
    ("restricted", "equal"): "(c.restricted_at IS NOT NULL) = {value}::boolean",
    ("consent", "equal"): (
        "coalesce((SELECT s.state FROM consent_states AS s WHERE s.organization_id = c.organization_id"
        " AND s.contact_id = c.id AND s.channel_kind = {channel}::text AND s.purpose = {purpose}::text), 'none')"
        " = {value}::text"
    ),
    ("fields.text", "equal"): "c.fields @> {value}::jsonb",
    ("fields.text", "contains"): "position(lower({value}::text) IN lower(c.fields ->> {slot}::text)) > 0",
    ("fields.text", "empty"): "(NOT c.fields ? {slot}::text) = {value}::boolean",
    ("fields.number", "equal"): "c.fields @> {value}::jsonb",
    ("fields.number", "at_least"): _NUMBER.replace("{op}", ">="),
    ("fields.number", "at_most"): _NUMBER.replace("{op}", "<="),
    ("fields.number", "empty"): "(NOT c.fields ? {slot}::text) = {value}::boolean",
    ("fields.date", "equal"): "c.fields @> {value}::jsonb",
    ("fields.date", "before"): f"{_DAY} < {{value}}::text",
    ("fields.date", "after"): f"{_DAY} >= {{value}}::text",
    ("fields.date", "empty"): "(NOT c.fields ? {slot}::text) = {value}::boolean",
    ("fields.boolean", "equal"): "c.fields @> {value}::jsonb",
    ("fields.boolean", "empty"): "(NOT c.fields ? {slot}::text) = {value}::boolean",
    ("fields.choice", "equal"): "c.fields @> {value}::jsonb",
    ("fields.choice", "one_of"): "(c.fields ->> {slot}::text) = ANY ({value}::text[])",
    ("fields.choice", "empty"): "(NOT c.fields ? {slot}::text) = {value}::boolean",
}


@dataclass(slots=True)
class Compiled:
    """A boolean expression about `c`, with its parameters."""

    sql: LiteralString
    params: dict[str, Any] = field(default_factory=dict[str, Any])


def compiled(condition: Condition, *, now: datetime) -> Compiled:
    """The condition as it is at `now`."""
    params: dict[str, Any] = {}
    return Compiled(_sql(condition, params, now), params)


def _sql(condition: Condition, params: dict[str, Any], now: datetime) -> LiteralString:
    match condition:
        case All(parts):
            return "(" + " AND ".join(["true", *(_sql(part, params, now) for part in parts)]) + ")"
        case AnyOf(parts):
            return "(" + " OR ".join([_sql(part, params, now) for part in parts]) + ")"
        case Not(part):
            return "(NOT " + _sql(part, params, now) + ")"
        case Question():
            return _question(condition, params, now)


def _question(question: Question, params: dict[str, Any], now: datetime) -> LiteralString:
    number = len(params)
    channel, purpose = question.of or (None, None)
    given = {"value": answer(question, now), "slot": question.slot, "channel": channel, "purpose": purpose}
    text = FRAGMENTS[question.on, question.how]
    for name, value in given.items():
        if f"{{{name}}}" in text:
            params[f"{name}_{number}"] = value
            text = text.replace(f"{{{name}}}", f"%({name}_{number})s")
    # Fragments are literals of this file and the names hold a number only.
    return cast(LiteralString, f"coalesce({text}, false)")


def answer(question: Question, now: datetime) -> Any:
    """What the question wants, as its fragment takes it."""
    value = question.value
    if question.on == "phone" and question.how == "equal":
        return list(variants(str(value)))
    if question.how == "within_days" and isinstance(value, int):
        return now - timedelta(days=value)
    if question.how == "equal" and question.slot is not None:
        return Jsonb({question.slot: value})
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Way:
    """How those of whom a question is true are found without looking at everybody."""

    kind: str  # name, email, ending, fields: as contacts_found knows them; tag; number
    wanted: str | UUID


def ways_to(condition: Condition) -> tuple[Way, ...]:
    """Ways that together lead to all of whom the condition is true, the surest there are. Empty: there are none."""
    found = _ways(condition)
    return () if found is None else found[1]


def _ways(condition: Condition) -> tuple[int, tuple[Way, ...]] | None:
    match condition:
        case Question():
            return _way(condition)
        case All(parts):
            return min(filter(None, map(_ways, parts)), key=lambda found: found[0], default=None)
        case AnyOf(parts):
            each = [_ways(part) for part in parts]
            found = [one for one in each if one is not None]
            if len(found) < len(each):
                return None
            return max(rank for rank, _ in found), tuple(way for _, ways in found for way in ways)
        case Not():
            return None


def _way(question: Question) -> tuple[int, tuple[Way, ...]] | None:
    value = question.value
    if question.how == "equal" and question.slot is not None and question.on != "fields.boolean":
        return 5, (Way("fields", json.dumps({question.slot: value})),)
    ranked = _WAYS.get((question.on, question.how))
    if ranked is None or value is None:
        return None
    rank, kind = ranked
    wanted = value if isinstance(value, UUID) else str(value)
    return rank, (Way(kind, wanted.lower() if kind == "email" and isinstance(wanted, str) else wanted),)


# The lower, the fewer they lead to.
_WAYS: Final = {
    ("phone", "equal"): (0, "number"),
    ("email", "equal"): (1, "email"),
    ("email", "starts"): (1, "email"),
    ("phone", "ends"): (2, "ending"),
    ("name", "words"): (3, "name"),
    ("tag", "set"): (4, "tag"),
}
