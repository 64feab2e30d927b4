"""What a step is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.translation import gettext as _

from sandbox.errors import BadRequest


@dataclass(frozen=True)
class Target:
    """The ids a step works on; what it does not need stays None.

    Attributes:
        note_id: the note to analyse (None: the newest at D).
        source: which clues app8 replaces: `ai_consumption` or `ai_note`.
    """

    member_id: int | None = None
    assistant_id: int | None = None
    settlement_id: int | None = None
    note_id: int | None = None
    source: str = "ai_consumption"

    @property
    def member(self) -> int:
        """The member's id, where the app declares that it needs one.

        Raises:
            LookupError: there is none: the target was not checked.
        """
        if self.member_id is None:
            raise LookupError("the target has no member")
        return self.member_id

    def as_payload(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Target:
        """Read what somebody sent.

        Raises:
            BadRequest: an id that is none, or an unknown source.
        """
        known = {field.name for field in fields(cls)}
        values = {
            key: value for key, value in payload.items() if key in known and value not in (None, "")
        }
        problems = {}
        for key, value in values.items():
            if key == "source":
                if value not in ("ai_consumption", "ai_note"):
                    problems[key] = [_("Choose `ai_consumption` or `ai_note`.")]
                continue
            if isinstance(value, str) and value.isdecimal():
                values[key] = value = int(value)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
                problems[key] = [_("Expected a positive whole number.")]
        if problems:
            raise BadRequest(fields=problems)
        return cls(**values)
