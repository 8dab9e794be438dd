from __future__ import annotations

pytest_plugins = ("tests.fix_database", "tests.fix_center", "tests.fix_hypothesis", "tests.fix_log")
