"""Lead Ads: pages with forms, leads that people leave there, and the word to our webhook that there is one.

https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving
"""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.simulators.meta.accounts import Lead, LeadForm, MetaApp, Page
from infra.simulators.meta.calling import Caller, paged
from infra.simulators.meta.errors import Refused
from infra.simulators.meta.webhook import Answer, WebhookCaller

Given = Mapping[str, Any]
_DEFAULT_FIELDS = "id,created_time,field_data"


class Leads:
    def __init__(self, caller: WebhookCaller) -> None:
        self.caller = caller

    # -- the Graph API --------------------------------------------------------------------------------------

    def node(self, caller: Caller, node: str, method: str, given: Given) -> dict[str, Any] | None:
        for page in caller.app.pages:
            if page.page_id == node:
                caller.needs("pages_show_list")
                return {"id": page.page_id, "name": page.name}
            for form in page.forms:
                if form.form_id == node:
                    caller.needs("leads_retrieval")
                    return _wanted(_form_json(page, form), given, "id,name,locale,status")
                for lead in form.leads:
                    if lead.id == node:
                        caller.needs("leads_retrieval")
                        if method == "DELETE":
                            form.leads.remove(lead)
                            return {"success": True}
                        return _wanted(_lead_json(form, lead), given, _DEFAULT_FIELDS)
        return None

    def edge(self, caller: Caller, node: str, edge: str, method: str, given: Given) -> dict[str, Any] | None:
        for page in caller.app.pages:
            if page.page_id == node:
                return self._page_edge(caller, page, edge, method, given)
            form = page.form(node)
            if form is not None:
                return self._form_edge(caller, form, edge, method, given)
        return None

    def _page_edge(
        self, caller: Caller, page: Page, edge: str, method: str, given: Given
    ) -> dict[str, Any] | None:
        match edge, method:
            case "leadgen_forms", "GET":
                caller.needs("pages_manage_ads")
                forms = [
                    _wanted(_form_json(page, form), given, "id,name,locale,status") for form in page.forms
                ]
                return paged(forms, given)
            case "subscribed_apps", "POST":
                caller.needs("pages_manage_metadata")
                page.subscribed_fields = tuple(str(given.get("subscribed_fields", "")).split(","))
                return {"success": True}
            case "subscribed_apps", "DELETE":
                page.subscribed_fields = ()
                return {"success": True}
            case "subscribed_apps", "GET":
                app = {"id": caller.app.app_id, "name": caller.app.name, "category": "Business"}
                told = {**app, "subscribed_fields": list(page.subscribed_fields)}
                return {"data": [told] if page.subscribed_fields else []}
        return None

    def _form_edge(
        self, caller: Caller, form: LeadForm, edge: str, method: str, given: Given
    ) -> dict[str, Any] | None:
        caller.needs("leads_retrieval")
        match edge, method:
            case "leads", "GET":
                found = sorted(form.leads, key=lambda lead: (lead.created, lead.id), reverse=True)
                found = [lead for lead in found if _passes(lead, str(given.get("filtering", "[]")))]
                return paged(
                    [_wanted(_lead_json(form, lead), given, _DEFAULT_FIELDS) for lead in found], given
                )
            case "test_leads", "GET":
                test = [lead for lead in form.leads if lead.test]
                return {"data": [{"id": lead.id} for lead in test]}
            case "test_leads", "POST":
                if any(lead.test for lead in form.leads):
                    raise Refused(100, "A test lead already exists for this form. Delete it first.")
                answers = given.get("field_data") or []
                answers = json.loads(answers) if isinstance(answers, str) else answers
                told = {one["name"]: list(one["values"]) for one in answers} or _dummies(form)
                lead = Lead(form.form_id, told, test=True, organic=True)
                form.leads.append(lead)
                return {"id": lead.id}
        return None

    # -- people -----------------------------------------------------------------------------------------------

    async def submit(
        self, app: MetaApp, page: Page, form: LeadForm, lead: Lead, order: Given
    ) -> dict[str, Any]:
        """Somebody has filled in the form: it is kept, and the app is told that there is one, without answers."""
        form.leads.append(lead)
        if order.get("silent"):  # the notification that never came: catching up must find it
            return {"lead_id": lead.id, "answer": Answer(None, error="silent", attempts=0).as_json()}
        if "leadgen" not in page.subscribed_fields:
            reason = "the page is not subscribed to leadgen"
            return {"lead_id": lead.id, "answer": Answer(None, error=reason, attempts=0).as_json()}
        document = leadgen_document(page, lead, integers=bool(order.get("integers")))
        answer = Answer(None)
        for _ in range(max(int(order.get("times", 1)), 1)):
            answer = await self.caller.tell(app, document)
        return {"lead_id": lead.id, "answer": answer.as_json()}


