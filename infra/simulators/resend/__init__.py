"""Resend: mails are taken, kept in a mailbox that can be read, and reported on by signed webhooks."""

from infra.simulators.resend.app import ResendSimulator
from infra.simulators.resend.webhooks import Endpoint

__all__ = ["Endpoint", "ResendSimulator"]
