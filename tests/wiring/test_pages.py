"""Pages that are written from the code say what the code says."""

from infra.local.settings_page import PAGE, page


def test_the_settings_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m infra.local.settings_page"
