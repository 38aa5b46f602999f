"""Leaving files with WhatsApp, to be sent by the id that Meta gives them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media, "Upload media":
Meta keeps a copy for thirty days, for the number that it was left with.
"""

from collections.abc import Iterable
from typing import Final

from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal, Unreached
from leadsrally.providers.meta.reading import identifier
from leadsrally.providers.meta.sender import refused
from leadsrally.sending.types import Left, NotProcessed, Rejected

SECONDS: Final = 60.0  # for each wait


class MetaDepot:
    """`leadsrally.sending.types.Depot` for one WhatsApp number. Meta may take its time with a large file: `SECONDS`."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def leave(
        self, sender: str, chunks: Iterable[bytes], *, file_name: str, content_type: str, size: int
    ) -> Left | NotProcessed | Rejected:
        """As `Depot` says. A silence is no harm here: what Meta may have kept is known to nobody and ends by itself."""
        try:
            answer = self._graph.upload(
                f"{sender}/media",
                {"messaging_product": "whatsapp", "type": content_type},
                file_name,
                chunks,
                content_type=content_type,
                size=size,
            )
        except Refusal as refusal:
            outcome = refused(refusal)
            return outcome if isinstance(outcome, NotProcessed | Rejected) else NotProcessed(refusal.what)
        except Unreached as failure:
            return NotProcessed(failure.what)
        except GraphFailure as failure:
            # A large file may be slow. Whoever else is written to does not wait for it.
            return NotProcessed(failure.what, holds="pair")
        media_id = identifier(answer.get("id"))
        return Left(media_id) if media_id else NotProcessed("Meta's answer named no file", holds="pair")
