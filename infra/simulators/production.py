"""Simulators have no place in production."""

import os


def refuse_in_production() -> None:
    """Raise when LEADSRALLY_ENV says production: a simulator there would swallow real messages."""
    if os.environ.get("LEADSRALLY_ENV", "").strip().lower() == "production":
        raise RuntimeError("Simulators don't start with LEADSRALLY_ENV=production.")
