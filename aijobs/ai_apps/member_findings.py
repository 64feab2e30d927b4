"""Everything that stands out about a member, what matters most first."""

from __future__ import annotations

from typing import Any

from aijobs.ai_apps.finding import Finding
from aijobs.ai_apps.findings_of_people import find_of_people
from aijobs.ai_apps.findings_of_spending import find_of_spending
from aijobs.ai_apps.findings_of_visits import find_of_visits


def find_all(features: dict[str, Any]) -> list[Finding]:
    found = [
        *find_of_visits(features),
        *find_of_spending(features),
        *find_of_people(features),
    ]
    return sorted(found, key=lambda finding: (-finding.weight, finding.kind))
