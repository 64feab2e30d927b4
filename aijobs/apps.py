from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AiJobsConfig(AppConfig):
    """What the AI was asked, what it did, who must know."""

    name = "aijobs"
    verbose_name = _("AI")

    def ready(self) -> None:
        from aijobs import checks  # noqa: F401  registers them
