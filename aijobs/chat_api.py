"""Asking the AI about a store, and reading what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aijobs.asking import ask_question, runs_of
from aijobs.chat_log import conversation, people_of, readable
from aijobs.lookups import Asker
from aijobs.models import ChatQuestion, Run
from aijobs.permissions import CanChat
from aijobs.pseudonyms import names_of, put_names
from aijobs.wording import sentence_for
from sandbox.access import site_for
from sandbox.api import CHANGES, REFUSALS, signed_in, validate, validate_query
from sandbox.audit import record_sandbox_use
from sandbox.context import RuntimeContext, use_context
from sandbox.errors import BadRequest, NotFound
from sandbox.idempotency import idempotent
from sandbox.middleware import context_in
from sandbox.models import Mode
from sandbox.pagination import NewestFirst
from sandbox.serializers import ErrorSerializer

MAX_ID = 2**63 - 1
MOST_CHARACTERS = 500
AS_OF = OpenApiParameter(
    "as_of", str, description="As of this business date (needs sandbox.time_travel)."
)


class SiteQuerySerializer(serializers.Serializer[Any]):
    site = serializers.IntegerField(min_value=1, max_value=MAX_ID)


class NewQuestionSerializer(SiteQuerySerializer):
    question = serializers.CharField(max_length=MOST_CHARACTERS)
    session_id = serializers.UUIDField(
        required=False,
        help_text="Whose questions the AI is reminded of; without it those of my newest question. "
        "A new one starts afresh.",
    )


class CitationSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="As the answer cites it: 〔1〕.")
    metric = serializers.CharField()
    title = serializers.CharField()
    of = serializers.CharField(help_text="Whose figure it is: an area, a member, an assistant.")
    value = serializers.JSONField(
        allow_null=True, help_text="Text, or texts by name; null is unknown."
    )
    unit = serializers.CharField(allow_blank=True)
    rows = serializers.ListField(child=serializers.DictField(), required=False)
    period = serializers.CharField(allow_blank=True, required=False)
    start = serializers.DateField(required=False)
    end = serializers.DateField(required=False)
    as_of = serializers.DateField()
    members = serializers.ListField(child=serializers.IntegerField())
    assistant = serializers.IntegerField(allow_null=True)

    @staticmethod
    def of_figure(figure: Mapping[str, Any]) -> dict[str, Any]:
        shown = {
            name: figure[name]
            for name in ("title", "of", "value", "unit", "rows", "period", "start", "end", "as_of")
            if name in figure
        }
        return {
            "number": figure["n"],
            "metric": figure["key"],
            **shown,
            "members": figure["member_ids"],
            "assistant": figure["assistant_id"],
        }


class QuestionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    site = serializers.IntegerField()
    session_id = serializers.UUIDField()
    question = serializers.CharField()
    answer = serializers.CharField(allow_blank=True, help_text="Empty until there is one.")
    citations = CitationSerializer(many=True)
    status = serializers.ChoiceField(Run.Status.choices)
    status_label = serializers.CharField()
    error_code = serializers.CharField(allow_blank=True)
    error = serializers.CharField(allow_blank=True, help_text="What to tell the user.")
    job = serializers.IntegerField(help_text="As in job_progress.")
    mode = serializers.ChoiceField(Mode.choices)
    mode_label = serializers.CharField()
    business_date = serializers.DateField(help_text="The date it was asked for.")
    asked_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)

    @staticmethod
    def of(question: ChatQuestion, run: Run, names: Mapping[str, str]) -> dict[str, Any]:
        figures = [CitationSerializer.of_figure(one) for one in question.citations]
        return {
            "id": question.pk,
            "site": question.site_id,
            "session_id": str(question.session_id),
            "question": question.question,
            "answer": put_names(question.answer, names),
            "citations": put_names(figures, names),
            "status": run.status,
            "status_label": str(Run.Status(run.status).label),
            "error_code": run.error_code,
            "error": sentence_for(run.error_code),
            "job": run.job_id,
            "mode": question.mode,
            "mode_label": str(Mode(question.mode).label),
            "business_date": question.business_date,
            "asked_at": question.asked_at,
            "answered_at": question.answered_at,
        }


class ConversationSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = QuestionSerializer(many=True)


class ChatView(APIView):
    permission_classes = (CanChat,)

    @extend_schema(
        tags=["chat"],
        operation_id="chat_list",
        parameters=[
            SiteQuerySerializer,
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
            AS_OF,
        ],
        responses={200: ConversationSerializer, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """My conversation about a store as it was at D, newest first."""
        ctx = _context(request, validate_query(SiteQuerySerializer, request)["site"])
        with use_context(ctx):
            pages = NewestFirst()
            mine = conversation(user_id=signed_in(request).pk, ctx=ctx)
            page: list[ChatQuestion] = pages.paginate_queryset(mine, request, view=self) or []
            return pages.get_paginated_response(_shown(page, Asker.of(request.user, ctx=ctx)))

    @extend_schema(
        tags=["chat"],
        request=NewQuestionSerializer,
        responses={202: QuestionSerializer, 423: ErrorSerializer, **CHANGES},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Ask about a store, on my date; answered from the figures that I may see. 409 `chat_busy`
        while my last question is being answered, 423 while somebody has switched it off."""
        asked = validate(NewQuestionSerializer, request)
        ctx = _context(request, asked["site"])
        with use_context(ctx):
            question = ask_question(
                ctx=ctx,
                user=signed_in(request),
                text=asked["question"],
                session_id=asked.get("session_id"),
            )
            (shown,) = _shown([question], Asker.of(request.user, ctx=ctx))
        return Response(shown, status=status.HTTP_202_ACCEPTED)


class QuestionView(APIView):
    permission_classes = (CanChat,)

    @extend_schema(
        tags=["chat"],
        parameters=[SiteQuerySerializer, AS_OF],
        responses={200: QuestionSerializer, **REFUSALS},
    )
    def get(self, request: Request, question: int) -> Response:
        """A question of mine, with its answer when there is one."""
        ctx = _context(request, validate_query(SiteQuerySerializer, request)["site"])
        with use_context(ctx):
            mine = conversation(user_id=signed_in(request).pk, ctx=ctx).filter(pk=question)
            shown = _shown(list(mine), Asker.of(request.user, ctx=ctx))
            if not shown:
                raise NotFound
            return Response(shown[0])


def _context(request: Request, site_id: int) -> RuntimeContext:
    """The context in a store that no address names.

    Raises:
        NotFound: not their store. NotPermitted, BadRequest: not their date, or none.
    """
    site = site_for(request.user, site_id)
    ctx = context_in(request._request, user=request.user, site=site)
    if ctx.known_at is not None:
        message = _("The chat does not know what was known earlier; leave this out.")
        raise BadRequest(message, fields={"known_at": [message]})
    with use_context(ctx):
        record_sandbox_use(ctx, used_for=f"{request.method} {request.path}")
    return ctx


def _shown(questions: list[ChatQuestion], asker: Asker) -> list[dict[str, Any]]:
    rows = readable(questions, asker=asker)
    runs = runs_of(rows)
    people = people_of(figure for row in rows for figure in row.citations)
    names = names_of(people, ctx=asker.ctx)
    return [QuestionSerializer.of(row, runs[row.pk], names) for row in rows]
