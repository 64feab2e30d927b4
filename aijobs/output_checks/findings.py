"""What the checks found in one answer, and what that makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """minor: could be better. major: a person should look. dropped: that part was left out."""

    MINOR = "minor"
    MAJOR = "major"
    DROPPED = "dropped"


# What one finding takes from a score of 100.
COSTS = {Severity.MINOR: 10, Severity.MAJOR: 40, Severity.DROPPED: 10}


@dataclass(frozen=True)
class Finding:
    """check: a key of CHECKS. field: where, such as `clues.0.summary`. excerpt: nobody's name."""

    check: str
    field: str
    excerpt: str
    severity: Severity


@dataclass(frozen=True)
class Review:
    """An answer as it may be stored, with what the checks found in it."""

    result: dict[str, Any]
    findings: Sequence[Finding]

    @property
    def score(self) -> int:
        return max(0, 100 - sum(COSTS[finding.severity] for finding in self.findings))

    @property
    def flagged(self) -> bool:
        return bool(self.checks)

    @property
    def checks(self) -> list[str]:
        """Those that somebody should look at, each once."""
        major = (one.check for one in self.findings if one.severity == Severity.MAJOR)
        return list(dict.fromkeys(major))

    def as_columns(self) -> dict[str, Any]:
        """For a run and for its result."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "score": self.score,
            "flagged": self.flagged,
        }
