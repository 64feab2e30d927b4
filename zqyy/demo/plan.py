"""What makes a demo the one it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Plan:
    """The same plan makes the same demo, to the last cent.

    Attributes:
        scale: share of the members and assistants; the stores and the two years stay.
        last_day: the open business day when the load began.
        until: the stores' clock then; nothing is dated after it.
    """

    seed: int
    scale: float
    last_day: date
    until: datetime

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "scale": self.scale,
            "last_day": self.last_day.isoformat(),
            "until": self.until.isoformat(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Plan:
        return cls(
            seed=values["seed"],
            scale=values["scale"],
            last_day=date.fromisoformat(values["last_day"]),
            until=datetime.fromisoformat(values["until"]),
        )
