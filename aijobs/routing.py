"""WebSocket addresses."""

from __future__ import annotations

from django.urls import path

from aijobs.consumers import AlertConsumer

websocket_urlpatterns = [path("ws/ai-alerts/<int:site_id>/", AlertConsumer.as_asgi())]
