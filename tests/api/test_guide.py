"""docs/api.md: its commands run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

from tests.factories import push_member

from .conftest import PASSWORD, make_member, make_user, open_site

GUIDE = Path(settings.BASE_DIR) / "docs" / "api.md"


@pytest.fixture
def noon() -> None:
    """The server's clock is the real one, as the shell's is."""


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_command_of_the_guide_runs(live_server, capsys):
    site = open_site("east", name="东店")
    make_member(site)
    push_member(site, name="王小明")
    user = make_user("manager", site)
    User.objects.filter(pk=user.pk).update(username="manager")
    call_command("create_api_key", site="east", name="feiqiu")
    key = re.search(r'"key": "(.+)"', capsys.readouterr().out)[1]
    commands = "\n".join(re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))

    assert "api/v1" in commands

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={**os.environ, "BASE": live_server.url, "DEMO_PASSWORD": PASSWORD, "API_KEY": key},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
