"""The Debian package: built, installed, used and purged, above this machine's files, which stay as they are."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import fsroute

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]

OVERLAY = """\
set -e
mount -t tmpfs -o size=2g none "$PLACE"
mkdir "$PLACE/upper" "$PLACE/work" "$PLACE/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$PLACE/upper,workdir=$PLACE/work" "$PLACE/root"
mount -t proc proc "$PLACE/root/proc"
mount -t tmpfs none "$PLACE/root/tmp"
mount --bind /dev "$PLACE/root/dev"
cp "$PACKAGE" "$PLACE/root/tmp/fsroute.deb"
cp "$PLACE.script" "$PLACE/root/tmp/script"
exec chroot "$PLACE/root" /bin/sh -eu /tmp/script
"""

SCRIPT = """\
dpkg -i /tmp/fsroute.deb
echo "version: $(fsroute --version)"
echo "user: $(getent passwd fsroute | cut -d: -f6,7)"
echo "modes: $(stat -c '%a %U:%G' /etc/fsroute /etc/fsroute/fsroute.toml /etc/fsroute/secrets.toml | tr '\\n' ' ')"
echo "state: $(stat -c '%a %U' /var/lib/fsroute)"
fsroute migrate | tail -n 2
echo "database: $(stat -c %U /var/lib/fsroute/postgres/data)"
systemd-analyze verify fsroute.service fsroute-database.service 2>&1 | grep fsroute || echo "units: sound"
grep -rIl "$BUILT" /usr/lib/fsroute /usr/bin/fsroute && echo "paths of the building machine" || true
dpkg --purge fsroute
for left in /usr/lib/fsroute /etc/fsroute /var/lib/fsroute /usr/bin/fsroute /lib/systemd/system/fsroute.service; do
    [ ! -e "$left" ] || echo "left: $left"
done
"""


def test_the_package_is_installed_and_purged_without_a_trace(package: Path, tmp_path: Path) -> None:
    place = tmp_path / "machine"
    place.mkdir()
    (tmp_path / "machine.script").write_text(SCRIPT)
    environment = {
        "PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
        "PLACE": str(place),
        "PACKAGE": str(package),
        "BUILT": str(ROOT),
        "DEBIAN_FRONTEND": "noninteractive",
    }
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", OVERLAY],
        capture_output=True, text=True, env=environment, timeout=600, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if "mount" in done.stderr and done.returncode == 32:
        pytest.skip(f"this machine mounts no overlay: {done.stderr}")
    assert done.returncode == 0, said
    assert f"version: fsroute, version {fsroute.__version__}" in said
    assert "user: /var/lib/fsroute:/usr/sbin/nologin" in said
    assert "modes: 750 root:fsroute 640 root:fsroute 600 fsroute:fsroute" in said
    assert "state: 755 fsroute" in said
    assert "while fsroute runs: psql" in said
    assert "database: fsroute" in said
    assert "units: sound" in said
    assert "paths of the building machine" not in said
    assert "left:" not in said
