"""What a text must be so that Postgres can hold it."""

import re
from typing import Final

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT: Final = "\ufffd"


def storable(text: str) -> tuple[str, bool]:
    """The text with NUL and lone surrogates replaced, and whether any were.

    For what a provider sends: refusing it would only make the provider send it again.
    """
    cleaned, replaced = _UNSTORABLE.subn(_REPLACEMENT, text)
    return cleaned, replaced > 0
