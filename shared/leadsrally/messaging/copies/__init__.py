"""Copies of what we deleted, that a provider still has."""
