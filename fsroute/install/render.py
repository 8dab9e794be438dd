"""Fill the templates, and refuse what FreeSWITCH would refuse or misread.

A template's name is its path in the source tree: ``dialplans/fsroute.xml``,
``fs_config/autoload_configs/acl.conf.xml``. An undefined variable is an error, values are escaped for
XML, the result must be well-formed, hold nothing that FreeSWITCH's preprocessor would act on unasked, and its regular
expressions must mean to FreeSWITCH what they mean to Python.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2

from fsroute.config import Secret
from fsroute.errors import ConfigurationError
from fsroute.install.expressions import check_expression
from fsroute.install.music import music
from fsroute.install.settings import ANY_NUMBER, DialplanSettings, SwitchSettings
from fsroute.resources import folder

AGENTS_ENTRY = "default/00_fsroute.xml"
"""The drop-in for the context of agents' telephones; a switch that serves fsroute alone has a context of its own."""
CALLERS_ENTRY = "public/00_fsroute.xml"
CALLCENTER = "autoload_configs/callcenter.conf.xml"
LINK_PROFILE = "sip_profiles/fsroute_link.xml"
LINKS_LIST = "fsroute_links"
"""The access list of the other switches, in acl.conf.xml."""
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


def digits(number: str) -> str:
    """What an extension is named after: the number's letters and digits; ``any`` for every number."""
    return "any" if number == ANY_NUMBER else re.sub(r"[^0-9A-Za-z]", "", number)


def remark(text: str) -> str:
    """`text` as it may stand in a comment: what XML or FreeSWITCH's preprocessor could act on is left out."""
    shown = "".join(each if each.isalnum() or each in " .,'&" else " " for each in text[:80])
    return " ".join(re.sub("(?i)pre.?process", "", shown).split())


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
    """Raise `ConfigurationError` unless `text` is XML whose regular expressions are sound."""
    try:
        tree = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ConfigurationError(f"{name}: not well-formed: {error}") from error
    for condition in tree.iter("condition"):
        try:
            check_expression(condition.get("expression", ""))
        except ConfigurationError as error:
            raise ConfigurationError(f"{name}: {error}") from error


def render_dialplans(
    settings: DialplanSettings, centers: Mapping[str, str] | None = None, *, for_agents: bool = False
) -> dict[str, str]:
    """All of ``dialplans``: from path below FreeSWITCH's ``dialplan`` folder to text.

    `centers` are names of contact centers by their numbers, for readers of the file. With `for_agents` the entry for
    agents' telephones is among them.
    """
    values = _values(settings) | {"centers": dict(centers or {})}
    files = {name.partition("/")[2]: render(name, **values) for name in templates("dialplans")}
    if not for_agents:
        del files[AGENTS_ENTRY]
    return files


def render_configuration(settings: SwitchSettings) -> dict[str, str]:
    """All of ``fs_config`` and ``dialplans``: from path below FreeSWITCH's ``conf`` folder to text."""
    values = {
        **_values(settings.dialplan),
        **_values(settings),
        "link_acl": (LINKS_LIST,),
        "modules": settings.loaded,
    }
    files = {name.partition("/")[2]: render(name, **values) for name in templates("fs_config")}
    if "callcenter" not in settings.modules:
        del files[CALLCENTER]
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
    sounds = target.absolute() / "sounds" / "fsroute"
    for path, content in music(sounds).items():
        _write(sounds / path, content)
    return conf


def arguments(target: Path) -> list[str]:
    """The options with which FreeSWITCH takes all its folders from `target` and stays in the foreground."""
    places = [word for name in ("conf", "sounds", *FOLDERS) for word in (f"-{name}", str(target / name))]
    return ["-np", "-nonat", "-nf", "-nc", *places]


@cache
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
    environment.filters["digits"] = digits
    environment.filters["remark"] = remark
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


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)  # also where the file was there before
        file.write(content)
