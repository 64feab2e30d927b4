"""What the apps must answer. Unknown fields are ignored, a missing one without default is invalid."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from aijobs.clues import CATEGORIES


def _known_category(value: str) -> str:
    return value if value in CATEGORIES else CATEGORIES[0]


class Clue(BaseModel):
    """One fact about a member that helps keep them."""

    category: Annotated[str, AfterValidator(_known_category)] = CATEGORIES[0]
    emoji: str = ""
    summary: str = Field(min_length=1)
    detail: str = ""
    confidence: float = Field(default=0.5, ge=0, le=1)
    providers: str = ""


class ClueList(BaseModel):
    """app3_clue, app8_consolidate."""

    clues: list[Clue]


class NoteAnalysis(ClueList):
    """app6_note: how useful the note is, and what it tells."""

    score: int = Field(ge=1, le=10)


class CustomerAnalysis(BaseModel):
    """app7_customer."""

    profile: str
    value_tier: Literal["高", "中", "低"]
    churn_risk: int = Field(ge=0, le=100)
    reasons: list[str] = []
    next_best_action: str


class Finding(BaseModel):
    """Something seen in the finances, with the metric and the figure that show it."""

    text: str = Field(min_length=1)
    metric: str | None = None
    figure: str | int | float | None = None


class FinanceRisk(BaseModel):
    text: str = Field(min_length=1)
    severity: Literal["low", "medium", "high"] = "medium"


class FinanceAction(BaseModel):
    """Who does what by when, and what shows that it helped."""

    text: str = Field(min_length=1)
    owner: str | None = None
    due: str | None = None
    metric: str | None = None
    expected: str | None = None


class FinanceInsight(BaseModel):
    """app2_finance, app2a_finance_area."""

    headline: str
    findings: list[Finding] = []
    risks: list[FinanceRisk] = []
    actions: list[FinanceAction] = []


class PairRisk(BaseModel):
    text: str = Field(min_length=1)


class PairAnalysis(BaseModel):
    """app4_analysis: how an assistant and a member stand."""

    stage: str
    strength: int = Field(ge=0, le=100)
    summary: str = ""
    risks: list[str | PairRisk] = []
    opportunities: list[str] = []


class TalkingPoint(BaseModel):
    """Words for one occasion: what they aim at, and what must not be said with them."""

    scene: str
    words: str = Field(min_length=1)
    aim: str
    avoid: str = Field(min_length=1)


class Tactics(BaseModel):
    """app5_tactics."""

    talking_points: list[TalkingPoint]
