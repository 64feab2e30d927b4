"""python -m zqyy.embedded.clean: remove the data folder after asking; `make clean`."""

from __future__ import annotations

import shutil
import sys

from zqyy.embedded.folder import DataFolder, default_path
from zqyy.embedded.supervisor import say


def main() -> int:
    folder = DataFolder(default_path())
    if folder.logs.is_dir():
        if folder.lock_servers() is None:
            say(f"{folder.path} is in use; stop what runs there first.")
            return 1
        question = f"Remove .venv and {folder.path} with its database? [y/N] "
    else:
        question = "Remove .venv? [y/N] "
    if input(question).strip().lower() not in ("y", "yes"):
        say("Nothing removed.")
        return 1
    if folder.logs.is_dir():
        shutil.rmtree(folder.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
