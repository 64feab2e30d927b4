"""CSV files, UTF-8 or GBK, of any size."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from metrics.importers.errors import FileError
from metrics.importers.tables import Table

_CHUNK = 1 << 20
_SHOWN = {"utf-8-sig": "UTF-8", "gb18030": "GBK"}


@contextmanager
def open_csv(path: Path) -> Iterator[Table]:
    """The file as a table.

    Raises:
        FileError: it is empty, or text in neither encoding; rows raise it where they cannot be read.
    """
    encoding, lines = _inspect(path)
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
        except csv.Error as error:
            raise _unreadable(reader, error) from error
        yield Table(header, _rows(reader), lines, _SHOWN[encoding])


def _inspect(path: Path) -> tuple[str, int]:
    """The file's encoding and number of lines, in one pass of flat memory."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in _SHOWN}
    lines = size = 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            nul = chunk.find(b"\0")
            if nul >= 0:
                line = lines + chunk.count(b"\n", 0, nul) + 1
                raise FileError(
                    _("Line %(line)d contains a NUL byte: this is not a CSV file in UTF-8 or GBK.")
                    % {"line": line}
                )
            for name in list(decoders):
                try:
                    decoders[name].decode(chunk)
                except UnicodeDecodeError:
                    del decoders[name]
            lines += chunk.count(b"\n")
            size += len(chunk)
    if not size:
        raise FileError(_("The file is empty."))
    for name, decoder in decoders.items():
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name, lines
    raise FileError(_("The file is neither UTF-8 nor GBK."))


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    line = reader.line_num + 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(reader, error) from error


def _unreadable(reader: Any, error: csv.Error) -> FileError:
    text = _("Line %(line)d cannot be read: %(reason)s.")
    return FileError(text % {"line": reader.line_num, "reason": error})
