"""Whether somebody may reach out to a member at D, and from when on.

At most one proactive contact a week (an option), shared by all assistants; none at night; none to minors or to
whoever asked for none, in the member's file or in answer to a contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aijobs.ai_apps.member_reading import Person, Touch
from aijobs.ai_apps.member_story import OUTCOMES
from aijobs.pseudonyms import assistant_token
from sandbox.context import RuntimeContext
from sandbox.options import option_values

# What comes of turning to somebody; a visit does not, and a wrong number reached nobody.
_CONTACTS = ("reached", "no_answer", "booked", "declined", "do_not_contact")
_REFUSED = "do_not_contact"
_LIMITS = ("at_risk_ratio", "contact_pause_days", "quiet_from", "quiet_until")
_CHANNELS = {"phone": "电话", "wechat": "微信"}


@dataclass(frozen=True)
class Limits:
    """What the store has set.

    Attributes:
        at_risk_ratio: from this overdue ratio on a rhythm is broken.
        pause_days: how long a member is left in peace after a contact.
        quiet_hours: when nobody is written to, as in 22:00-10:00.
    """

    at_risk_ratio: float
    pause_days: int
    quiet_hours: str


def read_limits(ctx: RuntimeContext) -> Limits:
    values = option_values(list(_LIMITS), ctx.site)
    ratio, days, quiet_from, quiet_until = values.values()
    return Limits(ratio, days, f"{quiet_from}-{quiet_until}")


def describe_contact(
    ctx: RuntimeContext, person: Person, touches: Sequence[Touch], limits: Limits
) -> dict[str, Any]:
    """Consent, the last contact and its outcome, and how long to leave the member in peace."""
    made = [touch for touch in touches if touch.outcome in _CONTACTS]
    why_not = _why_not(person, made)
    last = made[-1] if made else None
    free_from = last.day + timedelta(days=limits.pause_days) if last else None
    is_paused = free_from is not None and ctx.business_date < free_from
    return {
        "may_contact": not why_not,
        "why_not": why_not,
        "last_contact": last.day.isoformat() if last else None,
        "last_channel": _CHANNELS.get(last.channel, "") if last else "",
        "last_outcome": OUTCOMES[last.outcome] if last else None,
        "last_by": assistant_token(last.assistant_id) if last and last.assistant_id else None,
        "is_number_wrong": bool(touches) and touches[-1].outcome == "wrong_number",
        "paused_until": free_from.isoformat() if free_from and is_paused else None,
        "pause_days": limits.pause_days,
        "quiet_hours": limits.quiet_hours,
    }


def _why_not(person: Person, made: list[Touch]) -> str:
    """Why nobody may reach out; empty: somebody may."""
    if person.is_minor:
        return "会员资料写明未成年"
    if person.do_not_contact:
        return "会员资料写明不主动联系"
    refused = next((touch.day for touch in reversed(made) if touch.outcome == _REFUSED), None)
    return f"{refused.isoformat()} 联系时表示过暂不打扰" if refused else ""
