"""What goes in and out of sandbox.api."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from sandbox.context import RuntimeContext, live_context
from sandbox.models import Mode, Site

ROLE_LABELS = {
    "operator": _("Head office"),
    "manager": _("Store manager"),
    "auditor": _("Auditor"),
    "assistant": _("Assistant"),
    "": _("No role"),
}


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every refusal."""

    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="For people, in the language of Accept-Language.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the name is the contract's
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="What is wrong where, by dotted name: `rows.3.gross`.",
    )


class SignInSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send as `Authorization: Bearer ...`; 30 minutes.")
    refresh = serializers.CharField(help_text="Works once, at auth/refresh/; 14 days.")


class ContextSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(Mode.choices)
    mode_label = serializers.CharField()
    business_date = serializers.DateField(help_text="D, the date that every answer is as of.")
    scope = serializers.ChoiceField(["live", "me", "site", "as_of"])
    live_business_date = serializers.DateField()

    @staticmethod
    def of(ctx: RuntimeContext) -> dict[str, Any]:
        return {
            "mode": ctx.mode,
            "mode_label": str(Mode(ctx.mode).label),
            "business_date": ctx.business_date,
            "scope": ctx.scope,
            "live_business_date": live_context(ctx.site).business_date,
        }


class ContextChangeSerializer(serializers.Serializer[Any]):
    mode = serializers.ChoiceField(Mode.choices)
    business_date = serializers.DateField(required=False, allow_null=True, default=None)
    scope = serializers.ChoiceField(["me", "site"], default="me")
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class SiteSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    timezone = serializers.CharField()
    context = ContextSerializer()  # type: ignore[assignment]  # the name is the contract's

    @staticmethod
    def of(site: Site, ctx: RuntimeContext) -> dict[str, Any]:
        return {
            "id": site.pk,
            "code": site.code,
            "name": site.name,
            "timezone": site.timezone,
            "context": ContextSerializer.of(ctx),
        }


class MySiteSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    assistant_id = serializers.IntegerField(allow_null=True, help_text="Who I am there.")


class MeSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField()
    role = serializers.ChoiceField(list(ROLE_LABELS))
    role_label = serializers.CharField()
    sites = MySiteSerializer(many=True)
    assistant_id = serializers.IntegerField(
        allow_null=True, help_text="In the first store where I am an assistant."
    )
    permissions = serializers.ListField(child=serializers.CharField())
    features = serializers.ListField(
        child=serializers.CharField(), help_text="What a client may offer this user."
    )
