"""Whether a button would work now."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aijobs.guards.refusals import GUARDS
from aijobs.guards.status import find_block, guards_now
from aijobs.registry import find_app
from aijobs.wording import sentence_for
from sandbox.access import site_for
from sandbox.api import REFUSALS, validate_query
from sandbox.context import live_context, use_context
from sandbox.permissions import IsPerson

MAX_ID = 2**63 - 1


class OpeningQuerySerializer(serializers.Serializer[Any]):
    site = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    app = serializers.CharField(max_length=32)


class OpeningStatusSerializer(serializers.Serializer[Any]):
    can_run = serializers.BooleanField()
    block_reason = serializers.ChoiceField(list(GUARDS.values()), allow_null=True)
    block_reason_label = serializers.CharField(allow_blank=True)
    remaining_seconds = serializers.IntegerField(
        allow_null=True, help_text="Until it may work again; null: not known, or it works."
    )
    expires_at = serializers.DateTimeField(allow_null=True, help_text="The same as a moment.")


class OpeningStatusView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(
        tags=["insights"],
        parameters=[OpeningQuerySerializer],
        responses={200: OpeningStatusSerializer, **REFUSALS},
    )
    def get(self, request: Request) -> Response:
        """Whether a guard would stop an app in a store now, live, and until when. Takes nothing:
        the answer may be another when the call is made."""
        query = validate_query(OpeningQuerySerializer, request)
        site = site_for(request.user, query["site"])
        app = find_app(query["app"])
        with use_context(live_context(site, actor_id=request.user.pk)):
            block = find_block(site=site, app=app)
            until = block.until if block else None
            remaining = (until - guards_now()).total_seconds() if until else None
        reason = block.reason if block else ""
        return Response(
            {
                "can_run": block is None,
                "block_reason": reason or None,
                "block_reason_label": sentence_for(reason),
                "remaining_seconds": None if remaining is None else max(0, math.ceil(remaining)),
                "expires_at": until,
            }
        )
