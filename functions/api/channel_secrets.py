"""Secrets of providers as people enter them: checked without being repeated, and sealed before anything is written."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from functions.api.asking import Known
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels.ask_provider import SealedAccount
from leadsrally.messaging.channels.directory import meta_task_context
from leadsrally.providers.meta.credentials import MetaReplacement


def sendable(token: SecretStr) -> SecretStr:
    """A header carries printable ASCII; the sentence repeats nothing of the token."""
    if not (token.get_secret_value().isascii() and token.get_secret_value().isprintable()):
        raise PydanticCustomError("token", "Token holds a character that no token has")
    return token


AccessToken = Annotated[
    SecretStr,
    AfterValidator(sendable),
    Field(
        min_length=16,
        max_length=1024,
        description="Of a system user, or of the page itself. Sealed at once.",
        examples=["EAAG0123456789abcdef0123456789abcdef"],
    ),
]
AppSecret = Annotated[
    SecretStr,
    AfterValidator(sendable),
    Field(
        min_length=16,
        max_length=128,
        description="From the app's basic settings: Meta signs its calls with it. Sealed at once.",
        examples=["0123456789abcdef0123456789abcdef"],
    ),
]


def sealed_for_task(manager: Known, replacement: MetaReplacement) -> SealedAccount:
    """What a task brings to replace something of a channel at Meta. Asks the key service, so outside a transaction."""
    task_id = new_id(manager.door.clock())
    context = meta_task_context(manager.person.organization_id, task_id)
    return SealedAccount(task_id, None, manager.door.vault.seal(replacement.to_json(), context))
