"""What ``fsroute rules explain`` asks the database, and the strategy's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fsroute.config import read
from fsroute.coordinator.order import coming, in_order
from fsroute.coordinator.strategies import load
from fsroute.errors import ConfigurationError
from fsroute.model.agent import Agent
from fsroute.model.contact import CallerInformation
from fsroute.model.routing import Routing
from fsroute.routing.calendar import time_zone
from fsroute.routing.document import rule_set
from fsroute.routing.explain import Explanation, explain
from fsroute.routing.faults import RulesError
from fsroute.routing.hours import YEARS
from fsroute.routing.rules import Inquiry, RuleSet
from fsroute.store.rules import Rules

if TYPE_CHECKING:
    from fsroute.store.loading import Loader
    from fsroute.store.store import Store


@dataclass(frozen=True, slots=True)
class Question:
    """A contact that might come, and by which rules it is to be looked at: a file's, a version's, those in force."""

    number_called: str
    caller: str = ""
    queue: str | None = None
    contact_center: str | None = None
    medium: str = "voice"
    language: str = "en"
    moment: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    customer: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None
    version: int | None = None


def answer(store: Store, loader: Loader, question: Question, now: datetime) -> Explanation:
    """The explanation, upon the agents as they are now.

    Raises:
        ConfigurationError: the question says too little.
        RulesError: the file, or the version, cannot be taken.
    """
    rules, agents, source = _rules(store, loader, question)
    center, application = _owner(rules, store, question)
    queue = question.queue or _queue(rules, loader, center, application)
    at = _moment(question.moment, rules.time_zones.get(center, "UTC"), now)
    caller = CallerInformation(
        number=question.caller,
        name="",
        number_called=question.number_called,
        arrived_at=at,
        medium=question.medium,
        language=question.language,
        facts=question.facts,
        customer=question.customer,
    )
    rates = Rules(store.database).rates()

    def order(routing: Routing) -> Sequence[Agent]:
        strategy = load().or_longest_idle(routing.strategy)
        return in_order(strategy, coming(routing, caller), agents, at.timestamp(), rates)

    closing = Rules(store.database).closed().get(center)
    closed = "" if closing is None else f"prompt {closing[0] or '(none)'}"
    return explain(rules, Inquiry(center, queue, caller), at, agents, order, closed=closed, source=source)


def _rules(store: Store, loader: Loader, question: Question) -> tuple[RuleSet, Sequence[Agent], str]:
    """The rules, the agents (a file may bring its own), and where the rules are from."""
    rules = Rules(store.database)
    if question.path is not None:
        loaded = loader.check(read(question.path), question.path.name)
        wrong = [fault for fault in loaded.faults if fault.is_error]
        if wrong:
            raise RulesError(f"{question.path.name}: {wrong[0]} (`fsroute rules check` tells all)", wrong)
        return loaded.rules, loaded.house.agents, question.path.name
    version = rules.newest() if question.version is None else question.version
    document = rules.queues() if version is None else rules.document(version)
    source = "the rows of the queues (no version)" if version is None else f"version {version}"
    return rule_set(document, version, lenient=version is None), store.agents.all(), source


def _owner(rules: RuleSet, store: Store, question: Question) -> tuple[str, str | None]:
    """The contact center and the application of the number called; it may be newer than the rules."""
    number = question.number_called
    owner = rules.numbers.get(number) or store.contacts.application_of(number)
    if question.contact_center is not None:
        return question.contact_center, None if owner is None else owner[1]
    if owner is None:
        raise ConfigurationError(
            f"number {question.number_called} belongs to no contact center; --contact-center says to whom"
        )
    return owner


def _queue(rules: RuleSet, loader: Loader, center: str, application: str | None) -> str:
    """The queue that the application asks for, where there is only one it may be; '' where nobody knows."""
    asked = loader.asked.get(application or "", frozenset())
    queues = asked or {queue for owner, queue in rules.queues if owner == center}
    if len(queues) > 1:
        raise ConfigurationError(
            f"--queue says which queue the application asks for: {', '.join(sorted(queues))}"
        )
    return next(iter(queues), "")


def _moment(text: str | None, zone: str, now: datetime) -> datetime:
    """In the contact center's time zone; what the clocks leave out is as much later, as for opening hours."""
    try:
        here = time_zone(zone)
        moment = now if text is None else datetime.fromisoformat(text)
        if not YEARS[0] <= moment.year <= YEARS[1]:
            raise ValueError(f"a year from {YEARS[0]} to {YEARS[1]}")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=here)
        return moment.astimezone(UTC).astimezone(here)
    except ValueError as error:
        raise ConfigurationError(f"--at {text}: {error}") from None
