from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AiJobsConfig(AppConfig):
    """What the AI was asked, what it did, who must know."""

    name = "aijobs"
    verbose_name = _("AI")

    def ready(self) -> None:
        from aijobs import checks  # noqa: F401  registers them
        from aijobs.prompt_versions import seed_prompts

        post_migrate.connect(seed_prompts, sender=self)
