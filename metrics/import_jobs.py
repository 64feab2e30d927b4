"""Files imported in the admin: looked at, then taken in by the same way as import_facts.

A large file is looked at, and every file taken in, on the batch cluster, under one lease a file.
The row says what is to be done and what came of it; its operation tells a person how it goes. The
facts, the row's end, the audit entry and the operation's end are one transaction: a file whose
worker died is taken in again from the start, or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.db import OperationalError, connection, connections, transaction
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from psycopg.errors import LockNotAvailable

from metrics.build_jobs import build_key, open_build_job
from metrics.importers import FilePreview, ImportResult, import_file, preview_file
from metrics.importers.kinds import ADJUSTMENTS, find_kind
from metrics.importers.reading import Progress
from metrics.models import DwsBuild, FileImport, IngestBatch
from metrics.uploads import MB, on_disk, require_size
from sandbox.audit import record_change
from sandbox.context import RuntimeContext, live_context, use_context
from sandbox.errors import BadRequest, Conflict, NotFound, ZqyyError
from sandbox.every_store import in_every_store
from sandbox.models import Site
from sandbox.options import option
from zqyy.durable.attempts import telling_when_given_up
from zqyy.durable.leases import Held, close, confirm, fence, open_lease
from zqyy.durable.models import Cluster, Operation
from zqyy.durable.operations import (
    advance_operation,
    complete_operation,
    fail_operation,
    open_operation,
    start_operation,
)

TASK = "metrics.tasks.work_on_import"
# A file of this size (some 2,000 bills) is looked at while its user waits.
LOOKED_AT_ONCE = 256 * 1024
_PATIENCE = "1s"
# What nobody takes in is forgotten, and so are the rows that were left out.
KEPT = timedelta(hours=24)
REJECTS_KEPT = timedelta(days=7)
# Of the progress of a file: the rest of the way is merging and writing.
_READING, _ALL = 50, 100
_TOLD_EVERY = 1.0
State = FileImport.State


class StaleImport(Exception):
    """The file was not in the state that this step starts from: stop."""


@dataclass(frozen=True)
class Standing:
    """How far work on a file has come, in percent, and what is being done."""

    label: Promise | str
    percent: int


# --- What people do ------------------------------------------------------------------------------


def open_import(
    *, ctx: RuntimeContext, kind: str, file: File[bytes], create_members: bool, actor_id: int | None
) -> FileImport:
    """Keep an uploaded file and have it looked at: at once if it is small.

    Raises:
        SandboxReadOnly: the context is in the past. TooLarge: before anything of it is read.
        BadRequest: it is empty, or of no kind that is imported here.
    """
    ctx.require_live()
    chosen = find_kind(kind)
    if chosen is ADJUSTMENTS:
        raise BadRequest(_("Pay corrections have a page of their own."))
    size = file.size or 0
    require_size(size, most=option("import_max_mb", ctx.site) * MB)
    item = FileImport.objects.create(
        site=ctx.site,
        file_name=Path(file.name or "").name[-200:],
        kind=chosen.name,
        size=size,
        content=b"".join(file.chunks()),
        business_date=ctx.business_date,
        actor_id=actor_id,
        create_members=create_members,
    )
    if size > LOOKED_AT_ONCE or not _look_at_once(item):
        _open_job(ctx, item)
    return item


def start_import(
    *, ctx: RuntimeContext, import_id: int, skip_bad: bool, actor_id: int | None
) -> None:
    """Have a file taken in that was looked at; with `skip_bad` without its bad rows.

    Raises:
        SandboxReadOnly: the context is in the past. NotFound: no such file in the store.
        Conflict: it is not waiting to be taken in. BadRequest: it has bad rows.
    """
    ctx.require_live()
    item = FileImport.objects.defer("content").filter(site=ctx.site, pk=import_id).first()
    if item is None:
        raise NotFound
    if item.preview and item.preview["rejected"] and not skip_bad:
        raise BadRequest(_("The file has bad rows: correct them, or leave them out."))
    try:
        _move(item, State.IMPORTING, skip_bad=skip_bad, actor_id=actor_id)
    except StaleImport as stale:
        raise Conflict(_("This file is being taken in already, or has been.")) from stale
    _open_job(ctx, item)


def standing_of(item: FileImport) -> Standing | None:
    """How far the work on a file has come, its summaries included; None: nothing is under way."""
    if item.state in (State.LOOKING, State.IMPORTING):
        operation = _newest_operation(item.site_id, item.lease_key)
        if operation.state == Operation.State.QUEUED:
            return Standing(gettext_lazy("Waiting for its turn"), 0)
        if operation.done < _READING:
            return Standing(gettext_lazy("Reading"), operation.done)
        if item.state == State.LOOKING:
            return Standing(gettext_lazy("Checking; nothing is written"), operation.done)
        return Standing(gettext_lazy("Writing"), operation.done)
    if _leaves_a_build(item):
        builds = Operation.objects.filter(
            site_id=item.site_id, lease_key=build_key(item.site)
        ).order_by("-pk")[:1]
        percent = max((_ALL * one.done // max(one.total, 1) for one in builds), default=0)
        return Standing(gettext_lazy("Summing up"), percent)
    return None


def forget_expired() -> None:
    """Delete the files that nobody took in, and rows that were left out; the sweeper calls it."""
    in_every_store(_forget_expired)


def _forget_expired(ctx: RuntimeContext) -> None:
    expired = FileImport.objects.filter(site=ctx.site, expires_at__lt=Now())
    expired.exclude(state=State.DONE).delete()
    expired.update(rejects=None, expires_at=None)


# --- What a worker does --------------------------------------------------------------------------


def drive_import(held: Held, *, site: Site, import_id: int) -> None:
    """Carry on with a file from where it stands, then have summed up what it brought.

    Raises:
        LeaseLost: another driver has it now.
    """
    ctx = live_context(site)
    with use_context(ctx):
        fence(held)
        item = FileImport.objects.get(site=site, pk=import_id)
        operation = _newest_operation(site.pk, item.lease_key)
        is_open = item.state in (State.LOOKING, State.IMPORTING)
        if is_open:
            start_operation(operation_id=operation.pk, total=_ALL)

    def give_up(reason: str) -> None:
        with use_context(ctx):
            _move(item, State.FAILED, refusal=str(ZqyyError.message))
            fail_operation(operation_id=operation.pk, error=reason)

    if is_open:
        with (
            telling_when_given_up(held, give_up),
            _telling_progress(held, ctx, operation) as progress,
        ):
            work = _look_at if item.state == State.LOOKING else _take_in
            work(held, ctx, item, operation, progress)
    _sum_up(ctx, item)


def _look_at(
    held: Held, ctx: RuntimeContext, item: FileImport, operation: Operation, progress: Progress
) -> None:
    state, found = _look(item, progress)
    with use_context(ctx):
        fence(held)
        _move(item, state, **found)
        complete_operation(operation_id=operation.pk, result={"state": state})
        close(held)


def _take_in(
    held: Held, ctx: RuntimeContext, item: FileImport, operation: Operation, progress: Progress
) -> None:
    def conclude(result: ImportResult) -> None:
        # The row is updated once: of two drivers the second one's facts are rolled back here.
        confirm(held)
        told = describe_result(result)
        _move(
            item,
            State.DONE,
            result=told,
            rejects=result.rejects and result.rejects.read_bytes(),
            batch=result.batch
            and IngestBatch.objects.get(site_id=item.site_id, number=result.batch),
        )
        complete_operation(operation_id=operation.pk, result=told)
        record_change(
            action="facts_imported",
            subject=item,
            site_id=item.site_id,
            actor_id=item.actor_id,
            before={},
            after={"kind": item.kind, "file_name": item.file_name, **told},
        )

    try:
        with _on_disk(item) as path:
            import_file(
                site=item.site,
                kind=item.kind,
                path=path,
                create_members=item.create_members,
                build=False,
                skip_bad=item.skip_bad,
                progress=progress,
                file_name=item.file_name,
                actor_id=item.actor_id,
                conclude=conclude,
            )
    except BadRequest as refused:
        # Since it was looked at, something else came in.
        with use_context(ctx):
            fence(held)
            _move(item, State.REFUSED, refusal=_said(refused))
            complete_operation(operation_id=operation.pk, result={"state": State.REFUSED})
            close(held)


def _sum_up(ctx: RuntimeContext, item: FileImport) -> None:
    with use_context(ctx):
        is_pending = _leaves_a_build(item)
    if is_pending:
        open_build_job(site=item.site, user_id=item.actor_id)


def _leaves_a_build(item: FileImport) -> bool:
    """Whether what a file brought has still to be summed up."""
    if not item.result or item.result["build"] is None:
        return False
    return DwsBuild.objects.filter(pk=item.result["build"], status="started").exists()


@contextmanager
def _telling_progress(held: Held, ctx: RuntimeContext, operation: Operation) -> Iterator[Progress]:
    """A function that tells how much of the file has been read.

    It tells on a connection of its own: the worker's is amid the file's transaction, which nobody
    else can look into.
    """
    told_at = time.monotonic()

    def advance(done: int) -> None:
        with use_context(ctx):
            confirm(held)
            advance_operation(operation_id=operation.pk, done=done)

    with ThreadPoolExecutor(1) as beside:

        def tell(read: int, lines: int) -> None:
            nonlocal told_at
            if read >= lines or time.monotonic() - told_at >= _TOLD_EVERY:
                told_at = time.monotonic()
                beside.submit(advance, min(_READING * read // max(lines, 1), _READING)).result()

        try:
            yield tell
        finally:
            beside.submit(lambda: connections.close_all()).result()


# --- The row -------------------------------------------------------------------------------------


def describe_preview(seen: FilePreview) -> dict[str, Any]:
    """A preview as its row keeps it."""
    told = asdict(seen) | {"first_date": _iso(seen.first_date), "last_date": _iso(seen.last_date)}
    del told["rejects"]
    return told


def describe_result(result: ImportResult) -> dict[str, Any]:
    """What came of a file, as rows, operations and the audit log tell it."""
    return {
        "rows": result.rows,
        "accepted": result.accepted,
        "unchanged": result.unchanged,
        "rejected": result.rejected,
        "warnings": result.warnings_total,
        "created_members": result.created_members,
        "first_date": _iso(result.first_date),
        "last_date": _iso(result.last_date),
        "batch": result.batch,
        "build": result.build,
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _look(item: FileImport, progress: Progress | None = None) -> tuple[State, dict[str, Any]]:
    """What a file comes to, as the state that follows and what the row then says."""
    with _on_disk(item) as path:
        try:
            seen = preview_file(
                site=item.site,
                kind=item.kind,
                path=path,
                create_members=item.create_members,
                progress=progress,
            )
        except BadRequest as refused:
            return State.REFUSED, {"refusal": _said(refused)}
        rejects = seen.rejects and seen.rejects.read_bytes()
        return State.READY, {"preview": describe_preview(seen), "rejects": rejects}


def _look_at_once(item: FileImport) -> bool:
    """Look while the user waits; False: somebody else is writing what the file would touch."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
            state, found = _look(item)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return False
    _move(item, state, **found)
    return True


