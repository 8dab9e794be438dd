"""What a waiting call costs in memory: ``python -m tests.benchmarks.call_memory`` prints KiB a call, by process.

Callers ask for an agent while none is logged on, and wait with music. The processes are those of the soak.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402

from fsroute.switchsim import Caller  # noqa: E402
from tests.faults import soak_people as people  # noqa: E402
from tests.faults.soak import serving  # noqa: E402
from tests.faults.soak_house import House  # noqa: E402

WARM = 50  # calls before the first measurement
APART = 0.03  # seconds between two
LIMIT = 240.0  # seconds for all of them to wait


def waiting(house: House) -> int:
    return int(house.rows("select count(*) from proxy_call where state = 'queued'")[0][0])


def place(house: House, first: int, count: int) -> None:
    for index in range(first, first + count):
        caller = Caller(people.number(index), "Ada", people.ACME, people.TO_AN_AGENT)
        house.network.call(caller, house.switches["west-1"])
        gevent.sleep(APART)
    give_up = time.monotonic() + LIMIT
    while waiting(house) < first + count and time.monotonic() < give_up:
        gevent.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description="KiB of memory that a waiting call costs.")
    parser.add_argument("--calls", type=int, default=500)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fsroute-memory-", dir="/var/tmp"))
    folder.chmod(0o711)
    try:
        with serving(folder, 1) as (house, _):
            house.rows("update agent set status = 'logged_out' returning 1")
            house.rows("update queue set longest_wait = null, refuse_when = 'never' returning 1")
            place(house, 0, WARM)
            before = {name: part.rss() for name, part in house.parts.items()}
            place(house, WARM, arguments.calls)
            print(f"{waiting(house)} callers wait")
            for name, part in house.parts.items():
                each = 1024 * (part.rss() - before[name]) / arguments.calls
                print(f"  {name:16} {part.rss():6.1f} MiB, {each:6.1f} KiB a call")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
