#!/bin/sh
# Makes the virtual environment in the folder given, with the first Python >= 3.11 found here (or $PYTHON).
# A missing ensurepip (Debian, Ubuntu) is installed where that is allowed; else it is said what to install.
set -eu
folder=$1

new_enough() { # answers by running it: a name on the PATH may be an empty wrapper
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Kartabl needs Python 3.11 or newer, and none was found on the PATH." >&2
    echo "  Debian 12, Ubuntu 24.04 and later:  apt-get install python3 python3-venv" >&2
    echo "  elsewhere: https://www.python.org/downloads/, or name one: make run PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    as_root=
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    # Debian: python3-venv belongs to the system's python3; another version has a package of its own.
    if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
        echo "Installing python$version-venv with apt-get" >&2
        $as_root apt-get install -y "python$version-venv" >&2 || $as_root apt-get install -y python3-venv >&2 || true
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "$python cannot make virtual environments here. Install its venv package and try again:" >&2
        echo "  sudo apt-get install python$version-venv" >&2
        exit 1
    fi
fi

echo "Making $folder with $("$python" --version)" >&2
"$python" -m venv "$folder"
