"""The catalog, the board, one member, what is written down about them, and what the till tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics.boards import member_board
from metrics.calculations.members import member_metrics
from metrics.catalog import METRICS
from metrics.entries import record_note
from metrics.importers import RowErrors, push_rows
from metrics.importers.kinds import Kind
from metrics.models import Member
from metrics.permissions import CanRecord, visible_member, visible_members
from metrics.searching import search_members
from metrics.serializers import (
    COLUMNS,
    BoardQuerySerializer,
    BoardSerializer,
    FactsSerializer,
    MemberMetricsSerializer,
    MemberRowSerializer,
    MemberSerializer,
    MetricSerializer,
    MetricsQuerySerializer,
    NewNoteSerializer,
    NoteSerializer,
    PushResultSerializer,
    as_shown,
    by_row,
)
from sandbox.access import Connector
from sandbox.api import CHANGES, REFUSALS, UNAUTHORISED, signed_in, validate, validate_query
from sandbox.context import current_context
from sandbox.errors import BadRequest, NotFound
from sandbox.idempotency import idempotent
from sandbox.pagination import BoardPagination
from sandbox.permissions import CanPushFacts, IsPerson

# ingest_batches.source
MAX_SOURCE = 40
AS_OF = OpenApiParameter(
    "as_of", str, description="Answer as of this business date (needs sandbox.time_travel)."
)
KNOWN_AT = OpenApiParameter(
    "known_at",
    str,
    description="Answer from what had been recorded by this moment (needs sandbox.time_travel).",
)


class CatalogView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["metrics"], responses={200: MetricSerializer(many=True), **UNAUTHORISED})
    def get(self, request: Request) -> Response:
        """Every metric: what it is called, what it is about, what it means."""
        return Response([MetricSerializer.of(metric) for metric in METRICS])


class MemberListView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(
        tags=["members"],
        operation_id="members_list",
        parameters=[
            BoardQuerySerializer,
            OpenApiParameter("limit", int, description="At most 500; 50."),
            OpenApiParameter("offset", int),
            AS_OF,
            KNOWN_AT,
        ],
        responses={200: BoardSerializer, **REFUSALS},
    )
    def get(self, request: Request, site: int) -> Response:
        """The board: members known at D with their metrics, by any column."""
        ctx = current_context()
        query = validate_query(BoardQuerySerializer, request)

        def narrow(members: QuerySet[Member]) -> QuerySet[Member]:
            members = visible_members(user=request.user, ctx=ctx, among=members)
            if "external_id" in query:
                members = members.filter(external_id=query["external_id"])
            if search := query.get("search"):
                members = search_members(members, search, ctx=ctx)
            return members

        column = F(query["ordering"].removeprefix("-"))
        is_descending = query["ordering"].startswith("-")
        rows = narrow(member_board(ctx=ctx)).order_by(
            column.desc(nulls_last=True) if is_descending else column.asc(nulls_last=True), "pk"
        )
        # Counted without the joins that only the shown rows need.
        pages = BoardPagination(counted=narrow(Member.objects.all()))
        page: list[dict[str, Any]] = (
            pages.paginate_queryset(rows.values(*COLUMNS), request, view=self) or []
        )
        return pages.get_paginated_response([MemberRowSerializer.of(row) for row in page])


class MemberView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(
        tags=["members"],
        parameters=[AS_OF, KNOWN_AT],
        responses={200: MemberSerializer, **REFUSALS},
    )
    def get(self, request: Request, site: int, member: int) -> Response:
        """One member as the board shows them."""
        ctx = current_context()
        found = visible_members(user=request.user, ctx=ctx, among=member_board(ctx=ctx))
        row = found.filter(pk=member).values(*COLUMNS).first()
        if row is None:
            raise NotFound
        return Response(MemberSerializer.of(row))


class MemberMetricsView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(
        tags=["members"],
        parameters=[MetricsQuerySerializer, AS_OF, KNOWN_AT],
        responses={200: MemberMetricsSerializer, **REFUSALS},
    )
    def get(self, request: Request, site: int, member: int) -> Response:
        """Metrics of a member at D, by key."""
        ctx = current_context()
        keys = validate_query(MetricsQuerySerializer, request).get("keys")
        found = visible_member(user=request.user, ctx=ctx, member_id=member)
        values = member_metrics(found.pk, ctx=ctx)
        return Response(
            {
                "as_of": ctx.business_date,
                "known_at": ctx.known_at,
                "mode": ctx.mode,
                "metrics": {key: as_shown(values[key]) for key in keys or values},
            }
        )


class NoteView(APIView):
    permission_classes = (CanRecord,)

    @extend_schema(
        tags=["members"], request=NewNoteSerializer, responses={201: NoteSerializer, **CHANGES}
    )
    @idempotent
    def post(self, request: Request, site: int, member: int) -> Response:
        """Write down a note; it starts the chain that reads notes."""
        ctx = current_context()
        ctx.require_live()
        found = visible_member(user=request.user, ctx=ctx, member_id=member)
        text = validate(NewNoteSerializer, request)["text"]
        note, events = record_note(ctx=ctx, member_id=found.pk, text=text, actor=signed_in(request))
        return Response(NoteSerializer.of(note, events), status=status.HTTP_201_CREATED)


class FactsView(APIView):
    """One kind of facts; `push_view` makes the view of a kind."""

    permission_classes = (CanPushFacts,)
    kind = ""

    @idempotent
    def post(self, request: Request, site: int) -> Response:
        sent = request.data
        if not isinstance(sent, dict) or "rows" not in sent:
            message = str(_("Send {“rows”: [...]}."))
            raise BadRequest(message, fields={"rows": [message]})
        user = request.user
        source = f"api:{user.key.name}" if isinstance(user, Connector) else "api"
        try:
            pushed = push_rows(
                site=current_context().site,
                kind=self.kind,
                rows=sent["rows"],
                source=source[:MAX_SOURCE],
                actor_id=user.pk,
            )
        except RowErrors as refused:
            raise BadRequest(
                refused.message, code=refused.code, fields=by_row(refused.errors)
            ) from refused
        return Response(PushResultSerializer.of(pushed), status=status.HTTP_202_ACCEPTED)


def push_view(kind: Kind) -> Callable[..., Any]:
    """The view that takes in one kind, described by the kind's own columns."""
    columns = ", ".join(f"{column.name}{'*' if column.required else ''}" for column in kind.columns)
    described = extend_schema(
        tags=["till"],
        operation_id=f"push_{kind.name}",
        description=f"Push {kind.name}; always live, all or nothing. Columns: {columns}.",
        request=FactsSerializer,
        responses={202: PushResultSerializer, **CHANGES},
    )

    class KindView(FactsView):
        pass

    KindView.kind = kind.name
    view: Callable[..., Any] = extend_schema_view(post=described)(KindView).as_view()
    return view
