from __future__ import annotations

import subprocess
import sys


def test_the_simulator_needs_neither_switch_nor_database() -> None:
    program = (
        "import sys, fsroute.simulation.results, fsroute.simulation.document, fsroute.simulation.history\n"
        "print(sorted({'jinja2', 'gevent', 'psycopg'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
