"""What each kind of notice speaks of, and where its button leads: one table.

A matter that no longer counts (a link that was used or has expired, a person who has left) is no matter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from leadsrally.jobs.types import Job
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid
from leadsrally.notices.matters import accounts, owned, rights
from leadsrally.notices.types import Kind, Link, Matter

Find = Callable[[Tx, Job, datetime], Matter | None]


@dataclass(frozen=True, slots=True)
class Telling:
    """How one kind is told: how its matter is found, and where its button leads."""

    find: Find
    link: Link | None = None


def telling(kind: str) -> tuple[Kind, Telling]:
    """The row of `TELLINGS` for a job's kind. Raises `Invalid` for one that this version does not know."""
    found = TELLINGS.get(cast("Kind", kind))
    if found is None:
        raise Invalid("This version knows no such notice.", code="unknown_kind")
    return cast("Kind", kind), found


TELLINGS: Final[Mapping[Kind, Telling]] = {
    "verify_signup": Telling(accounts.signup, Link("/verify", "signup")),
    "account_exists": Telling(accounts.user, Link("/login")),
    "reset_password": Telling(accounts.reset, Link("/reset", "reset")),
    "password_changed": Telling(accounts.user),
    "change_email": Telling(accounts.change_email, Link("/email", "email")),
    "email_changed": Telling(accounts.email_changed),
    "invitation": Telling(accounts.invitation, Link("/invite", "invite")),
    "new_login": Telling(accounts.new_login),
    "role_changed": Telling(accounts.user),
    "api_key_created": Telling(accounts.api_key),
    "second_factor_changed": Telling(accounts.user),
    "session_reuse": Telling(accounts.session_reuse),
    "invoice_ready": Telling(owned.invoice_ready, Link("/settings/billing")),
    "template_stopped": Telling(owned.template_stopped, Link("/templates")),
    "channel_trouble": Telling(owned.channel_trouble, Link("/channels")),
    "channel_attention": Telling(owned.channel_trouble, Link("/channels")),
    "token_expiring": Telling(owned.token_expiring, Link("/channels")),
    "account_deletion": Telling(rights.account_deletion, Link("/settings/privacy")),
    "account_kept": Telling(rights.account_kept, Link("/settings/privacy")),
    "export_ready": Telling(rights.export_ready, Link("/settings/privacy")),
    "policy_change": Telling(rights.policy_change, Link("/policy")),
    "policy_reminder": Telling(rights.policy_reminder, Link("/policy")),
    "incident": Telling(rights.incident),
}
