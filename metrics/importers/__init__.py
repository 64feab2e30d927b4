"""Facts in: files, connectors' rows and entries, through one validated path."""

from metrics.importers.errors import FileError, RowError, RowErrors
from metrics.importers.files import import_file, preview_file
from metrics.importers.push import push_rows
from metrics.importers.reading import read_rows
from metrics.importers.results import FilePreview, ImportResult, PushResult
from metrics.importers.sites import AreaPlan, create_site

__all__ = [
    "AreaPlan",
    "FileError",
    "FilePreview",
    "ImportResult",
    "PushResult",
    "RowError",
    "RowErrors",
    "create_site",
    "import_file",
    "preview_file",
    "push_rows",
    "read_rows",
]
