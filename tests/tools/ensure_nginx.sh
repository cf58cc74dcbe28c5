#!/bin/sh
# Prints the path of an nginx for the attacks of "make prove": one that is installed, or Debian's, unpacked beside
# the data of this checkout (nothing is installed or started on the machine). Without one: a failure in CI.
set -u
cd "$(dirname "$0")/../.."
unpacked=var/nginx

find_nginx() {
    for name in "${NGINX:-}" nginx /usr/sbin/nginx "$unpacked/usr/sbin/nginx"; do
        if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
            realpath "$(command -v "$name")"
            return 0
        fi
    done
    return 1
}

find_nginx && exit 0

if command -v apt-get >/dev/null 2>&1; then
    echo "Fetching Debian's nginx with apt-get for the attacks" >&2
    mkdir -p "$unpacked/package" && (
        cd "$unpacked/package" || exit 1
        apt-get download -q nginx || {
            as_root=
            [ "$(id -u)" = 0 ] || as_root="sudo -n"
            $as_root apt-get update -q && apt-get download -q nginx
        }
    ) >&2
    for package in "$unpacked"/package/nginx_*.deb; do
        [ -e "$package" ] && dpkg-deb -x "$package" "$unpacked" >&2
    done
    find_nginx && exit 0
fi

echo "No nginx was found, and none could be fetched: name one with NGINX=/path/to/nginx" >&2
exit 1
