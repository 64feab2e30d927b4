"""PROVIDERS: who can answer."""

from __future__ import annotations

from django.conf import settings

from aijobs.providers.base import Completion, Provider, Request, estimate_tokens
from aijobs.providers.dashscope import DashScope
from aijobs.providers.openai import OpenAI
from aijobs.providers.rules import Rules
from sandbox.models import Site
from sandbox.options import option

__all__ = [
    "PROVIDERS",
    "Completion",
    "Provider",
    "Request",
    "estimate_tokens",
    "provider_for",
]

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (Rules(), DashScope(), OpenAI())
}


def provider_for(site: Site) -> Provider:
    """The store's provider by option, else the one configured at start."""
    return PROVIDERS[option("ai_provider", site) or settings.AI_PROVIDER]
