"""What goes in and out of metrics.api."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from metrics.catalog import METRICS
from metrics.events import EventResult
from metrics.importers import PushResult, RowError
from metrics.masking import mask_phone
from metrics.metric import Metric
from metrics.models import MemberLifecycle, Note

UNITS = {
    "yuan": _("yuan"),
    "days": _("days"),
    "count": _("count"),
    "hours": _("hours"),
    "share": _("share"),
    "ratio": _("ratio"),
    "index": _("index"),
    "code": _("grade or stage"),
    "kpi": _("several figures"),
}
ENTITIES = {
    "member": _("member"),
    "assistant": _("assistant"),
    "pair": _("member and assistant"),
    "site": _("store"),
    "site_area": _("store by area"),
}
MONEY = ("card_balance", "card_principal", "card_gift", "consumption_60d", "total_consumption")
SORTABLE = (
    "id",
    "external_id",
    "name",
    "joined_at",
    "last_visit",
    "last_visit_days",
    "visits",
    "total_transactions",
    *MONEY,
    "stickiness",
    "lifecycle_stage",
    "visit_interval_median",
    "overdue_ratio",
)
COLUMNS = (*SORTABLE, "phone")


class MetricSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    entity = serializers.ChoiceField(list(ENTITIES))
    entity_label = serializers.CharField()
    unit = serializers.ChoiceField(list(UNITS))
    unit_label = serializers.CharField()
    definition = serializers.CharField()
    formula = serializers.CharField(help_text="D is the business date.")
    origin = serializers.CharField(help_text="The facts it is counted from.")

    @staticmethod
    def of(metric: Metric) -> dict[str, Any]:
        return {
            "key": metric.key,
            "title": str(metric.title),
            "entity": metric.entity,
            "entity_label": str(ENTITIES[metric.entity]),
            "unit": metric.unit,
            "unit_label": str(UNITS[metric.unit]),
            "definition": str(metric.definition),
            "formula": metric.formula,
            "origin": metric.origin,
        }


class BoardQuerySerializer(serializers.Serializer[Any]):
    search = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text="Part of the name, the beginning of the external id, the phone number or its "
        "last 4 digits.",
    )
    external_id = serializers.CharField(max_length=64, required=False)
    ordering = serializers.ChoiceField(
        [sign + column for column in SORTABLE for sign in ("", "-")],
        default="id",
        help_text="A column; with - in front the greatest first. Unknown values stand last.",
    )


class MemberRowSerializer(serializers.Serializer[Any]):
    """A member on the board. Money is text with 2 places; null is unknown."""

    id = serializers.IntegerField()
    external_id = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.CharField(help_text="Masked.")
    joined_at = serializers.DateTimeField(allow_null=True)
    last_visit = serializers.DateField(allow_null=True)
    last_visit_days = serializers.IntegerField(allow_null=True)
    visits = serializers.IntegerField()
    total_transactions = serializers.IntegerField()
    card_balance = serializers.CharField()
    card_principal = serializers.CharField()
    card_gift = serializers.CharField()
    consumption_60d = serializers.CharField()
    total_consumption = serializers.CharField()
    stickiness = serializers.CharField(help_text="0 to 100, 1 place.")
    lifecycle_stage = serializers.ChoiceField(MemberLifecycle.Stage.choices, allow_null=True)
    visit_interval_median = serializers.CharField(allow_null=True, help_text="Days, 1 place.")
    overdue_ratio = serializers.CharField(allow_null=True, help_text="2 places.")

    @staticmethod
    def of(row: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = as_shown(row)
        return {**shown, "phone": mask_phone(row["phone"])}


class MemberSerializer(MemberRowSerializer):
    daysSinceVisit = serializers.IntegerField(
        allow_null=True, help_text="The same as last_visit_days."
    )

    @staticmethod
    def of(row: dict[str, Any]) -> dict[str, Any]:
        return {**MemberRowSerializer.of(row), "daysSinceVisit": row["last_visit_days"]}


class BoardSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = MemberRowSerializer(many=True)


class MetricsQuerySerializer(serializers.Serializer[Any]):
    keys = serializers.CharField(
        max_length=2000, required=False, help_text="Comma-separated; all without it."
    )

    def validate_keys(self, text: str) -> list[str]:
        keys = [key.strip() for key in text.split(",")]
        known = [metric.key for metric in METRICS if metric.entity == "member"]
        unknown = [key for key in keys if key not in known]
        if unknown:
            message = _("There is no metric of members called “%(key)s”; choose from: %(known)s.")
            raise serializers.ValidationError(
                message % {"key": unknown[0][:40], "known": ", ".join(known)}
            )
        return keys


class MemberMetricsSerializer(serializers.Serializer[Any]):
    as_of = serializers.DateField()
    known_at = serializers.DateTimeField(allow_null=True)
    mode = serializers.CharField()
    metrics = serializers.DictField(
        help_text="Whole numbers; amounts and ratios as text; null where unknown."
    )


class NewNoteSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=2000)


class EventResultSerializer(serializers.Serializer[Any]):
    event_type = serializers.CharField()
    member = serializers.IntegerField(allow_null=True)
    job = serializers.IntegerField(allow_null=True)
    coalesced = serializers.BooleanField()

    @staticmethod
    def of(event: EventResult) -> dict[str, Any]:
        return {
            "event_type": event.event_type,
            "member": event.member_id,
            "job": event.job_id,
            "coalesced": event.coalesced,
        }


class NoteSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    external_id = serializers.CharField()
    member = serializers.IntegerField()
    text = serializers.CharField()
    author_name = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    business_date = serializers.DateField()
    events = EventResultSerializer(many=True)

    @staticmethod
    def of(note: Note, events: list[EventResult]) -> dict[str, Any]:
        return {
            "id": note.pk,
            "external_id": note.external_id,
            "member": note.member_id,
            "text": note.text,
            "author_name": note.author_name,
            "occurred_at": note.occurred_at,
            "business_date": note.business_date,
            "events": [EventResultSerializer.of(event) for event in events],
        }


class FactsSerializer(serializers.Serializer[Any]):
    rows = serializers.ListField(
        child=serializers.DictField(), max_length=1000, help_text="All of them or none."
    )


class PushResultSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField(help_text="New rows.")
    unchanged = serializers.IntegerField(help_text="Rows known with the same content.")
    events = EventResultSerializer(many=True)
    warnings = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Rows taken in although they look wrong, like `fields` of an error.",
    )

    @staticmethod
    def of(pushed: PushResult) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "accepted": pushed.accepted,
            "unchanged": pushed.unchanged,
            "events": [EventResultSerializer.of(event) for event in pushed.events],
        }
        if pushed.warnings:
            answer["warnings"] = by_row(pushed.warnings)
        return answer


def by_row(errors: list[RowError]) -> dict[str, list[str]]:
    """Row errors by dotted name, each with its code in front: the reader is a program."""
    fields: dict[str, list[str]] = {}
    for error in errors:
        path = ".".join(filter(None, ("rows", str(error.index), error.column)))
        fields.setdefault(path, []).append(f"{error.code}: {error.message}")
    return fields


def as_shown(value: Any) -> Any:
    """A Decimal as text with the places it has, also within a dict; the rest as it is."""
    if isinstance(value, dict):
        return {name: as_shown(part) for name, part in value.items()}
    return f"{value:f}" if isinstance(value, Decimal) else value
