"""Fill the templates, and refuse what FreeSWITCH would refuse or misread.

A template's name is its path in the source tree: ``dialplans/fsroute.xml``,
``fs_config/autoload_configs/acl.conf.xml``. An undefined variable is an error, values are escaped for
XML, the result must be well-formed and its regular expressions must compile.
"""

from __future__ import annotations

import io
import os
import re
import wave
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2

from fsroute.config import Secret
from fsroute.errors import ConfigurationError
from fsroute.install.settings import ANY_NUMBER, DialplanSettings, SwitchSettings
from fsroute.resources import folder

LOOPS = 15  # of the hold music, in the piece that is played
FOLDERS = (
    "log",
    "run",
    "db",
    "storage",
    "recordings",
    "scripts",
    "temp",
    "cache",
    "certs",
    "htdocs",
    "grammar",
)


def number_expression(number: str) -> str:
    """The regular expression for a toll-free number; the digits are its first group."""
    if number == ANY_NUMBER:
        return r"^(\+?[0-9]{1,20})$"
    return rf"^\+?({re.escape(number.removeprefix('+'))})$"


def templates(top: str) -> list[str]:
    """The names of the templates in ``dialplans`` or ``fs_config``, in order; parts (``_x``) left out."""
    return sorted(f"{top}/{name}" for name in _walk(folder(top)))


def render(name: str, /, **values: object) -> str:
    """The text of template `name`.

    Raises:
        ConfigurationError: there is no such template, a value is missing, or the result is faulty.
    """
    try:
        text = _environment().get_template(name).render(**values)
    except jinja2.TemplateNotFound as error:
        raise ConfigurationError(f"there is no template {error.name}") from error
    except jinja2.TemplateError as error:
        raise ConfigurationError(f"template {name}: {error}") from error
    check(name, text)
    return text


def check(name: str, text: str) -> None:
    """Raise `ConfigurationError` unless `text` is XML whose regular expressions compile."""
    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ConfigurationError(f"{name}: not well-formed: {error}") from error
    for condition in tree.iter("condition"):
        expression = condition.get("expression", "")
        try:
            re.compile(expression)
        except re.error as error:
            raise ConfigurationError(f"{name}: expression {expression!r}: {error}") from error


def render_dialplans(settings: DialplanSettings) -> dict[str, str]:
    """All of ``dialplans``: from path below FreeSWITCH's ``dialplan`` folder to text."""
    values = _values(settings)
    return {name.partition("/")[2]: render(name, **values) for name in templates("dialplans")}


def render_configuration(settings: SwitchSettings) -> dict[str, str]:
    """All of ``fs_config`` and ``dialplans``: from path below FreeSWITCH's ``conf`` folder to text."""
    values = {**_values(settings.dialplan), **_values(settings)}
    files = {name.partition("/")[2]: render(name, **values) for name in templates("fs_config")}
    dialplans = render_dialplans(settings.dialplan)
    return files | {f"dialplan/{path}": text for path, text in dialplans.items()}


def render_switch(settings: SwitchSettings, target: Path) -> Path:
    """Write a whole FreeSWITCH tree (conf, sounds, and the folders it writes to) to `target`.

    The files are readable by their owner only, since some hold secrets. Returns `target`/conf.
    """
    conf = target / "conf"
    for path, text in render_configuration(settings).items():
        _write(conf / path, text.encode())
    for name in FOLDERS:
        (target / name).mkdir(parents=True, exist_ok=True)
    _write_music(target.absolute() / "sounds" / "fsroute")
    return conf


def _write_music(folder: Path) -> None:
    """A long piece of music, and a list that plays it for a day.

    mod_local_stream is silent for 0.3 s after each piece, and for a second whenever it opens its folder, which is
    after the last piece.
    """
    piece = folder / "hold.wav"
    seconds = _write_piece(piece)
    _write(folder / "music" / "hold.loc", f"{piece}\n".encode() * round(86_400 / seconds))


def _write_piece(path: Path) -> float:
    """The sample's hold music, which is a loop, `LOOPS` times. Returns its length in seconds."""
    with wave.open(io.BytesIO(_hold_music())) as loop:
        samples = loop.readframes(loop.getnframes())
        content = io.BytesIO()
        with wave.open(content, "wb") as piece:
            piece.setparams(loop.getparams())
            piece.writeframes(samples * LOOPS)
        seconds = float(LOOPS * loop.getnframes() / loop.getframerate())
    _write(path, content.getvalue())
    return seconds


def arguments(target: Path) -> list[str]:
    """The options with which FreeSWITCH takes all its folders from `target` and stays in the foreground."""
    places = [word for name in ("conf", "sounds", *FOLDERS) for word in (f"-{name}", str(target / name))]
    return ["-np", "-nonat", "-nf", "-nc", *places]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_reveal,
    )
    environment.filters["number_expression"] = number_expression
    environment.filters["literally"] = re.escape
    return environment


def _source(name: str) -> str | None:
    top, _, path = name.partition("/")
    if top not in ("dialplans", "fs_config") or ".." in path.split("/"):
        return None
    file = folder(top).joinpath(path)
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _walk(place: Traversable, prefix: str = "") -> Iterator[str]:
    for entry in place.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".xml") and not entry.name.startswith("_"):
            yield prefix + entry.name


def _values(settings: DialplanSettings | SwitchSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def _reveal(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _hold_music() -> bytes:
    return resources.files("fsroute").joinpath("ivr", "sample", "music", "hold.wav").read_bytes()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # also where the file was there before
        file.write(content)
