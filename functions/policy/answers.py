"""The same facts for programs."""

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from functions.policy.facts import Facts, is_stale, promise_of
from leadsrally.disclosures.subprocessors import MECHANISM
from leadsrally.kit.gateway import Response
from leadsrally.privacy.policy.text import ENGLISH
from leadsrally.privacy.policy.versions import Version


def policy(facts: Facts) -> dict[str, Any]:
    """The text, section by section, with what stands about each clause."""
    names = {"privacy": facts.reach.privacy, "support": facts.reach.support}
    return {
        "last_updated": facts.text.dated,
        "effective_at": facts.version and facts.version.effective_at,
        "present": facts.present,
        "language": ENGLISH,
        "coming": [_version(version) for version in facts.coming],
        "contact": names,
        "sections": [
            {
                "number": section.number,
                "title": section.title,
                "lead": section.lead,
                "clauses": [
                    {"id": item.clause, "text": item.text.format(**names), **_mark(facts, item.clause)}
                    for item in section.items
                ],
            }
            for section in facts.text.sections
        ],
    }


def status(facts: Facts) -> dict[str, Any]:
    """What the newest check of each clause found."""
    return {
        "clauses": [
            {"id": item.clause, "promise": promise_of(facts, item), **_mark(facts, item.clause)}
            for section in facts.text.sections
            for item in section.items
        ]
    }


def subprocessors(facts: Facts) -> dict[str, Any]:
    """Who else is told, what, and what binds them."""
    told = [asdict(entry) for entry in facts.subprocessors]
    for entry in told:
        entry["mechanism"] = MECHANISM[entry["mechanism"]]
        del entry["domains"]
    return {
        "items": told,
        "last_updated": facts.text.dated,
        "coming": [_version(version) for version in facts.coming],
    }


def _mark(facts: Facts, clause: str) -> dict[str, Any]:
    found = facts.stands.get(clause)
    return {
        "state": found.state if found else "not checked",
        "stale": found is not None and is_stale(facts, found),
        "sentence": found.sentence if found else "",
        "checked_at": found and found.checked_at,
        "passed_at": found and found.passed_at,
        "since": found and found.since,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "last_updated": version.dated,
        "summary": version.summary,
        "not_before": version.announced_for,
        "effective_at": version.effective_at,
    }


def json_of(told: Any) -> Response:
    return {
        "statusCode": 200,
        "headers": {
            "content-type": "application/json",
            "cache-control": "public, max-age=60",
            "vary": "accept",
            "x-content-type-options": "nosniff",
        },
        "body": json.dumps(told, default=_written),
    }


def _written(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
