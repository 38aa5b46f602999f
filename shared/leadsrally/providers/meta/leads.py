"""Lead forms of a page and what people left in them.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from leadsrally.kit.errors import Limited, Unavailable
from leadsrally.kit.text import storable
from leadsrally.messaging.leads.types import (
    Advertising,
    Answer,
    Checkbox,
    Disclaimer,
    Form,
    FormState,
    Lead,
    LeadPage,
    Question,
    TokenRefused,
    Withheld,
)
from leadsrally.providers.meta.graph import Graph, GraphFailure, Refusal
from leadsrally.providers.meta.leadgen import node, optional_node
from leadsrally.providers.meta.reading import instant, listing, mapping, text

# https://developers.facebook.com/docs/marketing-api/reference/user-lead-gen-info, v26.0. What a car dealer's or an
# estate agent's catalogue adds (vehicle, home_listing, retailer_item_id) is asked for by nobody yet.
LEAD_FIELDS: Final = (
    "id,created_time,field_data,form_id,ad_id,ad_name,adset_id,adset_name,campaign_id,campaign_name,is_organic,"
    "platform,custom_disclaimer_responses"
)
FORM_FIELDS: Final = (
    "id,name,locale,status,questions,privacy_policy_url,"
    "legal_content{privacy_policy,custom_disclaimer{title,body,checkboxes}}"
)
PAGE_SIZE: Final = 100
MOST_ANSWERS: Final = 100
LONGEST_ANSWER: Final = 4_000

# https://developers.facebook.com/docs/graph-api/guides/error-handling and …/overview/rate-limiting: an access token
# that is over (0, 102, 190 and their like); too many calls by the app (4), the user (17), the page (32, 613) or of
# this kind for the page (80005).
_TOKEN: Final = frozenset((0, 102, 190, 458, 459, 460, 463, 464, 467, 492))
_RATES: Final = frozenset((4, 17, 32, 613, 80005))
_WAIT: Final = 300.0  # seconds, when Meta does not say how long
_PERMISSIONS: Final = range(200, 300)

_STATES: Final[Mapping[str, FormState]] = {
    "ACTIVE": "active",
    "ARCHIVED": "archived",
    "DRAFT": "draft",
    "DELETED": "deleted",
}


class MetaLeads:
    """`leadsrally.messaging.leads.types.LeadSource` by way of the Graph API."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def lead(self, lead_id: str) -> Lead:
        """Raises `Withheld` also when what came is not this lead."""
        read = lead(self._get(lead_id, fields=LEAD_FIELDS))
        if read is None or read.id != lead_id:
            raise Withheld("Meta answered with something that is not this lead.", code="unreadable")
        return read

    def form(self, form_id: str) -> Form:
        """Raises `Withheld` also when what came is not this form."""
        read = form(self._get(form_id, fields=FORM_FIELDS))
        if read is None or read.id != form_id:
            raise Withheld("Meta answered with something that is not this form.", code="unreadable")
        return read

    def forms(self, page_id: str) -> list[Form]:
        try:
            items = list(self._graph.listing(f"{page_id}/leadgen_forms", fields=FORM_FIELDS, limit=PAGE_SIZE))
        except GraphFailure as failure:
            raise _told(failure) from None
        return [read for item in items if (read := form(item)) is not None]

    def leads(self, form_id: str, since: datetime, after: str | None) -> LeadPage:
        rule = {"field": "time_created", "operator": "GREATER_THAN", "value": int(since.timestamp())}
        further = {} if after is None else {"after": after}
        try:
            items, next_after = self._graph.page(
                f"{form_id}/leads",
                fields=LEAD_FIELDS,
                filtering=json.dumps([rule], separators=(",", ":")),
                limit=PAGE_SIZE,
                **further,
            )
        except GraphFailure as failure:
            raise _told(failure) from None
        return LeadPage(
            tuple(read for item in items if (read := lead(item, form_id)) is not None), next_after
        )

    def test_leads(self, form_id: str) -> frozenset[str]:
        try:
            items = list(self._graph.listing(f"{form_id}/test_leads", fields="id", limit=PAGE_SIZE))
        except GraphFailure as failure:
            raise _told(failure) from None
        return frozenset(node(item.get("id")) for item in items)

    def _get(self, path: str, **params: str) -> Mapping[str, object]:
        try:
            return self._graph.get(path, **params)
        except GraphFailure as failure:
            raise _told(failure) from None


