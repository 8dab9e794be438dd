from __future__ import annotations

import pytest

from fsroute.install.manifest import Entry, Manifest, Was, digest
from fsroute.install.plan import Do, Step, There, edited, plan

OURS, NEW, THEIRS = b"ours", b"new", b"theirs"
TARGET = "conf/x.xml"

# what lies there, whether the manifest has it as OURS, what is wanted; what is done, and what when forced
TABLE = """
nothing   unknown  ours     new                new
nothing   known    ours     new                new
nothing   known    nothing  gone               gone
theirs    unknown  ours     refused            changed
ours      unknown  ours     refused            as it is
ours      known    ours     as it is           as it is
ours      known    new      changed            changed
ours      known    nothing  removed            removed
theirs    known    ours     left               changed
theirs    known    new      left               changed
theirs    known    theirs   as it is           as it is
theirs    known    nothing  left               removed
link      unknown  ours     refused            refused
link      known    ours     refused            refused
link      known    nothing  refused            refused
"""
CONTENT = {"nothing": None, "ours": OURS, "new": NEW, "theirs": THEIRS}


def _there(word: str) -> There | None:
    if word == "link":
        return There(other="symbolic link")
    content = CONTENT[word]
    return None if content is None else There(content, 0o644, 1, 2, 3)


def _manifest(before: Was | None = None) -> Manifest:
    return Manifest("1", {"conf": "/c"}, (Entry(TARGET, digest(OURS), 0o644, before),))


@pytest.mark.parametrize("row", [line for line in TABLE.splitlines() if line])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_done_follows_from_what_is_there(row: str, force: bool) -> None:
    lies, known, want, usual, forced = (row[:10], row[10:19], row[19:28], row[28:47], row[47:])
    there, wish = _there(lies.strip()), CONTENT[want.strip()]
    made = plan(
        {} if wish is None else {TARGET: wish},
        _manifest() if known.strip() == "known" else None,
        {} if there is None else {TARGET: there},
        force=force,
    )
    done = str(made.steps[0].do) if made.steps else "refused"
    assert done == (forced if force else usual).strip()
    assert bool(made.refused) == (done == "refused")
    assert len(made.changes) == (done in ("new", "changed", "removed"))


def test_what_the_administrator_had_is_remembered_over_all_upgrades() -> None:
    lies = There(THEIRS, 0o600, 1, 2, 3)
    [first] = plan({TARGET: OURS}, None, {TARGET: lies}, force=True).steps
    assert first.before == lies.was()
    upgraded = plan({TARGET: NEW}, _manifest(first.before), {TARGET: There(OURS)}).steps
    assert upgraded == (Step(Do.REPLACE, TARGET, NEW, There(OURS), first.before),)


def test_what_somebody_wrote_into_ours_is_known_before_it_goes() -> None:
    there = {TARGET: There(THEIRS)}
    assert edited(plan({TARGET: NEW}, _manifest(), there, force=True), _manifest()) == {TARGET: THEIRS}
    assert edited(plan({TARGET: NEW}, _manifest(), {TARGET: There(OURS)}), _manifest()) == {}


def test_a_file_that_somebody_deleted_is_brought_back_as_the_administrator_had_it() -> None:
    before = There(THEIRS).was()
    [step] = plan({}, _manifest(before), {}).steps
    assert (step.do, step.before) == (Do.REMOVE, before)
