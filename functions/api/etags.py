"""Two people who edit the same thing lose nothing: the second must have read what the first wrote.

An answer that can be edited carries the version of its row as `ETag`; the edit sends it back as `If-Match`
(RFC 9110 section 13.1.1). The row's version counts up in the UPDATE that asks for the old one.
"""

import re
from typing import Annotated, Any

from fastapi import Depends, Header

from leadsrally.kit.errors import Stale, Unconditional

_TAG = re.compile(r'"([1-9][0-9]{0,8})"', re.ASCII)


def tag(version: int) -> str:
    """The entity tag of a row's version."""
    return f'"{version}"'


def headers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer carries an `ETag`."""
    schema = {"type": "string", "examples": [tag(3)]}
    told = {"ETag": {"description": "The version, for `If-Match` of an edit.", "schema": schema}}
    return {status: {"headers": told} for status in statuses}


def version_of(if_match: str | None) -> int:
    """Raises `Unconditional` without a tag, and `Stale` for what is no single tag of ours."""
    if if_match is None:
        raise Unconditional(
            "Send the ETag of what you read as If-Match, so that nobody's change is lost.",
            code="if_match_missing",
        )
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        raise Stale
    return int(found[1])


async def _if_match(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            max_length=100,
            description="The `ETag` of what you edit, as you read it. Required.",
            examples=[tag(3)],
        ),
    ] = None,
) -> int:
    return version_of(if_match)


IfMatch = Annotated[int, Depends(_if_match)]
"""The version that an edit was made of."""
