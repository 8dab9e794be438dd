"""Checks of what callers hear and how it gets here: applications, bundles, keys, certificates; of the rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from fsroute.config import Role
from fsroute.doctor.facts import Certificate, Facts, Missing
from fsroute.doctor.finding import Check, Group, Verdict, count, failed, ok, skipped, warning
from fsroute.doctor.on_database import of_center

SOON = timedelta(days=14)
MOST_FAULTS = 5  # that are told one by one


def applications(facts: Facts) -> Iterator[Verdict]:
    """Whether the applications in this host's own folders can be used."""
    found = facts.applications
    assert not isinstance(found, Missing)
    if Role.CALLSERVER not in facts.config.roles:
        yield skipped("this host takes no calls")
        return
    for fault in found.faults[:MOST_FAULTS]:
        yield failed(fault, "fsroute app check FOLDER says more")
    if not found.faults:
        yield ok(f"the applications can be used: {', '.join(sorted(found.names)) or 'none'}")


def answered(facts: Facts) -> Iterator[Verdict]:
    """Whether each number's application is known at this host."""
    found = facts.applications
    assert not isinstance(found, Missing)
    if Role.CALLSERVER not in facts.config.roles:
        yield skipped("this host takes no calls")
        return
    center = of_center(facts)
    known = found.names | {each.name for each in center.applications if each.version}
    lost = sorted(f"{number} ({name})" for number, name in center.numbers.items() if name not in known)
    if lost:
        yield failed(
            f"their application is not known here: {', '.join(lost[:10])}",
            "put its folder into `applications`, or have it published to this site (docs/bundles.md)",
        )
    else:
        yield ok("the application of each number is known here")


def bundles(facts: Facts) -> Iterator[Verdict]:
    """Whether bundles of remote centers are trusted and fresh."""
    if not facts.config.applications_from:
        yield skipped("no application comes from a remote center")
        return
    intervals = {each.name: each.interval for each in facts.config.applications_from}
    rows = of_center(facts).applications
    for name in sorted(set(intervals) - {each.source for each in rows}):
        yield warning(f"nothing was heard of {name} yet", "start fsroute here; see its log for the download")
    for row in rows:
        what = f"{row.name or 'all applications'} of {row.source}"
        if row.state != "serving":
            yield (warning if row.version else failed)(
                f"{what}: {row.state}: {row.message}", "see docs/bundles.md: the last good version serves on"
            )
        elif row.expires is not None and row.expires < SOON.total_seconds():
            when = "has expired" if row.expires <= 0 else f"expires in {row.expires / 86400:.0f} days"
            yield warning(f"{what}: version {row.version} {when}", "have the center sign and publish it anew")
        elif row.checked is not None and row.checked > 5 * intervals.get(row.source, 60.0) + 60:
            yield warning(
                f"{what}: last offered {row.checked:.0f} s ago",
                "see whether the application server is reached",
            )
        else:
            yield ok(f"{what}: version {row.version} serves")


def trust(facts: Facts) -> Iterator[Verdict]:
    """Whether there are keys to trust bundles by."""
    found = facts.trust
    assert not isinstance(found, Missing)
    for each in found:
        if each.fault:
            yield failed(
                f"keys of {each.contact_center} ({each.source}): {each.fault}", "see docs/bundles.md"
            )
        elif not each.keys:
            yield failed(
                f"no key for {each.contact_center} ({each.source}) is trusted: none of its bundles is taken",
                "put the public key that the center gives you into the folder `keys`/CONTACT_CENTER",
            )
        else:
            yield ok(f"{count(each.keys, 'key')} trusted for {each.contact_center} ({each.source})")
    if not found:
        yield skipped("no application comes from a remote center")


def certificates(facts: Facts) -> Iterator[Verdict]:
    """Whether certificates are valid, and stay so for a while."""
    found = facts.certificates
    assert not isinstance(found, Missing)
    for each in found:
        yield _certificate(facts, each)
    if not found:
        yield skipped("no certificate is used")


def _certificate(facts: Facts, each: Certificate) -> Verdict:
    renew = "renew it, and put the new one in the same place; then restart what serves it"
    if each.ends is None:
        return failed(f"{each.where}: {each.fault}", "correct the path, or the server's certificate")
    if each.begins is not None and facts.now < each.begins:
        return failed(f"{each.where} is valid from {each.begins:%Y-%m-%d} on", renew)
    left = each.ends - facts.now
    if left <= timedelta(0):
        return failed(f"{each.where} ended {each.ends:%Y-%m-%d}", renew)
    if left < SOON:
        return warning(f"{each.where} ends {each.ends:%Y-%m-%d}, in {left.days} days", renew)
    return ok(f"{each.where} is valid until {each.ends:%Y-%m-%d}")


def rules(facts: Facts) -> Iterator[Verdict]:
    """What the check of the rules says of those in force."""
    center = of_center(facts)
    which = "the queues" if center.rules_version is None else f"version {center.rules_version}"
    if not center.rule_faults:
        yield ok(f"the rules ({which}) are without fault")
    for fault in center.rule_faults[:MOST_FAULTS]:
        cure = "correct it, then fsroute rules load FILE.sql"
        yield (failed if fault.is_error else warning)(f"rules ({which}): {fault.text}", cure)
    if len(center.rule_faults) > MOST_FAULTS:
        more = len(center.rule_faults) - MOST_FAULTS
        yield warning(f"rules ({which}): {more} more faults", "fsroute rules check tells all")


def people(facts: Facts) -> Iterator[Verdict]:
    """Whether there are agents at all."""
    agents = of_center(facts).agents
    if agents:
        yield ok(f"{count(agents, 'agent')} known")
    else:
        yield warning("no agent is known: nobody can be served by a human", "fsroute agent add NAME")


CHECKS = (
    Check("applications-load", Group.APPLICATIONS, applications, ("applications",)),
    Check("applications-of-numbers", Group.APPLICATIONS, answered, ("applications", "center")),
    Check("bundles", Group.APPLICATIONS, bundles, ("center",)),
    Check("trust", Group.APPLICATIONS, trust, ("trust",)),
    Check("certificates", Group.APPLICATIONS, certificates, ("certificates",)),
    Check("rules-check", Group.RULES, rules, ("center",)),
    Check("agents", Group.RULES, people, ("center",)),
)
