"""Signing in, who I am, which stores I see and on which date."""

from __future__ import annotations

from typing import Any, cast

from axes.utils import reset
from django.contrib.auth import authenticate
from django.contrib.auth.models import User as DjangoUser
from django.contrib.auth.models import update_last_login
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from sandbox.access import granted_sites, role_of
from sandbox.context import User, current_context, resolve_contexts
from sandbox.lockout import LockedOut
from sandbox.models import SiteGrant
from sandbox.permissions import CHANGE_CONTEXT, TIME_TRAVEL, IsPerson
from sandbox.runtime import change_runtime_context
from sandbox.serializers import (
    ROLE_LABELS,
    ContextChangeSerializer,
    ContextSerializer,
    ErrorSerializer,
    MeSerializer,
    RefreshSerializer,
    SignInSerializer,
    SiteSerializer,
    TokenPairSerializer,
)
from sandbox.tokens import issue_tokens, revoke_tokens, rotate_tokens

UNAUTHORISED = {400: ErrorSerializer, 401: ErrorSerializer}
REFUSALS = {**UNAUTHORISED, 403: ErrorSerializer, 404: ErrorSerializer}

CHANGES = {**REFUSALS, 409: ErrorSerializer, 422: ErrorSerializer}


class SignInView(APIView):
    """Exchanges credentials in the body; needs none in the header, and ignores those there."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        # Without an authentication class DRF would answer 403.
        return 'Bearer realm="api"'


class TokenView(SignInView):
    @extend_schema(
        tags=["auth"],
        request=SignInSerializer,
        responses={200: TokenPairSerializer, **UNAUTHORISED, 429: ErrorSerializer},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Sign in. Five wrong passwords lock user name and address out for 15 minutes."""
        credentials = validate(SignInSerializer, request)
        user = authenticate(request._request, **credentials)
        if user is None:
            if request._request.axes_locked_out:  # type: ignore[attr-defined]
                raise LockedOut
            raise AuthenticationFailed(
                _("The user name or the password is wrong."), "wrong_credentials"
            )
        # What the signal of a session's start would do, without making a session.
        reset(username=credentials["username"], ip=request._request.axes_ip_address)  # type: ignore[attr-defined]
        update_last_login(type(user), user)
        return Response(vars(issue_tokens(user=user)))


class RefreshView(SignInView):
    @extend_schema(
        tags=["auth"],
        request=RefreshSerializer,
        responses={200: TokenPairSerializer, **UNAUTHORISED},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Renew both tokens. A refresh token that comes a second time ends its whole family."""
        return Response(vars(rotate_tokens(**validate(RefreshSerializer, request))))


class LogoutView(SignInView):
    @extend_schema(
        tags=["auth"], request=RefreshSerializer, responses={204: None, **UNAUTHORISED}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Sign out: the refresh tokens of this sign-in stop working."""
        revoke_tokens(**validate(RefreshSerializer, request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MeView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["me"], responses={200: MeSerializer, **UNAUTHORISED})
    def get(self, request: Request) -> Response:
        """Who I am, where, and what I may do."""
        user = signed_in(request)
        role = role_of(user)
        grants = dict(SiteGrant.objects.filter(user=user).values_list("site_id", "assistant_id"))
        sites = [
            {"id": pk, "code": code, "name": name, "assistant_id": grants.get(pk)}
            for pk, code, name in granted_sites(user).values_list("id", "code", "name")
        ]
        return Response(
            {
                "id": user.pk,
                "username": user.get_username(),
                "name": user.get_full_name(),
                "role": role,
                "role_label": str(ROLE_LABELS[role]),
                "sites": sites,
                "assistant_id": next(
                    (site["assistant_id"] for site in sites if site["assistant_id"]), None
                ),
                "permissions": [p for p in (CHANGE_CONTEXT, TIME_TRAVEL) if user.has_perm(p)],
                "features": features_of(user),
            }
        )


class SiteListView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["stores"], responses={200: SiteSerializer(many=True), **UNAUTHORISED})
    def get(self, request: Request) -> Response:
        """The stores I see, each with the date I see it on."""
        sites = list(granted_sites(request.user))
        contexts = resolve_contexts(sites, user=request.user)
        return Response([SiteSerializer.of(site, contexts[site.pk]) for site in sites])


class SiteView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["stores"], responses={200: SiteSerializer, **REFUSALS})
    def get(self, request: Request, site: int) -> Response:
        """One store."""
        ctx = current_context()
        return Response(SiteSerializer.of(ctx.site, ctx))


class RuntimeContextView(APIView):
    permission_classes = (IsPerson,)

    @extend_schema(tags=["stores"], responses={200: ContextSerializer, **REFUSALS})
    def get(self, request: Request, site: int) -> Response:
        """The business date that my answers from this store are as of."""
        return Response(ContextSerializer.of(current_context()))

    @extend_schema(
        tags=["stores"],
        request=ContextChangeSerializer,
        responses={200: ContextSerializer, **REFUSALS},
    )
    def put(self, request: Request, site: int) -> Response:
        """Look at another business date: only I (`me`), or the whole store (`site`)."""
        change = validate(ContextChangeSerializer, request)
        ctx = change_runtime_context(site=current_context().site, user=request.user, **change)
        return Response(ContextSerializer.of(ctx))


def signed_in(request: Request) -> DjangoUser:
    """The account behind a request that IsPerson has let through."""
    return cast(DjangoUser, request.user)


def validate(serializer: type[Any], request: Request) -> dict[str, Any]:
    """The body as this serializer reads it.

    Raises:
        ValidationError: by field.
    """
    return _checked(serializer(data=request.data))


def validate_query(serializer: type[Any], request: Request) -> dict[str, Any]:
    """The query parameters as this serializer reads them.

    Raises:
        ValidationError: by parameter.
    """
    return _checked(serializer(data=request.query_params.dict()))


def _checked(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


def features_of(user: User) -> list[str]:
    """What a client may offer: one word for each kind of button."""
    role = role_of(user)
    offers = {
        "record": role in ("operator", "manager", "assistant"),
        "run_ai": role in ("operator", "manager", "assistant"),
        "chat": role in ("operator", "manager", "assistant"),
        "manage_jobs": role in ("operator", "manager"),
        "finance": role in ("operator", "manager", "auditor"),
        "push_facts": role == "operator",
    }
    return [name for name, is_offered in offers.items() if is_offered]
