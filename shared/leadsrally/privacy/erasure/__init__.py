"""Forgetting: a message, a conversation, a person, an organisation."""
