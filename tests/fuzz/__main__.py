"""``python -m tests.fuzz --target NAME --seconds N``: fuzz one target, or each in turn."""

from __future__ import annotations

import argparse
import random
import sys

from gevent import monkey

monkey.patch_all()

from tests.fuzz import running  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--target", choices=running.names(), action="append", help="more than one may be given"
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    given = parser.parse_args()
    found = 0
    for name in given.target or running.names():
        report = running.fuzz(running.target(name), given.seconds, given.seed)
        kinds = ", ".join(f"{count} {word}" for word, count in sorted(report.outcomes.items()))
        rate = report.executions / max(report.seconds, 1e-9)
        done = f"{report.executions} executions in {report.seconds:.0f} s ({rate:.0f}/s)"
        print(f"{name}: {done}, seed {given.seed}: {kinds}", flush=True)
        for finding in report.findings:
            print(f"{running.save(name, finding)}\n{finding.what}", file=sys.stderr)
        found += len(report.findings)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
