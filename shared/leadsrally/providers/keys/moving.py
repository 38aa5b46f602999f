"""Two key services side by side, for an installation on its way from local master keys to KMS."""

from dataclasses import dataclass

from leadsrally.kit.crypto import KeyService, SealContext
from leadsrally.providers.keys.kms import MARK, KmsKeys
from leadsrally.providers.keys.local import LocalKeys


@dataclass(frozen=True, slots=True)
class MovingKeys:
    """KMS wraps; what local keys wrapped still opens. Implements `leadsrally.kit.crypto.KeyService`.

    Every wrapped key says by its first byte which service made it, so nothing is tried in turn.
    """

    kms: KmsKeys
    local: LocalKeys

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.kms.names, *self.local.names)

    def wrap(self, data_key: bytes, context: SealContext) -> bytes:
        return self.kms.wrap(data_key, context)

    def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
        return self._maker(wrapped).unwrap(wrapped, context)

    def key_id(self, wrapped: bytes) -> str:
        return self._maker(wrapped).key_id(wrapped)

    def _maker(self, wrapped: bytes) -> KeyService:
        return self.kms if wrapped.startswith(MARK) else self.local
