"""What fixtures give: a database, rules, a site beside a stand-in switch, and callers. All of it runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from fsroute.testing.client import Failed, Station
from fsroute.testing.settings import Settings

LIMIT = 10.0  # seconds within which what a test waits for must come
CALLER = "+15550100123"


@dataclass(frozen=True, slots=True)
class Database:
    """A fresh, migrated database. `conninfo` is its connection string, for whoever wants one's own connection."""

    conninfo: str
    station: Station
    settings: Settings

    @classmethod
    def new(cls, station: Station, settings: Settings) -> Self:
        """Make one; raises Refused."""
        return cls(station.ask("new_database", files=list(settings.sql)), station, settings)

    def query(self, sql: str) -> list[list[Any]]:
        """Perform SQL, one statement or several; the rows of the last. The schema is the search path."""
        found: list[list[Any]] = self.station.ask("query", database=self.conninfo, text=sql)
        return found

    def run(self, path: str | Path) -> None:
        """Perform a file of SQL."""
        self.query(Path(path).read_text(encoding="utf-8"))

    def drop(self) -> None:
        """It is wanted no more."""
        self.station.ask("drop_database", database=self.conninfo)


@dataclass(frozen=True, slots=True)
class Route:
    """What would become of a contact. `document` is all of it, as ``fsroute rules explain --json`` says it."""

    document: Mapping[str, Any]

    @property
    def rule(self) -> str | None:
        """The rule that decides; None: the queue's row."""
        rule: str | None = self.document["rule"]
        return rule

    @property
    def queue(self) -> str | None:
        """None where it is not queued."""
        queue: str | None = self._routing.get("queue")
        return queue

    @property
    def priority(self) -> int | None:
        priority: int | None = self._routing.get("priority")
        return priority

    @property
    def skills(self) -> dict[str, int]:
        return dict(self._routing.get("skills", ()))

    @property
    def sites(self) -> list[str]:
        return list(self._routing.get("sites", ()))

    @property
    def teams(self) -> list[str]:
        return list(self._routing.get("teams", ()))

    @property
    def way(self) -> Mapping[str, str] | None:
        """Where it goes that is not queued: ``do``, ``number``, ``prompt``."""
        way: Mapping[str, str] | None = self.document["way"]
        return way

    @property
    def agents(self) -> list[str]:
        """The idle agents who may serve it, the first to be taken first."""
        return [each["agent"] for each in self.document["agents"] if each["busy"] is None]

    @property
    def missed(self) -> dict[str, str]:
        """The rules before, each with why it does not match."""
        return {each["rule"]: each["why"] for each in self.document["missed"]}

    @property
    def fault(self) -> str | None:
        """Why nothing says what to do; None: something does."""
        fault: str | None = self.document["fault"]
        return fault

    @property
    def _routing(self) -> Mapping[str, Any]:
        return self.document["routing"] or {}

    def __str__(self) -> str:
        return str(self.document["words"])


class Rules:
    """The rules in force in a test's database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.warnings: list[str] = []

    def load(self, path: str | Path) -> None:
        """Put the rules of a file in force; raises Refused with all that is wrong with them."""
        self.warnings = self.database.station.ask(
            "load_rules",
            database=self.database.conninfo,
            path=str(Path(path).resolve()),
            applications=list(self.database.settings.applications),
        )

    def route(
        self,
        number: str,
        caller: str = "",
        facts: Mapping[str, str] | None = None,
        at: datetime | str | None = None,
        *,
        queue: str | None = None,
        contact_center: str | None = None,
        customer: Mapping[str, str] | None = None,
        language: str = "en",
        medium: str = "voice",
    ) -> Route:
        """What would become of a call to `number`, as ``fsroute rules explain`` says it.

        `at` is by the clock of the contact center unless it says its time zone; None: now. `queue` must be said where
        the application may ask for several. Raises Refused where the question says too little.
        """
        moment = at.isoformat() if isinstance(at, datetime) else at
        question = {
            "number_called": number,
            "caller": caller,
            "facts": dict(facts or {}),
            "moment": moment,
            "queue": queue,
            "contact_center": contact_center,
            "customer": dict(customer or {}),
            "language": language,
            "medium": medium,
        }
        return Route(
            self.database.station.ask(
                "route",
                database=self.database.conninfo,
                applications=list(self.database.settings.applications),
                question=question,
            )
        )


class Switch:
    """A site: the real call server, coordinator and agents' side, beside a stand-in for FreeSWITCH."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, database: Database) -> Self:
        """Start it; raises Refused."""
        settings = database.settings
        database.station.ask(
            "open_site",
            database=database.conninfo,
            name=settings.site,
            applications=list(settings.applications),
            capture=settings.capture,
        )
        return cls(database)

    def agent(
        self,
        agent_id: str,
        contact_center: str = "",
        skills: Mapping[str, int] | None = None,
        *,
        team: str | None = None,
        does: str = "answers",
        **how: Any,
    ) -> None:
        """An agent sits here and is available; one whom the database does not know is entered with these skills.

        `does` is ``answers`` (`after` seconds, hangs up after `talk`), ``busy``, ``no_answer`` or ``rejects``.
        """
        if does == "answers":
            how.setdefault("after", 0.1)
        self.ask(
            "agent",
            agent_id=agent_id,
            contact_center=contact_center,
            skills=dict(skills or {}),
            team=team,
            behaviour=does,
            values=how,
        )

    def log_off(self, agent_id: str) -> None:
        """The agent gets nothing more."""
        self.ask("declare", agent_id=agent_id, status="logged_out")

    def ask(self, what: str, limit: float = 0.0, /, **values: Any) -> Any:
        """Have something done at the site."""
        __tracebackhide__ = True
        return self.database.station.ask(
            "at_site", limit, database=self.database.conninfo, what=what, values=values
        )


