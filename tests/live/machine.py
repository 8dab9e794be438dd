"""A machine of its own with systemd, above this one's files: what is changed there is gone with it, and nothing here.

It has its own processes, network (loopback only), host name and cgroups; what it shares is the kernel. So units are
started as they will be, and a service that listens does not meet one of this machine's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.waiting import until

SCRIPT = Path(__file__).with_suffix(".sh")
SYSTEMD = Path("/lib/systemd/systemd")
PROGRAMS = ("unshare", "nsenter", "setpriv", "pivot_root", "mount", "dpkg", "systemctl")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LANG": "C.UTF-8",
}
SPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")


class NoMachine(Exception):
    """Such a machine cannot be made here; the text says why."""


def obstacle() -> str:
    """Why no machine can be made here, empty if it can, as far as that is seen without trying."""
    if os.geteuid() != 0:
        return "needs root"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"needs {', '.join(missing)}"
    if not SYSTEMD.exists():
        return f"needs {SYSTEMD}"
    return "" if _cgroups() else "no cgroup2 hierarchy is mounted here"


class Machine:
    """One machine; everything of it is in memory, mounted at `place` in a mount namespace of its own."""

    def __init__(self, place: Path, name: str = "machine") -> None:
        self._place = place
        self._name = name
        self._log = place.with_suffix(".log")
        self._starter: subprocess.Popen[bytes] | None = None
        self._cgroup: Path | None = None
        self.first = 0
        """The process that is the machine's number 1, as it is numbered here."""

    def boot(self) -> None:
        """Raises NoMachine where the kernel does not allow it, or systemd does not come up."""
        self._place.mkdir()
        hierarchy = _cgroups()
        assert hierarchy is not None
        self._cgroup = hierarchy / f"fsroute-tests-{os.getpid()}-{self._name}"
        join = f'mkdir "{self._cgroup}" && echo $$ > "{self._cgroup}/cgroup.procs"'
        apart = "exec unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net"
        with self._log.open("wb") as log:
            self._starter = subprocess.Popen(
                ["/bin/sh", "-ec", f'{join}\n{apart} /bin/sh "$0"', str(SCRIPT)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env={**ENVIRONMENT, "PLACE": str(self._place), "NAME": self._name},
            )  # fmt: skip
        until(self._is_up, 60)

    def do(self, *command: str, given: bytes | None = None, status: int = 0, limit: float = 120) -> str:
        """Run a command as root; returns what it printed, standard error last. It must end with `status`."""
        done = self.attempt(*command, given=given, limit=limit)
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode == status, f"{' '.join(command)}: status {done.returncode}\n{said}"
        return said

    def attempt(
        self, *command: str, given: bytes | None = None, limit: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        into = ["nsenter", "--target", str(self.first), *SPACES, "--root", "env", "--chdir=/"]
        return subprocess.run(
            [*into, *command], input=given or b"", capture_output=True, env=ENVIRONMENT, cwd="/",
            timeout=limit, check=False,
        )  # fmt: skip

    def put(self, path: str, content: str | bytes, mode: str = "0644") -> None:
        """Write a file; one that is there keeps its owner."""
        given = content.encode() if isinstance(content, str) else content
        self.do("sh", "-ec", 'cat > "$0"; chmod "$1" "$0"', path, mode, given=given)

    def put_tree(self, folder: Path, path: str) -> None:
        """Copy a folder's content of here to there."""
        packed = subprocess.run(["tar", "-C", str(folder), "-cf", "-", "."], capture_output=True, check=True)
        self.do("sh", "-ec", 'mkdir -p "$0"; tar -C "$0" -xf - --no-same-owner', path, given=packed.stdout)

    def property(self, unit: str, name: str) -> str:
        return self.do("systemctl", "show", "--property", name, "--value", unit).strip()

    def processes(self, unit: str) -> dict[int, str]:
        """The command lines of a unit's processes, by their numbers there."""
        group = f"/sys/fs/cgroup{self.property(unit, 'ControlGroup')}/cgroup.procs"
        found = {}
        for number in self.do("cat", group).split():
            shown = self.attempt("ps", "-ww", "-o", "args=", "-p", number)
            if shown.returncode == 0:
                found[int(number)] = shown.stdout.decode(errors="replace").strip()
        return found

    def stop(self) -> None:
        """End all its processes; its files go with them."""
        if self.first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.first, signal.SIGKILL)
        if self._starter is not None:
            self._starter.kill()
            self._starter.wait()
        if self._cgroup is not None and self._cgroup.is_dir():
            until(self._cgroups_are_gone, 10)

    def _is_up(self) -> bool:
        assert self._starter is not None
        if self._starter.poll() is not None:
            raise NoMachine(self._log.read_text(errors="replace").strip())
        children = Path(f"/proc/{self._starter.pid}/task/{self._starter.pid}/children").read_text().split()
        if not children or b"systemd" not in Path(f"/proc/{children[0]}/cmdline").read_bytes():
            return False
        self.first = int(children[0])
        state = self.attempt("systemctl", "is-system-running").stdout.strip()
        return state in (b"running", b"degraded")

    def _cgroups_are_gone(self) -> bool:
        assert self._cgroup is not None
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            with contextlib.suppress(OSError):  # a process is still ending there
                Path(folder).rmdir()
        return not self._cgroup.exists()


def _cgroups() -> Path | None:
    """Where the cgroup2 hierarchy is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)
