"""The units in deploy/: systemd understands them, and what they start is there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands

from zqyy.durable.models import Cluster

UNITS = Path(__file__).resolve().parent.parent / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_has_nothing_to_say_about_the_units(tmp_path):
    names = []
    python = Path(sys.executable).resolve()
    for unit in UNITS.iterdir():
        # An instance of each template; and a Python that is on this machine.
        name = unit.name.replace("@.", "@1.")
        text = unit.read_text(encoding="utf-8")
        # Not the link to it in .venv, whose folder may have a space: systemd takes no quotes there.
        (tmp_path / name).write_text(text.replace("/opt/zqyy/.venv/bin/python", str(python)))
        if "@" in name:
            shutil.copy(tmp_path / name, tmp_path / name.replace("@1.", "@2."))
        names.append(str(tmp_path / name))

    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names], capture_output=True, text=True
    )

    assert said.stdout + said.stderr == ""


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.stem)
def test_a_unit_starts_a_command_of_ours(service):
    (command,) = re.findall(r"^ExecStart=\S+ -m (.*)$", service.read_text(), re.MULTILINE)

    program, first = command.split()[:2]

    assert program in ("django", "gunicorn", "uvicorn")
    assert program != "django" or first in get_commands()


def test_every_queue_has_its_workers():
    assert {f"zqyy-{queue}@.service" for queue in Cluster.values} <= {
        service.name for service in SERVICES
    }
