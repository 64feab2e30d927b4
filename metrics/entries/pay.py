"""Corrections of pay in batches: looked at before, taken in as a whole, undone as a whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from metrics.entries.writing import find
from metrics.importers import RowError, read_rows
from metrics.importers.errors import describe
from metrics.importers.kinds import ADJUSTMENTS
from metrics.importers.kinds.words import word_of
from metrics.importers.push import preview_rows, take_rows
from metrics.models import IngestBatch, SalaryAdjustment, SalaryAdjustmentBatch
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, use_build_context
from sandbox.errors import BadRequest, Conflict
from sandbox.models import Site

MOST_ROWS = 5000
# What a row of a batch says. Its external id is made of the batch's and its own, or its place.
COLUMNS = ("external_id", "assistant", "day", "kind", "amount", "reason")
NEEDED = ["assistant", "day", "kind", "amount"]
# What a file of a manager's calls the columns.
TITLES = {name: word_of(ADJUSTMENTS, name).title for name in (*NEEDED, "reason")}
Row = dict[str, Any]


@dataclass(frozen=True)
class PayEffect:
    """What a batch changes for an assistant, in yuan.

    `net` is reward + income - deduction - expense.
    """

    assistant_id: int
    assistant: str
    reward: Decimal
    income: Decimal
    deduction: Decimal
    expense: Decimal

    @property
    def net(self) -> Decimal:
        return self.reward + self.income - self.deduction - self.expense


@dataclass(frozen=True)
class AdjustmentPreview:
    """What would come of a batch.

    Attributes:
        rows: as sent, to be handed to apply_adjustments.
        errors: every mistake, by place from 0. Only rows without any count in `effects`.
        lines: of a file, by place.
    """

    rows: list[Row]
    errors: list[RowError]
    effects: list[PayEffect]
    file_name: str
    file_hash: str
    lines: list[int] = field(default_factory=list)


def preview_adjustments(
    *,
    ctx: RuntimeContext,
    path: Path | None = None,
    file_name: str = "",
    rows: Sequence[Row] | None = None,
) -> AdjustmentPreview:
    """Look at a file (CSV or XLSX), or rows, of corrections; nothing is written.

    Two files are the same when their rows say the same, however they were saved.

    Raises:
        SandboxReadOnly: the context is in the past. FileError: the file cannot be read.
        BadRequest: no rows, too many, or columns that a batch does not have. Conflict: the same
            file has been taken in and not been undone.
    """
    ctx.require_live()
    lines: list[int] = []
    if path is not None:
        read = _read(path)
        lines, found = [line for line, _row in read], [row for _line, row in read]
        file_name = file_name or path.name
    else:
        found = [dict(row) for row in rows or []]
    fingerprint = _fingerprint(found)
    _check(found)
    errors, effects = preview_rows(
        site=ctx.site,
        kind=ADJUSTMENTS,
        rows=_named(found, _next_name(ctx, fingerprint)),
        look=_effects,
    )
    errors = [_in_words(error, found[error.index]) for error in errors]
    return AdjustmentPreview(found, errors, effects, file_name, fingerprint, lines)


def apply_adjustments(
    *,
    ctx: RuntimeContext,
    rows: Sequence[Row],
    file_name: str,
    file_hash: str,
    actor: AbstractBaseUser,
) -> SalaryAdjustmentBatch:
    """Take in a batch of corrections, all or nothing.

    Raises:
        SandboxReadOnly: the context is in the past. RowErrors: rows are wrong.
        BadRequest: no rows, too many, or columns that a batch does not have. Conflict: the same
            file has been taken in and not been undone.
    """
    ctx.require_live()
    _check(rows)
    external_id = _next_name(ctx, file_hash)
    return _take(
        ctx,
        rows=_named(rows, external_id),
        actor=actor,
        before={"rows": 0, "net": Decimal("0.00")},
        refused=_taken_in(),
        external_id=external_id,
        file_name=file_name[:200],
        file_hash=file_hash,
    )


def undo_adjustments(
    *, ctx: RuntimeContext, batch_id: int, actor: AbstractBaseUser
) -> SalaryAdjustmentBatch:
    """Void what a batch brought, each correction on its own date; returns the batch of voids.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such batch in the store.
        Conflict: it is undone already, is an undo itself, or everything in it is void.
    """
    ctx.require_live()
    batch = find(SalaryAdjustmentBatch, site=ctx.site, pk=batch_id)
    undone = Conflict(_("This batch is undone already, or undoes another one."))
    is_undone = SalaryAdjustmentBatch.objects.filter(site=ctx.site, undo_of=batch).exists()
    if is_undone or batch.undo_of_id is not None:
        raise undone
    rows = _voids(ctx.site, batch)
    if not rows:
        raise Conflict(_("Nothing of this batch is in force any more."))
    return _take(
        ctx,
        rows=rows,
        actor=actor,
        before={"rows": len(rows), "net": _net(rows)},
        refused=undone,
        external_id=f"undo-{batch.pk}",
        file_name=batch.file_name,
        undo_of_id=batch.pk,
    )


def _take(
    ctx: RuntimeContext,
    *,
    rows: Sequence[Row],
    actor: AbstractBaseUser,
    before: dict[str, Any],
    refused: Conflict,
    **fields: Any,
) -> SalaryAdjustmentBatch:
    made: list[SalaryAdjustmentBatch] = []

    def open_adjustments(batch: IngestBatch) -> dict[str, int]:
        try:
            row = SalaryAdjustmentBatch.objects.create(
                site=ctx.site,
                batch=batch,
                occurred_at=timezone.now(),
                business_date=ctx.business_date,
                **fields,
            )
        except IntegrityError as taken:
            # Of two people at once the second comes here.
            raise refused from taken
        made.append(row)
        return {"adjustment_batch": row.pk}

    with transaction.atomic():
        result = take_rows(
            site=ctx.site,
            kind=ADJUSTMENTS,
            rows=rows,
            source="pay",
            actor_id=actor.pk,
            given=open_adjustments,
        )
        [batch] = made
        record_change(
            action="adjustments_undone" if batch.undo_of_id else "adjustments_applied",
            subject=batch,
            site_id=ctx.site.pk,
            actor_id=actor.pk,
            before=before,
            after={
                "file_name": batch.file_name,
                "rows": 0 if batch.undo_of_id else result.accepted,
                "net": Decimal("0.00") if batch.undo_of_id else _net(rows),
                "undo_of": batch.undo_of_id,
            },
        )
    return batch


def _read(path: Path) -> list[tuple[int, Row]]:
    """A file's rows with their lines; kinds may be written as codes or in words."""
    titles = {"external_id": "external_id"} | {name: str(text) for name, text in TITLES.items()}
    kinds = {str(label): value for value, label in SalaryAdjustment.Kind.choices}
    read = read_rows(path=path, kind=ADJUSTMENTS, titles=titles, needed=NEEDED, limit=MOST_ROWS + 1)
    for _line, row in read:
        written = row["kind"].strip() if isinstance(row["kind"], str) else row["kind"]
        row["kind"] = kinds.get(written, written) if isinstance(written, str) else written
    return read


