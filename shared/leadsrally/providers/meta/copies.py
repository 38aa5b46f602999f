"""Deleting a file that was left with WhatsApp to be sent.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media, "Delete media".
There is no such call for a message.
"""

from typing import Final

from leadsrally.messaging.copies.types import Answer, Gone, NotYet, What
from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal

_NOTHING_THERE: Final = 100  # "Unsupported delete request. Object with ID … does not exist"
_NOT_LET_IN: Final = frozenset({10, 190, 200})
_TOO_OFTEN: Final = frozenset({4, 80007, 130429})


class MetaCopies:
    """`leadsrally.messaging.copies.types.Copies` of one WhatsApp account."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def delete(self, what: What, provider_id: str) -> Answer:
        """Deleting twice is harmless: what is not there is gone."""
        if what != "file":
            return NotYet("no_such_call")
        try:
            self._graph.delete(provider_id)
        except Refusal as refusal:
            if refusal.code == _NOTHING_THERE or refusal.status == 404:
                return Gone()
            away = refusal.status >= 500 or refusal.code in _NOT_LET_IN | _TOO_OFTEN
            return NotYet(f"meta_{refusal.code or refusal.status}", refusal.wait, everything=away)
        except GraphFailure as failure:
            return NotYet(failure.what, everything=True)
        return Gone()
