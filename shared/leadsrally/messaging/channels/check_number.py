"""Ask Twilio whether a channel can work: signed in, number there, able to text, texts sent to us."""

from dataclasses import asdict
from typing import Final

from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.checklist import Check
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Connected, Workbench, connected
from leadsrally.messaging.types import AccountState, OwnedNumber, ProviderRefused

# Codes of Twilio's that say the same about a message; their pages explain what to do.
_SUSPENDED: Final = "30002"
_TRIAL: Final = "21608"
_NOT_FOR_TEXTS: Final = "21606"
_UNREGISTERED: Final = "30034"
_UNVERIFIED: Final = "30032"

# https://www.nanpa.com/numbering/toll-free
_TOLL_FREE: Final = tuple(f"+1{code}" for code in (800, 833, 844, 855, 866, 877, 888))


def check_number(bench: Workbench, work: Work) -> Result:
    """Keep what was found with the channel and with the task. Changes nothing at the provider."""
    channel = connected(work)
    checks = [asdict(check) for check in _checks(bench, work, channel)]
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        channel_store.note_checks(tx, work.organization_id, channel.id, channel.key, checks, now=now)
        task_store.finish(tx, work, result={"checks": checks}, now=now)
    return Done()


def _checks(bench: Workbench, work: Work, channel: Connected) -> list[Check]:
    with bench.account_of(work) as account:
        try:
            state = account.state()
        except ProviderRefused as refused:
            return [Check("sign_in", "failed", refused.code)]
        owned = account.owned(channel.address)
    found = [Check("sign_in", "passed"), _of_account(state)]
    if owned is None:
        return [*found, Check("number", "failed", "number_not_owned")]
    found.append(Check("number", "passed"))
    return [*found, *_of_number(owned, bench.inbound_url(channel.key)), *_of_carriers(channel.address)]


def _of_account(state: AccountState) -> Check:
    if not state.active:
        return Check("account", "failed", _SUSPENDED)
    return Check("account", "advice", _TRIAL) if state.trial else Check("account", "passed")


def _of_number(owned: OwnedNumber, wanted_url: str) -> list[Check]:
    texting = Check("texting", "passed") if owned.sms else Check("texting", "failed", _NOT_FOR_TEXTS)
    webhook = Check("webhook", "passed")
    if owned.application:
        webhook = Check("webhook", "failed", "webhook_application")
    elif owned.inbound_url != wanted_url:
        webhook = Check("webhook", "failed", "webhook_elsewhere")
    elif owned.inbound_method != "POST":
        webhook = Check("webhook", "failed", "webhook_method")
    return [texting, webhook]


def _of_carriers(address: str) -> list[Check]:
    """Whether carriers take the number's texts is told by the first of them that fails, not by the account."""
    if not address.startswith("+1"):
        return []
    return [Check("registration", "advice", _UNVERIFIED if address.startswith(_TOLL_FREE) else _UNREGISTERED)]
