# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts: say what happens, install what is missing, build. Source it.
set -euo pipefail
HP_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# as_root COMMAND...: directly as root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "need root to run: $* (run it yourself, then start this script again)"
    fi
}

# Installs the packages among "$@" that are missing. Quick when none is.
install_packages() {
    local missing=() package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "no apt-get; install yourself: ${missing[*]}"
    say "installing packages: ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
}

build_packages() { grep -v '^#' "$HP_ROOT/scripts/packages.txt"; }

# build PRESET [TARGET...]: configures once, then builds what changed.
build() {
    local preset=$1
    shift
    cd "$HP_ROOT"
    if [ ! -f "build/$preset/build.ninja" ]; then
        say "configuring build/$preset"
        cmake --preset "$preset" >&2
    fi
    say "building build/$preset (the first time takes some minutes)"
    cmake --build "build/$preset" ${1:+--target "$@"} >&2
}
