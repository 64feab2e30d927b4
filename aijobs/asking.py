"""Asking the AI about a store: a question, and the job that answers it, in one transaction."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User as Account
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from aijobs.chat_log import conversation
from aijobs.guards.kill_switches import require_running
from aijobs.job_states import create_job, take_job_ids
from aijobs.models import ChatQuestion, Run
from aijobs.planning import PlannedStep
from aijobs.targets import Target
from sandbox.audit import record_sandbox_use
from sandbox.context import RuntimeContext
from sandbox.errors import Conflict, KnownAtReadOnly

CHAT, APP = "chat", "app1_chat"


def ask_question(
    *, ctx: RuntimeContext, user: Account, text: str, session_id: uuid.UUID | None = None
) -> ChatQuestion:
    """Open a question on the user's D and in their mode; it is answered in the background.

    Args:
        session_id: whose questions the AI is reminded of; None: those of the newest one.

    Raises:
        KnownAtReadOnly: a job knows what is known when it runs.
        KillSwitchTriggered: AI is switched off for it.
        Conflict: the user's last question is still being answered (`chat_busy`).
    """
    if ctx.known_at is not None:
        raise KnownAtReadOnly
    require_running(ctx=ctx, app=APP)
    if session_id is None:
        newest = conversation(user_id=user.pk, ctx=ctx).order_by("-pk")
        session_id = newest.values_list("session_id", flat=True).first() or uuid.uuid4()
    try:
        with transaction.atomic():
            question = ChatQuestion.objects.create(
                site=ctx.site,
                user_id=user.pk,
                session_id=session_id,
                mode=ctx.mode,
                business_date=ctx.business_date,
                question=text,
            )
            step = PlannedStep(APP, Target(question_id=question.pk))
            job = create_job(
                site=ctx.site,
                steps=[step],
                id=take_job_ids(1)[0],
                event_type=CHAT,
                # What a user has open at most once.
                payload={"step": f"{APP}:user:{user.pk}", "target": step.target.as_payload()},
                triggered_by="api",
                triggered_by_user_id=user.pk,
                is_forced=True,
                mode=ctx.mode,
                business_date=ctx.business_date,
            )
            record_sandbox_use(ctx, used_for=f"job {job.pk}: {step.key}")
    except IntegrityError as error:
        if getattr(error.__cause__, "diag", None) is None or (
            error.__cause__.diag.constraint_name != "one_open_app_run"  # type: ignore[union-attr]
        ):
            raise
        message = _("Your last question is still being answered; ask again when it is.")
        raise Conflict(message, code="chat_busy") from error
    question.refresh_from_db()
    return question


def runs_of(questions: list[ChatQuestion]) -> dict[int, Run]:
    """The newest attempt to answer each question, by its id, in one query."""
    if not questions:
        return {}
    runs = Run.objects.filter(
        site=questions[0].site_id, app=APP, target_id__in=[str(one.pk) for one in questions]
    )
    newest = runs.order_by("target_id", "-pk").distinct("target_id")
    return {
        int(run.target_id): run
        for run in newest.only("target_id", "status", "error_code", "job_id", "site_id")
    }
