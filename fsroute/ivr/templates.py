"""Templates that an application's author writes, over what is known of the caller.

Only expressions: no loops, calls, assignments, macros or imports, a handful of filters and tests,
and dots that look up names in the caller information and nothing else. So no template can reach
Python's inside, run long or grow large, whoever wrote it. What callers sent is only ever a value
here: it is never compiled, and a result is never rendered again.

The only module that imports jinja2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fsroute.ivr.application import TemplateFault
from fsroute.ivr.texts import clean

CALLER_FIELDS = ("number", "name", "number_called", "arrived_at", "medium", "language")
MAPPINGS = frozenset({"caller", "facts", "customer", "network"})
NAMES = MAPPINGS | {"language"}
LONGEST_SOURCE = 1000  # characters
LONGEST_RESULT = 1000  # characters

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Add,
    nodes.Sub,
    nodes.Neg,
    nodes.Concat,
    nodes.Filter,
    nodes.Test,
)
_FILTERS = ("default", "upper", "lower", "trim", "length", "int", "first", "last")
_TESTS = ("defined", "undefined", "in", "odd", "even", "eq", "ne", "lt", "le", "gt", "ge")


class _Environment(ImmutableSandboxedEnvironment):
    """A sandbox in which a dot finds entries of mappings, and no attribute of anything."""

    def getattr(self, obj: object, attribute: str) -> object:
        return self.getitem(obj, attribute)

    def getitem(self, obj: object, argument: object) -> object:
        if isinstance(obj, Mapping) and isinstance(argument, str) and argument in obj:
            return obj[argument]
        if isinstance(obj, str) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        return self.undefined(f"there is no {argument!r}")

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return False

    def is_safe_callable(self, obj: object) -> bool:
        return False


def _only_plain(value: object) -> object:
    if not isinstance(value, str | int | float | jinja2.Undefined):
        raise TypeError("only text and numbers can be written")
    return value


def _environment() -> _Environment:
    # HTML escaping would spoil what is spoken or dialled: `clean` is the escaping for this use.
    environment = _Environment(
        undefined=jinja2.StrictUndefined, finalize=_only_plain, autoescape=False, cache_size=0
    )
    environment.globals.clear()
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    return environment


@dataclass(frozen=True, slots=True)
class Use:
    """A name that a template looks up: ``facts.order`` is ``("facts", "order")``.

    `guarded`: the template itself says what to do when there is no such entry.
    """

    mapping: str
    entry: str
    guarded: bool


class Templates:
    """Compiles an application's templates once and renders them; safe to share by greenlets."""

    def __init__(self) -> None:
        self._environment = _environment()
        self._compiled: dict[str, jinja2.Template] = {}

    def uses(self, source: str) -> tuple[Use, ...]:
        """What `source` looks up.

        Raises:
            TemplateFault: it is no template, or does what a template here may not do.
        """
        return tuple(_uses(self._parse(source)))

    def render(self, source: str, names: Mapping[str, object]) -> str:
        """The one-line text that `source` gives with `names`, its values taken literally.

        Raises:
            TemplateFault: a name is not known, the result is too long, or the template is faulty.
        """
        template = self._compiled.get(source) or self._compile(source)
        try:
            result = template.render(names)
        except jinja2.UndefinedError as error:
            raise TemplateFault(f"not known: {error.message}") from error
        except Exception as error:  # whatever the author's expression ran into
            raise TemplateFault(f"cannot be worked out: {type(error).__name__}") from error
        if len(result) > LONGEST_RESULT:
            raise TemplateFault(f"gives more than {LONGEST_RESULT} characters")
        return clean(result)

    def _compile(self, source: str) -> jinja2.Template:
        template = self._environment.from_string(self._parse(source))
        self._compiled[source] = template
        return template

    def _parse(self, source: str) -> nodes.Template:
        if len(source) > LONGEST_SOURCE:
            raise TemplateFault(f"longer than {LONGEST_SOURCE} characters")
        try:
            tree = self._environment.parse(source)
            for node in _all_nodes(tree):
                _refuse_what_is_not_allowed(node)
            # An unknown filter or test shows here; compiling changes its tree, so it gets its own.
            self._environment.compile(source)
        except jinja2.TemplateError as error:
            raise TemplateFault(error.message or type(error).__name__) from error
        except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
            raise TemplateFault(f"is no template: {type(error).__name__}") from error
        return tree


def _all_nodes(tree: nodes.Node) -> Iterator[nodes.Node]:
    yield tree
    for child in tree.iter_child_nodes():
        yield from _all_nodes(child)


def _refuse_what_is_not_allowed(node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        raise TemplateFault(f"{type(node).__name__.lower()} is not allowed in a template")
    if isinstance(node, nodes.Name) and node.name not in NAMES:
        raise TemplateFault(f"unknown name {node.name!r}; known are {', '.join(sorted(NAMES))}")
    if isinstance(node, nodes.Output) and any(map(_is_mapping, node.nodes)):
        raise TemplateFault("only one entry can be written, such as facts.order")
    if isinstance(node, nodes.Getattr) and not _is_mapping(node.node):
        raise TemplateFault(f".{node.attr}: a dot may follow only {', '.join(sorted(MAPPINGS))}")
    if isinstance(node, nodes.Getattr | nodes.Getitem) and _is_trick(node):
        raise TemplateFault("such an entry cannot be looked up")
    if isinstance(node, nodes.Getitem) and any(isinstance(part, nodes.Name) for part in _all_nodes(node.arg)):
        raise TemplateFault("what stands in [ ] must be fixed in a template")
    if isinstance(node, nodes.Filter | nodes.Test) and (node.dyn_args or node.dyn_kwargs):
        raise TemplateFault("star arguments are not allowed in a template")


def _is_mapping(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name in MAPPINGS


def _is_trick(node: nodes.Getattr | nodes.Getitem) -> bool:
    """Asks for something private, or for something by name that is no mapping."""
    if isinstance(node, nodes.Getattr):
        return node.attr.startswith("_")
    entry = node.arg.value if isinstance(node.arg, nodes.Const) else None
    return isinstance(entry, str) and (entry.startswith("_") or not _is_mapping(node.node))


def _uses(node: nodes.Node, guarded: bool = False) -> Iterator[Use]:
    entry = _entry(node)
    if entry is not None:
        yield Use(*entry, guarded)
    is_guard = (isinstance(node, nodes.Filter) and node.name == "default") or (
        isinstance(node, nodes.Test) and node.name in ("defined", "undefined")
    )
    for child in node.iter_child_nodes():
        yield from _uses(child, is_guard)


def _entry(node: nodes.Node) -> tuple[str, str] | None:
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return node.node.name, node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name) and _is_mapping(node.node):
        return node.node.name, str(node.arg.value) if isinstance(node.arg, nodes.Const) else "[:]"
    return None
