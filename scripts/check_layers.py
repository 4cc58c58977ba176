#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the architecture by its includes: which layer may see which, what pure code may not use,
which file alone may use a heavy library. Prints every offending line; exit 1 if there is one."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Layer -> layers it may include. A layer may always include itself.
ALLOWED = {
    "base": [],
    "crypto": ["base"],
    "os": ["base"],
    "proto": ["base", "crypto"],
    "config": ["base", "crypto", "os"],
    "net": ["base", "crypto", "os"],
    "client": ["base", "crypto", "os", "proto", "net"],
    "consensus": ["base", "crypto", "proto"],
    "user": ["base", "crypto", "proto"],
    "peer": ["base", "crypto"],
    "ledger": ["base", "crypto", "os", "proto"],
    "tracked": ["base", "os"],
    "state": ["base", "crypto", "os", "tracked"],
    "contract": ["base", "crypto", "os", "config", "proto", "tracked"],
    "node": ["base", "crypto", "os", "proto", "config", "net", "consensus", "user", "peer",
             "ledger", "tracked", "state", "contract"],
    "cli": ["base", "crypto", "os", "proto", "config", "net", "client"],
    "hpcli": ["base", "crypto", "os", "proto", "config", "net", "client", "cli"],
    "hpdev": ["base", "crypto", "os", "proto", "config", "net", "client", "cli", "state",
              "contract"],
    "sdk": [],
}

# Third-party headers and the only layers that may use them. Public headers may use none of them.
EXTERNAL = {
    "boost/": ["net"],
    "openssl/": ["net"],
    "sodium": ["crypto", "hpdev"],
    "blake3.h": ["crypto"],
    "bson/": ["proto"],
    "sqlite3": ["ledger"],
    "zstd.h": ["state", "hpcli", "hpdev"],
    "fuse_lowlevel.h": ["tracked"],
    "editline/": ["cli"],
    "CLI/": ["node", "cli"],
    "nlohmann/": ["proto", "config", "contract", "client", "node", "cli", "hpcli", "hpdev"],
    "toml++/": ["hpdev", "cli"],
    "httplib.h": ["hpdev"],
}

# Pure code gets its time, randomness and I/O from outside.
PURE = re.compile(r"hpnode/src/(consensus/|user/|state/sync/(fetch|description|message))")
PURE_BANNED = re.compile(
    r"<(chrono|random|thread|mutex|atomic|fstream|filesystem|iostream|ctime|unistd\.h|sys/.*)>")
PURE_WORDS = re.compile(r"\b(SystemClock|random_bytes|make_key_pair|unordered_(map|set))\b")

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(path):
    """The layer a source file belongs to, or None when it is none of ours."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "libshared":
        return parts[3] if parts[1] == "include" else parts[2]
    if parts[0] == "hpnode":
        return parts[2]
    if parts[0] in ("hpcli", "hpdev"):
        return parts[0]
    if parts[0] == "libcli":
        return "cli"
    return "sdk" if parts[0] == "contract-sdk" else None


def included_layer(name):
    """The layer an include path names, or None for standard and third-party headers."""
    first, _, rest = name.partition("/")
    if first == "hp":
        layer = rest.partition("/")[0]
        return "sdk" if layer == "contract" else layer
    return first if first in ALLOWED and rest else None


def problems_in(path):
    layer = layer_of(path)
    public = "include" in path.parts
    pure = PURE.search(str(path.relative_to(ROOT)))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if pure and PURE_WORDS.search(line.partition("//")[0]):
            yield number, line, "pure code must get this from outside"
        if not match:
            continue
        name = match.group(2)
        target = included_layer(name)
        if target and target != layer and target not in ALLOWED[layer]:
            yield number, line, f"layer {layer} may not use layer {target}"
        for prefix, users in EXTERNAL.items():
            if match.group(1) == "<" and name.startswith(prefix):
                if layer not in users:
                    yield number, line, f"only {', '.join(users)} may use {prefix}"
                elif public:
                    yield number, line, "public headers show no third-party types"
        if name.startswith("boost/beast") and path.name != "websocket.cpp":
            yield number, line, "Beast costs half a minute to compile: websocket.cpp alone"
        if pure and PURE_BANNED.search(line):
            yield number, line, "pure code has no clock, threads or I/O"


def main():
    bad = 0
    for folder in ("libshared", "hpnode", "libcli", "hpcli", "hpdev", "contract-sdk"):
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            for number, line, why in problems_in(path):
                print(f"{path.relative_to(ROOT)}:{number}: {why}: {line.strip()}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
