#!/usr/bin/env bash
# Make .venv hold exactly what requirements.lock names, and this checkout as an editable install.
# Does nothing while the lock, pyproject.toml, the interpreter and the place are those of the last run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}

fail() { printf 'setup: %s\n' "$@" >&2; exit 1; }

command -v "$python" >/dev/null ||
  fail "there is no '$python' here. Python 3.11 or newer is needed." \
       "Say which one to use: make setup PYTHON=/path/to/python3.11"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed." \
       "Say which one to use: make setup PYTHON=/path/to/python3.11"

digest() { "$python" -c 'import hashlib, sys
print(hashlib.sha256("\0".join(sys.argv[2:]).encode() + open(sys.argv[1], "rb").read()).hexdigest())' "$@"; }
version=$("$python" -c 'import sys; print(sys.version)')
locked=$(digest requirements.lock "$version" "$PWD")
packaged=$(digest pyproject.toml "$locked")
same() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

if ! same .venv/stamp-lock "$locked" || ! .venv/bin/python -c '' 2>/dev/null; then
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$("$python" --version) has no venv module." \
         "On Debian and Ubuntu: apt-get install python3-venv. Or name another: make setup PYTHON=..."
  echo "setup: installing the locked dependencies into .venv (about a minute, once)"
  "$python" -m venv --clear .venv
  .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
  echo "$locked" > .venv/stamp-lock
fi
if ! same .venv/stamp-package "$packaged"; then
  echo "setup: installing perfdsl from this checkout"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
  echo "$packaged" > .venv/stamp-package
  echo "setup: ready: .venv/bin/perfdsl"
else
  echo "setup: .venv is up to date"
fi
