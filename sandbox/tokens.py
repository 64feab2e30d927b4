"""Tokens of people: a short-lived one to act with, a rotating one to renew it.

The refresh tokens that descend from one sign-in are a family. Each works once; one that comes a
second time was stolen, by whoever used it first or by whoever uses it now, so the family ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken, Token

USER = "user_id"
FAMILY = "family"


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


class FamilyToken(RefreshToken):  # type: ignore[misc]  # simplejwt carries no types
    """A refresh token whose single use is decided under the family's lock."""

    def check_blacklist(self) -> None:
        """Not on reading: a look beforehand would let two uses pass."""


def issue_tokens(*, user: AbstractBaseUser) -> TokenPair:
    """A new family for somebody who has just proved who they are."""
    token = FamilyToken()
    token[USER] = str(user.pk)
    token[FAMILY] = uuid4().hex
    token.outstand()
    return TokenPair(access=str(token.access_token), refresh=str(token))


def rotate_tokens(*, refresh: str) -> TokenPair:
    """The next pair of the family; the given token is spent.

    Raises:
        AuthenticationFailed: not a valid token, its user may not sign in any more, or it was
            spent before. The last ends the family, which the caller's transaction must keep.
    """
    token = _read(refresh)
    if not get_user_model().objects.filter(pk=token[USER], is_active=True).exists():
        raise AuthenticationFailed(_("This account is not active."), "account_inactive")
    with transaction.atomic():
        _lock_family(token)
        _spent, is_first_use = token.blacklist()
        if is_first_use:
            token.set_jti()
            token.set_exp()
            token.set_iat()
            token.outstand()
        else:
            _end_family(token)
    if not is_first_use:
        raise AuthenticationFailed(_("This token was used before; sign in again."), "token_reused")
    return TokenPair(access=str(token.access_token), refresh=str(token))


def revoke_tokens(*, refresh: str) -> None:
    """Sign out: no refresh token of the family works any more.

    Raises:
        AuthenticationFailed: not a valid token.
    """
    token = _read(refresh)
    with transaction.atomic():
        _lock_family(token)
        token.blacklist()
        _end_family(token)


def is_revoked(access: Token) -> bool:
    """Whether the sign-in that an access token comes from was ended. What lives longer than a
    request asks; a request itself relies on the token's short life."""
    if FAMILY not in access:
        return False
    alive = OutstandingToken.objects.filter(
        user_id=access[USER], expires_at__gt=timezone.now(), blacklistedtoken=None
    )
    return not any(
        FamilyToken(outstanding.token, verify=False).get(FAMILY) == access[FAMILY]
        for outstanding in alive
    )


def _read(refresh: str) -> FamilyToken:
    try:
        token = FamilyToken(refresh)
    except TokenError as error:
        message = _("This token is not valid or has expired; sign in again.")
        raise AuthenticationFailed(message, "token_invalid") from error
    if FAMILY not in token:
        raise AuthenticationFailed(_("This token was issued for something else."), "token_invalid")
    return token


def _lock_family(token: FamilyToken) -> None:
    """Until the transaction ends: a token born meanwhile would survive its family's end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"tokens:{token[FAMILY]}"]
        )


def _end_family(token: FamilyToken) -> None:
    alive = OutstandingToken.objects.filter(user_id=token[USER], expires_at__gt=timezone.now())
    BlacklistedToken.objects.bulk_create(
        [
            BlacklistedToken(token=outstanding)
            for outstanding in alive
            if FamilyToken(outstanding.token, verify=False).get(FAMILY) == token[FAMILY]
        ],
        ignore_conflicts=True,
    )
