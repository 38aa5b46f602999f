"""Master keys in AWS KMS: they never leave it, and who may use them for what is decided there.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html and …/API_Decrypt.html. The place of a secret goes
along as encryption context: KMS binds it to the ciphertext, compares it when asked to decrypt, offers it to key policies
as a condition, and writes it to CloudTrail in clear, which is why it holds ids and a fixed word only.
"""

import re
import threading
from collections.abc import Sequence
from typing import Any, Final, NoReturn, cast

from leadsrally.kit.crypto import KEY_BYTES, KeyRefused, SealBroken, SealContext
from leadsrally.kit.errors import Misconfigured, Unavailable

# The first byte of what local keys wrap is the length of a name, never zero: so the two are told apart.
MARK: Final = b"\x00"

# An alias is refused: it can be moved to another key, and a blob must go on naming the one that wrapped it.
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[a-zA-Z0-9-]{1,64}", re.ASCII)
_ID: Final = re.compile(r"mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# boto3 waits a minute and tries five times; the webhook that waits for this has twelve seconds in all.
_IMPATIENT: Final[dict[str, Any]] = {
    "connect_timeout": 1,
    "read_timeout": 2,
    "retries": {"total_max_attempts": 2, "mode": "standard"},
}

# https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and the two operations' own pages.
_ALTERED: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
_PASSING: Final = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class KmsKeys:
    """Wraps data keys with a KMS key. Implements `leadsrally.kit.crypto.KeyService`; safe to share between threads.

    `names` are the ids or ARNs of symmetric keys; the first one wraps, the others still open. A blob that names any
    other key is not sent anywhere. An ARN says its region; for an id it is the process's own.

    Layout of a wrapped key: 0 (1 byte) · length of the name (1 byte) · name · KMS's ciphertext.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Raises `Misconfigured` for anything but ids and ARNs of keys."""
        if not names or not all(_ARN.fullmatch(name) or _ID.fullmatch(name) for name in names):
            raise Misconfigured(
                "LEADSRALLY_KMS_KEY must hold the ARN or the id of a KMS key, not an alias.",
                code="kms_key_invalid",
            )
        self._names = tuple(dict.fromkeys(names))
        self._clients: dict[str | None, Any] = {}
        self._making = threading.Lock()

    def __repr__(self) -> str:
        return f"KmsKeys({', '.join(self._names)})"

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def wrap(self, data_key: bytes, context: SealContext) -> bytes:
        name = self._names[0]
        answer = self._ask(name, "encrypt", context, Plaintext=data_key)
        ciphertext = cast("bytes", answer["CiphertextBlob"])
        return MARK + bytes([len(name)]) + name.encode() + ciphertext

    def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
        name, ciphertext = _split(wrapped)
        if name not in self._names:
            raise SealBroken("seal_key_unknown")
        data_key = cast("bytes", self._ask(name, "decrypt", context, CiphertextBlob=ciphertext)["Plaintext"])
        if len(data_key) != KEY_BYTES:
            raise SealBroken
        return data_key

    def key_id(self, wrapped: bytes) -> str:
        return _split(wrapped)[0]

    def _ask(self, name: str, operation: str, context: SealContext, **given: bytes) -> dict[str, Any]:
        try:
            ask = getattr(self._client(name), operation)
            return ask(KeyId=name, EncryptionContext=context.pairs(), **given)
        except Exception as error:  # noqa: BLE001  what boto3 raises is known by name only after its import
            _translate(error)

    def _client(self, name: str) -> Any:
        arn = _ARN.fullmatch(name)
        region = arn[1] if arn else None
        with self._making:  # boto3 makes its default session without a lock
            if region not in self._clients:
                import boto3  # 300 ms, and most invocations find their credentials opened
                from botocore.config import Config

                config = Config(**_IMPATIENT)
                self._clients[region] = cast("Any", boto3).client("kms", region_name=region, config=config)
            return self._clients[region]


def _translate(error: Exception) -> NoReturn:
    """Raise ours for what boto3 raised, without its text: KMS's messages quote ARNs and contexts."""
    from botocore.exceptions import ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as NoConnection

    if isinstance(error, NoConnection | HTTPClientError):
        raise _away() from None
    if not isinstance(error, ClientError):
        # No credentials, no region: the process cannot ask at all. Its own faults pass as they are.
        if type(error).__module__.startswith("botocore."):
            raise KeyRefused from None
        raise error
    answer = cast("dict[str, Any]", error.response)
    code = str(answer.get("Error", {}).get("Code", ""))
    if code in _ALTERED:
        raise SealBroken from None
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    if code in _PASSING or status >= 500 or status == 429:
        raise _away() from None
    # Disabled, pending deletion, not found, access denied, expired credentials: closed until a person acts.
    raise KeyRefused from None


def _away() -> Unavailable:
    return Unavailable("The key service does not answer. Try again in a moment.", code="key_service")


def _split(wrapped: bytes) -> tuple[str, bytes]:
    if wrapped[:1] != MARK or len(wrapped) < 2:
        raise SealBroken("seal_key_unknown" if wrapped else "seal_broken")
    end = 2 + wrapped[1]
    name, ciphertext = wrapped[2:end], wrapped[end:]
    if not name or not ciphertext:
        raise SealBroken
    return name.decode("ascii", "replace"), ciphertext
