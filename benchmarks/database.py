"""A database of our own: made beside the application's, dropped at the end whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

URLS = ("DATABASE_URL", "DATABASE_OWNER_URL")
SQL = Path(__file__).parent / "sql"


@contextmanager
def bench_database() -> Iterator[None]:
    """Make a database, migrate it and lead this process and its children to it.

    The URLs in the environment are replaced before Django reads them.
    """
    name = f"zqyy_bench_{os.getpid()}"
    before = {key: _url(key) for key in URLS}
    owner = before["DATABASE_OWNER_URL"] or before["DATABASE_URL"]
    _administer(owner, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        for key, url in before.items():
            if url:
                os.environ[key] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        _set_up()
        yield
    finally:
        _close_django()
        _administer(owner, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def connect_as_owner() -> psycopg.Connection:
    """A session that row-level security does not bind, in autocommit.

    It plans every statement anew, as Django's sessions do.
    """
    url = _url("DATABASE_OWNER_URL") or _url("DATABASE_URL")
    return psycopg.connect(url, autocommit=True, prepare_threshold=None)


def vacuum() -> None:
    """What autovacuum would have done some minutes later."""
    with connect_as_owner() as session:
        session.execute("VACUUM (ANALYZE)")


def _set_up() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with connect_as_owner() as session:
        session.execute((SQL / "functions.sql").read_bytes())


def _close_django() -> None:
    from django.db import connections

    connections.close_all()


def _url(name: str) -> str:
    if file := os.environ.get(f"{name}_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ.get(name, "")


def _administer(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(statement)
