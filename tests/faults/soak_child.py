"""``fsroute run`` that tells how many greenlets it has: what the soak starts, and kills.

On SIGUSR1 it writes the number into the file that FSROUTE_SOAK_GREENLETS names. Those that the start made are not among
them: ``gc.freeze()`` hides what is there for good.
"""

import signal

signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until it can be answered

from gevent import monkey  # noqa: E402

monkey.patch_all()

import gc  # noqa: E402
import os  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
from greenlet import greenlet  # noqa: E402

from fsroute.cli.main import cli  # noqa: E402


def tell_greenlets() -> None:
    gc.collect()
    count = sum(isinstance(one, greenlet) and not one.dead for one in gc.get_objects())
    Path(os.environ["FSROUTE_SOAK_GREENLETS"]).write_text(str(count))


if __name__ == "__main__":
    gevent.signal_handler(signal.SIGUSR1, tell_greenlets)
    cli(prog_name="fsroute")
