#!/bin/sh
# Installs Kartabl, editable, with the locked packages and nothing else: install.sh PYTHON run|dev
# What builds it (and Node, where none is at hand) is locked, too; so pip makes no environment of its own for building.
set -eu
python=$1
lock=$2

pip() {
    "$python" -m pip --disable-pip-version-check install -q --no-deps "$@"
}

pip --require-hashes -r requirements/build.txt -r "requirements/$lock.txt"
if ! "$python" -c 'import sys, hatch_build as b; sys.exit(not (b.FrontEnd(b.Path.cwd()).is_fresh() or b.node_on_path()))'; then
    pip --require-hashes -r requirements/node.txt
fi
pip --no-build-isolation -e .
