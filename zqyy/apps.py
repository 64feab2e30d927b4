from django.apps import AppConfig


class ZqyyConfig(AppConfig):
    """The project itself: commands, system checks, the pieces that wire the other apps."""

    name = "zqyy"

    def ready(self) -> None:
        from zqyy import checks  # noqa: F401  registers the checks
