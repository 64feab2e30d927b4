"""Whom to call today: members at risk whom somebody may contact, those with most at stake first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.assistant_board import employed_assistants
from metrics.recalls import recall_candidates
from sandbox.context import RuntimeContext

MOST_CALLS = 10


@dataclass(frozen=True)
class Call:
    """A member whose own rhythm is broken, and the figures that say so.

    Attributes:
        usual_days: median days between visits. overdue_ratio: days away over it.
        assistant_id, assistant: who should call; None where nobody knows the member.
    """

    member_id: int
    name: str
    last_visit: date
    days_away: int
    usual_days: Decimal
    overdue_ratio: Decimal
    principal: Decimal
    spent_60d: Decimal
    assistant_id: int | None
    assistant: str


@dataclass(frozen=True)
class CallList:
    """The calls of a day, and the assistants who could make them: id and name."""

    calls: list[Call]
    assistants: dict[int, str]


def calls_of_today(*, ctx: RuntimeContext) -> CallList:
    """At most 10 of the recalls that are proposed at D, with the figures that say why."""
    assistants = employed_assistants(ctx=ctx)
    calls = [
        Call(
            member_id=row.pk,
            name=row.name or row.external_id,
            last_visit=row.last_visit,
            days_away=row.last_visit_days,
            usual_days=row.visit_interval_median,
            overdue_ratio=row.overdue_ratio,
            principal=row.card_principal,
            spent_60d=row.consumption_60d,
            assistant_id=candidate.assistant_id,
            assistant=assistants.get(candidate.assistant_id or 0, ""),
        )
        for candidate in recall_candidates(ctx, MOST_CALLS, assistants=assistants)
        for row in (candidate.member,)
    ]
    return CallList(calls, assistants)
