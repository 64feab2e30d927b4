"""`make bench`: generate, build, ask, compare, write it down, clean up."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.database import bench_database, connect_as_owner, vacuum
from benchmarks.scale import Scale
from zqyy.embedded import EmbeddedError, attach_or_start

ROWS_OF_A_FILE = 1_000_000


def main() -> None:
    scale = Scale.from_environment()
    try:
        attach_or_start()
    except EmbeddedError as error:
        sys.exit(str(error))
    _say(f"Reference data: {scale.describe()}")
    with bench_database(), tempfile.TemporaryDirectory() as folder:
        _measure(scale, Path(folder))


def _measure(scale: Scale, folder: Path) -> None:
    # Models are there only now that Django has been led to the database.
    from benchmarks.chains import measure_chains, ratios_of
    from benchmarks.duck import Duck
    from benchmarks.gate import gate_ratios
    from benchmarks.generate import generate_chain
    from benchmarks.growth import measure_growth
    from benchmarks.importing import import_bills
    from benchmarks.late import late_facts
    from benchmarks.reading import Reading
    from benchmarks.recovery import KILLS, recovery
    from benchmarks.report import PAGE, Report, server_of
    from benchmarks.sockets import alerts_to_many
    from benchmarks.writing import Building

    start = time.monotonic()
    ratios = []
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
        imported = import_bills(rows=rows, owner=owner, folder=folder)
        ratios.append(alerts_to_many(site=sites[0]))
        ratios.append(recovery(kills=max(5, round(KILLS * min(1.0, scale.factor)))))
        growth = measure_growth(factor=scale.factor, owner=owner)
        _say(f"Grown after {time.monotonic() - start:.0f} s. Driving chains ...")
        ratios += ratios_of(measure_chains(factor=scale.factor))
        _say(f"Driven after {time.monotonic() - start:.0f} s. Passing the gate ...")
        ratios += gate_ratios(owner=owner, factor=scale.factor)
        report = Report(
            scale=scale,
            ratios=ratios,
            imported=imported,
            growth=growth,
            server=server_of(owner),
            minutes=(time.monotonic() - start) / 60,
        )
    report.write()
    _say(report.page())
    _say(f"Written to {PAGE}.")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