def _in_words(error: RowError, row: Row) -> RowError:
    """A mistake as it is said to whoever writes kinds in words."""
    if (error.column, error.code) != ("kind", "invalid_choice"):
        return error
    choices = ", ".join(str(label) for label in SalaryAdjustment.Kind.labels)
    return replace(
        error, message=describe("invalid_choice", value=row.get("kind"), choices=choices)
    )


def _fingerprint(rows: Sequence[Row]) -> str:
    said = [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _next_name(ctx: RuntimeContext, file_hash: str) -> str:
    """The name of the batch that a file would make now.

    Raises:
        Conflict: it has been taken in and not been undone.
    """
    undone = SalaryAdjustmentBatch.objects.filter(site=ctx.site, undo_of=OuterRef("pk"))
    earlier = SalaryAdjustmentBatch.objects.filter(
        site=ctx.site, file_hash=file_hash, undo_of=None
    ).values_list(Exists(undone), flat=True)
    if not all(earlier):
        raise _taken_in()
    return f"{file_hash[:58]}.{len(earlier)}"


def _taken_in() -> Conflict:
    return Conflict(_("This file has been taken in already; undo that batch first."))


def _check(rows: Sequence[Row]) -> None:
    if not 0 < len(rows) <= MOST_ROWS:
        text = _("Expected 1 to %(limit)d rows.") % {"limit": MOST_ROWS}
        raise BadRequest(text, fields={"rows": [text]})
    unknown = sorted({str(name) for row in rows for name in row} - set(COLUMNS))
    if unknown:
        text = _("Unknown columns: %(names)s. Known are: %(known)s.") % {
            "names": ", ".join(name[:40] for name in unknown[:20]),
            "known": ", ".join(COLUMNS),
        }
        raise BadRequest(text, fields={"rows": [text]})


def _named(rows: Sequence[Row], batch_name: str) -> list[Row]:
    """The rows under names that are theirs in this batch only: an undone file may come again."""
    prefix, _dot, times = batch_name.rpartition(".")
    return [
        row | {"external_id": f"{prefix[:12]}.{times}.{row.get('external_id') or place}"}
        for place, row in enumerate(rows, start=1)
    ]


def _effects(batch: IngestBatch) -> list[PayEffect]:
    """By assistant, from the rows of a batch."""
    sums = (
        SalaryAdjustment.objects.filter(site=batch.site_id, batch=batch)
        .values_list("assistant_id", "assistant__external_id", "kind")
        .annotate(total=Sum("amount"))
        .order_by("assistant__external_id")
    )
    effects: dict[int, PayEffect] = {}
    for assistant_id, name, kind, total in sums:
        none = PayEffect(assistant_id, name, *[Decimal("0.00")] * 4)
        effects[assistant_id] = replace(effects.get(assistant_id, none), **{kind: total})
    return list(effects.values())


def _net(rows: Sequence[Row]) -> Decimal:
    """What rows come to: reward + income - deduction - expense."""
    gained = (SalaryAdjustment.Kind.REWARD, SalaryAdjustment.Kind.INCOME)
    signed = (Decimal(str(row["amount"])) * (1 if row["kind"] in gained else -1) for row in rows)
    return sum(signed, Decimal("0.00"))


def _voids(site: Site, batch: SalaryAdjustmentBatch) -> list[Row]:
    """Void rows of what is in force of a batch, of whatever takes effect later too."""
    with use_build_context(site):
        voids = SalaryAdjustment.objects.filter(site=site, void_of=OuterRef("pk"))
        found = SalaryAdjustment.objects.filter(site=site, adjustment_batch=batch).exclude(
            Exists(voids)
        )
        return [
            {
                "external_id": f"undo-{row.pk}",
                "assistant": row.assistant.external_id,
                "day": row.business_date,
                "kind": row.kind,
                "amount": row.amount,
                "reason": row.reason,
                "void_of": row.external_id,
            }
            for row in found.select_related("assistant").order_by("pk")
        ]
