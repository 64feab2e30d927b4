"""Files that somebody uploads: how large they may be, and where they lie while they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.utils.translation import gettext as _

from sandbox.errors import BadRequest

MB = 1024 * 1024
_SUFFIXES = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")


class TooLarge(BadRequest):
    code, status = "too_large", 413


def require_size(size: int, *, most: int) -> None:
    """Look at a file's size in bytes before anything of it is read.

    Raises:
        TooLarge: it is over `most`. BadRequest: it is empty.
    """
    if size > most:
        text = _("The file has %(size)d MB; at most %(most)d MB are read.") % {
            "size": -(-size // MB),
            "most": most // MB,
        }
        raise TooLarge(text)
    if not size:
        raise BadRequest(_("The file is empty."))


@contextmanager
def on_disk(name: str, chunks: Iterable[bytes]) -> Iterator[Path]:
    """The file in a folder of its own, under a name of ours: only what theirs ends with counts."""
    suffix = Path(name).suffix.lower()
    with TemporaryDirectory() as folder:
        copy = Path(folder) / f"upload{suffix if suffix in _SUFFIXES else '.csv'}"
        with copy.open("wb") as written:
            written.writelines(chunks)
        yield copy
