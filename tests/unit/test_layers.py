"""Imports point down: pure modules know no I/O, and SQL is reached through one room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fsroute

ROOT = Path(fsroute.__file__).parent

PURE = [
    "fsroute.acd.adapters",
    "fsroute.acd.adapters.callcenter",
    "fsroute.acd.adapters.loading",
    "fsroute.acd.adapters.sip",
    "fsroute.acd.desk_codes",
    "fsroute.acd.dial",
    "fsroute.acd.drawing",
    "fsroute.acd.entering",
    "fsroute.acd.legs",
    "fsroute.acd.proxy_call",
    "fsroute.acd.readiness",
    "fsroute.acd.rendezvous",
    "fsroute.acd.serving",
    "fsroute.acd.standing",
    "fsroute.acd.standing",
    "fsroute.acd.transfer",
    "fsroute.acd.wishes",
    "fsroute.agentdesk.dialogue",
    "fsroute.agentdesk.features",
    "fsroute.agentdesk.pin",
    "fsroute.appserver.signing",
    "fsroute.callcenter.info",
    "fsroute.callserver.admission",
    "fsroute.callserver.caller",
    "fsroute.callserver.calling",
    "fsroute.callserver.dialogue",
    "fsroute.callserver.numbers",
    "fsroute.callserver.offered",
    "fsroute.callserver.prompts",
    "fsroute.callserver.speech",
    "fsroute.callserver.talk",
    "fsroute.callserver.waiting",
    "fsroute.callserver.waits",
    "fsroute.coordinator.absences",
    "fsroute.coordinator.actions",
    "fsroute.coordinator.matching",
    "fsroute.coordinator.moves",
    "fsroute.coordinator.order",
    "fsroute.coordinator.queues",
    "fsroute.coordinator.state",
    "fsroute.coordinator.strategies",
    "fsroute.cti.activity",
    "fsroute.cti.callcenter",
    "fsroute.cti.counting",
    "fsroute.cti.events",
    "fsroute.cti.lines",
    "fsroute.cti.lists",
    "fsroute.cti.news",
    "fsroute.cti.own",
    "fsroute.cti.phones",
    "fsroute.cti.reconciling",
    "fsroute.cti.writing",
    "fsroute.customers.listing",
    "fsroute.customers.numbers",
    "fsroute.customers.picking",
    "fsroute.doctor.checks",
    "fsroute.doctor.dialplan",
    "fsroute.doctor.proc",
    "fsroute.doctor.replies",
    "fsroute.doctor.wanted",
    "fsroute.errors",
    "fsroute.esl.commands",
    "fsroute.esl.messages",
    "fsroute.esl.protocol",
    "fsroute.importing.callcenter",
    "fsroute.importing.mapping",
    "fsroute.importing.sql",
    "fsroute.install.expressions",
    "fsroute.install.freexml",
    "fsroute.install.manifest",
    "fsroute.install.plan",
    "fsroute.install.preprocess",
    "fsroute.ivr.actions",
    "fsroute.ivr.hearing",
    "fsroute.ivr.interpreter",
    "fsroute.ivr.manifest",
    "fsroute.ivr.numerals",
    "fsroute.ivr.signature",
    "fsroute.ivr.trial",
    "fsroute.ivr.zipform",
    "fsroute.lookups.answers",
    "fsroute.lookups.facts",
    "fsroute.model",
    "fsroute.monitoring.invariants",
    "fsroute.privacy.person",
    "fsroute.records.contact_record",
    "fsroute.replay.elsewhere",
    "fsroute.replay.reading",
    "fsroute.testing.plugin",
    "fsroute.replay.format",
    "fsroute.replay.frames",
    "fsroute.replay.headers",
    "fsroute.replay.journal",
    "fsroute.replay.ladder",
    "fsroute.replay.learned",
    "fsroute.replay.masks",
    "fsroute.replay.scrub",
    "fsroute.replay.accepting",
    "fsroute.replay.commands",
    "fsroute.replay.comparing",
    "fsroute.replay.differences",
    "fsroute.replay.happened",
    "fsroute.replay.pairing",
    "fsroute.replay.rewriting",
    "fsroute.replay.roles",
    "fsroute.replay.rows",
    "fsroute.replay.run",
    "fsroute.replay.script",
    "fsroute.replay.telling",
    "fsroute.replay.transcript",
    "fsroute.replay.transitions",
    "fsroute.routing.calendar",
    "fsroute.routing.check",
    "fsroute.routing.document",
    "fsroute.routing.earlier",
    "fsroute.routing.eligibility",
    "fsroute.routing.explain",
    "fsroute.routing.match",
    "fsroute.routing.words",
    "fsroute.routing.before_answer",
    "fsroute.scp.answers",
    "fsroute.scp.openapi",
    "fsroute.scp.picture",
    "fsroute.scp.rate",
    "fsroute.scp.selection",
    "fsroute.scp.shares",
    "fsroute.scp.sights",
    "fsroute.simulation.document",
    "fsroute.simulation.results",
]

INPUT_OUTPUT = {"gevent", "psycopg", "psycopg_pool", "jinja2"}

ABOVE = {
    "fsroute.routing": {"fsroute.model"},
    "fsroute.scp.selection": {"fsroute.model", "fsroute.routing", "fsroute.scp"},
    "fsroute.scp.picture": {"fsroute.model", "fsroute.routing"},
    "fsroute.coordinator.matching": {"fsroute.coordinator", "fsroute.model", "fsroute.routing"},
    "fsroute.coordinator.state": {"fsroute.coordinator", "fsroute.model", "fsroute.routing"},
    "fsroute.coordinator.strategies": {"fsroute.model", "fsroute.routing"},
    "fsroute.callcenter": {"fsroute.acd.dial", "fsroute.esl", "fsroute.model", "fsroute.store"},
    "fsroute.customers": {"fsroute.config", "fsroute.httpclient", "fsroute.lookups", "fsroute.store"},
    "fsroute.doctor": {"fsroute.config", "fsroute.esl", "fsroute.ivr.keyfiles", "fsroute.store"},
    "fsroute.importing": set(),
    "fsroute.lookups": {"fsroute.config", "fsroute.httpclient", "fsroute.ivr"},
    "fsroute.monitoring": {"fsroute.acd.proxy_call", "fsroute.model", "fsroute.store"},
    "fsroute.privacy": {"fsroute.customers.numbers", "fsroute.esl.encoding"},
    "fsroute.simulation": {
        "fsroute.acd.proxy_call",
        "fsroute.config",
        "fsroute.coordinator",
        "fsroute.model",
        "fsroute.routing",
        "fsroute.store",
    },
}

ROLES = ("callserver", "acd", "agentdesk", "coordinator", "appserver", "cti", "scp")


def imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, those within functions and type-checking blocks too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def modules() -> list[tuple[str, Path]]:
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        names.append((".".join(parts).removesuffix(".__init__"), path))
    return names


def within(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_brings_no_input_or_output(module: str) -> None:
    """In a process of its own: here, everything is imported already."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT.parent, check=True
    )
    assert INPUT_OUTPUT & set(done.stdout.split()) == set()


