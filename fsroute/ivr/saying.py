"""What can be said: from an author's word (``as = "digits"``) to recordings or FreeSWITCH's ``say``."""

from __future__ import annotations

import datetime
import re

from fsroute.ivr.actions import Say
from fsroute.ivr.application import Application


class CannotBeSaid(ValueError):
    """A text is not of the kind that it should be said as."""


KINDS = {
    "digits": ("number", "iterated"),
    "number": ("number", "pronounced"),
    "money": ("currency", "pronounced"),
    "date": ("current_date", "pronounced"),
    "letters": ("name_spelled", "pronounced"),
}
"""``as`` to type and method of FreeSWITCH's ``say`` (switch_ivr_say.c)."""

_FORMS = {
    "digits": re.compile(r"[0-9]{1,64}"),
    "number": re.compile(r"-?[0-9]{1,12}"),
    "money": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,2})?"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "letters": re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ]{0,62}[A-Za-z0-9])?"),
}


def spoken(application: Application, language: str, say_as: str, text: str) -> tuple[str | Say, ...]:
    """The items of a `Play` that say `text`.

    Digits use the application's own recordings ``digits/0`` … ``digits/9`` when it has them in
    this language; everything else is left to the switch.

    Raises:
        CannotBeSaid: the text is not of that kind; the message does not repeat it.
    """
    text = _bare(say_as, text)
    if not is_sayable(say_as, text):
        raise CannotBeSaid(f"the text cannot be said as {say_as}")
    if say_as == "digits" and application.has_digits(language):
        return tuple(application.recording(language, f"digits/{digit}") for digit in text)
    kind, method = KINDS[say_as]
    module = re.split("[-_]", language)[0]  # mod_say_es serves es-MX
    return (Say(module, kind, method, _noon(text) if say_as == "date" else text),)


def is_sayable(say_as: str, text: str) -> bool:
    """Whether `text` has the form that `say_as` wants."""
    form = _FORMS.get(say_as)
    return form is not None and form.fullmatch(_bare(say_as, text)) is not None


def _bare(say_as: str, text: str) -> str:
    return re.sub(r"[\s+().-]", "", text) if say_as == "digits" else text


def _noon(day: str) -> str:
    """Noon of an ISO date in UTC, as the seconds that ``say`` wants: the same day in most time zones."""
    try:
        date = datetime.date.fromisoformat(day)
    except ValueError as error:
        raise CannotBeSaid("the text cannot be said as date") from error
    noon = datetime.datetime(date.year, date.month, date.day, 12, tzinfo=datetime.UTC)
    return str(int(noon.timestamp()))
