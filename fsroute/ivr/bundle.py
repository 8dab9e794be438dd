"""Reading an application's folder: ``application.toml`` and ``prompts/<language>/*.wav``."""

from __future__ import annotations

import difflib
import re
import tomllib
import wave
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import msgspec

from fsroute.errors import ApplicationError
from fsroute.ivr import checker, transcripts
from fsroute.ivr.application import FILE_NAME, PROMPTS, Application, Fault, Severity
from fsroute.ivr.steps import (
    KINDS,
    PROMPT_NAME,
    STEP_NAME,
    ApplicationFile,
    CollectStep,
    Defaults,
    MenuStep,
    RecordStep,
    Step,
)
from fsroute.ivr.templates import Templates

LONGEST_FILE = 1_000_000  # bytes
MOST_DOTS = 200
"""In one line: tomllib takes time by the square of a dotted key's parts, hours for one that fills the file."""
LARGEST_PROMPT = 20_000_000  # bytes

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


def load(folder: str | Path) -> Application:
    """The application in `folder`.

    Raises:
        ApplicationError: it has faults; the text lists each with file, step and fault.
    """
    application, faults = _read(Path(folder))
    errors = [fault for fault in faults if fault.severity is Severity.ERROR]
    if application is None or errors:
        raise ApplicationError("\n".join(str(fault) for fault in errors))
    return application


def check(folder: str | Path, others: Collection[str] = ()) -> list[Fault]:
    """All that is wrong with the application in `folder`, warnings included.

    `others` are the names of applications that it may call.
    """
    return _read(Path(folder), others)[1]


def _read(folder: Path, others: Collection[str] = ()) -> tuple[Application | None, list[Fault]]:
    try:
        raw = _raw(folder)
        file = _convert(raw, ApplicationFile, "")
    except _Wrong as wrong:
        return None, [wrong.fault]
    steps, faults = _steps(file)
    recordings, wrong_recordings = _recordings(folder, file.languages)
    faults += wrong_recordings
    templates = Templates()
    complete = len(steps) == len(file.steps)
    draft = checker.Draft(file, steps, recordings, templates, complete, frozenset(others))
    faults += checker.faults(draft)
    faults += transcripts.faults(folder, recordings)
    return _application(folder, draft), faults


def _application(folder: Path, draft: checker.Draft) -> Application:
    return Application(
        name=draft.file.name,
        version=draft.file.version,
        start=draft.file.start,
        languages=draft.file.languages,
        steps=MappingProxyType(dict(draft.steps)),
        sorry=draft.file.sorry,
        operator=draft.file.operator,
        facts=MappingProxyType(dict(draft.file.facts)),
        recordings=MappingProxyType(dict(draft.recordings)),
        folder=folder.resolve(),
        render=draft.templates.render,
    )


# application.toml


class _Wrong(Exception):
    def __init__(self, step: str, fault: str) -> None:
        self.fault = Fault(FILE_NAME, step, fault)


def parse(text: str) -> dict[str, object]:
    """What a file of TOML says.

    Raises:
        ValueError: it is not TOML, or would take for ever.
        RecursionError: it is nested too deep.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MOST_DOTS:
            raise ValueError(f"more than {MOST_DOTS} dots in line {number}")
    return tomllib.loads(text)


def _raw(folder: Path) -> dict[str, object]:
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > LONGEST_FILE:
            raise _Wrong("", f"larger than {LONGEST_FILE} bytes")
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _Wrong("", f"cannot be read in {folder}: {error.strerror}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _Wrong("", "is not a text in UTF-8") from error
    except ValueError as error:
        raise _Wrong("", f"is not TOML: {error}") from error


def _convert(raw: object, to: type[_Struct], step: str) -> _Struct:
    try:
        return msgspec.convert(raw, to)
    except msgspec.ValidationError as error:
        raise _Wrong(step, _in_plain_words(str(error))) from error


def _in_plain_words(message: str) -> str:
    """What msgspec says, with the path in front: ``defaults.tries: Expected `int`, got `str```."""
    text, at, path = message.partition(" - at `$")
    text = re.sub(r"^Object contains unknown field (`.*`)$", r"unknown field \1", text)
    text = re.sub(r"^Object missing required field (`.*`)$", r"field \1 is missing", text)
    where = path.rstrip("`").lstrip(".")
    return f"{where}: {text}" if at and where else text


def _steps(file: ApplicationFile) -> tuple[dict[str, Step], list[Fault]]:
    steps: dict[str, Step] = {}
    faults: list[Fault] = []
    for name, raw in file.steps.items():
        try:
            steps[name] = _complete(_step(name, raw), file.defaults)
        except _Wrong as wrong:
            faults.append(wrong.fault)
    return steps, faults


def _step(name: str, raw: Mapping[str, object]) -> Step:
    if re.fullmatch(STEP_NAME.pattern, name) is None:
        raise _Wrong(name, STEP_NAME.words)
    kind = raw.get("do")
    if not isinstance(kind, str) or kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, 1)
        meant = f"; is {near[0]} meant?" if near else ""
        problem = "do is missing" if kind is None else f"unknown step kind {kind!r}"
        raise _Wrong(name, f"{problem}{meant} Known are {', '.join(KINDS)}")
    return _convert(raw, KINDS[kind], name)


def _complete(step: Step, defaults: Defaults) -> Step:
    """The step with what it left out taken from ``[defaults]``."""
    if isinstance(step, RecordStep) and step.on_silence is None:
        return msgspec.structs.replace(step, on_silence=defaults.on_silence)
    if not isinstance(step, MenuStep | CollectStep):
        return step
    fields = [name for name in Defaults.__struct_fields__ if getattr(step, name) is None]
    return msgspec.structs.replace(step, **{name: getattr(defaults, name) for name in fields})


# prompts/


def _recordings(folder: Path, languages: tuple[str, ...]) -> tuple[dict[str, frozenset[str]], list[Fault]]:
    recordings: dict[str, frozenset[str]] = {}
    faults: list[Fault] = []
    for language in languages:
        root = folder / PROMPTS / language
        names: set[str] = set()
        for path in sorted(root.glob("**/*.wav")):
            name = path.relative_to(root).with_suffix("").as_posix()
            wrong = list(_wrong_recording(folder, path, name))
            faults += [Fault(path.relative_to(folder).as_posix(), "", text) for text in wrong]
            names.add(name)
        recordings[language] = frozenset(names)
    return recordings, faults


def _wrong_recording(folder: Path, path: Path, name: str) -> Iterator[str]:
    if re.fullmatch(PROMPT_NAME.pattern, name) is None:
        yield PROMPT_NAME.words
    if not path.resolve().is_relative_to(folder.resolve()):
        yield "leads out of the application's folder"
        return
    try:
        if path.stat().st_size > LARGEST_PROMPT:
            yield f"larger than {LARGEST_PROMPT} bytes"
            return
        with wave.open(str(path)) as recording:
            if recording.getnframes() == 0:
                yield "is empty"
    except (OSError, EOFError, RuntimeError, wave.Error) as error:  # wave raises all of these
        yield f"is not a PCM recording: {error}"
