"""How property tests are run: with the same examples each time, and without a clock.

A machine that builds other things takes long for any example, and one that fails by chance would stop a change that has
nothing to do with it. ``FSROUTE_RANDOM_TESTS=1`` looks for others: by hand, and before a release.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fsroute",
    deadline=None,
    derandomize="FSROUTE_RANDOM_TESTS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("fsroute")
