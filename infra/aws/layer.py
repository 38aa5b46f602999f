"""Build the Lambda layer: the locked packages, slimmed, with `leadsrally` beside them and everything compiled.

Lambda unpacks a layer below /opt and has /opt/python on its path. The layer is read-only there, so what is
not compiled here is compiled again at every cold start.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infra.aws import lock
from infra.aws.lock import Pin
from infra.aws.slimming import DROPPED_DISTRIBUTIONS, superfluous
from leadsrally.kit.errors import Misconfigured

PROJECT = Path(__file__).resolve().parents[2]
LOCK = PROJECT / "requirements" / "layer.lock"
PYTHON_VERSION = "3.13"
PLATFORM = "aarch64-manylinux_2_28"  # Amazon Linux 2023 has glibc 2.34
_MOUNTED_AT = "/opt"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wheels:
    """Fetch wheels for the machine that Lambda runs on, whatever this one is."""

    python_version: str = PYTHON_VERSION
    platform: str = PLATFORM

    def install(self, pins: Sequence[Pin], into: Path) -> None:
        """Raises `Misconfigured` when uv is missing or finds a pinned wheel neither by name nor by hash."""
        with tempfile.TemporaryDirectory() as place:
            wanted = Path(place) / "layer.lock"
            wanted.write_text("".join(pin.text for pin in pins), encoding="utf-8")
            command = [*_uv(), "pip", "install", "--quiet", "--target", str(into), "--link-mode", "copy"]
            command += ["--python-version", self.python_version, "--python-platform", self.platform]
            command += ["--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", str(wanted)]
            if subprocess.run(command, check=False).returncode != 0:
                raise Misconfigured("uv could not install the locked packages; its own words stand above.")


@dataclass(frozen=True, slots=True)
class Environment:
    """Copy the same distributions out of the running environment: the layer for this interpreter, offline."""

    @property
    def python_version(self) -> str:
        return f"{sys.version_info.major}.{sys.version_info.minor}"

    def install(self, pins: Sequence[Pin], into: Path) -> None:
        """Raises `Misconfigured` when the environment lacks a pinned distribution or has another version."""
        from packaging.markers import Marker  # comes with the tests' own packages

        for pin in pins:
            if pin.marker is None or Marker(pin.marker).evaluate():
                _copy_distribution(pin, into)


Source = Wheels | Environment


def _copy_distribution(pin: Pin, into: Path) -> None:
    try:
        found = importlib.metadata.distribution(pin.name)
    except importlib.metadata.PackageNotFoundError:
        raise Misconfigured(f"{pin.name} is locked for the layer and is not in this environment.") from None
    if found.version != pin.version:
        raise Misconfigured(
            f"{pin.name} is {found.version} in this environment and {pin.version} in the lock."
        )
    for file in found.files or []:
        if superfluous(PurePosixPath(file)):
            continue
        to = into / file
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.locate_file(file), to)


def build(source: Source, target: Path, *, say: Say, compiler: str | None = None) -> Path:
    """Build the layer at `target`/layer, replacing what is there only when the new one is whole; returns its path.

    `compiler` is an interpreter of the runtime's version; without one it is looked for, and when none is
    found the layer is built without compiled files and says so.
    """
    finished, draft = target / "layer", target / "layer.new"
    shutil.rmtree(draft, ignore_errors=True)
    python = draft / "python"
    python.mkdir(parents=True)
    pins = [pin for pin in lock.read(LOCK) if pin.name not in DROPPED_DISTRIBUTIONS]
    source.install(pins, python)
    _slim(python)
    _copy_leadsrally(python)
    _compile(draft, source.python_version, compiler, say)
    shutil.rmtree(finished, ignore_errors=True)
    draft.rename(finished)
    return finished


def _slim(python: Path) -> None:
    for path in sorted(python.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif superfluous(PurePosixPath(path.relative_to(python))):
            path.unlink()
    (python / ".lock").unlink(missing_ok=True)  # uv's own


def _copy_leadsrally(python: Path) -> None:
    shutil.copytree(
        PROJECT / "shared" / "leadsrally",
        python / "leadsrally",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )


def _compile(layer: Path, version: str, compiler: str | None, say: Say) -> None:
    interpreter = compiler or _interpreter(version)
    if interpreter is None:
        say(
            f"no Python {version} was found to compile with: the layer works, and each cold start takes "
            "about twice as long. Name one with --compiler."
        )
        return
    # Unchecked: the zip gives every file the same date, and Lambda need not look at the sources at all. The
    # paths inside are those of the runtime, so that two machines build the same bytes.
    command = [interpreter, "-I", "-m", "compileall", "-qq", "-j", "0"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(layer), "-p", _MOUNTED_AT]
    if subprocess.run([*command, str(layer / "python")], check=False).returncode != 0:
        raise Misconfigured(f"Some files of the layer do not compile with Python {version}.")


def _interpreter(version: str) -> str | None:
    """A Python of that version on this machine, if there is one."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    if uv := _uv_or_none():
        found = subprocess.run(
            [*uv, "python", "find", "--no-python-downloads", "--no-project", version],
            check=False,
            capture_output=True,
            text=True,
        )
        candidates.append(found.stdout.strip())
    return next((path for path in candidates if path and _is(path, version)), None)


def _is(interpreter: str, version: str) -> bool:
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([interpreter, "-I", "-c", asked], check=False, capture_output=True, text=True)
    except OSError:
        return False
    return answer.stdout.strip() == version  # a version manager's stub answers with an error


def _uv() -> list[str]:
    found = _uv_or_none()
    if found is None:
        raise Misconfigured("Building the layer needs uv. Install it, for example with `pip install uv`.")
    return found


def _uv_or_none() -> list[str] | None:
    if uv := shutil.which("uv"):
        return [uv]
    for python in dict.fromkeys(("python3", sys.executable)):
        command = [python, "-m", "uv"]
        try:
            asked = subprocess.run([*command, "--version"], check=False, capture_output=True)
        except OSError:
            continue
        if asked.returncode == 0:
            return command
    return None


def size(tree: Path) -> int:
    """Bytes of all files below `tree`."""
    return sum(os.lstat(Path(folder) / file).st_size for folder, _, files in os.walk(tree) for file in files)
