"""An operator's file of SQL, cut into statements that know their lines, and what may not stand in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fsroute.errors import FsrouteError

_PIECE = re.compile(
    r"""
      --[^\n]*                                    # comment to the end of the line
    | /\*                                         # comment, ended below: it may hold others
    | [eE]'(?:[^'\\]|''|\\.)*'                    # text with escapes
    | '(?:[^']|'')*'                              # text
    | "(?:[^"]|"")*"                              # name
    | \$(?P<tag>[A-Za-z_\x80-\U0010ffff]\w*)?\$   # text between dollars, ended below
    | [A-Za-z_\x80-\U0010ffff][\w$]*              # word
    | ;
    | \\[^\s]*                                    # psql's own
    | [^\w\s]
    | \w+
    | \s+
    """,
    re.VERBOSE | re.DOTALL,
)

_TRANSACTION = {
    "abort": "abort",
    "begin": "begin",
    "commit": "commit",
    "end": "end",
    "release": "release",
    "rollback": "rollback",
    "savepoint": "savepoint",
    "start": "start transaction",
}
_OTHERS = {
    "prepare": "prepare transaction",
    "set": "set transaction, role or session authorization",
    "reset": "reset role or session authorization",
    "copy": "copy … from stdin",
}
_DEFINITION = ("alter", "create", "drop", "grant", "revoke")
_OF_THE_SESSION = re.compile(r"create\s+((global|local)\s+)?temp(orary)?\b")
_IN_FULL = {
    "prepare": re.compile(r"prepare\s+transaction\b"),
    "set": re.compile(
        r"set\s+(session\s+characteristics\b|transaction\b|((session|local)\s+)?(role\b|session\s+authorization\b))"
    ),
    "reset": re.compile(r"reset\s+(role|session\s+authorization)\b"),
    "copy": re.compile(r"copy\b.*\bfrom\s+stdin\b", re.DOTALL),
}


class FileRefused(FsrouteError):
    """A file holds what cannot be performed as one transaction; the text begins with its line."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its semicolon; `line` is that of its first word, counted from 1."""

    text: str
    line: int

    def line_at(self, position: int | None) -> int:
        """The line of a character of the statement (from 1, as PostgreSQL counts), its first without one."""
        return self.line + self.text.count("\n", 0, max(0, (position or 1) - 1))


def statements(text: str) -> list[Statement]:
    """The statements of a file.

    Raises:
        FileRefused: one of them controls the transaction or is psql's own, a text or comment has no end, or there
            is a zero byte, at which the database would stop reading.
    """
    if "\0" in text:
        raise FileRefused(
            f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: a zero byte: this is no text in UTF-8"
        )
    found = []
    for begin, end, words in _cut(text):
        statement = Statement(text[begin:end], text.count("\n", 0, begin) + 1)
        _refuse(statement, words)
        found.append(statement)
    return found


def _cut(text: str) -> Iterator[tuple[int, int, str]]:
    """(begin, end, bare text) of each statement; the bare text is without comments, and in lower case."""
    at, begin, bare = 0, None, ""
    while at < len(text):
        end = _piece_end(text, at)
        piece = text[at:end]
        if piece == ";":
            if begin is not None:
                yield begin, at, bare
            begin, bare = None, ""
        elif piece.startswith(("--", "/*")) or piece.isspace():
            bare += " " if bare else ""
        else:
            begin = at if begin is None else begin
            bare += "''" if piece[0] == "$" or piece[-1] in "'\"" else piece.lower()
            last = end
        at = end
    if begin is not None:
        yield begin, last, bare


def _piece_end(text: str, at: int) -> int:
    """Where the piece that begins at `at` ends."""
    found = _PIECE.match(text, at)
    if found is None or (found[0] in "'\"" and text[at] in "'\""):
        raise FileRefused(f"line {text.count(chr(10), 0, at) + 1}: a text that begins here has no end")
    if found[0] == "/*":
        return _comment_end(text, at)
    if found[0].startswith("$") and found[0].endswith("$") and len(found[0]) > 1:
        end = text.find(found[0], found.end())
        if end < 0:
            raise FileRefused(f"line {text.count(chr(10), 0, at) + 1}: {found[0]} begins here and has no end")
        return end + len(found[0])
    return found.end()


def _comment_end(text: str, at: int) -> int:
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    raise FileRefused(f"line {text.count(chr(10), 0, at) + 1}: a comment that begins here has no end")


def _refuse(statement: Statement, bare: str) -> None:
    if "\\" in bare:
        command = bare[bare.index("\\") :].split()[0]
        raise FileRefused(f"line {statement.line}: {command} is a command of psql; only SQL may stand here")
    word = bare.split(maxsplit=1)[0]
    if word in _TRANSACTION:
        raise FileRefused(
            f"line {statement.line}: {_TRANSACTION[word]}: the file is one transaction, which it must not control"
        )
    if word in _DEFINITION and not _OF_THE_SESSION.match(bare):
        raise FileRefused(f"line {statement.line}: {word}: a file of rules holds rows; it changes no table")
    if word in _OTHERS and _IN_FULL[word].match(bare):
        raise FileRefused(f"line {statement.line}: {_OTHERS[word]} cannot be part of a file of rules")
