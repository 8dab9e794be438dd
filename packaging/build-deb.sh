#!/bin/sh
# Build the Debian package of this source tree:   packaging/build-deb.sh [FOLDER FOR THE .deb]
#
# It holds a virtual environment below /usr/lib/fsroute with fsroute and all that it needs, so that nothing depends on
# which Python packages a release of Debian has, and nothing of Debian's is replaced; Python itself is Debian's.
# FSROUTE_PIP_OPTIONS are handed to pip (an index, a folder of wheels), FSROUTE_DEB_COMPRESSION to dpkg-deb.
set -eu
umask 022

source=$(cd "$(dirname "$0")/.." && pwd)
target=$(mkdir -p "${1:-$source/dist}" && cd "${1:-$source/dist}" && pwd)
python=${FSROUTE_PYTHON:-/usr/bin/python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
root=$work/root
home=/usr/lib/fsroute

# The wheel, from a copy: nothing is left in the source tree.
mkdir -p "$work/source" "$root/DEBIAN" "$root$home"
(cd "$source" && cp -R pyproject.toml setup.cfg README.md LICENSE fsroute dialplans fs_config sql "$work/source")
"$python" -m venv "$work/build"
# shellcheck disable=SC2086
"$work/build/bin/pip" --quiet wheel --no-deps ${FSROUTE_PIP_OPTIONS:-} --wheel-dir "$work/wheel" "$work/source"

# The environment. Paths of the building machine are taken out of it again.
"$python" -m venv --without-pip --symlinks "$root$home"
# shellcheck disable=SC2086
"$work/build/bin/pip" --quiet --python "$root$home/bin/python3" install --no-compile --no-warn-script-location \
    ${FSROUTE_PIP_OPTIONS:-} "$work"/wheel/*.whl
version=$("$root$home/bin/python3" -c 'import fsroute; print(fsroute.__version__)')
python_version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next_version=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
ln -sf "/usr/bin/python$python_version" "$root$home/bin/python3"
ln -sf python3 "$root$home/bin/python"
sed -i "1s|^#!.*python.*|#!$home/bin/python3|" "$root$home/bin/fsroute"
find "$root$home/bin" -mindepth 1 ! -name 'python*' ! -name fsroute -delete
rm -rf "$root$home"/lib64 "$root$home"/include
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$python_version" > "$root$home/pyvenv.cfg"
rm -f "$root$home/lib/python$python_version"/site-packages/fsroute-*.dist-info/direct_url.json
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$root" "$root$home/lib" || true

# What lies beside it.
install -D -m 0755 "$source/packaging/bin/fsroute" "$root/usr/bin/fsroute"
for unit in "$source"/packaging/systemd/*.service; do
    install -D -m 0644 "$unit" "$root/lib/systemd/system/$(basename "$unit")"
done
install -D -m 0644 "$source/packaging/sysusers.d/fsroute.conf" "$root/usr/lib/sysusers.d/fsroute.conf"
install -D -m 0644 "$source/packaging/etc/fsroute.toml" "$root/etc/fsroute/fsroute.toml"
install -D -m 0644 "$source/packaging/etc/secrets.toml" "$root/usr/share/fsroute/secrets.toml"
install -d "$root/usr/share/doc/fsroute"
install -m 0644 "$source"/docs/*.md "$source"/docs/*.toml "$source/README.md" "$source/CHANGES.md" "$root/usr/share/doc/fsroute"
install -d "$root/usr/share/doc/fsroute/manual"
install -m 0644 "$source"/docs/manual/*.md "$root/usr/share/doc/fsroute/manual"
install -m 0644 "$source/LICENSE" "$root/usr/share/doc/fsroute/copyright"

# The package.
size=$(du -sk "$root" | cut -f1)
sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$(dpkg --print-architecture)|" -e "s|@SIZE@|$size|" \
    -e "s|@PYTHON@|$python_version|" -e "s|@NEXT_PYTHON@|$next_version|" \
    "$source/packaging/debian/control.in" > "$root/DEBIAN/control"
install -m 0644 "$source/packaging/debian/conffiles" "$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
    install -m 0755 "$source/packaging/debian/$script" "$root/DEBIAN/$script"
done
# shellcheck disable=SC2086
dpkg-deb --root-owner-group ${FSROUTE_DEB_COMPRESSION:--Zxz} --build "$root" "$target" >/dev/null
echo "$target/fsroute_${version}_$(dpkg --print-architecture).deb"
