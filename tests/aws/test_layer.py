"""The layer: what the lock names, less what is never used, and all that remains can be imported."""

import ast
import json
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from infra.aws import layer, lock, package, slimming
from infra.aws.lock import Pin
from infra.local.functions import PROJECT
from leadsrally.kit.errors import Misconfigured
from tests.aws.bootstrap import Package

# Everything that leadsrally and the functions import from outside, now or when they first need it.
_IMPORTS_ALL = """
import importlib, json, pkgutil, sys
import leadsrally
failed = {}
names = [found.name for found in pkgutil.walk_packages(leadsrally.__path__, "leadsrally.")]
for name in names + json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps({"failed": failed, "count": len(names)}))
"""


def outside_imports() -> list[str]:
    """The modules outside the standard library that our own code names in an import, at any depth."""
    found: set[str] = set()
    for root in ("shared/leadsrally", "functions"):
        for path in (PROJECT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module)
    ours = sys.stdlib_module_names | {"leadsrally", "functions"}
    return sorted(name for name in found if name.partition(".")[0] not in ours)


def run(packaged: Package, code: str, *arguments: str) -> str:
    path = f"{packaged.layer}:{packaged.runtime}"
    return subprocess.run(
        [packaged.python, "-S", "-P", "-c", code, *arguments],
        cwd=packaged.home,
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_everything_that_our_code_imports_is_there(packaged: Package) -> None:
    wanted = outside_imports()
    assert {"anthropic", "psycopg", "twilio.rest", "twilio.request_validator"} <= set(wanted)
    seen = json.loads(run(packaged, _IMPORTS_ALL, json.dumps(wanted)))
    assert seen["failed"] == {}
    assert seen["count"] > 50


def test_twilios_client_reaches_the_products_that_were_kept(packaged: Package) -> None:
    code = """
from twilio.rest import Client
client = Client("AC" + "0" * 32, "token")
print(client.messages.__class__.__name__, client.messaging.v1, client.lookups.v2, client.verify.v2)
"""
    assert "MessageList" in run(packaged, code)


def test_what_lambda_brings_and_what_nobody_imports_stays_out(packaged: Package) -> None:
    names = {path.name.partition("-")[0] for path in packaged.layer.glob("*.dist-info")}
    locked = {pin.name for pin in lock.read(layer.LOCK)}
    assert locked >= slimming.DROPPED_DISTRIBUTIONS, "a name in the list is no longer in the lock"
    assert names & {name.replace("-", "_") for name in slimming.DROPPED_DISTRIBUTIONS} == set()
    assert not (packaged.layer / "boto3").exists()
    assert not (packaged.layer / "twilio" / "rest" / "video").exists()


def test_leadsrally_is_whole(packaged: Package) -> None:
    def files(root: Path) -> dict[PurePosixPath, bytes]:
        return {
            PurePosixPath(path.relative_to(root)): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    packed = files(packaged.layer / "leadsrally")
    assert any(path.suffix == ".md" for path in packed), "prompts are files, not code"
    assert packed == files(PROJECT / "shared" / "leadsrally")


def test_everything_is_compiled_and_never_compared_with_its_source(packaged: Package) -> None:
    sources = [path for path in packaged.layer.rglob("*.py") if path.stat().st_size]
    assert len(sources) > 1000
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        # PEP 552: flags 1 means "by hash, unchecked". The zip gives every source the same date.
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", compiled
    assert str(packaged.home).encode() not in compiled.read_bytes()


def test_function_is_its_own_folder_and_nothing_else(packaged: Package) -> None:
    home = packaged.function("webhook_twilio")
    assert {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()} == {
        "functions/__init__.py",
        "functions/webhook_twilio/__init__.py",
        "functions/webhook_twilio/handler.py",
    }


def test_size_is_far_from_the_limit(packaged: Package) -> None:
    assert layer.size(packaged.home / "layer") < package.LIMIT / 2


def test_larger_than_lambda_takes_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "layer" / "python"
    large.mkdir(parents=True)
    with (large / "weights.bin").open("wb") as file:
        file.truncate(package.LIMIT + 1)
    said: list[str] = []
    with pytest.raises(Misconfigured, match=r"larger than Lambda takes: 250\.0 MB"):
        package.refuse_oversize(tmp_path, said.append)
    assert said == ["layer 250.0 MB, largest function 0.0 MB (no function), limit 250.0 MB unzipped"]


def test_lock_is_read_with_markers_and_hashes(tmp_path: Path) -> None:
    written = tmp_path / "a.lock"
    written.write_text(
        "# a comment\nbcrypt==5.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via x\n"
        "h11==0.16.0 ; sys_platform != 'emscripten' \\\n    --hash=sha256:cc\n"
    )
    first, second = lock.read(written)
    assert (first.name, first.version, first.marker) == ("bcrypt", "5.0.0", None)
    assert first.text == "bcrypt==5.0.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    assert (second.name, second.marker) == ("h11", "sys_platform != 'emscripten'")


@pytest.mark.parametrize("entry", ["bcrypt==5.0.0\n", "bcrypt>=5 \\\n    --hash=sha256:aa\n"])
def test_lock_without_hash_or_version_is_refused(tmp_path: Path, entry: str) -> None:
    written = tmp_path / "a.lock"
    written.write_text(entry)
    with pytest.raises(ValueError, match="not a pinned distribution"):
        lock.read(written)


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [
        (Pin("bcrypt", "0.0.1", None, ""), "bcrypt is .* in this environment and 0.0.1 in the lock"),
        (Pin("no-such-thing", "1", None, ""), "no-such-thing is locked for the layer and is not in this"),
    ],
)
def test_environment_that_is_not_the_lock_is_refused(tmp_path: Path, pin: Pin, sentence: str) -> None:
    with pytest.raises(Misconfigured, match=sentence):
        layer.Environment().install([pin], tmp_path)


def test_marker_that_does_not_hold_here_is_passed_over(tmp_path: Path) -> None:
    layer.Environment().install([Pin("no-such-thing", "1", "sys_platform == 'emscripten'", "")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_missing_uv_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer, "_uv_or_none", lambda: None)
    with pytest.raises(Misconfigured, match="Building the layer needs uv"):
        layer.build(layer.Wheels(), tmp_path, say=lambda _: None)


def test_broken_build_leaves_the_last_whole_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "whole").touch()
    monkeypatch.setattr(layer, "_uv_or_none", lambda: None)
    with pytest.raises(Misconfigured):
        layer.build(layer.Wheels(), tmp_path, say=lambda _: None)
    assert (tmp_path / "layer" / "whole").exists()


def test_runtime_without_a_compiler_here_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    layer._compile(tmp_path, "3.99", None, said.append)
    assert said[0].startswith("no Python 3.99 was found to compile with")
