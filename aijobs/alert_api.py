"""A store's alerts over HTTP: also the way of phones that drop their sockets."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from aijobs.alert_log import AlertPage, acknowledge_alerts, alerts_after, newest_alerts
from aijobs.alerts import alert_shape
from aijobs.models import Alert
from aijobs.permissions import CanAcknowledgeAlerts, CanReadAlerts
from aijobs.serializers import AlertPageSerializer, AlertSerializer
from sandbox.api import CHANGES, REFUSALS
from sandbox.context import current_context
from sandbox.errors import BadRequest
from sandbox.idempotency import idempotent

NEWEST = 50
# What a bigint surely holds.
MAX_ID_DIGITS = 18


class AlertListView(APIView):
    permission_classes = (CanReadAlerts,)

    @extend_schema(
        tags=["alerts"],
        operation_id="alerts_list",
        parameters=[OpenApiParameter("after", int)],
        responses={200: AlertPageSerializer, **REFUSALS},
    )
    def get(self, request: Request, site: int) -> Response:
        """The alerts after a number, at most 500, lowest number first; without it the newest 50.

        Alerts have no business date: they are the same at every D.
        """
        after = _number(request.GET.get("after"))
        if after is None:
            alerts = newest_alerts(site_id=site, limit=NEWEST)
            page = AlertPage(alerts, alerts[-1].seq if alerts else 0)
        else:
            page = alerts_after(site_id=site, after=after)
        return Response(AlertPageSerializer.of(page))


class AlertAcknowledgementView(APIView):
    permission_classes = (CanAcknowledgeAlerts,)

    @extend_schema(tags=["alerts"], request=None, responses={200: AlertSerializer, **CHANGES})
    @idempotent
    def post(self, request: Request, site: int, alert: int) -> Response:
        """I have seen it: it is unread for nobody, until it happens again."""
        acknowledge_alerts(site_id=site, alert_ids=[alert], user_id=request.user.pk)
        found = Alert.objects.filter(site=current_context().site, pk=alert).first()
        if found is None:
            raise Http404
        return Response(alert_shape(found))


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ID_DIGITS):
        message = _("Expected the number of an alert, 0 or more.")
        raise BadRequest(fields={"after": [str(message)]})
    return int(text)
