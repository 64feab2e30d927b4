"""A store's files and newest bills, made by a process of their own while others are imported.

    python -m zqyy.demo.prepared PLAN FOLDER

prints a line of JSON for each store that is ready. It needs neither Django nor a database.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from zqyy.demo.books import keep_books
from zqyy.demo.chain import make_chain
from zqyy.demo.files import write_files
from zqyy.demo.history import StoreHistory
from zqyy.demo.late import choose_late_bills, late_rows
from zqyy.demo.pay import newest_batch
from zqyy.demo.plan import Plan
from zqyy.demo.rows import Row
from zqyy.demo.staff_files import correction_row

# A month's file says nothing of numbers and voids.
_UPLOADED = ("assistant", "day", "kind", "amount", "reason")
_PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Prepared:
    """One store, ready to be imported.

    Attributes:
        files: (kind, path) in the order to import them.
        late: (kind, row) to push after that, in the order of the clock.
        assistant: external id of the busiest assistant still there.
        corrections: of pay, to be uploaded as the batch of a month.
        month: which, as 2026-10.
    """

    code: str
    members: int
    bills: int
    assistant: str
    files: list[tuple[str, str]]
    late: list[tuple[str, Row]]
    corrections: list[Row]
    month: str


def prepare_chain(*, plan: Plan, folder: Path) -> Generator[Prepared, None, None]:
    """Each store as soon as its files are in `folder`; the next one is made meanwhile."""
    command = [sys.executable, "-m", "zqyy.demo.prepared", json.dumps(plan.as_json()), str(folder)]
    with subprocess.Popen(  # noqa: S603  our own module, no shell
        command, cwd=_PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            for line in process.stdout or ():
                yield Prepared(**json.loads(line))
        except BaseException:
            process.kill()  # nobody wants the rest
            raise
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[1:3])} ended with {process.returncode}")


def prepare_store(history: StoreHistory, *, seed: int, folder: Path) -> Prepared:
    """Write the store's files, without the newest bills."""
    folder.mkdir()
    bills = choose_late_bills(history)
    books = keep_books(history, seed=seed)
    batch = newest_batch(books.corrections, days=history.days)
    in_batch = {id(row) for row in batch}
    filed = [row for row in books.corrections if id(row) not in in_batch]
    files = write_files(history, replace(books, corrections=filed), folder=folder, but=bills)
    corrections = [correction_row(history, row) for row in batch]
    return Prepared(
        code=history.store.code,
        members=len(history.members),
        bills=len(history.bills),
        assistant=history.busiest_assistant().number,
        files=[(kind, str(path)) for kind, path in files],
        late=late_rows(history, bills),
        corrections=[{name: row[name] for name in _UPLOADED} for row in corrections],
        month=corrections[0]["day"][:7] if corrections else "",
    )


def main(plan: Plan, folder: Path) -> None:
    for history in make_chain(plan):
        prepared = prepare_store(history, seed=plan.seed, folder=folder / history.store.code)
        sys.stdout.write(json.dumps(asdict(prepared)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Plan.from_json(json.loads(sys.argv[1])), Path(sys.argv[2]))
