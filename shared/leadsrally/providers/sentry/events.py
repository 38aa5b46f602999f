"""Ask Sentry whether it still has what it should have forgotten.

https://docs.sentry.io/api/events/list-a-projects-error-events/ (a token with `project:read`). Sentry's plan fixes for
how long an event is kept when it comes in, and no answer of its API names that; what it still lists does.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from leadsrally.kit.errors import Misconfigured, Unavailable

BASE_URL: Final = "https://sentry.io"
_SECONDS: Final = 20.0
_BEFORE_ALL: Final = "2015-01-01T00:00:00"


@dataclass(frozen=True, slots=True)
class SentryEvents:
    """The error events of one project. `organization` and `project` are slugs."""

    organization: str
    project: str
    token: str = field(repr=False)
    base_url: str = BASE_URL

    def any_before(self, instant: datetime) -> bool:
        """Whether an event from before `instant` is still there.

        Raises `Misconfigured` when Sentry does not let us look, and `Unavailable` when it does not answer: neither says
        that there is none.
        """
        import httpx2

        try:
            answer = httpx2.get(
                f"{self.base_url}/api/0/projects/{self.organization}/{self.project}/events/",
                params={"start": _BEFORE_ALL, "end": instant.strftime("%Y-%m-%dT%H:%M:%S"), "full": "false"},
                headers={"authorization": f"Bearer {self.token}"},
                timeout=_SECONDS,
                follow_redirects=False,
            )
            found = answer.json() if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            raise Unavailable("Sentry does not answer. Try again later.", code="sentry_away") from None
        if answer.status_code in (401, 403, 404):
            raise Misconfigured(
                "Sentry does not let us look. Give a token with project:read, and the slugs of the organisation and the"
                " project.",
                code="sentry_refuses",
            )
        if not isinstance(found, list):
            raise Unavailable("Sentry does not answer as it should. Try again later.", code="sentry_away")
        return found != []
