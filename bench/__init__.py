"""Every performance figure that the project claims, measured beside its limit: `python -m bench`."""
