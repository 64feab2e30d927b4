"""The application's settings with the chain that does nothing."""

from benchmarks.noop import STEPS
from tests.durable.quiet_settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.noop.NoopConfig"]  # noqa: F405
# Never called: a check wants every app of the provider configured.
DASHSCOPE_APP_IDS = {**DASHSCOPE_APP_IDS, **dict.fromkeys(STEPS, "none")}  # noqa: F405
