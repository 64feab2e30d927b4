"""What a manager is told: sentences for error codes, words for ages. Nobody sees a code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from aijobs.models import Run

_INTERNAL = gettext_lazy("Something went wrong. It has been recorded; please try again later.")

# Codes of runs and refusals, in the order of the guards and then of the call.
SENTENCES: dict[str, Promise | str] = {
    "kill_switch": gettext_lazy("The head office has switched AI off."),
    "circuit_open": gettext_lazy(
        "AI failed several times and paused itself; it tries again in about a minute. The last"
        " result can still be used."
    ),
    "rate_limited": gettext_lazy("This store asks too often; please try again in a minute."),
    "budget_exceeded": gettext_lazy(
        "The AI allowance of today (or this month) is used up; the head office can change it."
    ),
    "timeout": gettext_lazy("The analysis took too long. Nothing was changed; please try again."),
    "throttled": gettext_lazy("The AI service is busy; please try again later."),
    "provider_error": gettext_lazy(
        "The AI service is down for the moment; your figures are not affected."
    ),
    "invalid_output": gettext_lazy(
        "AI's answer was not good enough and was dropped; the last result stays."
    ),
    "auth": gettext_lazy("The AI account is not set up properly; please tell the head office."),
    "bad_request": gettext_lazy("The data is incomplete."),
    "content_blocked": gettext_lazy(
        "The content check stopped it; please look at the notes' words."
    ),
    "data_quality": gettext_lazy(
        "Yesterday's figures look wrong; AI waits until somebody has checked them."
    ),
    "prompt_error": _INTERNAL,
    "internal_error": _INTERNAL,
    "cancelled": gettext_lazy("Cancelled."),
    "stale": gettext_lazy("There is a newer result already; this one was not used."),
}

# The same in a few words, for lists.
TITLES: dict[str, Promise | str] = {
    "kill_switch": gettext_lazy("AI switched off"),
    "circuit_open": gettext_lazy("AI paused itself"),
    "rate_limited": gettext_lazy("Too many AI calls"),
    "budget_exceeded": gettext_lazy("AI allowance used up"),
    "timeout": gettext_lazy("AI took too long"),
    "throttled": gettext_lazy("AI service busy"),
    "provider_error": gettext_lazy("AI service down"),
    "invalid_output": gettext_lazy("Answer not good enough"),
    "auth": gettext_lazy("AI account not set up"),
    "bad_request": gettext_lazy("Data incomplete"),
    "content_blocked": gettext_lazy("Stopped by the content check"),
    "data_quality": gettext_lazy("Figures look wrong"),
    "prompt_error": gettext_lazy("Inputs could not be prepared"),
    "internal_error": gettext_lazy("Something went wrong"),
    "cancelled": gettext_lazy("Cancelled"),
    "stale": gettext_lazy("Newer result there"),
}


def sentence_for(error_code: str) -> str:
    """What to tell a person about a step that failed; empty without a code."""
    return str(SENTENCES.get(error_code, _INTERNAL)) if error_code else ""


def reason_of(steps: Sequence[Mapping[str, Any]]) -> str:
    """Why the steps of a job (job_progress) did not bring a result; empty if they did or may yet."""
    for step in steps:
        if step["error_code"]:
            return sentence_for(step["error_code"])
    if steps and all(step["status"] == Run.Status.SKIPPED for step in steps):
        return _("There was nothing to work on.")
    return ""


def age_text(seconds: int) -> str:
    """A rough age: minutes, hours or days ago."""
    if seconds < 60:
        return _("just now")
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}
    if hours:
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}


def duration_text(seconds: float) -> str:
    """How long something took, in one or two units."""
    if seconds < 1:
        return _("%(count)d ms") % {"count": round(seconds * 1000)}
    if seconds < 60:
        return _("%(count)s s") % {"count": f"{seconds:.1f}".removesuffix(".0")}
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        text = _("%(count)d min") % {"count": minutes}
        return f"{text} {_('%(count)s s') % {'count': rest}}" if rest else text
    hours, minutes = divmod(minutes, 60)
    text = _("%(count)d h") % {"count": hours}
    return f"{text} {_('%(count)d min') % {'count': minutes}}" if minutes else text
