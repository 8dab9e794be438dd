"""A comparison of calls as one page that a browser opens: it brings all it needs along and asks nobody."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath

import jinja2

from fsroute.replay.aspects import rule_words
from fsroute.replay.elsewhere import Comparison
from fsroute.replay.report import counted, plain, request_line, summary

TEMPLATE = "route_diff.html"


def render(comparison: Comparison, made_at: datetime) -> str:
    """The page as text; `made_at` stands at its foot."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(report=comparison, made_at=made_at, summary=summary(comparison))
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fsroute.replay", "."),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=plain,
        rule_words=rule_words,
        base_name=lambda name: PurePath(name).name,
        counted=counted,
        request_line=request_line,
    )
    return environment
