"""Shares in percent, kept over any window: pure.

Each site has a credit. A call gives every site that could take it its share, and takes the whole from the site that
gets it, the one whose credit is then the greatest. So how far a site is from its share stays within a bound, however
many calls there are and whichever of them are looked at, and no row of calls goes to one site while another is due.
What a site cannot take while it is stale or full is not owed to it later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shares:
    """Credits by site, in the same measure as the shares: they add up to 0."""

    credits: Mapping[str, float] = field(default_factory=dict)

    def order(self, shares: Mapping[str, float], able: Iterable[str]) -> list[str]:
        """The sites that are able, the one that is due most first; one without a share is none of them."""
        due = [(self.credits.get(site, 0.0) + shares[site], site) for site in able if shares.get(site, 0) > 0]
        return [site for _, site in sorted(due, key=lambda pair: (-pair[0], pair[1]))]

    def after(self, shares: Mapping[str, float], able: Iterable[str], chosen: str) -> Shares:
        """The credits once a call that `able` sites could take has gone to `chosen`."""
        given = {site: shares[site] for site in able if shares.get(site, 0) > 0}
        credits = {site: credit for site, credit in self.credits.items() if shares.get(site, 0) > 0}
        for site, share in given.items():
            credits[site] = credits.get(site, 0.0) + share
        credits[chosen] = credits.get(chosen, 0.0) - sum(given.values())
        return Shares(credits)
