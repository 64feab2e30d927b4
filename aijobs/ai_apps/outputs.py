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
