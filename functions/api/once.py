"""A POST that creates or sends is done once, however often it comes: `Idempotency-Key`.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import TypeAdapter

from functions.api.asking import Asked, Asking
from leadsrally.accounts import repeats
from leadsrally.accounts.repeats import Repeatable

Answer = TypeVar("Answer")

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="A word of your own for this request. Sent again with the same key within a day, it is not "
        "done again and gets the same answer; another request with the key is refused.",
        examples=["5f1c2f6e-4a8b-4a4e-9a35-1f0b6a1f9a52"],
    ),
]


@dataclass(frozen=True, slots=True)
class Repeats:
    """Does a thing once. Without a key, each request is the first."""

    asked: Asking
    request: Repeatable | None

    def __call__(self, kind: type[Answer], act: Callable[[], Answer], *, shown_once: bool = False) -> Answer:
        """What `act` returns, or what it returned when this request came first.

        An answer that is `shown_once` is not kept, so a repeat gets `Conflict` instead. Raises `Conflict`
        for another request with the same key.
        """
        if self.request is None:
            return act()
        tx = self.asked.tx
        adapter: TypeAdapter[Answer] = TypeAdapter(kind)
        if not repeats.take(tx, self.request, now=self.asked.door.clock()):
            return adapter.validate_python(repeats.first_answer(tx, self.request))
        answer = act()
        if not shown_once:
            repeats.keep_answer(tx, self.request, adapter.dump_python(answer, mode="json"))
        return answer


async def _repeats(request: Request, asked: Asked, key: Key = None) -> Repeats:
    if key is None:
        return Repeats(asked, None)
    # Hashed with a key, since a body may hold an address that a plain hash would let somebody guess.
    told = hashlib.sha256(await request.body()).hexdigest()
    words = f"{request.method} {request.url.path}?{request.url.query} {told}"
    organization_id, actor_id = asked.person.organization_id, asked.actor.id or asked.person.id
    hashed = asked.door.hashes.of(organization_id, "request", words)
    return Repeats(asked, Repeatable(organization_id, actor_id, key, hashed))


Once = Annotated[Repeats, Depends(_repeats)]
"""For a route: `return once(Answer, lambda: verb(…))`."""
