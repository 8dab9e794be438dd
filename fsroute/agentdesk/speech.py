"""From what the dialogue wants said and asked to what FreeSWITCH executes."""

from __future__ import annotations

from pathlib import Path

from fsroute.agentdesk.dialogue import Ask, Say

FOLDER = Path(__file__).parent / "prompts"
LANGUAGES = ("en", "es")  # the first is the fall-back
TIMEOUT, BETWEEN_KEYS = 6000, 3000  # milliseconds for the first key, and from key to key
TONE = "tone_stream://%(150,50,480);loops=2"
"""Heard in place of a recording that is not there."""

Execution = tuple[str, str]


def language_of(wanted: str) -> str:
    """``es-MX`` is spoken to in es, whoever speaks none of the languages in the first."""
    language = wanted.replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else LANGUAGES[0]


def say(do: Say, language: str) -> Execution:
    """One ``playback`` of all prompts."""
    return "playback", _file(do.prompts, language)


def ask(do: Ask, language: str, variable: str) -> Execution:
    """One ``play_and_get_digits``: a form that does not fit leaves `variable` unset."""
    entry = do.entry
    argument = (
        f"{entry.shortest} {entry.longest} 1 {TIMEOUT} # {_file(do.prompts, language)} silence_stream://1 "
        f"{variable} {entry.form} {BETWEEN_KEYS}"
    )
    return "play_and_get_digits", argument


def _file(prompts: tuple[str, ...], language: str) -> str:
    """Several recordings as one; a blank in a path would begin the next argument."""
    paths = [str(FOLDER / language / f"{prompt}.wav") for prompt in prompts]
    files = [path if Path(path).is_file() else TONE for path in paths]
    text = files[0] if len(files) == 1 else "file_string://" + "!".join(files)
    return f"'{text}'" if " " in text else text
