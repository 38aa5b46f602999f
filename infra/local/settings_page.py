"""Writes docs/settings.md from the settings table and serverless.yml: `python -m infra.local.settings_page`."""

from infra.local.functions import PROJECT, load
from leadsrally.kit.settings import SETTINGS

PAGE = PROJECT / "docs" / "settings.md"


def page() -> str:
    """The page as it should be."""
    lines = [
        "# Settings",
        "",
        "Written by `python -m infra.local.settings_page`; a test compares it with the code. A function sees only",
        "the settings that `serverless.yml` gives it. The one-process host needs `LEADSRALLY_ROLE_KEY` besides:",
        "base64 of 32 bytes, from which each function's database password is derived. Behind a proxy it needs",
        "`LEADSRALLY_ADDRESS_HEADER` too: the header in which the platform's proxy says whose connection it passes on,",
        "and which it replaces when a caller sends one (`x-real-ip` on Railway). Without it the proxy is one source, and",
        "the limits for one source are everybody's. Where it has no file of the database's root certificate,",
        "`LEADSRALLY_DATABASE_ROOT` holds its text (-----BEGIN CERTIFICATE-----), which is then pinned: the commands of",
        "`leadsrally` take it too.",
        "",
        "| setting | meaning | secret | required | seen by |",
        "|---|---|---|---|---|",
    ]
    functions = load()
    for setting in SETTINGS:
        seen_by = [function.name for function in functions if setting.name in function.settings]
        who = "every function" if len(seen_by) == len(functions) else ", ".join(seen_by)
        secret, required = ("yes" if flag else "" for flag in (setting.secret, setting.required))
        lines.append(f"| `{setting.name}` | {setting.meaning} | {secret} | {required} | {who} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
