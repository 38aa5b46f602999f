"""Everything that is kept, as files to take away."""

import zipfile
from pathlib import Path

from tests.browser.conftest import People
from tests.browser.stage import Stage


def test_everything_is_exported_and_opens(people: People, stage: Stage, tmp_path: Path):
    stage.text(stage.phone(), "Keep this for me")
    page = people.owner()
    page.goto("/settings/privacy")
    page.get_by_role("button", name="Export everything").click()
    dialog = page.get_by_role("dialog", name="Is it you?")
    dialog.or_(page.get_by_text("being made").or_(page.get_by_text("waiting"))).first.wait_for()
    if dialog.is_visible():
        dialog.get_by_label("Password").fill(stage.demo["owner"]["password"])
        dialog.get_by_role("button", name="Confirm").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").first.click()
    download.value.save_as(tmp_path / "export.zip")
    with zipfile.ZipFile(tmp_path / "export.zip") as taken:
        assert taken.testzip() is None
        assert "Keep this for me" in "".join(
            taken.read(name).decode(errors="replace") for name in taken.namelist()
        )
