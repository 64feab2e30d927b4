from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ZqyyConfig(AppConfig):
    """The project itself: commands, system checks, the pieces that wire the other apps."""

    name = "zqyy"

    def ready(self) -> None:
        from zqyy import checks  # noqa: F401  registers the checks
        from zqyy.roles import make_roles

        # Django sends no such signal for an app without models, as this one is.
        post_migrate.connect(make_roles, sender=apps.get_app_config("aijobs"))
