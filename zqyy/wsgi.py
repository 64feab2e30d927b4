"""What gunicorn serves in production: pages and API. Sockets need zqyy.asgi beside it."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
os.environ.setdefault("ZQYY_PROCESS", "web")

from django.core.wsgi import get_wsgi_application
from django.db import connection

application = get_wsgi_application()

from zqyy.checks import run_startup_checks  # noqa: E402  needs the apps that were just loaded

run_startup_checks()
connection.close()
# A pool must not be shared across forks, should this module be loaded before them.
connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
