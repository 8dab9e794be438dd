"""What can be said: from an author's word (``as = "digits"``) to recordings or FreeSWITCH's ``say``.

An application's own recordings come first: digit by digit, or pieces put together by `numerals`. Whatever it
has no recordings for is said by the switch in the caller's language.
"""

from __future__ import annotations

import datetime
import re

from fsroute.ivr.actions import Say
from fsroute.ivr.application import Application
from fsroute.ivr.numerals import needed, pieces


class CannotBeSaid(ValueError):
    """A text is not of the kind that it should be said as."""


KINDS = {
    "digits": ("number", "iterated"),
    "number": ("number", "pronounced"),
    "money": ("currency", "pronounced"),
    "date": ("current_date", "pronounced"),
    "time": ("current_time", "pronounced"),
    "letters": ("name_spelled", "pronounced"),
}
"""``as`` to type and method of FreeSWITCH's ``say`` (switch_ivr_say.c)."""

_FORMS = {
    "digits": re.compile(r"[0-9]{1,64}"),
    "number": re.compile(r"-?[0-9]{1,12}"),
    "money": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "time": re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
    "letters": re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ]{0,62}[A-Za-z0-9])?"),
}


def spoken(application: Application, language: str, say_as: str, text: str) -> tuple[str | Say, ...]:
    """The items of a `Play` that say `text`.

    Raises:
        CannotBeSaid: the text is not of that kind; the message does not repeat it.
    """
    text = _bare(say_as, text)
    if not is_sayable(say_as, text):
        raise CannotBeSaid(f"the text cannot be said as {say_as}")
    recorded = _recorded(application, language, say_as, text)
    if recorded is not None:
        return tuple(application.recording(language, piece) for piece in recorded)
    kind, method = KINDS[say_as]
    module = re.split("[-_]", language)[0]  # mod_say_es serves es-MX
    return (Say(module, kind, method, _as_the_switch_takes_it(say_as, text)),)


def _recorded(application: Application, language: str, say_as: str, text: str) -> tuple[str, ...] | None:
    """The pieces that say it, where the application has recorded all that this language needs."""
    if say_as == "digits":
        return tuple(f"digits/{digit}" for digit in text) if application.has_digits(language) else None
    wanted = needed(language, say_as)
    if not wanted or not wanted <= application.recordings.get(language, frozenset()):
        return None
    try:
        return pieces(language, say_as, text)
    except ValueError as error:  # no day of the calendar
        raise CannotBeSaid(f"the text cannot be said as {say_as}") from error


def _as_the_switch_takes_it(say_as: str, text: str) -> str:
    """Dates and times are seconds since the epoch to ``say``, here in UTC."""
    if say_as == "date":
        return _seconds(f"{text}T12:00", say_as)
    if say_as == "time":
        return _seconds(f"2001-01-01T{text}", say_as)
    return text


def is_sayable(say_as: str, text: str) -> bool:
    """Whether `text` has the form that `say_as` wants."""
    form = _FORMS.get(say_as)
    return form is not None and form.fullmatch(_bare(say_as, text)) is not None


def _bare(say_as: str, text: str) -> str:
    return re.sub(r"[\s+().-]", "", text) if say_as == "digits" else text


def _seconds(moment: str, say_as: str) -> str:
    try:
        there = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC)
    except ValueError as error:
        raise CannotBeSaid(f"the text cannot be said as {say_as}") from error
    return str(int(there.timestamp()))
