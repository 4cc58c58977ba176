#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the programs of a documentation page to files: doc_programs.py PAGE DIRECTORY NAME...

A program is a block of C behind the line <!-- program: NAME -->. Every name must be there, and
every block of C must have one, so that no code in the page goes untested.
"""

import pathlib
import re
import sys

MARK = r"<!-- program: (\w+) -->\n"
BLOCK = r"```c\n(.*?)```"


def main(page, directory, *names):
    text = pathlib.Path(page).read_text()
    programs = dict(re.findall(MARK + BLOCK, text, re.S))
    if sorted(programs) != sorted(names):
        sys.exit(f"{page} has the programs {sorted(programs)}, not {sorted(names)}")
    if len(programs) != len(re.findall(BLOCK, text, re.S)):
        sys.exit(f"{page} has a block of C that is no program")
    for name, code in programs.items():
        (pathlib.Path(directory) / f"{name}.c").write_text(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