def leadgen_document(page: Page, lead: Lead, *, integers: bool = False) -> dict[str, Any]:
    """The notification. Ids are strings in recent captures and integers in older ones."""

    def told(value: str) -> str | int:
        return int(value) if integers else value

    value: dict[str, Any] = {
        "leadgen_id": told(lead.id),
        "page_id": told(page.page_id),
        "form_id": told(lead.form_id),
        "created_time": lead.created,
    }
    if not lead.organic:
        value |= {name: told(lead.extra[name]) for name in ("ad_id", "adgroup_id") if name in lead.extra}
    change = {"value": value, "field": "leadgen"}
    return {
        "object": "page",
        "entry": [{"id": told(page.page_id), "time": int(time.time()), "changes": [change]}],
    }


def _lead_json(form: LeadForm, lead: Lead) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": lead.id,
        "created_time": datetime.fromtimestamp(lead.created, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000"),
        "field_data": [{"name": name, "values": values} for name, values in lead.answers.items()],
        "form_id": form.form_id,
        "is_organic": lead.organic,
        "platform": "fb",
    }
    if form.disclaimer:
        told["custom_disclaimer_responses"] = [{"checkbox_key": "consent", "is_checked": "1"}]
    return told | lead.extra


def _form_json(page: Page, form: LeadForm) -> dict[str, Any]:
    disclaimer = {
        "title": "Consent",
        "body": {"text": form.disclaimer},
        "checkboxes": [{"key": "consent", "text": form.disclaimer, "is_required": True}],
    }
    return {
        "id": form.form_id,
        "name": form.name,
        "locale": form.locale,
        "status": form.status,
        "page_id": page.page_id,
        "questions": form.questions,
        "privacy_policy_url": form.privacy_url,
        "legal_content": {
            "privacy_policy": {"url": form.privacy_url},
            **({"custom_disclaimer": disclaimer} if form.disclaimer else {}),
        },
        "leads_count": len(form.leads),
        "created_time": "2026-10-01T09:00:00+0000",
    }


def _dummies(form: LeadForm) -> dict[str, list[str]]:
    """What the testing tool fills in: https://developers.facebook.com/tools/lead-ads-testing"""
    return {
        one["key"]: [f"<test lead: dummy data for {one['key']}>"] if one.get("type") == "CUSTOM" else ["test"]
        for one in form.questions
    }


def _wanted(node: dict[str, Any], given: Given, default: str) -> dict[str, Any]:
    wanted = [name.partition("{")[0] for name in str(given.get("fields") or default).split(",")]
    return {name: node[name] for name in node if name in (*wanted, "id")}


def _passes(lead: Lead, filtering: str) -> bool:
    """`filtering=[{field: time_created, operator: GREATER_THAN, value: …}]`, as the docs show for bulk reading."""
    for rule in json.loads(filtering or "[]"):
        if rule.get("field") != "time_created":
            raise Refused(100, f"Filtering on {rule.get('field')} is not supported")
        value = int(rule["value"])
        match rule.get("operator"):
            case "GREATER_THAN":
                kept = lead.created > value
            case "GREATER_THAN_OR_EQUAL":
                kept = lead.created >= value
            case "LESS_THAN":
                kept = lead.created < value
            case other:
                raise Refused(100, f"Operator {other} is not supported")
        if not kept:
            return False
    return True
