"""Looks at this host: ports, folders, disks, clock, limits. Reads only."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import socket
import stat
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from fsroute.config import Config, Role
from fsroute.doctor import proc, wanted
from fsroute.doctor.facts import Disk, Folder, HostFacts, Listening, SwitchProcess

MOST_PROCESSES = 20_000
READ, WRITE, ENTER = 4, 2, 1


def look(
    config: Config,
    config_path: Path | None,
    folders_of_switch: Mapping[str, str],
    time_zones: Iterable[str],
    sounds: Iterable[str] = (),
) -> HostFacts:
    """What there is to see; `folders_of_switch` are FreeSWITCH's own (``run_dir`` …), `sounds` what it is to play."""
    listening = tuple(_listening())
    ours = _process_at(listening, config)
    process = _switch_process(folders_of_switch)
    clock = proc.clock()
    return HostFacts(
        user=_name(os.geteuid()),
        hostname=socket.gethostname(),
        descriptors=_limit(ours) or resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        listening=listening,
        disks=tuple(_disks(config, folders_of_switch)),
        folders=tuple(_folders(config, ours, process, sounds)),
        clock_synchronised=None if clock is None else clock.synchronised,
        clock_error=0.0 if clock is None else clock.error,
        open_secrets=tuple(_open_secrets(config, config_path)),
        time_zones={name: _is_zone(name) for name in time_zones},
        switch_process=process,
    )


# Ports and processes


def _listening() -> Iterator[Listening]:
    inodes = [entry for name in ("tcp", "tcp6") for entry in proc.listening(_text(f"/proc/net/{name}"))]
    owners = proc.owners(_descriptors({inode for _, _, inode in inodes}))
    for address, port, inode in inodes:
        pid = owners.get(inode, 0)
        yield Listening(address, port, pid, _program(pid) if pid else "")


def _descriptors(wants: set[int]) -> dict[int, list[str]]:
    """What the descriptors of the processes point at, as far as this user may see."""
    asked = {f"socket:[{inode}]" for inode in wants}
    found: dict[int, list[str]] = {}
    for entry in sorted(os.listdir("/proc"))[:MOST_PROCESSES]:
        if entry.isdigit():
            with suppress(OSError):
                found[int(entry)] = [each for each in _targets(entry) if each in asked]
    return found


def _targets(pid: str) -> Iterator[str]:
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(OSError):
            yield os.readlink(f"/proc/{pid}/fd/{name}")


def _program(pid: int) -> str:
    """Its command line's beginning, as people know it: ``python3 -m fsroute``."""
    words = _text(f"/proc/{pid}/cmdline").split("\0")
    said = " ".join([os.path.basename(words[0]), *words[1:3]]) or _text(f"/proc/{pid}/comm")
    return "".join(letter if letter.isprintable() else " " for letter in said).strip()[:60]


def _process_at(listening: Iterable[Listening], config: Config) -> int:
    """The process of fsroute that listens here; 0: none is seen."""
    asked = {each.port for each in wanted.ports(config)}
    return next((each.pid for each in listening if each.port in asked and each.pid), 0)


def _switch_process(folders: Mapping[str, str]) -> SwitchProcess | None:
    """By FreeSWITCH's own file of its process identifier."""
    said = _text(os.path.join(folders.get("run_dir", "/nowhere"), "freeswitch.pid")).strip("\0 \n")
    if not said.isdigit() or "freeswitch" not in _text(f"/proc/{said}/comm"):
        return None
    user, _ = proc.ids(_text(f"/proc/{said}/status"))
    nice, realtime = proc.nice(_text(f"/proc/{said}/stat"))
    return SwitchProcess(int(said), _name(user), _limit(int(said)), nice, realtime)


def _limit(pid: int) -> int:
    return proc.limit(_text(f"/proc/{pid}/limits")) if pid else 0


# Folders and disks


Identity = tuple[int, frozenset[int]]
"""A user, and all its groups."""


