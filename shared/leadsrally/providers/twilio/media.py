"""Pictures and other files of an inbound MMS, from where Twilio keeps them.

Twilio asks for the account's credentials at its API and sends on to its media servers, with an address that is
good for a few hours: https://www.twilio.com/docs/messaging/api/media-resource and
https://help.twilio.com/articles/223183748. The media servers get no credentials.
"""

import base64
import re
from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

from leadsrally.kit.download import Connect, Incoming, Place, download, plainly
from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.twilio.signature import TwilioCredentials

SECONDS: Final = 120.0  # for a whole file
_API: Final = re.compile(r"https://api(\.[a-z0-9-]{1,20}){0,2}\.twilio\.com")
_FILE: Final = r"/Messages/(SM|MM)[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}"
_ANY: Final = r"(/[\w-][\w.-]*)+"
_SERVERS: Final = (
    Place(re.compile(r"https://(mms|media)\.twiliocdn\.com"), re.compile(_ANY, re.ASCII)),
    # Of accounts that do not protect their media. The bucket is Twilio's, the host is everybody's.
    Place(
        re.compile(r"https://s3-external-1\.amazonaws\.com"),
        re.compile(rf"/media\.twiliocdn\.com{_ANY}", re.ASCII),
    ),
)


class TwilioMedia:
    """`leadsrally.messaging.types.MediaSource` for one Twilio account."""

    def __init__(
        self,
        credentials: TwilioCredentials,
        account_sid: str,
        *,
        base_url: str | None = None,
        connect: Connect | None = None,
    ) -> None:
        """`account_sid` owns the messages; credentials go to addresses of its files and to no other.

        `base_url` replaces https://api.twilio.com, for a simulator: it is asked without encryption. Raises
        `Misconfigured` when there is no token to sign in with.
        """
        if not credentials.auth_tokens:
            raise Misconfigured("The channel has no Twilio auth token. Connect it again.")
        user = f"{credentials.account_sid}:{credentials.auth_tokens[0]}"
        self._headers = {"authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
        self._connect = connect
        api, below, self._then = _API, "", _SERVERS
        if base_url is not None:
            address = urlsplit(base_url.rstrip("/"))
            api, below = (
                re.compile(re.escape(f"{address.scheme}://{address.netloc}")),
                re.escape(address.path),
            )
            self._then = (Place(api, re.compile(below + _ANY, re.ASCII)),)
            self._connect = connect or plainly
        account = rf"{below}/2010-04-01/Accounts/{re.escape(account_sid)}"
        self._first = (Place(api, re.compile(account + _FILE)),)

    def __repr__(self) -> str:
        return "TwilioMedia()"

    def open(self, source: str) -> AbstractContextManager[Incoming]:
        """The file at one of this account's `MediaUrl`s. Raises as `download` does."""
        return download(
            source,
            first=self._first,
            then=self._then,
            headers=self._headers,
            seconds=SECONDS,
            connect=self._connect,
        )
