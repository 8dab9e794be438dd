"""Channel variables in text: ``${…}`` expansion, and the brackets of a dial string. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

Lookup = Callable[[str], str | None]
Api = Callable[[str, str], str]

MAX_DEPTH = 8


def expand(text: str, lookup: Lookup, api: Api | None = None, depth: int = 0) -> str:
    r"""Expand ``${name}``, ``${name:offset:length}`` and ``${api(arguments)}`` in `text`.

    An unknown name becomes nothing. ``\$`` keeps the dollar. What a variable holds is not
    expanded again (switch_channel_expand_variables_check).
    """
    if "${" not in text or depth > MAX_DEPTH:
        return text
    out: list[str] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        if start and text[start - 1] == "\\":
            out.append(text[position : start - 1] + "$")
            position = start + 1
            continue
        end = _closing(text, start + 1, "{", "}")
        if end < 0:
            break
        out.append(text[position:start])
        inner = expand(text[start + 2 : end], lookup, api, depth + 1)
        out.append(_value(inner, lookup, api))
        position = end + 1
    out.append(text[position:])
    return "".join(out)


def _value(inner: str, lookup: Lookup, api: Api | None) -> str:
    name, opening, rest = inner.partition("(")
    if opening and rest.endswith(")") and api is not None:
        return api(name.strip(), rest[:-1])
    name, _, cut = inner.partition(":")
    value = lookup(name) or ""
    return _slice(value, cut) if cut else value


def _slice(value: str, cut: str) -> str:
    offset_text, _, length_text = cut.partition(":")
    offset = int(offset_text or 0)
    value = value[offset:] if abs(offset) <= len(value) else value
    return value[: int(length_text)] if length_text else value


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    depth = 0
    quoted = False
    for index in range(start, len(text)):
        char = text[index]
        if char == "'" and opening != "{":
            quoted = not quoted
        if quoted:
            continue
        if char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if depth == 0:
                return index
    return -1


def split_variables(text: str, opening: str = "{", closing: str = "}") -> tuple[dict[str, str], str]:
    """Take leading ``{a=b,c='d,e'}`` blocks off a dial string: (variables, rest).

    ``{^^:a=b:c=d}`` changes the separator, as FreeSWITCH allows.
    """
    variables: dict[str, str] = {}
    text = text.strip()
    while text.startswith(opening):
        end = _closing(text, 0, opening, closing)
        if end < 0:
            break
        variables.update(_assignments(text[1:end]))
        text = text[end + 1 :].strip()
    return variables, text


def _assignments(block: str) -> Iterator[tuple[str, str]]:
    separator = ","
    if block.startswith("^^") and len(block) > 2:
        separator, block = block[2], block[3:]
    for part in split_unquoted(block, separator):
        name, equals, value = part.partition("=")
        if equals and name.strip():
            yield name.strip(), _unquote(value)


def _unquote(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return value.replace("\\,", ",").replace("\\'", "'")


def split_unquoted(text: str, separator: str) -> list[str]:
    """Split at `separator`, but not inside quotes, brackets of any kind or after a backslash."""
    parts: list[str] = []
    depth = 0
    quoted = False
    current: list[str] = []
    previous = ""
    for char in text:
        if char == "'" and previous != "\\":
            quoted = not quoted
        elif not quoted and char in "{[(":
            depth += 1
        elif not quoted and char in "}])":
            depth -= 1
        if char == separator and not quoted and depth <= 0 and previous != "\\":
            parts.append("".join(current))
            current = []
        else:
            current.append(char)
        previous = char
    parts.append("".join(current))
    return parts


def split_arguments(text: str, count: int = 0) -> list[str]:
    """Split at blanks as switch_separate_string does: quotes group, `count` > 0 limits the parts."""
    parts: list[str] = []
    rest = text.strip()
    while rest:
        if count and len(parts) == count - 1:
            parts.append(rest)
            break
        if rest[0] == "'" and (end := rest.find("'", 1)) > 0:
            parts.append(rest[1:end])
            rest = rest[end + 1 :].lstrip()
            continue
        word, _, rest = rest.partition(" ")
        parts.append(word)
        rest = rest.lstrip()
    return parts
