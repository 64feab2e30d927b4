"""`make bench`, or `python -m benchmarks [data] [jobs] [pages]`: measure and write down.

`data` is the time machine: generate the reference chain, build it, ask it. `jobs` is the AI: gate,
chains, recovery, sockets. `pages` is the admin, in a store of 10,000 members. Each is a section of
docs/benchmarks.md, written when it is done; the database is dropped whatever happens.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.database import bench_database, connect_as_owner, vacuum
from benchmarks.scale import Scale
from zqyy.embedded import EmbeddedError, attach_or_start

ROWS_OF_A_FILE = 1_000_000


def main() -> None:
    wanted = sys.argv[1:] or list(SECTIONS)
    if unknown := set(wanted) - SECTIONS.keys():
        sys.exit(f"No section {', '.join(unknown)}; there are {', '.join(SECTIONS)}.")
    scale = Scale.from_environment()
    try:
        attach_or_start()
    except EmbeddedError as error:
        sys.exit(str(error))
    for name in wanted:
        with bench_database(), tempfile.TemporaryDirectory() as folder:
            SECTIONS[name](scale, Path(folder))


def _measure_data(scale: Scale, folder: Path) -> None:
    # Models are there only now that Django has been led to the database.
    from benchmarks.duck import Duck
    from benchmarks.generate import generate_chain
    from benchmarks.growth import measure_growth
    from benchmarks.importing import import_bills
    from benchmarks.late import late_facts
    from benchmarks.reading import Reading
    from benchmarks.report import DataSection
    from benchmarks.writing import Building

    start = time.monotonic()
    ratios = []
    _say(f"Reference data: {scale.describe()}")
    with connect_as_owner() as owner:
        sites = generate_chain(scale)
        _say(f"Generated after {time.monotonic() - start:.0f} s. Building ...")
        building = Building(sites=sites, owner=owner)
        try:
            with Duck(owner=owner, folder=folder) as duck:
                ratios.append(building.build_all(duck))
            ratios.append(building.one_more_day())
        finally:
            building.close()
        vacuum()
        _say(f"Built after {time.monotonic() - start:.0f} s. Asking ...")
        ratios.append(late_facts(sites=sites, days=scale.days))
        ratios += Reading(sites[0]).ratios()
        _say(f"Asked after {time.monotonic() - start:.0f} s. Importing, growing ...")
        rows = max(1000, round(ROWS_OF_A_FILE * min(1.0, scale.factor)))
        section = DataSection(
            name="data",
            title="Time machine",
            factor=scale.factor,
            scale=scale,
            ratios=ratios,
            imported=import_bills(rows=rows, owner=owner, folder=folder),
            growth=measure_growth(factor=scale.factor, owner=owner),
            owner=owner,
            minutes=(time.monotonic() - start) / 60,
        )
        _say(section.write())


def _measure_jobs(scale: Scale, folder: Path) -> None:
    from benchmarks.chains import measure_chains, ratios_of
    from benchmarks.gate import gate_ratios
    from benchmarks.recovery import KILLS, recovery
    from benchmarks.report import Section
    from benchmarks.sockets import alerts_to_many
    from metrics.importers import create_site

    start = time.monotonic()
    part = min(1.0, scale.factor)
    with connect_as_owner() as owner:
        _say("Passing the gate ...")
        ratios = gate_ratios(owner=owner, factor=part)
        _say(f"Passed after {time.monotonic() - start:.0f} s. Driving chains ...")
        ratios += ratios_of(measure_chains(factor=part))
        _say(f"Driven after {time.monotonic() - start:.0f} s. Telling 300 sockets ...")
        ratios.append(alerts_to_many(site=create_site(code="bench-sockets")))
        _say(f"Told after {time.monotonic() - start:.0f} s. Killing ...")
        ratios.append(recovery(kills=max(5, round(KILLS * part))))
        section = Section(
            name="jobs",
            title="AI jobs",
            factor=part,
            ratios=ratios,
            owner=owner,
            minutes=(time.monotonic() - start) / 60,
        )
        _say(section.write())


def _measure_pages(scale: Scale, folder: Path) -> None:
    from benchmarks.generate import generate_chain
    from benchmarks.pages import Pages, PagesSection, worst_of
    from metrics.builds import build_site

    start = time.monotonic()
    # Every request would be two lines.
    logging.disable(logging.INFO)
    # One store, as large as a site of the reference chain from a twentieth of it on.
    share = min(1.0, 20 * scale.factor)
    store = Scale.of_sites(1, share=share, factor=scale.factor)
    with connect_as_owner() as owner:
        _say(f"A store of {store.members:,} members ...")
        [site] = generate_chain(store)
        build_site(site=site, full=True)
        vacuum()
        _say(f"Built after {time.monotonic() - start:.0f} s. Opening pages ...")
        pages = Pages(site)
        lists = pages.sorted_lists()
        section = PagesSection(
            name="pages",
            title="Pages",
            factor=scale.factor,
            ratios=[worst_of(lists), *pages.waits()],
            lists=lists,
            owner=owner,
            minutes=(time.monotonic() - start) / 60,
        )
        _say(section.write())


SECTIONS = {"data": _measure_data, "jobs": _measure_jobs, "pages": _measure_pages}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
