"""Real servers and a real database under every test.

Servers first: settings are read when Django is set up, and every later import may need Django.
"""

from __future__ import annotations

from collections.abc import Iterator

from zqyy.embedded.testing import start_test_servers

start_test_servers()

import django  # noqa: E402
import pytest  # noqa: E402

# Not left in the environment: xdist's workers would set up Django before they come here.
with pytest.MonkeyPatch.context() as patch:
    patch.setenv("DJANGO_SETTINGS_MODULE", "zqyy.settings")
    django.setup()

from django.test import TransactionTestCase  # noqa: E402
from django.test.utils import setup_databases, teardown_databases  # noqa: E402

from zqyy.database import as_owner  # noqa: E402


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker
) -> Iterator[None]:
    """The test database, made by the owner; the tests themselves run as the application role."""
    with django_db_blocker.unblock(), as_owner():
        databases = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock(), as_owner():
        teardown_databases(databases, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def _flush_as_owner() -> Iterator[None]:
    """Between `transaction=True` tests the tables are truncated, which only their owner may do."""
    flush = TransactionTestCase._fixture_teardown

    def flush_as_owner(test_case: TransactionTestCase) -> None:
        with as_owner():
            flush(test_case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", flush_as_owner)
        yield


# --- Fixtures of the applications ----------------------------------------------------------------
pytest_plugins = ["tests.durable.clusters"]
