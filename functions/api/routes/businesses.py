"""Channels at Meta: WhatsApp numbers and pages with lead forms, by way of the customer's own app."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from functions.api import etags
from functions.api.asking import Asked, Known, known, permit
from functions.api.channel import Channel, Task, found_channel, shown_task
from functions.api.channel_secrets import AccessToken, AppSecret, sealed_for_task
from functions.api.limits import Body
from functions.api.once import Once
from functions.api.problems import problems
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import SealedAccount, ask_provider, no_channel
from leadsrally.messaging.channels.connect_meta import (
    SealedBusiness,
    connect_meta,
    new_verify_token,
    place_for_business,
)
from leadsrally.messaging.channels.directory import meta_context
from leadsrally.messaging.channels.meta_store import Identity
from leadsrally.providers.meta.credentials import MetaCredentials, MetaReplacement

router = APIRouter(prefix="/v1/channels", tags=["channels"])

_MANAGE = "channels.manage"
Manager = Annotated[Known, known(_MANAGE)]

MetaId = Annotated[str, Field(max_length=32, pattern=r"^[0-9]{5,32}$", examples=["102290129340398"])]
VerifyToken = Annotated[
    str,
    Field(
        description="Entered beside `webhook_url` in the app's webhook settings. Shown this once.",
        examples=["Jp2kq9b8c7dJt5wX4zA6sLeqF3vVn0Yh"],
    ),
]


class _NewBusiness(Body):
    app_id: MetaId
    app_secret: AppSecret
    access_token: AccessToken
    name: Annotated[str, Field(max_length=100, examples=["Sales"])] = ""


class NewWhatsAppNumber(_NewBusiness):
    """A number of your WhatsApp Business account, and the app by which it is used. All of it stands at Meta."""

    waba_id: MetaId
    phone_number_id: MetaId


class NewLeadPage(_NewBusiness):
    """A page whose lead forms are read, with an access token of the page itself."""

    page_id: MetaId


class ConnectedBusiness(BaseModel):
    channel: Channel
    verify_token: VerifyToken
    task: Task


class NewVerifyToken(BaseModel):
    verify_token: VerifyToken
    task: Task


async def _sealed_number(manager: Manager, number: NewWhatsAppNumber) -> SealedBusiness:
    identity = Identity("whatsapp", number.app_id, number.waba_id, number.phone_number_id)
    return _sealed(manager, identity, number)


async def _sealed_page(manager: Manager, page: NewLeadPage) -> SealedBusiness:
    return _sealed(manager, Identity("lead_ads", page.app_id, page_id=page.page_id), page)


def _sealed(manager: Known, identity: Identity, given: _NewBusiness) -> SealedBusiness:
    door, organization_id = manager.door, manager.person.organization_id
    with door.db.tenant(organization_id) as tx:
        channel_id = place_for_business(tx, organization_id, identity, now=door.clock())
    word = new_verify_token()
    document = MetaCredentials(
        (given.app_secret.get_secret_value(),), word, given.access_token.get_secret_value()
    ).to_json()
    sealed = door.vault.seal(document, meta_context(organization_id, channel_id))
    return SealedBusiness(channel_id, identity, sealed, word)


@router.post(
    "/whatsapp",
    status_code=201,
    dependencies=[Depends(_sealed_number), permit(_MANAGE)],
    responses={**problems(401, 403, 409, 422), **etags.headers(201)},
)
def connect_whatsapp(
    asked: Asked,
    once: Once,
    number: NewWhatsAppNumber,
    sealed: Annotated[SealedBusiness, Depends(_sealed_number)],
    response: Response,
) -> ConnectedBusiness:
    """Connect a WhatsApp number. The task installs your app on the account, tests the channel and fetches its templates.

    Then enter `webhook_url` and `verify_token` in the app's webhook settings, or let `…/configure` do it. A number that
    was disconnected before comes back to its conversations.
    """
    return _connected(asked, once, sealed, number.name, response)


@router.post(
    "/lead-ads",
    status_code=201,
    dependencies=[Depends(_sealed_page), permit(_MANAGE)],
    responses={**problems(401, 403, 409, 422), **etags.headers(201)},
)
def connect_lead_ads(
    asked: Asked,
    once: Once,
    page: NewLeadPage,
    sealed: Annotated[SealedBusiness, Depends(_sealed_page)],
    response: Response,
) -> ConnectedBusiness:
    """Connect a page with lead forms. The task installs your app on the page for its leads, and tests the channel.

    Then enter `webhook_url` and `verify_token` in the app's webhook settings, or let `…/configure` do it.
    """
    return _connected(asked, once, sealed, page.name, response)


def _connected(
    asked: Asked, once: Once, sealed: SealedBusiness, name: str, response: Response
) -> ConnectedBusiness:
    def act() -> ConnectedBusiness:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        task_id = connect_meta(asked.tx, organization_id, sealed, name, actor=asked.actor, now=now)
        return ConnectedBusiness(
            channel=found_channel(asked, sealed.id),
            verify_token=sealed.verify_token,
            task=shown_task(asked, task_id),
        )

    answer = once(ConnectedBusiness, act, shown_once=True)
    response.headers["ETag"] = etags.tag(answer.channel.version)
    return answer


class _SealedWord(NamedTuple):
    word: str
    account: SealedAccount


async def _sealed_word(manager: Manager, channel_id: UUID) -> _SealedWord:
    with manager.door.db.tenant(manager.person.organization_id) as tx:
        channel = channel_store.shown(tx, manager.person.organization_id, channel_id)
    if channel is None or channel["kind"] == "sms":
        raise no_channel()
    word = new_verify_token()
    return _SealedWord(word, sealed_for_task(manager, MetaReplacement(verify_token=word)))


@router.post(
    "/{channel_id}/verify-token",
    status_code=202,
    dependencies=[Depends(_sealed_word), permit(_MANAGE)],
    responses=problems(401, 403, 404, 409, 422),
)
def rotate_verify_token(
    asked: Asked, once: Once, channel_id: UUID, sealed: Annotated[_SealedWord, Depends(_sealed_word)]
) -> NewVerifyToken:
    """Have another verify token. It counts once the task is done; what Meta sends meanwhile and after goes on."""

    def act() -> NewVerifyToken:
        organization_id, now = asked.person.organization_id, asked.door.clock()
        task_id = ask_provider(
            asked.tx, organization_id, "replace", channel_id, sealed.account, actor=asked.actor, now=now
        )
        return NewVerifyToken(verify_token=sealed.word, task=shown_task(asked, task_id))

    return once(NewVerifyToken, act, shown_once=True)
