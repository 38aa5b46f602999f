"""Lists come in pages: `?limit=&cursor=`, with the next page's cursor in the answer."""

from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from leadsrally.kit.cursor import LONGEST, Place

Item = TypeVar("Item", bound=BaseModel)

Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most.")]
Cursor = Annotated[
    str | None, Query(max_length=LONGEST, description="`next` of the page before; leave out for the first.")
]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: str | None = Field(
        description="Cursor of the next page; null on the last one.",
        examples=["MjAyNi0xMS0yNFQxNTowNDowNVog…"],
    )


def next_cursor(rows: list[dict[str, Any]], limit: int, at: str) -> str | None:
    """The cursor after the last of `rows`, sorted by column `at` and by id, when there may be more."""
    return str(Place(rows[-1][at], rows[-1]["id"])) if len(rows) == limit else None
