"""Rows from a connector or a person: merged, summed up and told on in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils.translation import gettext as _

from metrics.builds import lock_ingest, repair_touched
from metrics.importers.errors import ErrorList, RowError, RowErrors
from metrics.importers.ingest import Parts, close_batch, open_batch, publish_fired
from metrics.importers.kinds import SERVICE_LINES, SETTLEMENTS, Kind, find_kind
from metrics.importers.merge import Merge
from metrics.importers.rejects import Rejects, merge_good
from metrics.importers.results import PushResult
from metrics.importers.staging import stage_rows
from metrics.models import IngestBatch
from metrics.quality import note_warnings
from sandbox.context import use_build_context
from sandbox.errors import BadRequest
from sandbox.models import Site

logger = logging.getLogger(__name__)
T = TypeVar("T")
# What holds for all rows of a batch and none of them says, see merge.GIVEN.
Given = Callable[[IngestBatch], Mapping[str, int]]

MAX_ROWS = 1000
NESTED = "services"


@dataclass
class PushedRows:
    """Rows of one kind on their way into staging, each with its place in what was sent."""

    kind: Kind
    places: list[tuple[int, str]] = field(default_factory=list)
    rows: list[Mapping[str, Any]] = field(default_factory=list)

    def locate(self, number: int, column: str) -> tuple[int, str]:
        index, prefix = self.places[number]
        return index, ".".join(filter(None, (prefix, column)))

    def add(self, row: Any, index: int, prefix: str = "", **given: Any) -> None:
        """Add a row; `given` are the values its place already says."""
        self.places.append((index, prefix))
        self.rows.append({**row, **given} if isinstance(row, Mapping) else row)


def push_rows(
    *,
    site: Site,
    kind: str,
    rows: list[dict[str, Any]],
    source: str = "api",
    actor_id: int | None = None,
    author_id: int | None = None,
) -> PushResult:
    """Take in rows as a till sends them: dictionaries by column name, see kinds.py.

    A settlement may nest its service lines as `services` (without their `settlement`). Naive times
    are the store's own. All or nothing; rows known with the same content are unchanged. The counts
    of the result are those of `rows`, nested lines aside.

    Args:
        actor_id: the user who sent them. author_id: the user whose notes they are.

    Raises:
        RowErrors: rows are wrong. BadRequest: no such kind, not a list, or more than 1,000 rows.
    """
    chosen, checked = find_kind(kind), _checked(rows)
    given = {} if author_id is None else {"author": author_id}
    return take_rows(
        site=site,
        kind=chosen,
        rows=checked,
        source=source,
        actor_id=actor_id,
        given=lambda _batch: given,
    )


def take_rows(
    *,
    site: Site,
    kind: Kind,
    rows: Sequence[Any],
    source: str,
    actor_id: int | None,
    given: Given,
) -> PushResult:
    """The same without a limit; `given` says, once there is a batch, what holds for all rows."""
    pushed = _pushed(kind, rows)
    with use_build_context(site) as ctx:
        batch = open_batch(site=site, source=source, actor_id=actor_id)
        warnings = ErrorList(pushed.locate)
        for_all = given(batch)

        def take_in(part: PushedRows) -> None:
            errors = ErrorList(part.locate)
            staged = _stage(site, part, errors)
            merge = Merge(
                site=site,
                kind=part.kind,
                batch=batch,
                today=ctx.business_date,
                errors=errors,
                warnings=warnings,
                given=for_all,
            )
            merged = merge.run(staged=staged)
            merge.collect_touched(merged)
            merge.collect_fired(merged)
            parts[part.kind.name] = merged

        parts: Parts = {}
        take_in(pushed)
        if pushed.kind is SETTLEMENTS and (services := _services(rows)).rows:
            take_in(services)
        main = parts[pushed.kind.name]
        result = (main.accepted, main.unchanged, warnings.errors, warnings.total)
        counts = {name: part.accepted for name, part in parts.items()}
        if not any(counts.values()):
            batch.delete()
            return PushResult(*result)
        lock_ingest(site)
        touched = [one for part in parts.values() for one in part.touched]
        repair_touched(site=site, touched=touched)
        events = publish_fired(site=site, today=ctx.business_date, parts=parts)
        note_warnings(site=site, day=ctx.business_date, batch_id=batch.pk, counts=warnings.by_code)
        close_batch(batch=batch, parts=parts, counts=counts)
        return PushResult(*result, events=events, batch=batch.number)


def preview_rows(
    *, site: Site, kind: Kind, rows: Sequence[Any], look: Callable[[IngestBatch], T]
) -> tuple[list[RowError], T]:
    """What would come of rows: every mistake, and what `look` sees once the good ones are in.

    Nothing stays, nobody is told, and the store's lock is not taken.
    """
    pushed = _pushed(kind, rows)
    rejects = Rejects()
    errors = ErrorList(pushed.locate, rejects=rejects)
    with use_build_context(site) as ctx:
        undone = transaction.savepoint()
        batch = open_batch(site=site, source="preview")
        staged = _stage(site, pushed, errors)
        merge = Merge(
            site=site,
            kind=kind,
            batch=batch,
            today=ctx.business_date,
            errors=errors,
            warnings=ErrorList(pushed.locate),
        )
        try:
            merge_good(merge=merge, rejects=rejects, staged=staged)
        except RowErrors:
            logger.info("preview for store %s: no row is good", site.code)
        found = rejects.errors(), look(batch)
        transaction.savepoint_rollback(undone)
    return found


def _pushed(kind: Kind, rows: Sequence[Any]) -> PushedRows:
    pushed = PushedRows(kind)
    for index, row in enumerate(rows):
        pushed.add(row, index)
    return pushed


def _stage(site: Site, part: PushedRows, errors: ErrorList) -> int:
    with connection.cursor() as cursor:
        return stage_rows(
            cursor=cursor,
            kind=part.kind,
            site=site,
            columns=list(part.kind.by_name),
            rows=_values(part, errors),
            errors=errors,
        ).staged


def _checked(rows: Any) -> list[Any]:
    if not isinstance(rows, list):
        text = _("Expected a list of rows.")
        raise BadRequest(text, fields={"rows": [text]})
    if len(rows) > MAX_ROWS:
        text = _("At most %(limit)d rows at once.") % {"limit": MAX_ROWS}
        raise BadRequest(text, code="too_many_rows", fields={"rows": [text]})
    return rows


def _values(part: PushedRows, errors: ErrorList) -> list[tuple[int, list[Any]]]:
    """The rows' values in the order of the kind's columns; what is no row is named and left out."""
    known = part.kind.by_name
    nested = {NESTED} if part.kind is SETTLEMENTS else set()
    found = []
    for number, row in enumerate(part.rows):
        if not isinstance(row, Mapping):
            expected = _("an object with the columns as keys")
            errors.add(number, "", "wrong_type", expected=expected)
            continue
        for name in row.keys() - known.keys() - nested:
            errors.add(number, str(name)[:64], "unknown_column")
        if row.get(NESTED) is not None and nested and not isinstance(row[NESTED], list):
            errors.add(number, NESTED, "wrong_type", expected=_("a list"))
        found.append((number, [row.get(name) for name in known]))
    return found


def _services(rows: Sequence[Any]) -> PushedRows:
    """The service lines nested in bills that have been accepted as rows."""
    lines = PushedRows(SERVICE_LINES)
    for index, row in enumerate(rows):
        for nth, line in enumerate(row.get(NESTED) or []):
            lines.add(line, index, f"{NESTED}.{nth}", settlement=row["external_id"])
    return lines
