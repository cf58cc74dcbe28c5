#!/bin/sh
# Prints the path of a Chromium for the browser tests: one that is installed, or Debian's, installed where that
# is allowed. Without one it says loudly which tests will not run; in CI (CI=true) that is a failure.
set -u

find_chromium() {
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

find_chromium && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing Chromium with apt-get for the browser tests" >&2
    { $as_root apt-get update -q && $as_root apt-get install -y -q --no-install-recommends chromium; } >&2
    find_chromium && exit 0
fi

cat >&2 <<'MESSAGE'
==============================================================================
 NO CHROMIUM WAS FOUND, AND NONE COULD BE INSTALLED.
 The tests marked "browser" (pages in a real browser, keyboard, accessibility
 with axe) DO NOT RUN. Install it:  sudo apt-get install chromium
 or name one:  CHROMIUM=/path/to/chromium make test
==============================================================================
MESSAGE
[ "${CI:-}" = true ] && exit 1
exit 0
