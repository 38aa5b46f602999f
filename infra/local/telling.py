"""What a story is told with: somebody who has logged in, and steps that are so or end it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from leadsrally.kit.errors import Misconfigured

_PATIENCE_SECONDS = 30.0


class StoryBroken(Exception):
    """A step was not so."""


class Teller:
    """Asks the API as the demo's owner."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url
        self.token: str | None = None

    def api(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        return fetch(urllib.request.Request(f"{self._base}{path}", data=data, headers=sent, method=method))

    def edit(self, path: str, changes: dict[str, Any]) -> tuple[int, Any]:
        """Change what is there now."""
        asked = urllib.request.Request(
            f"{self._base}{path}", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as read:
            return self.api("PATCH", path, changes, {"If-Match": read.headers["ETag"]})

    def thread(self, conversation: dict[str, Any]) -> list[dict[str, Any]]:
        """Its messages, newest first."""
        _, page = self.api("GET", f"/v1/conversations/{conversation['id']}/messages")
        return page["items"]

    def until(self, look: Callable[[], Any], otherwise: str) -> Any:
        """What `look` finds, as soon as it does. Raises `StoryBroken` after a while."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.1)
        raise StoryBroken(otherwise)


def fetch(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            raw = response.read()
            return response.status, json.loads(raw) if raw else None
    except urllib.error.HTTPError as error:
        raw = error.read()
        return error.code, json.loads(raw) if raw else None
    except urllib.error.URLError:
        raise Misconfigured("Nothing answers at the address in .leadsrally/demo.json. Run: make up") from None


def so(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoryBroken(otherwise)


def step(what: str, stored: str) -> None:
    print(f"  ✓ {what.ljust(38)} {stored}")
