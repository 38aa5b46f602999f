"""What is built is small, inline nowhere, and speaks the API's present contract."""

import gzip
import json
import re
import subprocess
from pathlib import Path

from functions.api.handler import app
from infra.local.functions import PROJECT

LIMIT = 100_000  # bytes, gzipped, before the first page can be used


def reached(folder: Path, name: str, seen: set[str]) -> set[str]:
    """A script and what it imports at once."""
    if name not in seen:
        seen.add(name)
        text = (folder / "assets" / name).read_text("utf-8")
        for found in re.findall(r"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""", text):
            reached(folder, found, seen)
    return seen


def test_the_first_load_is_at_most_100_kB(built: Path):
    index = (built / "index.html").read_text("utf-8")
    first = set(re.findall(r"/assets/([\w.-]+\.js)", index))
    # What the first page needs beyond what the index names: the app, its words, and the largest page.
    for part in ("app-", "en-", "inbox-"):
        first |= {path.name for path in (built / "assets").glob(f"{part}*.js")}
    scripts: set[str] = set()
    for name in first:
        reached(built, name, scripts)
    styles = {path.name for path in (built / "assets").glob("*.css")}
    sizes = {name: len(gzip.compress((built / "assets" / name).read_bytes())) for name in scripts | styles}
    assert len(scripts) > 3
    assert sum(sizes.values()) <= LIMIT, sizes


def test_nothing_is_inline(built: Path):
    index = (built / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|javascript:|data:", index)
    for path in (built / "assets").iterdir():
        assert not re.search(r"\bnew Function\(|\beval\(|data:[a-z]+/[a-z]", path.read_text("utf-8")), (
            path.name
        )
    for path in (PROJECT / "frontend" / "src").rglob("*.tsx"):
        assert "dangerouslySetInnerHTML" not in path.read_text("utf-8"), path.name


def test_the_types_are_those_of_the_contract(built: Path, tmp_path: Path):
    contract, types = tmp_path / "openapi.json", tmp_path / "schema.ts"
    contract.write_text(json.dumps(app.openapi()))
    tool = PROJECT / "frontend" / "node_modules" / ".bin" / "openapi-typescript"
    subprocess.run([tool, contract, "--output", types, "--alphabetize"], check=True, capture_output=True)
    kept = PROJECT / "frontend" / "src" / "api" / "schema.ts"
    assert kept.read_text("utf-8") == types.read_text("utf-8"), "run: make types"
