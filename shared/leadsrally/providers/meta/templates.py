"""Templates of a WhatsApp Business account, in every state, with what they want.

https://developers.facebook.com/docs/graph-api/reference/whats-app-business-account/message_templates
"""

from collections.abc import Mapping
from typing import Final

from leadsrally.kit.errors import Forbidden, Unavailable
from leadsrally.messaging.types import (
    Button,
    ButtonKind,
    Header,
    HeaderKind,
    Quality,
    TemplateCategory,
    TemplateForm,
    TemplateNews,
    TemplateState,
    Wording,
)
from leadsrally.providers.meta.error_codes import explain
from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal
from leadsrally.providers.meta.reading import identifier, listing, mapping, text

FIELDS: Final = "id,name,language,status,category,quality_score,rejected_reason,parameter_format,components"
PAGE_SIZE: Final = 100

_STATES: Final[Mapping[str, TemplateState]] = {
    "APPROVED": "approved",
    "PENDING": "pending",
    "REJECTED": "rejected",
    "PAUSED": "paused",
    "DISABLED": "disabled",
    "IN_APPEAL": "in_appeal",
    "DELETED": "deleted",
    "PENDING_DELETION": "deleted",
    "ARCHIVED": "archived",
    "LIMIT_EXCEEDED": "limit_exceeded",
}
_CATEGORIES: Final[Mapping[str, TemplateCategory]] = {
    "MARKETING": "marketing",
    "UTILITY": "utility",
    "AUTHENTICATION": "authentication",
}
_QUALITIES: Final[Mapping[str, Quality]] = {"GREEN": "green", "YELLOW": "yellow", "RED": "red"}
_HEADERS: Final[Mapping[str, HeaderKind]] = {
    "TEXT": "text",
    "IMAGE": "image",
    "VIDEO": "video",
    "DOCUMENT": "document",
    "LOCATION": "location",
}
_BUTTONS: Final[Mapping[str, ButtonKind]] = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "PHONE_NUMBER": "phone",
    "COPY_CODE": "copy_code",
}


class MetaTemplates:
    """`leadsrally.messaging.types.TemplateCatalogue` by way of the Graph API."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def templates(self, waba_id: str) -> list[TemplateNews]:
        """All of them, page after page. One that cannot be read is left out, and only that one.

        Raises `Unavailable` when Meta cannot be asked now, and `Forbidden`, its code Meta's, when the token is not
        good for it.
        """
        try:
            items = list(self._graph.listing(f"{waba_id}/message_templates", fields=FIELDS, limit=PAGE_SIZE))
        except GraphFailure as failure:
            raise _told(failure) from None
        read = [template(item) for item in items]
        return [one for one in read if one is not None]


def _told(failure: GraphFailure) -> Exception:
    if isinstance(failure, Refusal) and failure.code is not None:
        entry = explain(str(failure.code))
        if entry.effect == "attention" or failure.code == 100:
            return Forbidden(entry.remedy, code=entry.code)
    wait = failure.wait if isinstance(failure, Refusal) else None
    return Unavailable("Meta cannot be asked at the moment. Try again in a few minutes.", retry_after=wait)


def template(item: Mapping[str, object]) -> TemplateNews | None:
    """One template out of Meta's list, or None when it is none. Never raises."""
    provider_id, name, language = (
        identifier(item.get("id")),
        text(item.get("name"), 512),
        text(item.get("language"), 16),
    )
    form = _form(item)
    if not (provider_id and len(provider_id) <= 64 and name and len(language) >= 2 and form):
        return None
    reason = text(item.get("rejected_reason"), 64)
    return TemplateNews(
        provider_id=provider_id,
        name=name,
        language=language,
        # Older categories are what Meta now calls utility; marketing is the one that needs more consent, so nothing
        # unknown is taken for less.
        category=_CATEGORIES.get(text(item.get("category"), 64), "marketing"),
        state=_STATES.get(text(item.get("status"), 64), "unknown"),
        reason=None if reason in ("", "NONE") else reason.lower(),
        quality=_QUALITIES.get(text(mapping(item.get("quality_score")).get("score"), 16), "unknown"),
        form=form,
    )


def _form(item: Mapping[str, object]) -> TemplateForm | None:
    parts = {
        text(part.get("type"), 32).upper(): part for part in map(mapping, listing(item.get("components")))
    }
    if "BODY" not in parts:
        return None
    return TemplateForm(
        body=Wording.of(text(parts["BODY"].get("text"), 4096)),
        header=_header(parts["HEADER"]) if "HEADER" in parts else None,
        footer=text(mapping(parts.get("FOOTER")).get("text"), 256),
        buttons=tuple(map(_button, map(mapping, listing(mapping(parts.get("BUTTONS")).get("buttons"))[:20]))),
        named=text(item.get("parameter_format"), 16).upper() == "NAMED",
    )


def _header(part: Mapping[str, object]) -> Header:
    # A kind that we do not know cannot be filled in, as a location cannot.
    kind: HeaderKind = _HEADERS.get(text(part.get("format"), 32).upper(), "location")
    return Header(kind, Wording.of(text(part.get("text"), 256)) if kind == "text" else Wording(""))


def _button(part: Mapping[str, object]) -> Button:
    kind: ButtonKind = _BUTTONS.get(text(part.get("type"), 32).upper(), "other")
    url = text(part.get("url"), 2048) or None
    wants = kind == "copy_code" or (kind == "url" and url is not None and bool(Wording.of(url).values))
    return Button(kind, text(part.get("text"), 64), url if kind == "url" else None, wants)
