"""What the AI said, asking it again, its jobs, the events that start it, the clues it leaves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aijobs.ai_apps.base import AIApp
from aijobs.cache import NotGenerated, fetch
from aijobs.clues import judged_clues_of
from aijobs.feedback import Subject, clue_subject, give_feedback, part_subject
from aijobs.firing import PREWARM_EVERYWHERE, fire_event
from aijobs.interventions import cancel_job, retry_job
from aijobs.jobs import open_app_run
from aijobs.manual_clues import add_manual_clue
from aijobs.models import TriggerJob
from aijobs.opinions import Opinions
from aijobs.permissions import (
    CanFireEvents,
    CanManageJobs,
    CanRunAIApp,
    may_prewarm_everywhere,
    visible_jobs,
)
from aijobs.registry import find_app_of
from aijobs.runs import newest_runs_of
from aijobs.serializers import (
    ClueSerializer,
    EventSerializer,
    FeedbackSerializer,
    FiredSerializer,
    GivenFeedbackSerializer,
    InsightSerializer,
    JobReferenceSerializer,
    JobSerializer,
    NewClueSerializer,
    PartFeedbackSerializer,
    RegenerateSerializer,
)
from aijobs.targets import Target
from metrics.permissions import CanRecord, visible_member
from sandbox.access import assistant_of, role_of
from sandbox.api import CHANGES, REFUSALS, validate
from sandbox.context import User, current_context
from sandbox.errors import NotFound, NotPermitted
from sandbox.idempotency import idempotent
from sandbox.pagination import NewestFirst
from sandbox.permissions import IsPerson
from sandbox.serializers import ErrorSerializer


class InsightView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["insights"], responses={200: InsightSerializer, **REFUSALS})
    def get(self, request: Request, site: int, cache_type: str, target: str) -> Response:
        """The result in force at D; 404 `not_generated` where there is none."""
        app = find_app_of(cache_type)
        find_target(app, target, user=request.user)
        insight = fetch(cache_type=cache_type, target_id=target, ctx=current_context())
        if insight is None:
            raise NotGenerated
        return Response(InsightSerializer.of(insight, user=request.user))


class RegenerateView(APIView):
    permission_classes = (CanRunAIApp,)

    @extend_schema(
        tags=["insights"],
        request=RegenerateSerializer,
        responses={202: JobReferenceSerializer, 423: ErrorSerializer, **CHANGES},
    )
    @idempotent
    def post(self, request: Request, site: int, cache_type: str, target: str) -> Response:
        """Run the app of this result again, on my date. A second press finds the open job.

        423 `kill_switch_triggered:{site}:{app}` while somebody has switched it off."""
        app = find_app_of(cache_type)
        found = find_target(app, target, user=request.user)
        chosen = validate(RegenerateSerializer, request)
        job = open_app_run(
            ctx=current_context(),
            app=app.key,
            target={
                **found.as_payload(),
                **({"note_id": chosen["note"]} if "note" in chosen else {}),
                **({"source": chosen["source"]} if "source" in chosen else {}),
            },
            triggered_by="api",
            user_id=request.user.pk,
        )
        return Response({"job": job.pk}, status=status.HTTP_202_ACCEPTED)


class JobListView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(
        tags=["jobs"],
        operation_id="jobs_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: JobSerializer(many=True), **REFUSALS},
    )
    def get(self, request: Request, site: int) -> Response:
        """The store's jobs dated by D, newest first."""
        pages = NewestFirst()
        jobs = visible_jobs(user=request.user, ctx=current_context())
        page: list[TriggerJob] = pages.paginate_queryset(jobs, request, view=self) or []
        runs = newest_runs_of(page)
        return pages.get_paginated_response(
            [JobSerializer.of(job, runs.get(job.pk, [])) for job in page]
        )


class JobView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["jobs"], responses={200: JobSerializer, **REFUSALS})
    def get(self, request: Request, site: int, job: int) -> Response:
        """How far a job is."""
        return Response(JobSerializer.of(find_job(request, job)))


class JobRetryView(APIView):
    permission_classes = (CanManageJobs,)

    @extend_schema(tags=["jobs"], request=None, responses={202: JobSerializer, **CHANGES})
    @idempotent
    def post(self, request: Request, site: int, job: int) -> Response:
        """Call the failed steps again; 409 `superseded` when a newer job has taken over."""
        retried = retry_job(job=find_job(request, job), user_id=request.user.pk)
        return Response(JobSerializer.of(retried), status=status.HTTP_202_ACCEPTED)


class JobCancelView(APIView):
    permission_classes = (CanManageJobs,)

    @extend_schema(tags=["jobs"], request=None, responses={200: JobSerializer, **CHANGES})
    @idempotent
    def post(self, request: Request, site: int, job: int) -> Response:
        """End a job; an answer that is on its way is not written."""
        return Response(
            JobSerializer.of(cancel_job(job=find_job(request, job), user_id=request.user.pk))
        )


