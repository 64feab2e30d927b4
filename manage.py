#!/usr/bin/env python
"""Django's commands, with the servers they need (zqyy.embedded)."""

import os
import sys


def main() -> None:
    from zqyy.embedded import EmbeddedError, attach_or_start

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "zqyy.settings")
    try:
        attach_or_start()
    except EmbeddedError as error:
        sys.exit(str(error))

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
