"""What was learned is found in a text as one regular expression of all forms would find it."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as some

from fsroute.replay.learned import Known, Learned
from fsroute.replay.masks import Masks

TEXTS = some.text(some.sampled_from("abAB12 .:-%\n\\é"), min_size=3, max_size=9)
NUMBERS = some.from_regex(r"[12]{3,8}", fullmatch=True)
AROUND = {"name": (r"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf]))", r"(?![0-9A-Za-z])"),
          "number": (r"(?<![0-9A-Za-z.:-])", r"(?![0-9A-Za-z.:-])")}  # fmt: skip


def expression(learned: Learned) -> str:
    """Longest first; a short one stands alone."""
    pieces = []
    forms = {form: (kind, fake) for kind, known in reversed(kinds(learned)) for form, fake, _ in known.forms}
    for form in sorted(forms, key=len, reverse=True):
        kind = forms[form][0]
        is_plain = len(form) > 6 or (kind == "name" and len(form) == 6)
        before, after = ("", "") if is_plain else AROUND[kind]
        pieces.append(f"{before}{re.escape(form)}{after}")
    return "|".join(pieces)


def kinds(learned: Learned) -> list[tuple[str, Known]]:
    return [("number" if key.isdigit() and len(known.forms) == 1 else "name", known)
            for key, known in learned._known.items()]  # fmt: skip


@given(some.lists(TEXTS, max_size=3), some.lists(NUMBERS, max_size=3), some.data())
@settings(max_examples=150, deadline=None)
def test_the_first_is_found_and_of_several_at_one_place_the_longest(
    names: list[str], numbers: list[str], data: some.DataObject
) -> None:
    learned = Learned(Masks(b"key"))
    for name in names:
        learned.name(name)
    for number in numbers:
        learned.number(number)
    pieces = data.draw(
        some.lists(some.sampled_from([*names, *numbers, "", "%41", "\\n"]) | TEXTS, max_size=6)
    )
    text = "".join(pieces)
    finder, pattern = learned.finder(), expression(learned)
    expected = [found.span() for found in re.finditer(pattern, text)] if pattern else []
    assert [(start, stop) for start, stop, _ in finder.spans(text)] == expected
    assert all(finder.fake_of(text[start:stop]) == fake for start, stop, fake in finder.spans(text))


def test_a_name_is_found_in_each_way_in_which_it_is_written() -> None:
    learned = Learned(Masks(b"key"))
    learned.name('Ada "O" Lovelace')
    for written in ("Ada%20%22O%22%20Lovelace", "Ada+%22O%22+Lovelace", 'Ada \\"O\\" Lovelace', "Ada%20%22o"):
        text = f"x={written};y"
        assert [text[start:stop] for start, stop, _ in learned.finder().spans(text)] == (
            [written] if "Lovelace" in written else []
        )