def _said(refused: BadRequest) -> str:
    return str(refused.message)[:1000]


def _on_disk(item: FileImport) -> AbstractContextManager[Path]:
    return on_disk(item.file_name, [bytes(item.content or b"")])


def _open_job(ctx: RuntimeContext, item: FileImport) -> None:
    open_lease(
        key=item.lease_key,
        cluster=Cluster.BATCH,
        task=TASK,
        args={"site_id": item.site_id, "import_id": item.pk, "language": get_language()},
        site_id=item.site_id,
        mode=ctx.mode,
        business_date=ctx.business_date,
    )
    open_operation(
        kind="import",
        site_id=item.site_id,
        user_id=item.actor_id,
        lease_key=item.lease_key,
        total=_ALL,
    )


def _newest_operation(site_id: int, lease_key: str) -> Operation:
    return Operation.objects.filter(site_id=site_id, lease_key=lease_key).latest("pk")


def _move(item: FileImport, to: State, **values: Any) -> None:
    """Take the file on to its next state, here and in its row.

    Raises:
        StaleImport: it is in another state than this one is reached from.
    """
    before = [state for state, targets in FileImport.ALLOWED.items() if to in targets]
    if to == State.DONE:
        values |= {"content": None, "preview": None}
    if to in (State.READY, State.IMPORTING):
        kept = None if to == State.IMPORTING else KEPT
    else:
        values["finished_at"] = Now()
        kept = REJECTS_KEPT if values.get("rejects") else KEPT
    values["expires_at"] = kept and Now() + kept
    moved = FileImport.objects.filter(pk=item.pk, state__in=before).update(state=to, **values)
    if not moved:
        raise StaleImport(item.pk)
    item.refresh_from_db(fields=["state", "result", "actor"])
