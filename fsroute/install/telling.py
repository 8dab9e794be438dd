"""What the operator is shown: the difference that an installation makes, and what is left to do by hand."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator
from pathlib import PurePosixPath

from fsroute.install.advice import Snippet
from fsroute.install.installer import Proposal
from fsroute.install.plan import Do, Step
from fsroute.install.wanted import CONF

LONGEST = 200
"""Lines of a file beyond which it is not shown as a difference but told of."""


def difference(proposal: Proposal) -> Iterator[str]:
    """A unified diff of everything that would change, as ``patch`` takes it; other files as a remark."""
    for step in proposal.plan.changes:
        yield from _file(step, path(proposal, step.target))


def summary(proposal: Proposal) -> Iterator[tuple[str, str]]:
    """What is done with each file in a word, and its path; what stays as it is left out."""
    for step in proposal.plan.steps:
        if step.do is not Do.KEEP:
            yield str(step.do), path(proposal, step.target) + (f": {step.why}" if step.why else "")


def path(proposal: Proposal, target: str) -> str:
    root, _, rest = target.partition("/")
    place = proposal.place
    base = place.conf_dir if root == CONF else place.sounds_dir.resolve().parent
    return str(base / rest)


def snippets(proposal: Proposal) -> Iterator[str]:
    """What belongs into the administrator's own files, ready to be put there."""
    for number, snippet in enumerate(proposal.snippets, 1):
        yield from _snippet(number, snippet, str(proposal.place.conf_dir))


def for_fusionpbx(proposal: Proposal) -> Iterator[str]:
    """What is to be done by hand where FusionPBX serves dialplan and SIP profiles from its database."""
    assert proposal.layout is not None
    yield f"FusionPBX serves dialplan and SIP profiles of this switch ({proposal.layout.handler}): files for them"
    yield "are not read, and fsroute has written none. In FusionPBX:"
    yield ""
    for target, content in proposal.wanted.files.items():
        if not target.startswith(f"{CONF}/dialplan/"):
            continue
        name = PurePosixPath(target)
        if name.parent.name == "dialplan":
            yield f"--- Dialplan > Dialplan Manager > Add, context {name.stem}: its extensions, one by one"
        else:
            yield f"--- Dialplan > Inbound Routes (or Manager), context {name.parent.name}, first in order:"
        yield content.decode()
    profile = proposal.wanted.files.get(f"{CONF}/sip_profiles/fsroute_link.xml")
    if profile is not None:
        yield from (f"--- Before: {each}" for each in proposal.warnings)
        yield "--- Advanced > SIP Profiles > Add fsroute_link, with these settings:"
        yield profile.decode()
    yield "Then: Status > SIP Status > Flush cache, Reload XML, and start the profile fsroute_link."


def _file(step: Step, path: str) -> Iterator[str]:
    before = b"" if step.there is None else step.there.content
    after = step.content or b""
    lines = _lines(before), _lines(after)
    if lines[0] is None or lines[1] is None or max(len(lines[0]), len(lines[1])) > LONGEST:
        what = "is removed" if step.do is Do.REMOVE else f"is {step.do}: {len(after):,} bytes"
        yield f"# {path} {what}"
        return
    old = "/dev/null" if step.there is None else path
    new = "/dev/null" if step.content is None else path
    for line in difflib.unified_diff(lines[0], lines[1], old, new):
        yield line.rstrip("\n")


def _lines(content: bytes) -> list[str] | None:
    try:
        return content.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        return None


def _snippet(number: int, snippet: Snippet, conf_dir: str) -> Iterator[str]:
    file = snippet.file if snippet.file.startswith("/") else f"{conf_dir}/{snippet.file}"
    yield f"{number}. {file}, {snippet.place}:"
    yield ""
    for line in snippet.text.splitlines():
        yield f"     {line}"
    yield ""
    yield from textwrap.wrap(
        f"{snippet.why[:1].upper()}{snippet.why[1:]}.", 110, initial_indent="   ", subsequent_indent="   "
    )
    yield ""
