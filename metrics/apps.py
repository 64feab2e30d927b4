from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MetricsConfig(AppConfig):
    """What happened (facts), counted (summaries), asked about (catalog)."""

    name = "metrics"
    verbose_name = _("Numbers")
