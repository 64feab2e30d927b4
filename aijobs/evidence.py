"""The evidence of a result, opened: its metrics at D, and the facts it rests on as they stand at D."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from aijobs.ai_apps.finance_books import Books
from aijobs.models import CacheEntry, RetentionClue
from aijobs.pseudonyms import resolve_names
from aijobs.targets import Target
from metrics.calculations.members import member_metrics
from metrics.catalog import METRICS
from metrics.models import (
    AreaVersion,
    AssistantVersion,
    CardEntry,
    CoachTask,
    CoachTaskEvent,
    Contact,
    Note,
    ServiceLine,
    Settlement,
)
from metrics.names import name_at
from sandbox.context import RuntimeContext

_MOST_CHARACTERS = 80


@dataclass(frozen=True)
class Figure:
    """A metric the result was told, with its value at D."""

    title: Promise | str
    value: Any
    unit: str


@dataclass(frozen=True)
class Row:
    """A fact: when, what, how much (None: it has no amount), and the page that shows it.

    `is_void`: it counts no more, or never did.
    """

    day: date
    text: str
    amount: Decimal | None
    link: str
    is_void: bool


@dataclass(frozen=True)
class Group:
    """Facts of one kind; `missing`: how many cannot be seen at D."""

    title: Promise | str
    rows: list[Row]
    missing: int


@dataclass(frozen=True)
class Evidence:
    """`until`: the last day that counts in the figures."""

    until: date
    figures: list[Figure]
    groups: list[Group]


def evidence_of(references: Mapping[str, Any], *, target: Target, ctx: RuntimeContext) -> Evidence:
    """What the references of a result name, in a number of queries that does not depend on them."""
    metrics, rows = _with_sources(references, ctx)
    until, figures = _figures(metrics, target, ctx)
    groups = [
        _open_group(kind, rows[table], ctx) for table, kind in KINDS.items() if rows.get(table)
    ]
    return Evidence(until, figures, groups)


def _with_sources(
    references: Mapping[str, Any], ctx: RuntimeContext
) -> tuple[set[str], dict[str, set[int]]]:
    """Metrics and rows of a result, and of the results that it was made of."""
    sources = CacheEntry.objects.filter(
        site=ctx.site, pk__in=references.get("rows", {}).get("ai_cache", [])
    )
    metrics: set[str] = set()
    rows: dict[str, set[int]] = {}
    for one in (references, *sources.values_list("references", flat=True)):
        metrics.update(one.get("metrics", []))
        for table, keys in one.get("rows", {}).items():
            rows.setdefault(table, set()).update(keys)
    return metrics, rows


# --- Figures -------------------------------------------------------------------------------------


def _figures(keys: set[str], target: Target, ctx: RuntimeContext) -> tuple[date, list[Figure]]:
    """A range's figures count closed days only, as its results do."""
    declared = [metric for metric in METRICS if metric.key in keys]
    until, values = ctx.business_date, dict[str, Any]()
    if target.range_key is not None:
        books = Books(ctx=ctx, ranges=[target.range])
        cell = books.columns.get(target.range, {}).get(target.area, {})
        until, values = books.until, {"prepaid_liability": books.liability}
        values |= cell.get("current", {})
    elif any(metric.entity == "member" for metric in declared):
        values = member_metrics(target.member, ctx=ctx)
    pair = {"member_id": target.member_id, "assistant_id": target.assistant_id}
    values |= {m.key: m.function(**pair, ctx=ctx) for m in declared if m.entity == "pair"}
    return until, [Figure(m.title, values.get(m.key), m.unit) for m in declared]


# --- Rows ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Kind:
    """How facts of a table are read and told.

    Attributes:
        among: all of them, with what the others need; those that do not count are `is_void`.
        link: the page that shows one.
    """

    title: Promise | str
    among: Callable[[RuntimeContext], QuerySet[Any]]
    text: Callable[[Any], str]
    link: Callable[[Any], str]
    amount: Callable[[Any], Decimal] | None = None


