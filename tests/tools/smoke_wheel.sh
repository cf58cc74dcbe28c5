#!/bin/sh
# Builds the wheel, installs it in an empty environment, and uses it from another folder, as a user would.
set -eu
python=${1:-.venv/bin/python}
case $python in /*) ;; *) python=$PWD/$python ;; esac
work=$(mktemp -d "${TMPDIR:-/tmp}/kartabl-wheel-XXXXXX")
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$python" -m pip --disable-pip-version-check wheel -q --no-deps --no-build-isolation --wheel-dir "$work" .
"$python" -m venv "$work/venv"
# As the README says it: the locked packages by their hashes, then the wheel by itself.
"$work/venv/bin/python" -m pip --disable-pip-version-check install -q --no-deps --require-hashes -r requirements/run.txt
"$work/venv/bin/python" -m pip --disable-pip-version-check install -q --no-deps "$work"/kartabl-*.whl
"$work/venv/bin/python" -m pip --disable-pip-version-check check

mkdir "$work/elsewhere"
cd "$work/elsewhere"
# Nothing but the wheel: no variables of ours, no source tree.
for name in $(env | sed -n 's/^\(KARTABL_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
unset PYTHONPATH DATABASE_URL || true
"$work/venv/bin/kartabl" check
export KARTABL_MODE=demo KARTABL_SECRET_KEY="of-a-wheel-that-is-tried-out-and-thrown-away"

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$work/venv/bin/kartabl" run --port "$port" >"$work/log" 2>&1 &
server=$!
"$python" - "$port" <<'PYTHON' || { cat "$work/log" >&2; exit 1; }
import sys, time, urllib.error, urllib.request

address = f"http://127.0.0.1:{sys.argv[1]}"
give_up = time.monotonic() + 90
while True:
    try:
        with urllib.request.urlopen(f"{address}/livez", timeout=5) as answer:
            assert answer.status == 200
            break
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        if time.monotonic() > give_up:
            sys.exit("the installed wheel does not answer at /livez")
        time.sleep(0.3)
with urllib.request.urlopen(f"{address}/sign-in", timeout=10) as answer:
    page = answer.read().decode()
    assert answer.status == 200 and "<form" in page, "the sign-in page came without its form"
import re
for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
    with urllib.request.urlopen(address + asset, timeout=10) as answer:
        assert answer.status == 200, asset
PYTHON
echo "The wheel works from another folder: $(cd "$work" && ls kartabl-*.whl)"
