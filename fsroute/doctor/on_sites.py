"""Checks of what joins the sites: this switch among the others, and the links between them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from fsroute.doctor import wanted
from fsroute.doctor.facts import Facts, HostFacts, Missing, SwitchRow
from fsroute.doctor.finding import Check, Group, Verdict, failed, ok, skipped, warning
from fsroute.doctor.on_database import of_center
from fsroute.doctor.on_switch import of_switch

STALE = 30.0  # seconds after which a switch that was seen counts as away
LOOPBACK = ("127.", "localhost:", "[::1]:")


def _row(facts: Facts) -> SwitchRow | None:
    return next(
        (each for each in of_center(facts).switches if each.switch_id == facts.config.site.switch_id), None
    )


def others(facts: Facts) -> tuple[SwitchRow, ...]:
    """The other switches of the database."""
    return tuple(each for each in of_center(facts).switches if each.switch_id != facts.config.site.switch_id)


def entered(facts: Facts) -> Iterator[Verdict]:
    """Whether the database knows this switch, at the site that the configuration says."""
    site, row = facts.config.site, _row(facts)
    if row is None:
        yield failed(
            f"the database does not know the switch {site.switch_id}",
            "start fsroute once (it enters its own switch), or fsroute switch add",
        )
    elif row.site_id != site.site_id:
        yield failed(
            f"the switch {site.switch_id} belongs to the site {row.site_id} in the database, to {site.site_id} here",
            "correct [site] site_id, or choose another switch_id: two hosts may have the same",
        )
    else:
        yield ok(f"the database knows the switch {site.switch_id} of the site {site.site_id}")


def alone(facts: Facts) -> Iterator[Verdict]:
    """Whether another host goes by this switch's name."""
    row, host = _row(facts), facts.host
    name = facts.config.site.switch_id
    lease = next((each for each in of_center(facts).leases if each.name == f"switch:{name}"), None)
    holder = lease.holder.partition(":")[0] if lease is not None and lease.valid else ""
    core = of_switch(facts).core_uuid
    if holder and isinstance(host, HostFacts) and holder != host.hostname:
        yield failed(
            f"the host {holder} drives the switch {name}, too (this is {host.hostname})",
            "give each FreeSWITCH a switch_id of its own in [site]",
        )
    elif row is not None and row.core_uuid and core and row.core_uuid != core and (row.seen or 1e9) < STALE:
        yield failed(
            f"another FreeSWITCH was seen as {name} {row.seen:.0f} s ago",
            "give each FreeSWITCH a switch_id of its own in [site]; or [event_socket] leads to another one",
        )
    else:
        yield ok(f"nobody else goes by the name {name}")


def address(facts: Facts) -> Iterator[Verdict]:
    """Whether the others can reach this switch by the address that the database tells them."""
    row, elsewhere = _row(facts), others(facts)
    if row is None:
        yield skipped("the database does not know this switch")
        return
    twice = [
        name for name, count in Counter(each.link_address for each in (row, *elsewhere)).items() if count > 1
    ]
    if row.link_address in twice:
        same = next(each.switch_id for each in elsewhere if each.link_address == row.link_address)
        yield failed(
            f"{row.link_address} is the link address of {row.switch_id} and of {same}",
            "give each switch its own host:port in [links] address",
        )
    elif row.link_address.startswith(LOOPBACK) and any(
        not each.link_address.startswith(LOOPBACK) for each in elsewhere
    ):
        yield failed(
            f"the link address of this switch is {row.link_address}: no other host can reach it",
            "[links] address = host:port of this switch's link profile, as the others dial it",
        )
    else:
        yield ok(f"the others reach this switch at {row.link_address}")


def _is_loopback(row: SwitchRow) -> bool:
    return row.link_address.startswith(LOOPBACK)


def links(facts: Facts) -> Iterator[Verdict]:
    """Whether the other switches answer over SIP, and were seen of late."""
    assert not isinstance(facts.links, Missing)
    if not facts.links:
        yield skipped("there is no other switch")
    seen = {each.switch_id: each.seen for each in of_center(facts).switches}
    for each in facts.links:
        if each.fault:
            yield failed(
                f"{each.switch_id} does not answer at {each.address}: {each.fault}",
                f"see that its link profile runs, and that UDP to {each.address} passes the firewalls between",
            )
        elif (since := seen.get(each.switch_id)) is None or since > STALE:
            ago = "never" if since is None else f"{since:.0f} s ago"
            yield warning(
                f"{each.switch_id} answers at {each.address}, but its fsroute was last seen {ago}",
                f"start fsroute on the host of {each.switch_id}",
            )
        else:
            yield ok(f"{each.switch_id} answers at {each.address} ({each.status})")


def acl(facts: Facts) -> Iterator[Verdict]:
    """Whether the links' access list admits the other switches, and not everybody."""
    admits = of_switch(facts).admits
    profile = of_switch(facts).profiles.get(wanted.link_profile(facts.config))
    if profile is None:
        yield skipped("there is no profile for network legs")
    elif not profile.acls and profile.auth_calls != "true":
        yield failed(
            f"the SIP profile {profile.name} takes calls from everybody",
            "apply-inbound-acl with the other switches' addresses: fsroute install writes it",
        )
    elif admits.get(wanted.NOBODY):
        yield failed(
            f"the access list of {profile.name} admits everybody",
            'default="deny" in acl.conf.xml, and the other switches\' addresses alone',
        )
    else:
        yield from _admitted(admits, profile.name)


def _admitted(admits: Mapping[str, bool], name: str) -> Iterator[Verdict]:
    refused = sorted(each for each, is_in in admits.items() if not is_in and each != wanted.NOBODY)
    if refused:
        yield failed(
            f"the access list of {name} refuses {', '.join(refused)}: network legs from there do not come in",
            "run fsroute install again (or add it to acl.conf.xml), then fs_cli -x reloadacl",
        )
    else:
        admitted = (
            ", ".join(sorted(each for each in admits if each != wanted.NOBODY)) or "no other switch yet"
        )
        yield ok(f"the access list of {name} admits {admitted}, and not everybody")


def codecs(facts: Facts) -> Iterator[Verdict]:
    """Whether the sites have one list of codecs for their links."""
    lists = {each.switch_id: each.codecs for each in of_center(facts).switches if each.codecs}
    if len(lists) < 2:
        yield skipped("fewer than two switches have said their codecs")
    elif len(set(lists.values())) > 1:
        said = "; ".join(f"{name}: {each}" for name, each in sorted(lists.items()))
        yield warning(
            f"the link profiles have different codecs ({said}): network legs may be transcoded, or refused",
            "give all link profiles one list (inbound-codec-prefs and outbound-codec-prefs)",
        )
    else:
        yield ok(
            f"the link profiles of {len(lists)} switches have one list of codecs: {next(iter(lists.values()))}"
        )


CHECKS = (
    Check("switch-entered", Group.SITES, entered, ("center",)),
    Check("switch-alone", Group.SITES, alone, ("center", "switch")),
    Check("link-address", Group.SITES, address, ("center",)),
    Check("links", Group.SITES, links, ("center", "links")),
    Check("link-acl", Group.SITES, acl, ("switch",)),
    Check("link-codecs", Group.SITES, codecs, ("center",)),
)