class EventView(APIView):
    permission_classes = (CanFireEvents,)

    @extend_schema(
        tags=["till"], request=EventSerializer, responses={202: FiredSerializer, **CHANGES}
    )
    @idempotent
    def post(self, request: Request, site: int) -> Response:
        """Start a chain as the till would, live. Nobody can while looking at the past."""
        ctx = current_context()
        ctx.require_live()
        event = validate(EventSerializer, request)
        if event["event_type"] == PREWARM_EVERYWHERE and not may_prewarm_everywhere(request.user):
            raise NotPermitted
        fired = fire_event(
            site=ctx.site,
            event_type=event["event_type"],
            member_id=event.get("member"),
            settlement_id=event.get("settlement"),
            note_id=event.get("note"),
            assistant_id=event.get("assistant"),
            has_assistant=event["has_assistant"],
            is_forced=event["is_forced"],
            user_id=request.user.pk,
        )
        return Response(
            {"job": fired.job_id, "coalesced": fired.coalesced}, status=status.HTTP_202_ACCEPTED
        )


class ClueListView(APIView):
    def get_permissions(self) -> list[Any]:
        return [CanRecord()] if self.request.method == "POST" else [IsPerson()]

    @extend_schema(tags=["members"], responses={200: ClueSerializer(many=True), **REFUSALS})
    def get(self, request: Request, site: int, member: int) -> Response:
        """The clues in force at D, newest first."""
        ctx = current_context()
        found = visible_member(user=request.user, ctx=ctx, member_id=member)
        clues, opinions = judged_clues_of(member_id=found.pk, ctx=ctx)
        return Response(
            [ClueSerializer.of(clue, opinions=opinions, user=request.user) for clue in clues]
        )

    @extend_schema(
        tags=["members"], request=NewClueSerializer, responses={201: ClueSerializer, **CHANGES}
    )
    @idempotent
    def post(self, request: Request, site: int, member: int) -> Response:
        """Write down what I know about a member; no AI run replaces it."""
        ctx = current_context()
        ctx.require_live()
        found = visible_member(user=request.user, ctx=ctx, member_id=member)
        clue = add_manual_clue(
            ctx=ctx, member_id=found.pk, actor=request.user, **validate(NewClueSerializer, request)
        )
        shape = ClueSerializer.of(clue, opinions=Opinions([]), user=request.user)
        return Response(shape, status=status.HTTP_201_CREATED)


class ClueFeedbackView(APIView):
    permission_classes = (CanRecord,)

    @extend_schema(
        tags=["members"],
        request=FeedbackSerializer,
        responses={200: GivenFeedbackSerializer, **CHANGES},
    )
    @idempotent
    def post(self, request: Request, site: int, clue: int) -> Response:
        """Say what I think of a clue. My newest word counts; a no hides it from everybody."""
        ctx = current_context()
        ctx.require_live()
        subject = clue_subject(ctx=ctx, clue_id=clue)
        visible_member(user=request.user, ctx=ctx, member_id=subject.member_id)
        return take_feedback(request, subject, validate(FeedbackSerializer, request))


class InsightFeedbackView(APIView):
    permission_classes = (CanRecord,)

    @extend_schema(
        tags=["insights"],
        request=PartFeedbackSerializer,
        responses={200: GivenFeedbackSerializer, **CHANGES},
    )
    @idempotent
    def post(self, request: Request, site: int, cache_type: str, target: str) -> Response:
        """The same of a talking point or clue of this result, named by its fingerprint."""
        ctx = current_context()
        ctx.require_live()
        find_target(find_app_of(cache_type), target, user=request.user)
        said = validate(PartFeedbackSerializer, request)
        subject = part_subject(
            ctx=ctx, cache_type=cache_type, target_id=target, fingerprint=said["fingerprint"]
        )
        return take_feedback(request, subject, said)


def take_feedback(request: Request, subject: Subject, said: dict[str, Any]) -> Response:
    row, is_new = give_feedback(
        ctx=current_context(),
        subject=subject,
        verdict=said["verdict"],
        reason=said["reason"],
        user=request.user,
    )
    return Response(GivenFeedbackSerializer.of(row, is_new=is_new))


def find_target(app: AIApp, target_id: str, *, user: User) -> Target:
    """Whom a result of this app is about, if the user may see them.

    Raises:
        NotFound: no target is written like this, or not for this user.
    """
    target = app.form.read(target_id)
    ctx = current_context()
    if role_of(user) == "assistant":
        # Neither the store's finances, nor how another assistant stands with a guest.
        own = assistant_of(user, ctx.site)
        if target.member_id is None or target.assistant_id not in (None, own):
            raise NotFound
    if target.member_id is not None:
        visible_member(user=user, ctx=ctx, member_id=target.member_id)
    return target


def find_job(request: Request, job_id: int) -> TriggerJob:
    """A job that the user may see.

    Raises:
        NotFound: there is none, or not for them.
    """
    job = visible_jobs(user=request.user, ctx=current_context()).filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job
