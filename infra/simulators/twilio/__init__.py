"""Twilio, as far as LeadsRally talks to it."""

from infra.simulators.twilio.accounts import MessagingService, TwilioAccount, TwilioNumber
from infra.simulators.twilio.app import TwilioSimulator
from infra.simulators.twilio.webhook import Limits

__all__ = ["Limits", "MessagingService", "TwilioAccount", "TwilioNumber", "TwilioSimulator"]