def _folders(
    config: Config, ours: int, process: SwitchProcess | None, sounds: Iterable[str]
) -> Iterator[Folder]:
    us = _of_fsroute(ours)
    if Role.CALLSERVER in config.roles:
        messages = config.callserver.voice_messages or str(config.state_path / "voice_messages")
        yield _folder(messages, "fsroute", "voice messages", READ | ENTER, us)
        if process is not None:
            yield _folder(messages, "FreeSWITCH", "voice messages", WRITE | ENTER, _of_process(process.pid))
    if config.capture.folder:
        yield _folder(config.capture.folder, "fsroute", "captures", READ | WRITE | ENTER, us)
    for path in sounds if process is not None else ():
        found = _folder(path, "FreeSWITCH", "recordings", READ, _of_process(process.pid if process else 0))
        if found.fault:
            yield found


def _folder(path: str, who: str, purpose: str, wants: int, identity: Identity) -> Folder:
    """Of a folder that is not there yet, whether it can be made: both make theirs when they need it."""
    place = Path(path)
    if not os.path.lexists(path):
        place = next(each for each in place.absolute().parents if each.exists())
        wants = WRITE | ENTER if wants & WRITE else 0
    try:
        steps = list(_steps(place))
    except OSError as error:
        return Folder(path, who, purpose, error.strerror or str(error))
    at = proc.blocked(steps, *identity, wants)
    return Folder(path, who, purpose, f"{at} does not let it in" if at else "")


def _of_process(pid: int) -> Identity:
    return proc.ids(_text(f"/proc/{pid}/status"))


def _of_fsroute(pid: int) -> Identity:
    """As fsroute runs, or would: its own user where root looks and there is one."""
    if pid and (said := _text(f"/proc/{pid}/status")):
        return proc.ids(said)
    if os.geteuid() == 0:
        with suppress(KeyError):
            known = pwd.getpwnam("fsroute")
            return known.pw_uid, frozenset(os.getgrouplist("fsroute", known.pw_gid))
    return os.geteuid(), frozenset({os.getegid(), *os.getgroups()})


def _steps(path: Path) -> Iterator[proc.Entry]:
    whole = path.resolve()
    for each in (*reversed(whole.parents), whole):
        said = each.stat()
        yield proc.Entry(str(each), said.st_mode, said.st_uid, said.st_gid)


def _disks(config: Config, folders: Mapping[str, str]) -> Iterator[Disk]:
    """The disks that are written to, each once."""
    paths = [config.state_dir or ".", config.capture.folder, config.callserver.voice_messages]
    paths += [folders.get(name, "") for name in ("db_dir", "log_dir", "recordings_dir")]
    seen: set[int] = set()
    for path in filter(None, paths):
        place = next(
            (each for each in (Path(path), *Path(path).absolute().parents) if each.exists()), Path("/")
        )
        with suppress(OSError):
            device = place.stat().st_dev
            if device not in seen:
                seen.add(device)
                yield _disk(place)


def _disk(place: Path) -> Disk:
    usage, said = shutil.disk_usage(place), os.statvfs(place)
    return Disk(str(place), usage.total, usage.free, said.f_files, said.f_favail)


# Secrets and time zones


def _open_secrets(config: Config, config_path: Path | None) -> Iterator[str]:
    """The configuration where a secret stands in it, and private keys, if others may read them."""
    for path in (
        str(config_path) if config_path and _holds_secret(config, config_path) else "",
        config.appserver.key,
    ):
        with suppress(OSError):
            if path and os.stat(path).st_mode & stat.S_IROTH:
                yield path


def _holds_secret(config: Config, path: Path) -> bool:
    """Whether a secret of the configuration is written in the file itself."""
    text = _text(str(path))
    secrets = [config.database.url, config.event_socket.password, config.scp.http_token]
    secrets += [each.secret for each in config.appserver.sites]
    secrets += [each.secret for each in config.applications_from]
    return any(each.reveal() in text for each in secrets if each and each.reveal() != "ClueCon")


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
