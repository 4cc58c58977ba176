#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that no other tool checks, and clang-format. Exit 1 and a line for each violation."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE_MAX = 100
FUNCTION_MAX = 70
SOURCE = re.compile(r"\.(cpp|hpp|h|c)$")
CODE = re.compile(r"\.(cpp|hpp|h|c|py|sh|mjs|cmake)$|CMakeLists\.txt$")
# Not ours to format, or generated, or npm's.
EXEMPT = re.compile(r"^tests/(vectors|fuzz/corpus|unit/config/golden)/")


def tracked_files():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                             check=True, capture_output=True, text=True).stdout
    for name in listing.splitlines():
        if not EXEMPT.match(name) and (ROOT / name).is_file():
            yield name


def check_text(name, lines):
    if not any("SPDX-License-Identifier" in line for line in lines[:2]):
        yield 1, "no SPDX line at the top"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX:
            yield number, f"longer than {LINE_MAX} columns"
        if line != line.rstrip():
            yield number, "trailing white space"
        if re.search(r"\b(TODO|FIXME)\b(?!\(#\d+\))", line) and name != "scripts/tidy.py":
            yield number, "a TODO carries an issue number: TODO(#12)"


def check_functions(lines):
    """Functions start at a line that ends in '{' at column 0 and end at '}' in column 0."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.match(r"^[A-Za-z].*[)a-z] ?\{$", line):
            if not re.match(r"^(namespace|struct|class|enum|union|extern|TEST|TEMPLATE)", line):
                start = number
        elif line.startswith("}"):
            if start is not None and number - start > FUNCTION_MAX:
                yield start, f"function of {number - start} lines; {FUNCTION_MAX} is a screen"
            start = None


def check_format(names):
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=ROOT,
                            capture_output=True, text=True)
    for name in sorted({line.split(":")[0] for line in result.stderr.splitlines()
                        if "clang-formatted" in line}):
        print(f"{name}: run clang-format -i on it")
    return result.returncode


def main():
    bad = 0
    sources = []
    for name in tracked_files():
        if SOURCE.search(name):
            sources.append(name)
        if not CODE.search(name):
            continue
        lines = (ROOT / name).read_text().splitlines()
        found = list(check_text(name, lines))
        if SOURCE.search(name):
            found += check_functions(lines)
        for number, what in found:
            print(f"{name}:{number}: {what}")
            bad += 1
    if "--no-format" not in sys.argv:
        bad += check_format(sources)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
