"""The lists that ``callcenter_config`` prints: what mod_callcenter has in its database, beside its file. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.importing.remarks import ImportRefused, Place, shown

LARGEST = 20_000_000  # characters
MAY_HOLD_BARS = "contact"  # a dial string; all other columns are names and numbers

Listed = tuple[Place, dict[str, str]]


def rows(text: str, source: str, *columns: str) -> Iterator[Listed]:
    """The rows of a list by column, as ``agent list`` or ``tier list`` print them.

    Raises:
        ImportRefused: it is no such list, has not these `columns`, or a row does not fit them.
    """
    if len(text) > LARGEST:
        raise ImportRefused(f"{source}: more than {LARGEST} characters, which is more than is read")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines or lines[0][1].startswith("+OK"):
        return
    names = lines[0][1].strip().split("|")
    if missing := [name for name in columns if name not in names]:
        raise ImportRefused(f"{source}:{lines[0][0]}: a list without the column {missing[0]}")
    for number, line in lines[1:]:
        if line.startswith("+OK"):
            return
        yield (
            Place(source, number),
            dict(zip(names, _parted(line, names, Place(source, number)), strict=True)),
        )


def _parted(line: str, names: list[str], place: Place) -> list[str]:
    """The columns of a row; what is too much belongs to the one that may hold bars itself."""
    parts = line.split("|")
    too_many = len(parts) - len(names)
    if too_many > 0 and MAY_HOLD_BARS in names:
        at = names.index(MAY_HOLD_BARS)
        parts[at : at + too_many + 1] = ["|".join(parts[at : at + too_many + 1])]
    if len(parts) != len(names):
        raise ImportRefused(f"{place}: {len(parts)} columns, not {len(names)}: {shown(line)}")
    return [part.strip() for part in parts]
