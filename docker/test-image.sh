#!/bin/sh
# Build the image without any registry and see that it works. Run as root on Debian, from the repository's root:
#   apt-get install buildah debootstrap && sh docker/test-image.sh [WORK_FOLDER]
# The base is a Debian bookworm made by debootstrap. The server runs as its own user, with the mounted image read-only,
# and must get healthy, answer a picture, run `seasift predict`, and end at SIGTERM.
set -eu
work=${1:-$(mktemp -d)}
port=${PORT:-18000}
suite=${SUITE:-bookworm}
image=localhost/seasift:test
base=localhost/seasift-base:test
picture=examples/footage
mkdir -p "$work"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot

if ! [ -e "$work/rootfs/usr/bin/python3" ]; then
    debootstrap --variant=minbase --include=python3,ca-certificates "$suite" "$work/rootfs" http://deb.debian.org/debian
fi
rm -rf "$work/rootfs/var/cache/apt/archives" "$work/rootfs/var/lib/apt/lists"
mkdir -p "$work/rootfs/var/cache/apt/archives/partial" "$work/rootfs/var/lib/apt/lists/partial"
container=$(buildah from scratch)
buildah add -q "$container" "$work/rootfs" /
buildah commit -q "$container" "$base"
buildah rm "$container" > /dev/null

set --
for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do # where this machine's pip looks, if it was told
    if [ -e "$file" ]; then set -- "$@" --volume "$file:$file:ro"; fi
done
buildah build --format docker --network host --pull=never --build-arg BASE="$base" "$@" -t "$image" .

container=$(buildah from --pull=never "$image")
root=$(buildah mount "$container")
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2> /dev/null || true; fi
    umount -R "$work/run" 2> /dev/null || true
    buildah rm "$container" > /dev/null
}
trap finish EXIT

du -sm "$root" "$root/opt/seasift" | sed 's/^/MB: /'
for tool in gcc cc make pip pip3; do
    for place in usr/bin usr/local/bin opt/seasift/bin; do
        if [ -e "$root/$place/$tool" ]; then echo "$place/$tool is in the image" >&2; exit 1; fi
    done
done

# The image read-only, but for /tmp and /jobs in memory, as compose.yaml has it.
mkdir -p "$work/run"
mount --bind "$root" "$work/run"
mount -o remount,bind,ro "$work/run"
mount -t tmpfs -o mode=1777 tmpfs "$work/run/tmp"
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs "$work/run/jobs"
mount --bind /dev "$work/run/dev"
inside() {
    exec chroot --userspec=10001:10001 "$work/run" /usr/bin/env -i PATH=/opt/seasift/bin:/usr/local/bin:/usr/bin:/bin \
        PYTHONDONTWRITEBYTECODE=1 HOME=/tmp XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib TMPDIR=/tmp \
        SEASIFT_HOST=0.0.0.0 SEASIFT_PORT="$port" SEASIFT_JOBS=/jobs SEASIFT_OPEN_TO_ALL=true "$@"
}
if (inside touch /opt/seasift/x) 2> /dev/null; then echo "the image can be written to" >&2; exit 1; fi
(inside seasift serve) &
server=$!
health="import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SEASIFT_PORT'] + '/readyz', timeout=4)"
tries=0
until (inside python3 -c "$health") 2> /dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 120 ] || ! kill -0 "$server"; then echo "the server does not get ready" >&2; exit 1; fi
    sleep 1
done
cp "$picture"/*.mp4 "$work/run/tmp/"
(inside seasift predict /tmp/coral.mp4 --every 100 -o /tmp/out --format overlay,json)
shot=$(find "$work/run/tmp/out" -name '*.jpg' -o -name '*.png' | head -1)
(inside seasift client "${shot#"$work/run"}" --url "http://127.0.0.1:$port" -o /tmp/answer.json)
grep -q '"images"' "$work/run/tmp/answer.json"
kill -TERM "$server"
wait "$server"
server=
echo "the image works"
