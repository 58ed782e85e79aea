#!/bin/sh
# Build the image without any registry and see that it works. Run as root on Debian, from the repository's root:
#   apt-get install buildah debootstrap && sh docker/test-image.sh [WORK_FOLDER]
# The base is a Debian made by debootstrap (in WORK_FOLDER/rootfs, kept for the next time). The server runs as the
# image says: its user, its environment, its command and its health check, with all but /tmp and /jobs read-only.
# It must get healthy, answer a picture, let `seasift predict` run beside it, and end well at SIGTERM.
# EXTRA=gpu builds the GPU's variant, without CUDA, and tries it on the CPU. IMAGE=NAME tries an image that buildah
# already holds. PORT is where the server listens meanwhile.
set -eu
work=$(realpath -m "${1:-$(mktemp -d)}")
port=${PORT:-18000}
suite=${SUITE:-bookworm}
image=${IMAGE:-localhost/seasift:test}
base=localhost/seasift-base:test
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"
mkdir -p "$work/run"

make_base() {
    if ! [ -e "$work/rootfs/usr/bin/python3" ]; then
        debootstrap --variant=minbase --include=python3,ca-certificates "$suite" "$work/rootfs" http://deb.debian.org/debian
    fi
    # As Debian's own slim images: no translations, no manuals, no package lists.
    (
        cd "$work/rootfs"
        rm -rf var/cache/apt/archives var/lib/apt/lists usr/share/locale/* usr/share/man/* usr/share/info/*
        mkdir -p var/cache/apt/archives/partial var/lib/apt/lists/partial
        find usr/share/doc -type f ! -name copyright -delete
    )
    container=$(buildah from scratch)
    buildah add -q "$container" "$work/rootfs" / > /dev/null
    buildah commit -q "$container" "$base" > /dev/null
    buildah rm "$container" > /dev/null
}

build() {
    set --
    for file in /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do # where this machine's pip looks, if it was told
        if [ -e "$file" ]; then set -- "$@" --volume "$file:$file:ro"; fi
    done
    buildah build --format docker --network host --pull=never --build-arg BASE="$base" \
        --build-arg EXTRA="${EXTRA:-}" "$@" -t "$image" .
}

if [ -z "${IMAGE:-}" ]; then
    make_base
    build
fi

container=$(buildah from --pull=never "$image")
root=$(buildah mount "$container")
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2> /dev/null || true; fi
    umount -R "$work/run" 2> /dev/null || true
    buildah rm "$container" > /dev/null
}
trap finish EXIT

config() { buildah inspect --type image --format "$1" "$image"; }
user=$(config '{{.OCIv1.Config.User}}')
environment=$(config '{{range .OCIv1.Config.Env}}{{.}} {{end}}')
command=$(config '{{range .OCIv1.Config.Entrypoint}}{{.}} {{end}}{{range .OCIv1.Config.Cmd}}{{.}} {{end}}')
health=$(config '{{index .Docker.Config.Healthcheck.Test 3}}') # of CMD, python3, -c, the code

for place in "$root" "$root/opt/seasift"; do # of the whole, of what the build adds to its base
    echo "$(du -s --apparent-size --block-size=1000000 "$place" | cut -f1) MB in ${place#"$root"}/"
done
for tool in gcc cc make strip pip pip3 uv; do
    for place in usr/bin usr/local/bin opt/seasift/bin; do
        if [ -e "$root/$place/$tool" ]; then echo "$place/$tool is in the image" >&2; exit 1; fi
    done
done
for package in pip setuptools playwright torch; do
    if [ -n "$(find "$root"/usr/lib/python3* "$root/usr/local/lib" "$root/opt" -maxdepth 5 -type d -name "$package")" ]; then
        echo "$package is in the image" >&2
        exit 1
    fi
done

# What an engine would mount for `read_only: true` with compose.yaml's tmpfs and volume.
mount --bind "$root" "$work/run"
mount -o remount,bind,ro "$work/run"
mount -t tmpfs -o mode=1777,noexec,nosuid,nodev tmpfs "$work/run/tmp"
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs "$work/run/jobs"
mount -t proc proc "$work/run/proc"
mount -t sysfs -o ro sysfs "$work/run/sys"
mount --bind /dev "$work/run/dev"
inside() {
    # The values in `environment` hold no spaces. Hosts and open_to_all are as compose.yaml sets them.
    # shellcheck disable=SC2086
    exec chroot --userspec="$user" "$work/run" /usr/bin/env -i $environment \
        SEASIFT_PORT="$port" SEASIFT_OPEN_TO_ALL=true SEASIFT_HOSTS=localhost "$@"
}
if (inside touch /opt/seasift/x) 2> /dev/null; then echo "the image can be written to" >&2; exit 1; fi
# shellcheck disable=SC2086
(inside $command) &
server=$!
tries=0
until (inside python3 -c "$health") 2> /dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 120 ] || ! kill -0 "$server"; then echo "the server does not get ready" >&2; exit 1; fi
    sleep 1
done
cp examples/footage/coral.mp4 "$work/run/tmp/"
(inside seasift predict /tmp/coral.mp4 --every 100 -o /tmp/out --format overlay,json)
shot=$(find "$work/run/tmp/out" -name '*.jpg' -o -name '*.png' | head -1)
(inside seasift client "${shot#"$work/run"}" --url "http://127.0.0.1:$port" -o /tmp/answer.json)
grep -q '"images"' "$work/run/tmp/answer.json"
kill -TERM "$server"
wait "$server"
server=
echo "the image works"
