"""Who calls the Graph API, what they may, and the pages in which they get lists."""

from collections.abc import Mapping
from typing import Any

from infra.simulators.meta.accounts import MetaApp, Token
from infra.simulators.meta.errors import Refused

MESSAGING, MANAGEMENT = "whatsapp_business_messaging", "whatsapp_business_management"


class Caller:
    """Who calls: an app, with one of its tokens or, as the app itself, with none."""

    def __init__(self, app: MetaApp, token: Token | None) -> None:
        self.app = app
        self.token = token

    def needs(self, scope: str) -> None:
        if self.token is not None and scope not in self.token.scopes:
            raise Refused(200 if scope == MANAGEMENT else 10, scope)


def paged(items: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """A page by cursor. https://developers.facebook.com/docs/graph-api/results"""
    limit = min(max(int(given.get("limit", 25)), 1), 1000)
    after = str(given.get("after", ""))
    start = int(after.removeprefix("QVFI")) if after else 0
    shown = items[start : start + limit]
    if not shown:
        return {"data": []}
    cursors = {"before": f"QVFI{start}", "after": f"QVFI{start + len(shown)}"}
    told: dict[str, Any] = {"data": shown, "paging": {"cursors": cursors}}
    if start + limit < len(items):
        # Real ones carry the token of whoever asked; whoever follows them blindly logs it.
        told["paging"]["next"] = f"https://graph.facebook.com/next?limit={limit}&after={cursors['after']}"
    return told
