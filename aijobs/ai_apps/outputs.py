"""What the apps must answer. Unknown fields are ignored, a missing one without default is invalid.

A Standard is what the checks hold a field to beside its type (aijobs.output_checks).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field

from aijobs.ai_apps.churn_risk import risk_of
from aijobs.ai_apps.pair_stage import stage_of, strength_of
from aijobs.ai_apps.value_tier import tier_of
from aijobs.clues import CATEGORIES
from aijobs.output_checks.standards import Standard


def _known_category(value: str) -> str:
    return value if value in CATEGORIES else CATEGORIES[0]


class Lookup(BaseModel):
    """A figure to look up: its key, and whom, where and when it is about."""

    metric: str = Field(max_length=64)
    period: str | None = Field(default=None, max_length=64)
    area: str | None = Field(default=None, max_length=64)
    member: str | None = Field(default=None, max_length=64)
    assistant: str | None = Field(default=None, max_length=64)


class LookupList(BaseModel):
    """app1_chat, first round: what is needed for the answer."""

    MOST: ClassVar[int] = 12

    calls: list[Lookup] = Field(max_length=MOST)


class Clue(BaseModel):
    """One fact about a member that helps keep them."""

    category: Annotated[str, AfterValidator(_known_category)] = CATEGORIES[0]
    emoji: str = ""
    summary: Annotated[str, Standard(most=60, gives_nothing=True)] = Field(min_length=1)
    detail: Annotated[str, Standard(most=200, gives_nothing=True)] = ""
    confidence: float = Field(default=0.5, ge=0, le=1)
    providers: str = ""


class ClueList(BaseModel):
    """app3_clue, app8_consolidate."""

    clues: Annotated[list[Clue], Standard(most_entries=8, sheds=True)]


class NoteAnalysis(ClueList):
    """app6_note: how useful the note is, and what it tells."""

    score: int = Field(ge=1, le=10)


class CustomerAnalysis(BaseModel):
    """app7_customer."""

    profile: Annotated[str, Standard(most=240)]
    value_tier: Annotated[
        Literal["高", "中", "低"], Standard(reckon=lambda features: tier_of(features)[0])
    ]
    # A model reads the lines between the points of risk_of by eye.
    churn_risk: Annotated[
        int, Standard(reckon=lambda features: risk_of(features)[0], within=10)
    ] = Field(ge=0, le=100)
    reasons: Annotated[list[str], Standard(most=160, most_entries=5)] = []
    next_best_action: Annotated[
        str, Standard(most=160, is_deed=True, offers_nothing=True, reaches_out=True)
    ]


class Finding(BaseModel):
    """Something seen in the finances, with the metric and the figure that show it."""

    text: Annotated[str, Standard(most=160)] = Field(min_length=1)
    metric: Annotated[str | None, Standard(is_key=True)] = None
    figure: Annotated[str | int | float | None, Standard(is_figure=True)] = None


class FinanceRisk(BaseModel):
    text: Annotated[str, Standard(most=160)] = Field(min_length=1)
    severity: Literal["low", "medium", "high"] = "medium"


class FinanceAction(BaseModel):
    """Who does what by when, and what shows that it helped."""

    text: Annotated[str, Standard(most=160, is_deed=True, gives_nothing=True)] = Field(min_length=1)
    owner: Annotated[str | None, Standard(most=20, is_needed=True, is_owner=True)] = None
    due: Annotated[str | None, Standard(most=20, is_needed=True, is_due=True)] = None
    metric: Annotated[str | None, Standard(is_key=True, is_needed=True)] = None
    expected: Annotated[str | None, Standard(most=100, is_deed=True)] = None


class FinanceInsight(BaseModel):
    """app2_finance, app2a_finance_area."""

    headline: Annotated[str, Standard(most=160)]
    findings: Annotated[list[Finding], Standard(most_entries=8)] = []
    risks: Annotated[list[FinanceRisk], Standard(most_entries=6)] = []
    actions: Annotated[list[FinanceAction], Standard(most_entries=6)] = []


class PairRisk(BaseModel):
    text: Annotated[str, Standard(most=160)] = Field(min_length=1)


class PairAnalysis(BaseModel):
    """app4_analysis: how an assistant and a member stand."""

    stage: Annotated[str, Standard(most=12, reckon=stage_of)]
    strength: Annotated[int, Standard(reckon=strength_of, within=1)] = Field(ge=0, le=100)
    summary: Annotated[str, Standard(most=240)] = ""
    risks: Annotated[list[str | PairRisk], Standard(most=160, most_entries=5)] = []
    opportunities: Annotated[list[str], Standard(most=160, most_entries=5, gives_nothing=True)] = []


class TalkingPoint(BaseModel):
    """Words for one occasion: what they aim at, and what must not be said with them."""

    scene: Annotated[str, Standard(most=40, reaches_out=True)]
    words: Annotated[str, Standard(most=60, to_guest=True, offers_nothing=True)] = Field(
        min_length=1
    )
    aim: Annotated[str, Standard(most=200)]
    avoid: Annotated[str, Standard(most=160, is_needed=True)] = Field(min_length=1)


class Tactics(BaseModel):
    """app5_tactics."""

    talking_points: Annotated[list[TalkingPoint], Standard(most_entries=6)]
