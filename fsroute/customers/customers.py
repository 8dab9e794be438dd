"""The facts about the customer who calls, from all that is configured, within their time limits."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping, Sequence
from time import monotonic
from types import MappingProxyType

import gevent

from fsroute.config import Customers as Section
from fsroute.config.customers import NUMBER
from fsroute.customers.numbers import Plan, e164
from fsroute.customers.sources import Source, source
from fsroute.lookups.answers import Answer, Empty, Failed, Found, Kept, Slow
from fsroute.lookups.facts import AnswerRefused
from fsroute.lookups.service import Result, Service
from fsroute.lookups.sources import LookupFailed, LookupRefused, LookupSlow

log = logging.getLogger(__name__)

LONGEST_VALUE = 200  # characters of what a customer is looked up by
NOTHING: Mapping[str, str] = MappingProxyType({})

Key = tuple[str, str]
"""What a customer is looked up by: (``number`` or the name of a fact, its value)."""


class Book:
    """One place where customers are looked up, and the ways on where they are not found."""

    def __init__(self, section: Section, found: Source) -> None:
        self.section = section
        self._source = found
        kept: Kept[Hashable, Answer] = Kept(section.cache_size)
        self._service = Service(section.name, section.max_lookups, kept)

    def keys(self, number: str, learned: Mapping[str, str], plan: Plan) -> tuple[Key, ...]:
        """What this customer may be looked up by here, in turn; telephone numbers in E.164."""
        known = {**learned, NUMBER: number}
        found = []
        for each in self.section.by:
            name, _, kind = each.partition("=")
            value = known.get(name, "").strip()
            if NUMBER in (name, kind):
                name, value = NUMBER, e164(value, plan) or ""
            if 0 < len(value) <= LONGEST_VALUE and value.isprintable():
                found.append((name, value))
        return tuple(dict.fromkeys(found))

    def answer(self, contact_center: str, keys: Iterable[Key]) -> Answer:
        """What is found by the first key that finds something; never raises."""
        deadline = monotonic() + self.section.timeout
        result: Answer = Empty()
        for key in keys:
            left = deadline - monotonic()
            if left <= 0:
                return Slow()
            answer = self._ask(contact_center, key, left)
            if isinstance(answer, Found):
                return answer
            result = result if isinstance(answer, Empty) else answer
        return result

    def way(self, answer: Answer) -> Mapping[str, str]:
        """The facts of a customer who is not found."""
        match answer:
            case Found():
                return NOTHING
            case Empty():
                return self.section.on_empty
            case Slow():
                return self.section.on_slow
        return self.section.on_failed

    def close(self) -> None:
        self._source.close()

    def _ask(self, contact_center: str, key: Key, left: float) -> Answer:
        name, value = key
        parameters = {"contact_center": contact_center, "key": name, "value": value}
        whole = (contact_center, *key)
        return self._service.ask(self.section.name, whole, left, lambda rest: self._once(parameters, rest))

    def _once(self, parameters: Mapping[str, str], timeout: float) -> Result:
        try:
            facts = self._source.look_up(parameters, timeout)
        except LookupSlow:
            return Result(Slow())
        except LookupRefused as error:
            return Result(Failed(str(error)), tells=False)
        except (LookupFailed, AnswerRefused) as error:
            # a database quotes what it was asked
            return Result(Failed(str(error).replace(parameters["value"], "…")))
        except Exception as error:  # a caller waits for an answer, whatever it is
            log.exception("customers %s", self.section.name)
            return Result(Failed(type(error).__name__))
        return Result(Empty() if facts is None else Found(facts), self.section.cache)


class Customers:
    """Any number of greenlets may ask; nothing here raises, and nothing takes longer than its limit.

    Args:
        sections: of the configuration.
        plan: how numbers are written at this site.
        conninfo: of fsroute's own database, for sections that name no other.

    Raises:
        ConfigurationError: a file that a section names is not as it must be.
    """

    def __init__(self, sections: Sequence[Section], plan: Plan, conninfo: str) -> None:
        self._plan = plan
        self._all = [Book(section, source(section, conninfo)) for section in sections]
        self._books: dict[str, tuple[Book, ...]] = {}
        for book in self._all:
            for center in book.section.contact_centers:
                self._books[center] = (*self._books.get(center, ()), book)

    def limit(self, contact_center: str) -> float:
        """The longest that `facts` takes, in seconds; 0 where nothing is known of customers."""
        return max((book.section.timeout for book in self._books.get(contact_center, ())), default=0.0)

    def patience(self, contact_center: str) -> float:
        """How long an application waits for them before its first step, in seconds."""
        return max((book.section.wait for book in self._books.get(contact_center, ())), default=0.0)

    def keys(self, contact_center: str, number: str, learned: Mapping[str, str]) -> frozenset[Key]:
        """All that would be looked up by; where it is the same as before, the facts are."""
        books = self._books.get(contact_center, ())
        return frozenset(key for book in books for key in book.keys(number, learned, self._plan))

    def facts(
        self, contact_center: str, number: str, learned: Mapping[str, str] = NOTHING
    ) -> Mapping[str, str]:
        """The facts about a customer, at most `limit` seconds later.

        Args:
            contact_center: whose customer it is.
            number: as the switch presents it.
            learned: what the application has learned, by name.

        Of a fact that several books have, the first one's counts. What a book has for those whom it does not find
        (or not in time) counts for less than what any book has found.
        """
        books = self._books.get(contact_center, ())
        begin = monotonic()
        asking = [
            (book, gevent.spawn(book.answer, contact_center, book.keys(number, learned, self._plan)))
            for book in books
        ]
        found: dict[str, str] = {}
        ways: dict[str, str] = {}
        for book, greenlet in asking:
            answer = _in_time(greenlet, begin + book.section.timeout)
            ways = {**book.way(answer), **ways}
            found = {**answer.facts, **found} if isinstance(answer, Found) else found
        return {**ways, **found}

    def close(self) -> None:
        for book in self._all:
            book.close()


def _in_time(greenlet: gevent.Greenlet[..., Answer], until: float) -> Answer:
    """What was found; who answers later has it kept for the next call."""
    greenlet.join(max(0.0, until - monotonic()))
    return greenlet.value if greenlet.successful() and greenlet.value is not None else Slow()
