"""What a run records when a guard said no: the reason, in words for the operator."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.errors import Refused

# The guards in their order, and the code with which each refuses.
GUARDS = {
    "kill_switch": "kill_switch",
    "breaker": "circuit_open",
    "rate": "rate_limited",
    "budget": "budget_exceeded",
}
GUARD_TITLES = {
    "kill_switch": gettext_lazy("kill switch"),
    "breaker": gettext_lazy("circuit breaker"),
    "rate": gettext_lazy("rate limit"),
    "budget": gettext_lazy("budget"),
}


def refused(code: str, details: dict[str, Any]) -> Refused:
    """The error of a refusal, as `open_provider_call` gave it."""
    return Refused(message_of(code, details), code=code, details=details)


def message_of(code: str, details: dict[str, Any]) -> str:
    """One of: switched off, breaker open, rate used up, budget used up with its window."""
    if code == "kill_switch":
        return _("AI is switched off: %(reason)s") % {"reason": details["reason"]}
    if code == "circuit_open":
        return _("The circuit breaker is open")
    if code == "rate_limited":
        return _("The store's rate is used up")
    return _("Token budget exceeded: %(reason)s") % {"reason": budget_reason(details)}


def budget_reason(details: dict[str, Any]) -> str:
    """Which budget, how full it is, and what was asked of it."""
    windows = {
        "site_day": _("this store today"),
        "site_month": _("this store this month"),
        "chain_day": _("all stores today"),
        "chain_month": _("all stores this month"),
    }
    return _("%(window)s, %(used)s of %(cap)s used, %(asked)s asked for") % {
        **details,
        "window": windows[details["window"]],
    }


def guards_passed(code: str) -> list[str]:
    """The guards that had agreed before the one that refuses with this code."""
    names = list(GUARDS)
    return names[: list(GUARDS.values()).index(code)]
