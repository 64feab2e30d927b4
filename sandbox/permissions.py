"""One class per rule, named as the rule."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from sandbox.access import role_of

CHANGE_CONTEXT = "sandbox.change_context"
TIME_TRAVEL = "sandbox.time_travel"


class IsSignedIn(BasePermission):
    """The default: people and connectors with valid credentials."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated)


class IsPerson(BasePermission):
    """People only: a connector pushes facts and reads nothing."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.is_authenticated and role_of(request.user) != "connector")


class CanPushFacts(BasePermission):
    """Connectors of the store, and operators."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return role_of(request.user) in ("connector", "operator")
