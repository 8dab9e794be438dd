"""What ``fsroute capture`` does: calls that were kept as files, shown; recorded traffic made into such files."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from fsroute.replay import excerpt as cutting
from fsroute.replay import format as captures
from fsroute.replay import journal as journals
from fsroute.replay import ladder as drawing
from fsroute.replay.beside import Journals
from fsroute.replay.faults import CaptureError
from fsroute.replay.folder import Folder, call_name, link_name, paths_of
from fsroute.replay.format import INBOUND, Capture, Chunk, Side
from fsroute.replay.frames import frames
from fsroute.replay.ladder import Rung
from fsroute.replay.scrub import Scrubber, Settings

COLOURS = {
    "command": "cyan", "event": "", "reply": "dim", "refusal": "red", "digit": "bold yellow", "bridge": "bold green",
    "hangup": "bold magenta", "notice": "dim", "note": "blue", "end": "bold", "garbage": "bold red",
}  # fmt: skip


def show(files: tuple[Path, ...], everything: bool, width: int | None) -> None:
    """Print captures as ladders: who sent what when."""
    columns = width or (shutil.get_terminal_size().columns if sys.stdout.isatty() else drawing.WIDTH)
    for number, path in enumerate(each for file in files for each in paths_of(file)):
        if number:
            click.echo()
        _show(captures.load(path), columns, everything)


def _show(capture: Capture, width: int, everything: bool) -> None:
    for line in drawing.title(capture):
        click.echo(line)
    click.echo(drawing.rails(width))
    lines = drawing.drawn(drawing.ladder(capture), width, everything)
    if sys.stdout.isatty():
        _coloured(lines)
    else:
        for _, text in lines:
            click.echo(text)


def _coloured(lines: Iterable[tuple[Rung, str]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    for rung, text in lines:
        console.print(
            Text(text, style=COLOURS.get(rung.kind, "")), no_wrap=True, overflow="ellipsis", crop=False
        )


def excerpt(files: tuple[Path, ...], folder: Path, situation: str | None) -> None:
    paths = [path for file in files for path in paths_of(file)]
    if situation is not None and len(paths) != 1:
        raise click.UsageError("--situation names one call")
    folder.mkdir(parents=True, exist_ok=True)
    beside = Journals(tuple(dict.fromkeys(path.parent for path in paths)))
    for path in paths:
        made = cutting.excerpt(captures.load(path), beside, situation)
        name = path.name if situation is None else f"{cutting.slug(situation)}.jsonl"
        _write(folder / name, captures.write(made.capture))
        if made.journal is not None:
            _write(folder / made.journal.name, journals.write(made.journal))


def _write(path: Path, lines: Iterable[bytes]) -> None:
    path.write_bytes(b"".join(lines))
    click.echo(path)


def list_(folder: Path) -> None:
    """One line for each captured call and connection of FOLDER."""
    from fsroute.cli.tables import show as table

    rows, faults = [], []
    for path in paths_of(folder):
        try:
            rows.append(_row(captures.load(path)))
        except CaptureError as error:
            faults.append(str(error))
    columns = (
        "capture",
        "session",
        "s",
        "contact center",
        "from",
        "called",
        "application",
        "rule",
        "outcome",
        "",
    )
    table("capture", columns, rows)
    for fault in faults:
        click.echo(f"capture\tunreadable: {fault}", err=True)
    if faults:
        raise SystemExit(1)


def _row(capture: Capture) -> tuple[str, ...]:
    facts = capture.facts
    application, routed = facts.get("application"), facts.get("routed")
    name = application.get("name", "") if isinstance(application, dict) else ""
    rule = routed.get("rule") or "" if isinstance(routed, dict) else ""
    header = capture.header
    session = f"{header.session} {header.link}".strip()
    return (
        capture.name,
        session,
        f"{capture.duration:.1f}",
        str(facts.get("contact_center", "")),
        _caller(capture),
        str(facts.get("number_called", "")),
        str(name),
        str(rule),
        str(facts.get("outcome", "")),
        "" if capture.is_whole else "not whole",
    )


def _caller(capture: Capture) -> str:
    if capture.header.session == INBOUND:
        return ""
    said = (chunk for chunk in capture.chunks if chunk.side is Side.FREESWITCH)
    first = next(frames(_few(said)), None)
    return "" if first is None or first.message is None else first.message.get("Caller-Caller-ID-Number", "")


def _few(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    for _, chunk in zip(range(20), chunks, strict=False):
        yield chunk


def import_(files: tuple[Path, ...], folder: Path, situation: str, scrub: bool, keep_digits: int) -> None:
    """Make captures of the event-socket sessions in pcap and pcapng FILES."""
    from fsroute.replay.importing import imported

    target = Folder(folder)
    target.open()
    scrubber = Scrubber(Settings(target.scrub_key(), keep_digits)) if scrub else None
    count, fragments = 0, Counter[str]()
    try:
        for file in files:
            for capture in imported(file, partial(fragments.update, (str(file),))):
                header = replace(capture.header, situation=situation, scrubbed=scrub)
                name = _keep(target, replace(capture, header=header), scrubber)
                click.echo(f"{name}{'' if capture.is_whole else '  (not whole)'}")
                count += 1
    except OSError as error:
        raise CaptureError(str(folder), 0, f"cannot be written: {error.strerror or error}") from error
    finally:
        target.close()
    for name, pieces in fragments.items():
        click.echo(f"{name}: {pieces} fragments of IP were left out", err=True)
    click.echo(f"{count} sessions", err=True)
    if not count:
        raise SystemExit(1)


def _keep(folder: Folder, capture: Capture, scrubber: Scrubber | None) -> str:
    header = capture.header
    at = header.at or 0.0
    if header.session == INBOUND:
        name = link_name(at, str(header.more.get("switch_address", "")), "import", 1)
    else:
        name = call_name(at, "import", _uuid(capture))
    part = folder.part(name)
    folder.append(part, b"".join(_written(capture, scrubber)))
    return folder.complete(part, name)


def _written(capture: Capture, scrubber: Scrubber | None) -> Iterator[bytes]:
    if scrubber is None:
        yield from captures.write(capture)
        return
    lines = scrubber.session()
    yield captures.header_line(capture.header)
    for line in capture.lines:
        if isinstance(line, Chunk):
            yield from lines.chunk(line.t, line.side, line.data)
        else:
            if "end" in line.facts:
                yield from lines.finish(line.t)
            yield from lines.note(line.t, line.facts)


def _uuid(capture: Capture) -> str:
    for frame in frames(_few(iter(capture.chunks))):
        if frame.message is not None and (uuid := frame.message.get("Unique-ID")):
            return uuid
    return ""
