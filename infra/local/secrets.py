"""Keys of a laptop's own installation: made at the first start, kept in a file only its user can read."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

HOME = Path(".leadsrally")


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    master_keys: str
    hash_key: str
    token_key: str
    role_key: str
    link_key: str
    owner_password: str
    channel_key: str
    twilio_auth_token: str
    anthropic_api_key: str
    whatsapp_channel_key: str
    meta_app_secret: str
    meta_verify_token: str
    meta_access_token: str
    lead_channel_key: str
    lead_app_secret: str
    lead_verify_token: str
    lead_access_token: str
    resend_api_key: str
    resend_webhook_secret: str


def load(home: Path = HOME) -> LocalSecrets:
    """The installation's secrets. What is not there yet is made; what is there stays."""
    path = home / "secrets.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    whole = {**asdict(_make()), **kept}
    if whole != kept:
        write_private(path, json.dumps(whole, indent=2))
    return LocalSecrets(**whole)


def write_private(path: Path, text: str) -> None:
    """Write the file whole, readable by its user only from its first moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _make() -> LocalSecrets:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return LocalSecrets(
        master_keys=f"local-1={key()}",
        hash_key=key(),
        token_key=key(),
        role_key=key(),
        link_key=key(),
        owner_password=secrets.token_urlsafe(12),
        channel_key=secrets.token_urlsafe(24),
        twilio_auth_token=secrets.token_hex(16),
        anthropic_api_key=f"sk-ant-simulated-{secrets.token_hex(12)}",
        whatsapp_channel_key=secrets.token_urlsafe(24),
        meta_app_secret=secrets.token_hex(16),
        meta_verify_token=secrets.token_urlsafe(24),
        meta_access_token=f"EAAsimulated{secrets.token_hex(40)}",
        lead_channel_key=secrets.token_urlsafe(24),
        lead_app_secret=secrets.token_hex(16),
        lead_verify_token=secrets.token_urlsafe(24),
        lead_access_token=f"EAAsimulated{secrets.token_hex(40)}",
        resend_api_key=f"re_simulated_{secrets.token_hex(12)}",
        resend_webhook_secret=f"whsec_{key()}",
    )
