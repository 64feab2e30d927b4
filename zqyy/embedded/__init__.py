"""The servers of the first run: a real PostgreSQL and a real Valkey from their wheels.

The only code that starts servers. It knows nothing of Django: it fills the environment that
zqyy/settings.py reads.
"""

from zqyy.embedded.folder import EmbeddedError
from zqyy.embedded.servers import attach_or_start

__all__ = ["EmbeddedError", "attach_or_start"]
