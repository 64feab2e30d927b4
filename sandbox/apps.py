from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SandboxConfig(AppConfig):
    """What date is it here, who changed it, what was changed."""

    name = "sandbox"
    verbose_name = _("Stores and dates")
