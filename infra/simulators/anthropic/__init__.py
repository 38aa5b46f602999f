"""Anthropic's Messages API, as far as LeadsRally talks to it."""

from infra.simulators.anthropic.app import AnthropicSimulator

__all__ = ["AnthropicSimulator"]
