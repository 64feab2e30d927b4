"""What the apps are asked, in versions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Prompt(models.Model):
    """One version of an app's prompt; the newest counts, none is ever changed or deleted.

    See aijobs.prompt_versions.
    """

    app = models.CharField(_("app"), max_length=32)
    version = models.PositiveIntegerField(_("version"))
    template = models.TextField(_("template"))
    # Of the app's output, whose fields the template describes.
    output_version = models.PositiveSmallIntegerField()
    # None: it came with the application.
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("by"),
    )
    note = models.CharField(_("what is new"), max_length=300, default="")
    created_at = models.DateTimeField(_("time"), db_default=Now())

    class Meta:
        db_table = "prompts"
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        constraints = [
            # Also finds an app's newest.
            models.UniqueConstraint(fields=["app", "version"], name="prompt_version"),
        ]

    def __str__(self) -> str:
        return f"{self.app} {self.version}"
