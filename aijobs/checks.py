"""System checks: a provider that is half configured stops the start-up."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from aijobs.chains import CHAINS
from aijobs.providers import PROVIDERS
from aijobs.registry import AI_APPS, ALIASES


@register()
def check_provider(**kwargs: Any) -> list[CheckMessage]:
    """aijobs.E001: the provider is known and has what it needs."""
    name = settings.AI_PROVIDER
    if name not in PROVIDERS:
        return [Error(f"AI_PROVIDER={name} is none of {', '.join(PROVIDERS)}", id="aijobs.E001")]
    needed = {
        "rules": {},
        "dashscope": {
            "DASHSCOPE_API_KEY": settings.DASHSCOPE_API_KEY,
            **{
                f"DASHSCOPE_APP_ID_{key.upper()}": settings.DASHSCOPE_APP_IDS.get(key)
                for key in AI_APPS
            },
        },
        "openai": {
            "OPENAI_API_KEY": settings.OPENAI_API_KEY,
            "OPENAI_MODEL": settings.OPENAI_MODEL,
        },
    }[name]
    missing = [variable for variable, value in needed.items() if not value]
    if not missing:
        return []
    message = f"AI_PROVIDER={name} needs {', '.join(missing)}"
    return [Error(message, hint="Set them, or leave AI_PROVIDER out.", id="aijobs.E001")]


@register()
def check_chains(**kwargs: Any) -> list[CheckMessage]:
    """aijobs.E002: chains name apps that exist; no key means two things."""
    known = set(AI_APPS)
    problems = []
    for chain in CHAINS:
        earlier: set[str] = set()
        for step in (step for group in chain.groups for step in group.steps):
            problems += [
                f"chain {chain.event_type} names {app}, which is no app before it"
                for app in (step.app, *step.after)
                if app not in known or (app != step.app and app not in earlier)
            ]
            earlier.add(step.app)
    problems += [f"alias {alias} of {key}" for alias, key in ALIASES.items() if key not in known]
    names = [name for chain in CHAINS for name in (chain.event_type, chain.alias)]
    problems += [f"event {name} twice" for name in sorted(set(names)) if names.count(name) > 1]
    return [Error(problem, id="aijobs.E002") for problem in problems]
