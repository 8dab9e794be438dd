"""Applications that call each other: each runs in facts of its own, and only what is named passes.

Parts of an application may come from different centers. What a part is given, and what comes back from it,
is written in the step that calls it; the language goes both ways, since it is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from fsroute.errors import ApplicationError
from fsroute.ivr.application import Application
from fsroute.ivr.position import MOST_CALLERS, Frame, Library, Position
from fsroute.ivr.rendering import known, renaming, render, rendered, taken
from fsroute.ivr.steps import CallStep, ReturnStep, Step


@dataclass(frozen=True, slots=True)
class Applications:
    """The application of a call, and those that may run as parts of it."""

    outermost: Application
    library: Library

    def find(self, name: str) -> Application | None:
        return self.outermost if name == self.outermost.name else self.library.get(name)

    def running(self, position: Position) -> Application:
        """The application that the caller is in.

        Raises:
            ApplicationError: it is not here (any more).
        """
        if not position.frames:
            return self.outermost
        return self.named(position.application)

    def named(self, name: str) -> Application:
        found = self.find(name)
        if found is None:
            raise ApplicationError(f"there is no application {name}")
        return found


def call(application: Application, part: Application, position: Position, step: CallStep) -> Position:
    """At the first step of a part.

    Raises:
        ApplicationError: too many applications stand above it already.
    """
    if len(position.frames) >= MOST_CALLERS:
        raise ApplicationError(f"application {part.name} would be nested deeper than {MOST_CALLERS}")
    frame = Frame(application.name, application.version, position.step, position.language, position.facts)
    return replace(
        position,
        application=part.name,
        version=part.version,
        step=part.start,
        language=part.language_for(position.language),
        facts=MappingProxyType(rendered(application, position, step.given)),
        frames=(*position.frames, frame),
    )


def come_back(applications: Applications, position: Position, step: ReturnStep) -> tuple[Position, str]:
    """The position in the application that called, and the step that it goes on at.

    Raises:
        ApplicationError: that application is not as it was any more, or the result cannot be rendered.
    """
    part = applications.running(position)
    result = render(part, position, step.result).strip()
    *above, frame = position.frames
    outer = applications.outermost if not above else applications.named(frame.application)
    calling = _calling(outer, frame)
    facts = {**frame.facts, **taken(calling.returns, known(part, position))}
    changed = position.language != part.language_for(frame.language)
    back = replace(
        position,
        application=outer.name,
        version=outer.version,
        step=frame.step,
        language=outer.language_for(position.language) if changed else frame.language,
        facts=MappingProxyType(facts),
        frames=tuple(above),
    )
    return back, calling.cases.get(result, calling.next)


def facts_of_contact(applications: Applications, position: Position) -> Mapping[str, str]:
    """What an agent is told: of a part only what would come back from it as it is now.

    Raises:
        ApplicationError: an application that has called another one is not as it was any more.
    """
    here, facts = position, known(applications.running(position), position)
    while here.frames:
        *above, frame = here.frames
        outer = applications.outermost if not above else applications.named(frame.application)
        come = {
            ours: facts[theirs]
            for ours, theirs in renaming(_calling(outer, frame).returns).items()
            if theirs in facts
        }
        here = replace(here, facts={**frame.facts, **come}, frames=tuple(above))
        facts = known(outer, here)
    return MappingProxyType(facts)


def _calling(application: Application, frame: Frame) -> CallStep:
    step: Step | None = application.steps.get(frame.step)
    if not isinstance(step, CallStep):
        raise ApplicationError(f"step {frame.step} of {application.name} calls no application any more")
    return step
