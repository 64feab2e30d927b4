"""Whoever drives a build may have a word before each of its parts is written."""

from __future__ import annotations

from collections.abc import Callable

from metrics.models import DwsBuild

# Called under the ingest lock with the build as far as it has come; ends the build by raising.
Checkpoint = Callable[[DwsBuild], None]


def unchecked(build: DwsBuild) -> None:
    """Go on: nobody else can be building."""
