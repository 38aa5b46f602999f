"""Read requirements/layer.lock: which distributions the layer carries, in which versions, with which hashes."""

import re
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?$"
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked distribution. `text` is its whole entry, hashes included."""

    name: str
    version: str
    marker: str | None
    text: str


def read(path: Path) -> list[Pin]:
    """Every entry of a lock that `uv pip compile --generate-hashes` wrote. Raises `ValueError` for one without a hash."""
    entries: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and entries:
            entries[-1].append(line)
        else:
            entries.append([line])
    return [_pin(entry) for entry in entries]


def _pin(lines: list[str]) -> Pin:
    found = _PIN.match(lines[0])
    if found is None or not any("--hash=" in line for line in lines):
        raise ValueError(f"{lines[0]!r} is not a pinned distribution with a hash")
    return Pin(found["name"], found["version"], found["marker"], "\n".join(lines) + "\n")
