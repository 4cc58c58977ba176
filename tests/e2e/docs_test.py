#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Executes a guide: every code block of Markdown files, in order, in an empty directory.

    docs_test.py GUIDE... BUILD_DIR

```LANGUAGE NAME     the block is written to the file NAME, a path below the current directory
```sh                run as it is
```console           lines with "$ " are run, the lines below each must be what it prints

Any other block is an error, so that nothing on the page goes untested. The blocks of all pages
share one shell. In what a command prints "…" stands for anything on its line, and alone for any
lines. Clusters of hpdev that the pages leave behind are taken down at the end.
It finds the build as $HOTPOCKET/build/release, whatever its real name is; HP_BIN_DIR may name
another directory of programs. Ports are free ones instead of the defaults, and npm install gives
what tests/js/node_modules holds instead of asking the network.
"""

import difflib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from dev_project import quiet_port  # noqa: E402
from own_ports import own_ports  # noqa: E402

TIME_LIMIT_S = 540
ANYTHING = "…"
PLAIN_PORT = "8080"  # of the page, as in the default configuration
FENCE = re.compile(r"^```(\S*)[ ]?(.*)$")

PREAMBLE = r"""
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
hpnode() {
    case $1 in
    run) exec hpnode "$@" ;; # in the background, where $! must be the node and not a shell
    *) command hpnode "$@" || return ;;
    esac
    if [ "$1" = new ]; then
        sed -i "s/\"port\": 8080/\"port\": $USER_PORT/; s/\"port\": 22860/\"port\": $PEER_PORT/" \
            "$2/cfg/hp.cfg"
    fi
}
npm() { # install PACKAGE
    mkdir -p node_modules
    ln -sfn "$HP_NODE_MODULES/$2" "node_modules/$2"
}
block() { echo "== $1" >&2; }
expect() { # FILE-WITH-EXPECTED-OUTPUT COMMAND
    echo "\$ $2" >&2
    eval "$2" >"$HP_SCRATCH/got" || { cat "$HP_SCRATCH/got" >&2; echo "failed: $2" >&2; exit 1; }
    "$HP_COMPARE" --compare "$1" "$HP_SCRATCH/got" >&2 || exit 1
}
"""


def blocks_of(text):
    """(first line number, language, name, lines) of every fenced block."""
    current = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if current is None and fence:
            current = (number + 1, fence.group(1), fence.group(2).strip(), [])
        elif current is not None and line == "```":
            yield current
            current = None
        elif current is not None:
            current[3].append(line)
    if current is not None:
        sys.exit(f"line {current[0]}: the block does not end")


def console_steps(number, lines):
    """(command, expected output) pairs."""
    steps = []
    for line in lines:
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps:
            steps[-1][1].append(line + "\n")
        else:
            sys.exit(f"line {number}: a console block starts with a command")
    return steps


def pattern_of(line):
    if line == f"{ANYTHING}\n":
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split(ANYTHING))


def compare(expected, got):
    expected, got = (pathlib.Path(name).read_text() for name in (expected, got))
    if re.fullmatch("".join(map(pattern_of, expected.splitlines(True))), got):
        return 0
    print("other output than the page says:")
    sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), got.splitlines(True),
                                               "page", "output"))
    return 1


def make_script(page, text, scratch):
    """The page as a shell script. Files are written when their turn comes."""
    script = []
    count = 0
    for number, language, name, lines in blocks_of(text):
        script.append(f"block {shlex.quote(f'{page}:{number}')}")
        if name:
            path = pathlib.PurePath(name)
            if path.is_absolute() or ".." in path.parts:
                sys.exit(f"{page}:{number}: {name} is not below the current directory")
            stored = scratch / f"file-{page}-{number}"
            stored.write_text("\n".join(lines) + "\n")
            script.append(f"cp {shlex.quote(str(stored))} {shlex.quote(name)}")
        elif language == "sh":
            script += lines
        elif language == "console":
            for command, output in console_steps(number, lines):
                expected = scratch / f"expected-{page}-{count}"
                expected.write_text("".join(output))
                script.append(f"expect {expected} {shlex.quote(command)}")
                count += 1
        else:
            sys.exit(f"{page}:{number}: a block of {language or 'no language'} has no file name, "
                     "so nothing would test it")
    if count == 0:
        sys.exit(f"{page} has no console block: nothing would be checked")
    return "\n".join(script) + "\n"


def link_build(build, release):
    """The build under the name that the page gives it, with the programs of HP_BIN_DIR if set."""
    release.mkdir(parents=True)
    for entry in build.iterdir():
        if entry.name != "bin" or "HP_BIN_DIR" not in os.environ:
            (release / entry.name).symlink_to(entry)
    if "HP_BIN_DIR" in os.environ:
        (release / "bin").symlink_to(pathlib.Path(os.environ["HP_BIN_DIR"]).resolve())


def make_environment(root, scratch, ports):
    clusters = quiet_port()  # not those that other tests on this machine take as a matter of course
    environment = {name: os.environ[name] for name in ("LANG", "PATH", "CXX", "CXXFLAGS", "TMPDIR")
                   if name in os.environ}
    return environment | {
        "HOME": str(scratch), "XDG_DATA_HOME": str(scratch / "data"),
        "HOTPOCKET": str(scratch / "hotpocket"), "HP_SCRATCH": str(scratch),
        "USER_PORT": ports[0], "PEER_PORT": ports[1],
        "HP_USER_PORT_BEGIN": str(clusters), "HP_PEER_PORT_BEGIN": str(clusters + 25),
        "HP_NODE_MODULES": str(root / "tests/js/node_modules"),
        "HP_COMPARE": str(pathlib.Path(__file__).resolve()),
    }


def end_clusters(work, scratch, environment):
    """False if one could not be taken down; whatever it says about that is on standard error."""
    hpdev = scratch / "hotpocket/build/release/bin/hpdev"
    good = True
    for clusters in work.rglob(".hp/clusters"):
        done = subprocess.run([hpdev, "down", "--all"], cwd=clusters.parent.parent,
                              env=environment, stdin=subprocess.DEVNULL, timeout=60)
        good = good and done.returncode == 0
    return good


def main():
    if sys.argv[1] == "--compare":
        return compare(sys.argv[2], sys.argv[3])
    guides, build = [pathlib.Path(one) for one in sys.argv[1:-1]], pathlib.Path(sys.argv[-1])
    build = build.resolve()
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    with tempfile.TemporaryDirectory(prefix="hp_docs_") as name:
        scratch = pathlib.Path(name)
        work = scratch / "work"
        work.mkdir()
        ports, _twins = own_ports(2)
        ports = [str(port) for port in ports]
        link_build(build, scratch / "hotpocket/build/release")
        script = PREAMBLE
        for guide in guides:
            text = guide.read_text().replace(f":{PLAIN_PORT}", f":{ports[0]}")
            script += make_script(guide.name, text, scratch)
        environment = make_environment(root, scratch, ports)
        shell = subprocess.Popen(["bash", "-c", script], cwd=work, env=environment,
                                 start_new_session=True)
        try:
            status = shell.wait(TIME_LIMIT_S)
        except subprocess.TimeoutExpired:
            print(f"not done after {TIME_LIMIT_S} s", file=sys.stderr)
            status = 1
        finally:
            try:
                os.killpg(shell.pid, signal.SIGKILL)  # whatever the page left running
            except ProcessLookupError:
                pass
            if not end_clusters(work, scratch, environment):
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
