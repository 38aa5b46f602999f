"""Form fields as they were sent: blanks kept, repeats kept, nothing trimmed."""

from urllib.parse import parse_qsl

from starlette.requests import Request


class Form:
    def __init__(self, raw: str) -> None:
        self.pairs = parse_qsl(raw, keep_blank_values=True)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def one(self, name: str) -> str | None:
        """The last value of a name, None when it was not sent; a blank value is not None."""
        values = self.all(name)
        return values[-1] if values else None

    def text(self, name: str) -> str:
        return self.one(name) or ""


async def form_of(request: Request) -> Form:
    return Form((await request.body()).decode("utf-8", "replace"))
