#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds, runs every test. Arguments go to ctest: -L unit, -R net
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mapfile -t packages < <(build_packages)
install_packages "${packages[@]}"
# The published JavaScript client and contract library are tested unmodified. A Node.js that is
# there already, from wherever, is used; Debian's otherwise.
command -v node >/dev/null || install_packages nodejs
command -v npm >/dev/null || install_packages npm

cd "$HP_ROOT/tests/js"
if [ ! -d node_modules/hotpocket-js-client ] || [ ! -d node_modules/playwright-core ]; then
    say "installing the published client and contract library, and what drives a browser"
    npm install --omit=dev --no-audit --no-fund --no-package-lock --loglevel=error >&2
fi

build dev
cd "$HP_ROOT"
# Most tests wait more than they compute. None may depend on having the machine for itself.
ctest --test-dir build/dev --output-on-failure --parallel "$(nproc)" "$@"
