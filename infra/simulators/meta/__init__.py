"""A simulated Meta: the Graph API for WhatsApp and Lead Ads, signed webhooks, and WhatsApp on the phones."""

from infra.simulators.meta.accounts import LeadForm, MetaApp, Page, Template, Token, Waba, WhatsAppNumber
from infra.simulators.meta.app import MetaSimulator
from infra.simulators.meta.handsets import User

__all__ = [
    "LeadForm",
    "MetaApp",
    "MetaSimulator",
    "Page",
    "Template",
    "Token",
    "User",
    "Waba",
    "WhatsAppNumber",
]
