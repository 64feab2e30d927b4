"""What an entry of the audit log says: each field that changed, before and after, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Field, Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sandbox.models import AuditEntry

NOTHING = "—"
# What is recorded and is no field of its thing, or one that no form shows.
WORDS: dict[str, Promise | str] = {
    "accepted": gettext_lazy("accepted rows"),
    "app": gettext_lazy("app"),
    "as_of": gettext_lazy("as of date"),
    "batch": gettext_lazy("batch"),
    "business_date": gettext_lazy("business date"),
    "due_on": gettext_lazy("due"),
    "file_name": gettext_lazy("file"),
    "filters": gettext_lazy("filters"),
    "kind": gettext_lazy("kind"),
    "mode": gettext_lazy("mode"),
    "net": gettext_lazy("net amount"),
    "note": gettext_lazy("note"),
    "reason": gettext_lazy("reason"),
    "rejected": gettext_lazy("rejected rows"),
    "rows": gettext_lazy("rows"),
    "scope": gettext_lazy("scope"),
    "sites": gettext_lazy("stores"),
    "skipped": gettext_lazy("left out"),
    "tasks": gettext_lazy("tasks"),
    "verdict": gettext_lazy("verdict"),
    "version": gettext_lazy("version"),
}
# Keys of the rows that a page refers to, by their model, with what each is called.
Names = Mapping[type[Model], Mapping[Any, str]]


@dataclass(frozen=True)
class Change:
    """One field: what it is called, what it was, what it became."""

    title: str
    before: str
    after: str


def model_of(entry: AuditEntry) -> type[Model] | None:
    """What the entry is about; None: a kind of thing that is gone."""
    try:
        return apps.get_model(entry.object_type)
    except (LookupError, ValueError):
        return None


def changes_of(entry: AuditEntry, names: Names) -> list[Change]:
    """Field by field, in the order of the thing's own; the key of what was made is no change."""
    before, after = entry.before or {}, entry.after or {}
    model = model_of(entry)
    key = model._meta.pk.name if model and model._meta.pk else ""
    order = [field.name for field in model._meta.get_fields()] if model else []
    recorded = {**before, **after}
    named = [name for name in order if name in recorded]
    return [
        Change(
            title=str(WORDS.get(name) or (field.verbose_name if field else name)),
            before=_text(before[name], field, names) if name in before else NOTHING,
            after=_text(after[name], field, names) if name in after else NOTHING,
        )
        for name in dict.fromkeys([*named, *recorded])
        if name != key
        for field in [_field(model, name)]
    ]


def names_in(entries: Iterable[AuditEntry]) -> Names:
    """What the rows that these entries refer to are called: one query for each kind of them."""
    wanted: dict[type[Model], set[Any]] = {}
    for entry in entries:
        model = model_of(entry)
        for values in (entry.before or {}, entry.after or {}):
            for name, value in values.items():
                field = _field(model, name)
                if field is not None and field.is_relation:
                    keys = value if isinstance(value, list) else [value]
                    related: Any = field.related_model
                    wanted.setdefault(related, set()).update(k for k in keys if k is not None)
    return {
        model: {row.pk: str(row) for row in model._base_manager.filter(pk__in=keys)}
        for model, keys in wanted.items()
    }


def _field(model: type[Model] | None, name: str) -> Field[Any, Any] | None:
    if model is None:
        return None
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return found if isinstance(found, Field) else None


def _text(value: Any, field: Field[Any, Any] | None, names: Names) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_text(one, field, names) for one in value) or NOTHING
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if field is not None and field.is_relation:
        related: Any = field.related_model
        return names.get(related, {}).get(value, f"#{value}")
    choices = dict(field.flatchoices) if field is not None else {}
    return str(choices.get(value, value))