def test_only_the_store_knows_the_database_driver() -> None:
    users = {
        name
        for name, path in modules()
        for imported in imports(path)
        if within(imported, "psycopg") or within(imported, "psycopg_pool")
    }
    assert users, "the store is there"
    assert {name for name in users if not within(name, "fsroute.store")} == set()


def test_only_the_templates_know_the_template_engine() -> None:
    users = {name for name, path in modules() for imported in imports(path) if within(imported, "jinja2")}
    assert {name for name in users if within(name, "fsroute.ivr")} <= {"fsroute.ivr.templates"}


@pytest.mark.parametrize("room", ABOVE)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    allowed = {room, "fsroute.errors"} | ABOVE[room]
    strange = {
        (name, imported)
        for name, path in modules()
        if within(name, room)
        for imported in imports(path)
        if within(imported, "fsroute") and not any(within(imported, below) for below in allowed)
    }
    assert strange == set()


def test_the_model_knows_nothing_of_the_rest() -> None:
    known = {
        imported
        for name, path in modules()
        if within(name, "fsroute.model")
        for imported in imports(path)
        if within(imported, "fsroute")
    }
    assert {name for name in known if not within(name, "fsroute.model")} == set()


@pytest.mark.parametrize("role", ROLES)
def test_roles_meet_through_values_only(role: str) -> None:
    """Of one role only values are known to another; a line is a channel at the outbound socket, whoever calls."""
    values = {
        "fsroute.acd.proxy_call",
        "fsroute.acd.rendezvous",
        "fsroute.acd.dial",
        "fsroute.acd.transfer",
        "fsroute.appserver.signing",
        "fsroute.callserver.admission",
    "fsroute.callserver.caller",
        "fsroute.callserver.line",
    }
    strange = {
        (name, imported)
        for name, path in modules()
        if within(name, f"fsroute.{role}")
        for imported in imports(path)
        for other in ROLES
        if other != role and within(imported, f"fsroute.{other}") and imported not in values
    }
    assert strange == set()


def test_the_event_socket_knows_no_contact_center() -> None:
    strange = {
        (name, imported)
        for name, path in modules()
        if within(name, "fsroute.esl")
        for imported in imports(path)
        if within(imported, "fsroute")
        and not within(imported, "fsroute.esl")
        and imported != "fsroute.errors"
    }
    assert strange == set()
