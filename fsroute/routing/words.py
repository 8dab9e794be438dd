"""Parts of a routing as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fsroute.model.routing import CallbackTerms, TimeLineStep, Way


def way_words(way: Way) -> str:
    """Where a contact goes that is not queued."""
    if way.do == "application":
        return "refused; the application goes on"
    target = way.number or way.prompt
    return f"{way.do.replace('_', ' ')}{f' {target}' if target else ''}"


def overflow_words(way: Way) -> str:
    """Where a contact goes that has waited too long."""
    return "the application goes on" if way.do == "application" else way_words(way)


def any_words(names: Sequence[str]) -> str:
    """Names, none of which means any."""
    return ", ".join(names) or "any"


def limit_words(value: float | None, unit: str = "") -> str:
    """A limit; None is none."""
    return "none" if value is None else f"{value:g}{unit}"


def skill_words(skills: Iterable[tuple[str, int]]) -> str:
    """Skills with their lowest levels."""
    return ", ".join(f"{skill} {level}+" for skill, level in skills) or "none"


def callback_words(terms: CallbackTerms) -> str:
    """How often and how long a caller is called back."""
    return f"{terms.tries} tries, {terms.retry_after:g} s apart, rings {terms.ring:g} s"


def step_words(step: TimeLineStep) -> str:
    """What a step of the time line does."""
    match step.do:
        case "skill":
            return f"{step.skill} {'is not asked for' if step.level is None else f'{step.level}+ suffices'}"
        case "teams" | "sites":
            return f"{step.do} {any_words(step.names)}"
        case "priority":
            return f"priority higher by {step.priority}"
        case "offer_callback":
            return "offer a callback"
        case "announce_wait":
            return f"position and expected wait every {step.every:g} s, where they are known to {step.within:.0%}"
    return way_words(Way(step.do, step.number, step.prompt))
