"""What is looked at, and what keys do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

PAGES = ("overview", "calls", "queues", "agents", "sites")
SORTS = {
    "calls": ("age", "state", "queue", "site", "agent"),
    "queues": ("waiting", "oldest", "name"),
    "agents": ("name", "state", "since", "site"),
    "sites": ("name", "waiting", "age"),
}

UP, DOWN, PAGE_UP, PAGE_DOWN, HOME, END = "up", "down", "page up", "page down", "home", "end"
ESCAPES = {
    "\x1b[A": UP, "\x1bOA": UP, "\x1b[B": DOWN, "\x1bOB": DOWN, "\x1b[5~": PAGE_UP, "\x1b[6~": PAGE_DOWN,
    "\x1b[H": HOME, "\x1bOH": HOME, "\x1b[1~": HOME, "\x1b[F": END, "\x1bOF": END, "\x1b[4~": END,
}  # fmt: skip
LONGEST_ESCAPE = 16  # characters; what is longer is no key
FURTHEST = 100_000  # lines


@dataclass(frozen=True, slots=True)
class View:
    """`sort` counts through what a page can be sorted by; `top` is the first line that is shown."""

    page: str = PAGES[0]
    sort: int = 0
    reverse: bool = False
    top: int = 0
    paused: bool = False
    helping: bool = False
    over: bool = False

    def sorted_by(self, table: str) -> str:
        """What a table is sorted by: as it was chosen on its own page, by its first way elsewhere."""
        ways = SORTS[table]
        return ways[self.sort % len(ways)] if self.page == table else ways[0]


def pressed(view: View, key: str, height: int) -> View:
    """The view after a key; `height` is how many lines are shown at a time. Unknown keys do nothing."""
    if view.helping:
        return replace(view, helping=False, over=key in ("q", "Q", "\x03"))
    if key in ("q", "Q", "\x03"):
        return replace(view, over=True)
    if key in ("p", " "):
        return replace(view, paused=not view.paused)
    if key in ("?", "h"):
        return replace(view, helping=True)
    if key == "s":
        return replace(view, sort=view.sort + 1, top=0)
    if key == "r":
        return replace(view, reverse=not view.reverse, top=0)
    if key in ("1", "2", "3", "4", "5"):
        return _page(view, int(key) - 1)
    if key == "\t":
        return _page(view, (PAGES.index(view.page) + 1) % len(PAGES))
    return _moved(view, key, max(1, height))


def _page(view: View, number: int) -> View:
    return replace(view, page=PAGES[number], sort=0, reverse=False, top=0)


def _moved(view: View, key: str, height: int) -> View:
    steps = {UP: -1, "k": -1, DOWN: 1, "j": 1, PAGE_UP: -height, PAGE_DOWN: height, HOME: -FURTHEST, END: FURTHEST}
    return replace(view, top=min(max(view.top + steps.get(key, 0), 0), FURTHEST))


def keys(text: str) -> tuple[list[str], str]:
    """The keys in what a terminal has sent, and what may be the beginning of another.

    Sequences that are no key of ours are left out, with all that belongs to them.
    """
    found: list[str] = []
    while text:
        if text[0] != "\x1b":
            found.append(text[0])
            text = text[1:]
            continue
        end = _end_of_escape(text)
        if end == 0:
            return found, text if len(text) <= LONGEST_ESCAPE else ""
        key = ESCAPES.get(text[:end])
        found += [key] if key is not None else []
        text = text[end:]
    return found, ""


def _end_of_escape(text: str) -> int:
    """Where the sequence that `text` begins with ends (ECMA-48, 5.4); 0: not in it."""
    if len(text) < 2:
        return 0
    if text[1] == "O":
        return 3 if len(text) > 2 else 0
    if text[1] != "[":
        return 1
    for place, letter in enumerate(text[2:], 2):
        if "@" <= letter <= "~":
            return place + 1
        if not " " <= letter <= "?":
            return place
    return 0
