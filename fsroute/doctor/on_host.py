"""Checks of this host. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from fsroute.config import Role
from fsroute.doctor import wanted
from fsroute.doctor.facts import Disk, Facts, HostFacts, Listening, Missing
from fsroute.doctor.finding import Check, Group, Verdict, count, failed, ok, skipped, warning

DISK_WARNING, DISK_FAILED = 0.10, 0.02  # of the disk that is free
LEAST_FREE = 200_000_000  # bytes, below which the share does not matter
PER_CALL = 3  # descriptors of fsroute for each call, with what it reads and writes
BESIDE_CALLS = 256  # descriptors of everything else
OF_SWITCH_PER_SESSION = 4  # RTP, RTCP, a timer, an outbound socket
CLOCK_ERROR = 0.5  # seconds


def _host(facts: Facts) -> HostFacts:
    assert not isinstance(facts.host, Missing)
    return facts.host


def secrets(facts: Facts) -> Iterator[Verdict]:
    """Whether files with secrets in them are for their owner alone."""
    found = _host(facts).open_secrets
    for path in found:
        yield failed(f"{path} holds a secret, and others may read it", f"chmod 0600 {path}")
    if not found:
        yield ok("no file with a secret is readable by others")


def ports(facts: Facts) -> Iterator[Verdict]:
    """Whether fsroute listens where it is to, or somebody else does."""
    wants = wanted.ports(facts.config)
    for each in wants:
        holder = _holder(_host(facts).listening, each)
        if holder is None:
            yield warning(
                f"nobody listens at {each.host}:{each.port} ({each.purpose}): fsroute does not run here",
                "systemctl start fsroute, then journalctl -u fsroute",
            )
        elif _is_ours(holder):
            who = f" ({holder.program}, process {holder.pid})" if holder.pid else ""
            yield ok(f"fsroute listens at {each.host}:{each.port} ({each.purpose}){who}")
        else:
            yield failed(
                f"{holder.program}, process {holder.pid}, has port {each.port}, where {each.purpose} is to listen",
                f"end that program, or give another port in {each.purpose.partition(']')[0]}]",
            )
    if not wants:
        yield skipped("no role of this host listens")


def _holder(listening: tuple[Listening, ...], port: wanted.Port) -> Listening | None:
    there = [each for each in listening if each.port == port.port]
    exact = [each for each in there if each.address in (port.host, "0.0.0.0", "::")]
    return next(iter(exact or there), None)


def _is_ours(holder: Listening) -> bool:
    """Whether it may be fsroute: a program of another user has no name here."""
    return not holder.program or "python" in holder.program or "fsroute" in holder.program


def folders(facts: Facts) -> Iterator[Verdict]:
    """Whether fsroute and FreeSWITCH may use the folders that they share."""
    found = _host(facts).folders
    for each in found:
        if each.fault:
            yield failed(
                f"{each.who} cannot use {each.path} ({each.purpose}): {each.fault}",
                "make it, for the user fsroute and the group freeswitch, mode 2770; put fsroute into that group",
            )
    good = [each.path for each in found if not each.fault]
    if good and len(good) == len(found):
        yield ok(f"can be used by whom they are for: {count(len(dict.fromkeys(good)), 'folder')}")
    elif not found:
        yield skipped("no folder is shared")


def disks(facts: Facts) -> Iterator[Verdict]:
    """Whether there is room for what is written."""
    for each in _host(facts).disks:
        share = each.free / each.total if each.total else 0.0
        said = f"{each.path}: {each.free / 1e9:.1f} GB free, {share:.0%}"
        if share < DISK_FAILED or each.free < LEAST_FREE:
            yield failed(
                said, "make room: old captures, recordings, logs; the database stops when the disk is full"
            )
        elif _few_inodes(each):
            yield warning(
                f"{each.path}: {each.free_inodes} inodes free", "delete old small files, as captures"
            )
        elif share < DISK_WARNING:
            yield warning(said, "make room before it is full: old captures, recordings, logs")
        else:
            yield ok(said)


def _few_inodes(disk: Disk) -> bool:
    return disk.inodes > 0 and disk.free_inodes < 0.02 * disk.inodes


def clock(facts: Facts) -> Iterator[Verdict]:
    """Whether this host's clock is kept right: places in queues go by it."""
    host = _host(facts)
    if host.clock_synchronised is None:
        yield skipped("the kernel does not tell whether the clock is synchronised")
    elif not host.clock_synchronised:
        yield warning(
            "this host's clock is not synchronised",
            "apt install chrony (or systemctl enable --now systemd-timesyncd); see timedatectl",
        )
    elif host.clock_error > CLOCK_ERROR:
        yield warning(
            f"this host's clock is synchronised, but may be {host.clock_error:.1f} s wrong",
            "see chronyc tracking: the time server is far away or not reached",
        )
    else:
        yield ok(f"this host's clock is synchronised (within {host.clock_error * 1000:.0f} ms)")


