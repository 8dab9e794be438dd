"""All commands and keys as Markdown, from the program itself: ``python -m fsroute.cli.reference commands``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from fsroute.acd import desk_codes
from fsroute.agentdesk.features import Feature

COMMANDS_HEAD = """# Every command

Made from the program (`python -m fsroute.cli.reference commands`). `fsroute COMMAND --help` says the same. Each command
that takes `--config` finds the file in `FSROUTE_CONFIG`, too. Errors are one line, with exit status 1; wrong options
have exit status 2.
"""
KEYS_HEAD = """# Every key

Made from the program (`python -m fsroute.cli.reference keys`).

## Dialled by an agent, before and after talks

`*5` is `feature_prefix` of the dialplan's settings. From other telephones call a `feature_numbers` number, and key
extension, PIN and the digit (docs/agents.md).

| dialled | does |
|---|---|
"""
TALK_HEAD = """
## Keyed by an agent during a talk

The other end does not hear them (docs/transfers.md). A number ends with `#`.

| keys | does |
|---|---|
"""
FEATURES = {
    Feature.LOG_ON: "logs on; asks for the PIN",
    Feature.LOG_OFF: "logs off",
    Feature.BREAK: "takes a break; a digit behind it is the reason's (`break_reason`)",
    Feature.READY: "is back: ends a break, a wrap-up, a set-aside",
    Feature.END_WRAP_UP: "ends the wrap-up",
    Feature.OUTCOME: "says what came of the contact: the code follows (`outcome_code`)",
    Feature.STATUS: "says the agent's status",
    Feature.STANDING: "makes this call the standing leg of the shift; asks for the PIN",
}
WISHES = {
    desk_codes.Kind.HOLD: "puts the caller on hold",
    desk_codes.Kind.RESUME: "takes the caller back",
    desk_codes.Kind.TOGGLE: "puts the caller on hold, or takes the caller back",
    desk_codes.Kind.TRANSFER: "transfers the caller to",
    desk_codes.Kind.CONSULT: "consults, while the caller hears music,",
    desk_codes.Kind.COMPLETE: "completes the transfer: the agent leaves",
    desk_codes.Kind.CANCEL: "gives up the consultation: back to the caller",
    desk_codes.Kind.CONFERENCE: "all three talk",
    desk_codes.Kind.RELEASE: "ends the talk; a standing leg stands again",
}
TARGETS = {
    desk_codes.To.AGENT: "an agent (extension)",
    desk_codes.To.QUEUE: "a queue (extension)",
    desk_codes.To.NUMBER: "a telephone number",
}


def commands() -> str:
    """All commands as Markdown."""
    from fsroute.cli.main import cli

    return COMMANDS_HEAD + "".join(_sections(cli, ["fsroute"]))


def _sections(group: click.Group, path: list[str]) -> Iterator[str]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield from _section(command, [*path, name])


def _section(command: click.Command, path: list[str]) -> Iterator[str]:
    yield f"\n{'#' * min(len(path), 4)} {' '.join(path)}\n\n"
    if isinstance(command, click.Group):
        yield f"{_text(command)}\n"
        yield from _sections(command, path)
        return
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    yield f"`{' '.join([*path, *(['[OPTIONS]'] if options else []), *arguments])}`\n\n{_text(command)}\n"
    if options:
        yield "\n| option | |\n|---|---|\n"
        yield from (f"| `{_cell(_option(each))}` | {_cell(each.help or '')} |\n" for each in options)


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    name = name if argument.required or name.startswith("[") else f"[{name}]"
    return f"{name}..." if argument.nargs == -1 else name


def _option(option: click.Option) -> str:
    """Its names, and what it takes: not as click writes it, whose versions differ."""
    names = ", ".join(option.opts) + "".join(f" / {each}" for each in option.secondary_opts)
    if option.is_flag or option.count:
        return names
    kind = option.type
    takes = "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name.upper()
    return f"{names} {option.metavar or takes}"


def _text(command: click.Command) -> str:
    """The help of a command, its paragraphs in one line each."""
    paragraphs = (command.help or "").replace("\b", "").strip().split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def keys() -> str:
    """All keys as Markdown."""
    dialled = "".join(f"| `*5{code.value}` | {FEATURES[code]} |\n" for code in Feature)
    return KEYS_HEAD + dialled + TALK_HEAD + "".join(_talk_rows())


def _talk_rows() -> Iterator[str]:
    for code, wish in desk_codes.WHOLE.items():
        yield f"| `{code}` | {WISHES[wish.kind]} |\n"
    for code, (kind, to) in desk_codes.OPENING.items():
        yield f"| `{code}`, the number, `#` | {WISHES[kind]} {TARGETS[to]} |\n"


if __name__ == "__main__":
    click.echo({"commands": commands, "keys": keys}[sys.argv[1]](), nl=False)
