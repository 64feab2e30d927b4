"""PROVIDERS: who can answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from aijobs.providers.base import Completion, Provider, Request, estimate_tokens
from aijobs.providers.dashscope import DashScope
from aijobs.providers.openai import OpenAI
from aijobs.providers.rules import Rules

__all__ = [
    "PROVIDERS",
    "PROVIDER_OPTIONS",
    "Completion",
    "Provider",
    "Request",
    "estimate_tokens",
    "provider_for",
]

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (Rules(), DashScope(), OpenAI())
}


# What decides who answers.
PROVIDER_OPTIONS = ("ai_provider", "ai_provider_by_app")


def provider_for(app: str, options: Mapping[str, Any]) -> Provider:
    """Who answers for an app: by option for it, by option for the store, as configured at start.

    Args:
        options: values of at least PROVIDER_OPTIONS.
    """
    name = options["ai_provider_by_app"].get(app) or options["ai_provider"] or settings.AI_PROVIDER
    return PROVIDERS[name]
