"""Who may do what: one table of roles and actions.

The API enforces it, the contract shows it, and a test walks every route with every role. What an API key or an
access token may do is its scopes, which are actions too, and never more than its person's role allows.
"""

from typing import Literal, get_args

from leadsrally.accounts.types import Role

Action = Literal[
    "me.read",
    "me.edit",
    "notifications.read",
    "organization.read",
    "organization.edit",
    "members.read",
    "members.manage",
    "api_keys.manage",
    "audit.read",
    "channels.read",
    "channels.manage",
    "templates.read",
    "templates.manage",
    "conversations.read",
    "conversations.write",
    "contacts.read",
    "contacts.write",
    "consents.read",
    "consents.write",
    "contacts.bulk",
    "contacts.export",
    "fields.manage",
    "imports.read",
    "imports.manage",
    "suppressions.read",
    "suppressions.manage",
    "leads.read",
    "leads.manage",
    "deliveries.read",
    "disclosures.read",
    "policy.read",
    "policy.accept",
    "record.read",
    "exports.manage",
    "billing.read",
    "retention.read",
    "retention.manage",
    "erasures.manage",
    "account.delete",
    "jobs.read",
    "jobs.replay",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

_ALL: frozenset[Role] = frozenset(("owner", "admin", "agent", "viewer"))
_WORKING: frozenset[Role] = frozenset(("owner", "admin", "agent"))
_LEADING: frozenset[Role] = frozenset(("owner", "admin"))
_OWNING: frozenset[Role] = frozenset(("owner",))

MAY: dict[Action, frozenset[Role]] = {
    "me.read": _ALL,
    "me.edit": _ALL,
    "notifications.read": _ALL,
    "organization.read": _ALL,
    "organization.edit": _LEADING,
    "members.read": _ALL,
    "members.manage": _LEADING,  # an owner is made, changed and removed by owners only
    "api_keys.manage": _LEADING,
    "audit.read": _LEADING,
    "channels.read": _ALL,
    "channels.manage": _LEADING,
    "templates.read": _ALL,
    "templates.manage": _LEADING,
    "conversations.read": _ALL,
    "conversations.write": _WORKING,
    "contacts.read": _ALL,
    "contacts.write": _WORKING,
    "consents.read": _ALL,
    "consents.write": _WORKING,
    "contacts.bulk": _LEADING,  # many people at once
    "contacts.export": _LEADING,
    "fields.manage": _LEADING,
    "imports.read": _WORKING,  # a sample of the file is shown
    "imports.manage": _LEADING,
    "suppressions.read": _WORKING,
    "suppressions.manage": _LEADING,
    "leads.read": _ALL,
    "leads.manage": _LEADING,
    "deliveries.read": _ALL,
    "disclosures.read": _ALL,
    "policy.read": _ALL,
    "policy.accept": _OWNING,
    "record.read": _LEADING,
    "exports.manage": _LEADING,
    "billing.read": _OWNING,
    "retention.read": _ALL,
    "retention.manage": _LEADING,  # a shorter window deletes
    "erasures.manage": _LEADING,
    "account.delete": _OWNING,
    "jobs.read": _ALL,
    "jobs.replay": _WORKING,
}


# What an owner may still do while the organisation leaves: see it, undo it, and take the data along.
WHILE_LEAVING: frozenset[Action] = frozenset(
    ("me.read", "organization.read", "notifications.read", "account.delete", "exports.manage")
)


def scopes_of(role: Role) -> frozenset[Action]:
    """Everything that a role may do."""
    return frozenset(action for action, roles in MAY.items() if role in roles)