class Caller:
    """Somebody with a telephone. Each method returns when it is done, or fails the test after its limit."""

    def __init__(self, switch: Switch, number: str = CALLER, name: str = "") -> None:
        self._switch = switch
        self.number = number
        self.name = name
        self._call: int | None = None

    def another(self, number: str, name: str = "") -> Caller:
        """Somebody else who calls the same switch."""
        return Caller(self._switch, number, name)

    def dials(self, number_called: str, number: str | None = None, name: str | None = None) -> Caller:
        """Call a number, as who has another number or name where that is said."""
        self.number = self.number if number is None else number
        self.name = self.name if name is None else name
        self._call = self._switch.ask("dial", number_called=number_called, number=self.number, name=self.name)
        return self

    def hears(self, what: str, limit: float = LIMIT) -> Caller:
        """Wait until something is heard whose name contains `what`, after what the last such call found."""
        __tracebackhide__ = True
        self._ask("hear", limit, text=what, limit=limit)
        return self

    def presses(self, digits: str) -> Caller:
        """Press keys."""
        self._ask("press", digits=digits)
        return self

    def says(self, text: str) -> Caller:
        """Say something, as a recogniser would hear it."""
        self._ask("say", text=text)
        return self

    def waits(self, seconds: float) -> Caller:
        """Do nothing, for so long by the caller's clock, which is twenty times as fast."""
        self._ask("wait", seconds, seconds=seconds)
        return self

    def hangs_up(self) -> Caller:
        """End the call."""
        self._ask("hang_up")
        return self

    def talks_with(self, agent_id: str, limit: float = LIMIT) -> Caller:
        """Wait until an agent talks with the caller."""
        __tracebackhide__ = True
        return self.hears(f"talking with {agent_id}", limit)

    def was_routed(self, limit: float = LIMIT, **wanted: Any) -> Caller:
        """Wait until the rules have decided; then each of `wanted` must be so.

        They are ``rule``, ``queue``, ``priority``, ``skills`` (a dict), ``sites``, ``teams``, ``strategy``,
        ``contact_center``, ``application``, ``facts`` (each of a dict), ``way`` (``announce``, ``number``…; None:
        queued), ``agent``.
        """
        __tracebackhide__ = True
        found = self.routing(limit)
        wrong = [
            f"{name}: {found[name]!r}, not {value!r}"
            for name, value in wanted.items()
            if not _is_so(name, found[name], value)
        ]
        if wrong:
            raise Failed("the call was routed otherwise: " + "; ".join(wrong))
        return self

    def routing(self, limit: float = LIMIT) -> dict[str, Any]:
        """How the call was routed, once it was; as `was_routed` names it. Fails after the limit."""
        __tracebackhide__ = True
        row = self._contact("routed", limit)
        if row is None or (row["queue"] is None and row["sent_away"] is None):
            raise Failed(f"the call was not routed within {limit:g} s; what was heard:\n{self.timeline}")
        away = row["sent_away"] or {}
        return {
            "rule": row["rule"],
            "queue": row["queue"],
            "priority": row["priority"],
            "skills": dict(row["skills"] or ()),
            "sites": row["sites"] or [],
            "teams": row["teams"] or [],
            "strategy": row["strategy"],
            "contact_center": row["contact_center_id"],
            "application": row["application"],
            "facts": row["facts"] or {},
            "way": away.get("way"),
            "agent": row["agent_id"],
        }

    @property
    def outcome(self) -> str | None:
        """How the contact ended (``served``, ``self_served``, ``abandoned``…), once it has; None after the limit."""
        row = self._contact("ended", LIMIT)
        outcome: str | None = None if row is None else row["outcome"]
        return outcome

    @property
    def heard(self) -> Sequence[str]:
        """All that was heard so far, by name."""
        heard: Sequence[str] = self._ask("call")["heard"]
        return heard

    @property
    def timeline(self) -> str:
        """The same with times, for people."""
        return str(self._ask("call")["timeline"]) if self._call is not None else "(no call)"

    @property
    def is_over(self) -> bool:
        """The call has ended."""
        return self._ask("call")["cause"] is not None

    def _contact(self, until: str, limit: float) -> Mapping[str, Any] | None:
        row: Mapping[str, Any] | None = self._ask("contact", limit, until=until, limit=limit)
        return row

    def _ask(self, what: str, longest: float = 0.0, /, **values: Any) -> Any:
        __tracebackhide__ = True
        if self._call is None:
            raise Failed("the caller has dialled nobody yet")
        return self._switch.ask(what, longest, call=self._call, **values)


def _is_so(name: str, found: Any, wanted: Any) -> bool:
    if name == "facts":
        return all(found.get(fact) == value for fact, value in wanted.items())
    return bool(found == (list(wanted) if isinstance(wanted, tuple) else wanted))
