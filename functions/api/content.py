"""What a message holds beside words and files, as a page can show it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Location(BaseModel):
    latitude: float = Field(examples=[37.4611978])
    longitude: float = Field(examples=[-122.2164385])
    name: str | None = Field(None, examples=["Harbour Bikes"])
    address: str | None = Field(None, examples=["1 Quay Street"])
    url: str | None = Field(None, examples=["https://maps.example/?cid=2"])


class Card(BaseModel):
    """Somebody whom the contact recommends."""

    name: str = Field(examples=["Ada Lovelace"])
    organization: str = Field(examples=["Analytical Engines"])
    phones: list[str] = Field(examples=[["+44 20 7946 0000"]])
    emails: list[str] = Field(examples=[["ada@example.test"]])


class Button(BaseModel):
    """A button of ours, and what it stands for."""

    text: str = Field(examples=["Yes, please"])
    payload: str = Field(examples=["yes"])


class Choice(BaseModel):
    """A row of a list of ours."""

    id: str | None = Field(None, examples=["blue"])
    title: str | None = Field(None, examples=["Blue"])
    description: str | None = Field(None, examples=["The blue one"])


class Form(BaseModel):
    name: str = Field(examples=["flow"])
    answers: Any = Field(description="Whatever the form asked for.", examples=[{"size": "L"}])


class OrderItem(BaseModel):
    product: str = Field(examples=["BIKE-1"])
    quantity: float | None = Field(examples=[2.0])
    price: float | None = Field(description="Of one.", examples=[30.5])
    currency: str = Field(examples=["EUR"])


class Order(BaseModel):
    catalog_id: str = Field(examples=["354160437058781"])
    items: list[OrderItem]


class System(BaseModel):
    """What the provider tells about the contact."""

    event: str = Field(examples=["number_changed"])


class Unsupported(BaseModel):
    """Something came that the provider cannot pass on, or that is not known here yet."""

    type: str = Field(examples=["poll"])
    codes: list[str] = Field(description="The provider's errors.", examples=[["131051"]])


class Product(BaseModel):
    catalog_id: str | None = Field(None, examples=["354160437058781"])
    product_retailer_id: str | None = Field(None, examples=["BIKE-1"])


class Context(BaseModel):
    forwarded: bool | None = None
    frequently_forwarded: bool | None = None
    product: Product | None = Field(None, description="What the contact was looking at.")


class Referral(BaseModel):
    """The advertisement through which the contact came."""

    source_url: str | None = Field(None, examples=["https://fb.me/3"])
    source_type: str | None = Field(None, examples=["ad"])
    source_id: str | None = Field(None, examples=["120226"])
    headline: str | None = Field(None, examples=["Chat with us"])
    body: str | None = Field(None, examples=["Bikes for every day"])
    media_type: str | None = Field(None, examples=["image"])
    image_url: str | None = Field(None, examples=["https://scontent.example/i"])
    video_url: str | None = Field(None, examples=["https://scontent.example/v"])
    thumbnail_url: str | None = Field(None, examples=["https://scontent.example/t"])
    ctwa_clid: str | None = Field(None, description="Meta's id of the click.", examples=["Aff-n8ZTODi"])


class Content(BaseModel):
    """Under the name of the message's kind, and beside it where the message came from. Absent parts are null."""

    model_config = ConfigDict(extra="ignore")

    audio: dict[str, bool] | None = Field(None, examples=[{"voice": True}])
    sticker: dict[str, bool] | None = Field(None, examples=[{"animated": True}])
    location: Location | None = None
    contacts: list[Card] | None = None
    button: Button | None = None
    list: Choice | None = None
    form: Form | None = None
    call_permission: dict[str, Any] | None = Field(None, examples=[{"response": "accept"}])
    order: Order | None = None
    system: System | None = None
    unsupported: Unsupported | None = None
    template: dict[str, Any] | None = Field(None, examples=[{"name": "order_ready", "language": "en"}])
    interactive: dict[str, Any] | None = Field(None, examples=[{"type": "button"}])
    context: Context | None = None
    referral: Referral | None = None
