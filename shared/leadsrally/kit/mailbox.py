"""Mail addresses: exactly one mailbox, as it was typed."""

import re
from typing import Final

from leadsrally.kit.errors import Invalid

LONGEST: Final = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets

# Nothing that could begin another header, another recipient or a comment (I12). Whether it exists only a mail
# can tell.
_NAME: Final = r"[^\s\x00-\x1f\x7f-\x9f@,;:<>()\[\]\\\"]{1,64}"
_LABEL: Final = r"[^\s\x00-\x1f\x7f-\x9f@,;:<>()\[\]\\\".]{1,63}"
_ADDRESS: Final = re.compile(rf"{_NAME}@(?:{_LABEL}\.)+{_LABEL}")


def one_mailbox(typed: str) -> str:
    """The address without the blanks around it. Raises `Invalid` for anything but one."""
    address = typed.strip()
    if len(address) > LONGEST or _ADDRESS.fullmatch(address) is None:
        raise Invalid("This is not one e-mail address. Correct it and try again.", code="email_invalid")
    return address
