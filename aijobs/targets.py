"""What a step is about, and the ids under which its results are filed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from metrics.calculations.areas import ALL
from metrics.ranges import RANGES
from sandbox.errors import BadRequest, NotFound

MOST_AREA_CHARACTERS = 32
Value = TypeVar("Value")
SOURCES = ("ai_consumption", "ai_note")
# What people call the fields of events and targets, by `shown_name`.
TITLES: dict[str, Promise | str] = {
    "member": gettext_lazy("member"),
    "assistant": gettext_lazy("assistant"),
    "settlement": gettext_lazy("bill"),
    "note": gettext_lazy("note"),
    "range": gettext_lazy("range"),
    "area": gettext_lazy("area"),
}


@dataclass(frozen=True)
class Target:
    """What a step works on; what it does not need stays at its default.

    Attributes:
        note_id: the note to analyse (None: the newest at D).
        range_key: one of RANGES. area: an area's code; `all` is the whole store.
        source: which clues app8 replaces: `ai_consumption` or `ai_note`.
        question_id: the question of a user that app1 answers.
    """

    member_id: int | None = None
    assistant_id: int | None = None
    settlement_id: int | None = None
    note_id: int | None = None
    range_key: str | None = None
    area: str = ALL
    source: str = "ai_consumption"
    question_id: int | None = None

    @property
    def member(self) -> int:
        """The member's id, where the app declares that it needs one."""
        return _given(self.member_id, "member")

    @property
    def assistant(self) -> int:
        """The assistant's id, where the app declares that it needs one."""
        return _given(self.assistant_id, "assistant")

    @property
    def range(self) -> str:
        """The range's key, where the app declares that it needs one."""
        return _given(self.range_key, "range")

    @property
    def question(self) -> int:
        """The question's id, where the app declares that it needs one."""
        return _given(self.question_id, "question")

    def as_payload(self) -> dict[str, Any]:
        """What `from_payload` reads; defaults are left out."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            field.name: given[field.name]
            for field in fields(self)
            if given[field.name] != field.default
        }

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Target:
        """Read what somebody sent.

        Raises:
            BadRequest: an id that is none, an unknown range or source, an area that is no code.
        """
        known = {field.name for field in fields(cls)}
        values = {
            key: value for key, value in payload.items() if key in known and value not in (None, "")
        }
        problems = {}
        for key, value in values.items():
            if key.endswith("_id") and isinstance(value, str) and value.isdecimal():
                values[key] = int(value)
            if problem := _problem_of(key, values[key]):
                problems[key] = [problem]
        if problems:
            raise BadRequest(fields=problems)
        return cls(**values)


def _given(value: Value | None, name: str) -> Value:
    if value is None:
        raise LookupError(f"the target has no {name}: it was not checked")
    return value


def _problem_of(key: str, value: Any) -> str:
    """Why a value cannot be that of a field; empty if it can."""
    choices = {"range_key": tuple(RANGES), "source": SOURCES}.get(key)
    if choices is not None:
        known = isinstance(value, str) and value in choices
        return "" if known else _("Choose one of: %(choices)s.") % {"choices": ", ".join(choices)}
    if key == "area":
        is_code = isinstance(value, str) and len(value) <= MOST_AREA_CHARACTERS
        return "" if is_code else _("Expected the code of an area.")
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**63
    return "" if is_id else _("Expected a positive whole number.")


def shown_name(field: str) -> str:
    """What a field is called outside: member and range, not member_id, assistant_ids, range_key."""
    return field.removesuffix("_ids").removesuffix("_id").removesuffix("_key")


def list_titles(fields: Iterable[str]) -> str:
    """The fields as a sentence names them: `member, assistant`."""
    return ", ".join(str(TITLES[shown_name(field)]) for field in fields)


@dataclass(frozen=True)
class TargetForm:
    """How the id of a target is written: fields in order, joined."""

    fields: tuple[str, ...]
    joint: str = ""

    def write(self, target: Target) -> str:
        """The id; the target has been checked."""
        return self.joint.join(str(_given(getattr(target, name), name)) for name in self.fields)

    def read(self, target_id: str) -> Target:
        """The target of an id.

        Raises:
            NotFound: no target is written like this.
        """
        parts = target_id.split(self.joint, len(self.fields) - 1) if self.joint else [target_id]
        try:
            target = Target.from_payload(dict(zip(self.fields, parts, strict=True)))
            written = self.write(target)
        except (BadRequest, ValueError, LookupError) as error:
            raise NotFound from error
        if written != target_id:
            raise NotFound
        return target


MEMBER = TargetForm(("member_id",))
PAIR = TargetForm(("assistant_id", "member_id"), "_")
CELL = TargetForm(("range_key", "area"), "__")
# Never kept in the cache, so that its ids cannot be taken for members'.
QUESTION = TargetForm(("question_id",))


def read_target(target_id: str) -> Target:
    """The target of an id, whatever its form; no id fits two.

    Raises:
        NotFound: no target is written like this.
    """
    for form in (MEMBER, PAIR, CELL):
        try:
            return form.read(target_id)
        except NotFound:
            continue
    raise NotFound
