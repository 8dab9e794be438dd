"""``python -m tests.faults [ROW …]``: the matrix on stand-ins, cell by cell, with what each row took."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

from tests.faults.printing import head, legend, line  # noqa: E402
from tests.faults.row import play  # noqa: E402
from tests.faults.standins import standins  # noqa: E402
from tests.faults.table import Broken  # noqa: E402


def main(names: list[str]) -> int:
    faulty = 0
    with standins() as system:
        print(head())
        for broken in [Broken(name) for name in names] or list(Broken):
            row = play(system, broken)
            print(line(row), flush=True)
            faults = [
                f"{row.broken}, {stage}: {cell.fault}" for stage, cell in row.cells.items() if cell.fault
            ]
            faults += [f"{row.broken}: left behind: {row.left}"] if row.left else []
            faults += [] if row.is_taken_back else [f"{row.broken}: taken back after {row.taken_back:.2f} s"]
            for fault in faults:
                print(fault, file=sys.stderr)
            if faults:
                print(system.logs(), file=sys.stderr)
            faulty += len(faults)
    print(legend())
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