def descriptors(facts: Facts) -> Iterator[Verdict]:
    """Whether the file descriptors suffice for the calls that are configured."""
    host, config = _host(facts), facts.config
    needs = BESIDE_CALLS + (
        PER_CALL * config.callserver.max_sessions if Role.CALLSERVER in config.roles else 0
    )
    if host.descriptors < needs:
        yield warning(
            f"fsroute may open {host.descriptors} files, {config.callserver.max_sessions} calls need {needs}",
            "LimitNOFILE= in the systemd unit (systemctl edit fsroute)",
        )
    else:
        yield ok(f"fsroute may open {host.descriptors} files, {needs} are needed at most")
    yield from _of_switch(facts, host)


def _of_switch(facts: Facts, host: HostFacts) -> Iterator[Verdict]:
    process = host.switch_process
    if process is None or isinstance(facts.switch, Missing):
        return
    needs = BESIDE_CALLS + OF_SWITCH_PER_SESSION * facts.switch.load.max_sessions
    if process.descriptors < needs:
        yield warning(
            f"FreeSWITCH may open {process.descriptors} files, its max-sessions needs {needs}",
            "LimitNOFILE= in FreeSWITCH's systemd unit, or a smaller max-sessions",
        )


def scheduling(facts: Facts) -> Iterator[Verdict]:
    """Whether FreeSWITCH gets the processor when it wants it."""
    process = _host(facts).switch_process
    if process is None:
        yield skipped("FreeSWITCH's process is not seen from here")
    elif process.nice > 0 and not process.realtime:
        yield warning(
            f"FreeSWITCH runs at nice {process.nice}: other programs go before it, and callers hear it",
            "take Nice= out of its unit, or start it with -rp or -np by systemd",
        )
    else:
        yield ok(f"FreeSWITCH, process {process.pid} of {process.user}, is not held back")


def time_zones(facts: Facts) -> Iterator[Verdict]:
    """Whether the time zones of contact centers are known here: opening hours go by them."""
    missing = sorted(name for name, known in _host(facts).time_zones.items() if not known)
    if missing:
        yield failed(
            f"this host does not know the time zone {', '.join(missing)}",
            "apt install tzdata, or correct the name in contact_center.time_zone",
        )
    else:
        yield ok("the time zones are known")


CHECKS = (
    Check("secrets", Group.HOST, secrets, ("host",)),
    Check("ports", Group.HOST, ports, ("host",)),
    Check("folders", Group.HOST, folders, ("host",)),
    Check("disk", Group.HOST, disks, ("host",)),
    Check("clock", Group.HOST, clock, ("host",)),
    Check("descriptors", Group.HOST, descriptors, ("host",)),
    Check("scheduling", Group.HOST, scheduling, ("host",)),
    Check("time-zones", Group.HOST, time_zones, ("host",)),
)