def _told(failure: GraphFailure) -> Exception:
    """What is certain about a call that brought nothing, in the house's errors."""
    if not isinstance(failure, Refusal):
        return Unavailable("Meta did not answer. Try again in a few minutes.", code="not_answered")
    code = failure.code
    if code in _TOKEN:
        return TokenRefused("Connect the page again with a current access token.", code=str(code))
    if code in _RATES or failure.status == 429:
        return Limited(
            "Meta takes no more calls for this page at the moment.",
            code="rate_limited",
            retry_after=failure.wait or _WAIT,
        )
    if code in (3, 10, 100) or (code is not None and code in _PERMISSIONS):
        return Withheld("Meta has no such thing, or withholds it from this access.", code=str(code))
    return Unavailable(
        "Meta cannot be asked at the moment. Try again in a few minutes.",
        code="not_answered" if code is None else str(code),
        retry_after=failure.wait,
    )


def lead(item: Mapping[str, object], form_id: str = "") -> Lead | None:
    """A lead out of Meta's JSON, or None when it is none. Never raises.

    `form_id` is the form that was read, where the lead itself does not say.
    """
    lead_id = node(item.get("id"))
    if not lead_id:
        return None
    organic = item.get("is_organic")
    return Lead(
        id=lead_id,
        form_id=node(item.get("form_id")) or form_id,
        submitted_at=moment(item.get("created_time")),
        answers=_answers(item.get("field_data")),
        ticked=tuple(
            key
            for response in map(mapping, listing(item.get("custom_disclaimer_responses"))[:MOST_ANSWERS])
            if _ticked(response.get("is_checked")) and (key := text(response.get("checkbox_key"), 200))
        ),
        organic=organic if isinstance(organic, bool) else None,
        advertising=Advertising(
            platform=text(item.get("platform"), 40) or None,
            ad_id=optional_node(item.get("ad_id")),
            ad_name=text(item.get("ad_name"), 400) or None,
            adset_id=optional_node(item.get("adset_id")),
            adset_name=text(item.get("adset_name"), 400) or None,
            campaign_id=optional_node(item.get("campaign_id")),
            campaign_name=text(item.get("campaign_name"), 400) or None,
        ),
    )


def _answers(field_data: object) -> tuple[Answer, ...]:
    """Answers in their order. Those to the same key are one answer with all values."""
    found: dict[str, list[str]] = {}
    for one in map(mapping, listing(field_data)[:MOST_ANSWERS]):
        key = text(one.get("name"), 200)
        if key:
            values = listing(one.get("values"))[:MOST_ANSWERS]
            found.setdefault(key, []).extend(text(value, LONGEST_ANSWER) for value in values)
    return tuple(Answer(key, tuple(values)) for key, values in found.items())


def _ticked(value: object) -> bool:
    """Meta writes "1" for a ticked box, and "" or "0" for one that is not."""
    return value is True or text(value, 8).strip().lower() in ("1", "true")


def moment(value: object) -> datetime | None:
    """`created_time` of a node: ISO 8601 with +0000; elsewhere Meta writes the same as Unix seconds."""
    written = storable(value)[0] if isinstance(value, str) and len(value) <= 40 else ""
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return instant(value)
    return read if read.tzinfo is not None else instant(value)


def form(item: Mapping[str, object]) -> Form | None:
    """A form out of Meta's JSON, or None when it is none. Never raises."""
    form_id = node(item.get("id"))
    if not form_id:
        return None
    legal = mapping(item.get("legal_content"))
    url = text(item.get("privacy_policy_url"), 2048) or text(
        mapping(legal.get("privacy_policy")).get("url"), 2048
    )
    return Form(
        id=form_id,
        name=text(item.get("name"), 300),
        locale=text(item.get("locale"), 16),
        state=_STATES.get(text(item.get("status"), 32).upper(), "unknown"),
        questions=tuple(
            Question(key, text(one.get("label"), 1000) or key, text(one.get("type"), 64).upper() or "CUSTOM")
            for one in map(mapping, listing(item.get("questions"))[:MOST_ANSWERS])
            if (key := text(one.get("key"), 200))
        ),
        disclaimer=_disclaimer(mapping(legal.get("custom_disclaimer"))),
        privacy_url=url or None,
    )


def _disclaimer(given: Mapping[str, object]) -> Disclaimer | None:
    body = given.get("body")
    words = text(mapping(body).get("text"), 10_000) or text(body, 10_000)
    boxes = tuple(
        Checkbox(
            key,
            text(one.get("text"), 10_000),
            required=one.get("is_required") is True,
            ticked_before=one.get("is_checked_by_default") is True,
        )
        for one in map(mapping, listing(given.get("checkboxes"))[:20])
        if (key := text(one.get("key"), 200))
    )
    title = text(given.get("title"), 300)
    return Disclaimer(title, words, boxes) if (title or words or boxes) else None
