"""Whether somebody may reach out to a member at D, and from when on.

At most one proactive contact a week, shared by all assistants; none at night; none to minors or to
whoever asked for none, in the member's file or in answer to a contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from aijobs.ai_apps.member_reading import Person, Touch
from aijobs.ai_apps.member_story import OUTCOMES
from aijobs.pseudonyms import assistant_token
from sandbox.context import RuntimeContext

PAUSE_DAYS = 7
QUIET_HOURS = "22:00-10:00"
# What comes of turning to somebody; a visit does not, and a wrong number reached nobody.
_CONTACTS = ("reached", "no_answer", "booked", "declined", "do_not_contact")
_REFUSED = "do_not_contact"
_CHANNELS = {"phone": "电话", "wechat": "微信"}


def describe_contact(
    ctx: RuntimeContext, person: Person, touches: Sequence[Touch]
) -> dict[str, Any]:
    """Consent, the last contact and its outcome, and how long to leave the member in peace."""
    made = [touch for touch in touches if touch.outcome in _CONTACTS]
    why_not = _why_not(person, made)
    last = made[-1] if made else None
    free_from = last.day + timedelta(days=PAUSE_DAYS) if last else None
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
        "pause_days": PAUSE_DAYS,
        "quiet_hours": QUIET_HOURS,
    }


def _why_not(person: Person, made: list[Touch]) -> str:
    """Why nobody may reach out; empty: somebody may."""
    if person.is_minor:
        return "会员资料写明未成年"
    if person.do_not_contact:
        return "会员资料写明不主动联系"
    refused = next((touch.day for touch in reversed(made) if touch.outcome == _REFUSED), None)
    return f"{refused.isoformat()} 联系时表示过暂不打扰" if refused else ""
