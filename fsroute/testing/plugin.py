"""The pytest plug-in: captures are tests, and fixtures run fsroute for tests of an operator's own (docs/testing.md).

It imports nothing of fsroute that needs gevent: all of that runs in a process of its own, started when the first test
needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fsroute.testing.captures import CaptureFile, is_capture
from fsroute.testing.client import Refused, Station
from fsroute.testing.people import Caller, Database, Rules, Switch
from fsroute.testing.settings import OPTIONS, Settings

_STATION = pytest.StashKey[Station]()
_SETTINGS = pytest.StashKey[Settings]()
_MARK = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fsroute", "captured calls, and calls to a stand-in for FreeSWITCH")
    for option in OPTIONS:
        group.addoption(f"--fsroute-{option.name}", metavar=option.metavar, help=option.help)
        parser.addini(f"fsroute_{option.name}", option.help, type=option.kind, default=None)
    group.addoption(
        "--fsroute-update",
        action="store_true",
        help="accept what fsroute does now: captures that differ are written anew",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "fsroute_capture(contact_center, situation): a captured call; each contact center's are marked"
        " fsroute_NAME, too",
    )
    config.stash[_STATION] = Station()
    config.stash[_SETTINGS] = Settings.of(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    station = config.stash.get(_STATION, None)
    if station is not None:
        station.stop()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".jsonl" or not is_capture(file_path):
        return None
    config = parent.config
    file: CaptureFile = CaptureFile.from_parent(parent, path=file_path)
    file.station, file.settings = config.stash[_STATION], config.stash[_SETTINGS]
    return file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Caller):
                report.sections.append(("what the caller heard", value.timeline))
        mark = item.stash.get(_MARK, None)
        if mark is not None:
            report.sections.append(("fsroute's log", item.config.stash[_STATION].log(mark)))
    return report


# Fixtures

T = TypeVar("T")


def _made(make: Callable[[], T]) -> T:
    """What a fixture needs; where it cannot be made, the test is told why in plain words."""
    why = ""
    try:
        return make()
    except Refused as error:
        why = str(error)
    return pytest.fail(why, pytrace=False)


@pytest.fixture
def fsroute_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh, migrated database of the test's own, in which the files of `fsroute_sql` were performed."""
    config = request.config
    station = config.stash[_STATION]
    database = _made(lambda: Database.new(station, config.stash[_SETTINGS]))
    request.node.stash[_MARK] = station.mark()
    yield database
    database.drop()


@pytest.fixture
def fsroute_rules(fsroute_database: Database) -> Rules:
    """The rules of `--fsroute-rules` in force in the test's database; `load` takes another file."""
    rules = Rules(fsroute_database)
    if fsroute_database.settings.rules:
        _made(lambda: rules.load(fsroute_database.settings.rules))
    return rules


@pytest.fixture
def fsroute_switch(fsroute_rules: Rules) -> Switch:
    """A site beside a stand-in for FreeSWITCH that runs the applications of `--fsroute-applications`."""
    return _made(lambda: Switch.open(fsroute_rules.database))


@pytest.fixture
def fsroute_caller(fsroute_switch: Switch) -> Caller:
    """Somebody who calls, and says what was heard; `another()` is somebody else."""
    return Caller(fsroute_switch)