def _open_group(kind: _Kind, keys: set[int], ctx: RuntimeContext) -> Group:
    found = list(
        kind.among(ctx)
        .filter(site=ctx.site, pk__in=keys, business_date__lte=ctx.business_date)
        .order_by("-business_date", "-id")
    )
    texts = resolve_names([kind.text(one)[:_MOST_CHARACTERS] for one in found], ctx=ctx)
    rows = [
        Row(
            day=one.business_date,
            text=text,
            amount=kind.amount(one) if kind.amount else None,
            link=kind.link(one),
            is_void=getattr(one, "is_void", False),
        )
        for one, text in zip(found, texts, strict=True)
    ]
    return Group(kind.title, rows, missing=len(keys) - len(rows))


def _voided(model: type[Settlement | CardEntry | ServiceLine], bill: str = "pk") -> Q:
    """A void, voided, or (for what belongs to a bill) on a voided bill."""
    own = model._default_manager.filter(site=OuterRef("site"), void_of=OuterRef("pk"))
    bills = Settlement.objects.filter(site=OuterRef("site"), void_of=OuterRef(bill))
    return Q(void_of__isnull=False) | Q(Exists(own)) | Q(Exists(bills))


def _settlements(ctx: RuntimeContext) -> QuerySet[Settlement]:
    return Settlement.objects.annotate(
        is_void=_voided(Settlement), place=name_at(AreaVersion, "area", ctx.business_date)
    )


def _services(ctx: RuntimeContext) -> QuerySet[ServiceLine]:
    return ServiceLine.objects.annotate(
        is_void=_voided(ServiceLine, "settlement"),
        called=name_at(AssistantVersion, "assistant", ctx.business_date),
    )


def _card_entries(ctx: RuntimeContext) -> QuerySet[CardEntry]:
    return CardEntry.objects.annotate(is_void=_voided(CardEntry, "settlement"))


def _change_page(model: str, key: int) -> str:
    return reverse(f"admin:metrics_{model}_change", args=[key])


def _clue_page(clue: RetentionClue) -> str:
    if clue.run_id is None:
        return _change_page("member", clue.member_id)
    return reverse("admin:aijobs_clue_run", args=[clue.member_id, clue.run_id])


KINDS = {
    "settlements": _Kind(
        gettext_lazy("bills"),
        _settlements,
        lambda bill: f"{bill.place or bill.area_code} {bill.table}".strip(),
        lambda bill: _change_page("settlement", bill.pk),
        lambda bill: bill.paid,
    ),
    "service_lines": _Kind(
        gettext_lazy("service lines"),
        _services,
        lambda line: _("%(who)s, %(hours)s h") % {"who": line.called or "—", "hours": line.hours},
        lambda line: _change_page("settlement", line.settlement_id),
        lambda line: line.ledger,
    ),
    "card_entries": _Kind(
        gettext_lazy("card entries"),
        _card_entries,
        lambda entry: entry.get_kind_display(),
        lambda entry: _change_page("cardentry", entry.pk),
        lambda entry: entry.principal,
    ),
    "notes": _Kind(
        gettext_lazy("notes"),
        lambda ctx: Note.objects.all(),
        lambda note: note.text,
        lambda note: _change_page("member", note.member_id) + "#notes",
    ),
    "contacts": _Kind(
        gettext_lazy("contacts"),
        lambda ctx: Contact.objects.all(),
        lambda contact: str(CoachTaskEvent.Outcome(contact.outcome).label),
        lambda contact: _change_page("contact", contact.pk),
    ),
    "coach_tasks": _Kind(
        gettext_lazy("tasks"),
        lambda ctx: CoachTask.objects.all(),
        lambda task: f"{task.get_kind_display()} {task.reason}".strip(),
        lambda task: _change_page("member", task.member_id),
    ),
    "retention_clues": _Kind(
        gettext_lazy("retention clues"),
        lambda ctx: RetentionClue.objects.all(),
        lambda clue: clue.summary,
        _clue_page,
    ),
}
