#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hpcli needs nothing that only our nodes have.

    cli_strict_engine_test.py BIN_DIR      (with hpnode, hpcli, probe_contract; needs node)

Every command that talks to a node, in both encodings, through a proxy that takes our extensions
away and complains about requests that the original engine does not know
(js/lib/strict_engine.mjs).
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import threading

import cli_conventions_test as conventions
from single_node import Node

PROXY = pathlib.Path(__file__).resolve().parent.parent / "js/lib/strict_engine.mjs"

# Those that can do without a node, but not here.
ON_DEMAND = ("send", "doctor", "trust pin", "trust check")


class StrictEngine:
    def __init__(self, node):
        self.process = subprocess.Popen(["node", str(PROXY), node.url], stdout=subprocess.PIPE,
                                        text=True)
        self.url = self.process.stdout.readline().strip()
        self.violations = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.violations.append(line.strip())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(20)


def check_commands(suite, engine, encoding):
    commands = suite.commands()
    for words, info in commands.items():
        if not info["online"] and words not in ON_DEMAND:
            continue
        done = suite.run(suite.sample(words) + ["--protocol", encoding])
        suite.check(done.returncode == 0, f"{words} ({encoding}): {done.returncode}", done)
        suite.check(not engine.violations, f"{words} ({encoding})", engine.violations)
        engine.violations.clear()


def check_details(suite, engine):
    """What our own nodes would have made easier."""
    status = json.loads(suite.ok(["status", "--json"]))
    suite.check("node_version" not in status and status["ledger"]["seq"] > 0, "status", status)
    # A ledger that is not there: in BSON the original would die of the wrong question.
    gone = suite.run(["ledger", "get", "999999", "--inputs", "--outputs"])
    suite.check(gone.returncode == 9, "a ledger that is not there", gone)
    gone = suite.run(["ledger", "find", "--hash", "ab" * 32, "999990..999999"])
    suite.check(gone.returncode == 9, "ledgers that are not there", gone)
    # What the samples leave out.
    alice, key = suite.facts["alice"], suite.facts["node_key"]
    for words in (["status"], ["read", "echo:x", "--quorum", "all"], ["wait", "ledger", "+1"],
                  ["wait", "nodes", "1"], ["wait", "unl", key],
                  ["ledger", "follow", "--count", "1"],
                  ["ledger", "find", "--user", alice, "1.."],
                  ["ledger", "find", "--time", "2020-01-01T00:00:00Z"],
                  ["ledger", "inputs", suite.facts["seq"], "--user", alice],
                  ["watch", "outputs", "-k", "alice", "--from", "1", "--count", "1"],
                  ["watch", "conn", "--count", "1"],
                  ["watch", "ledgers", "--from", "1", "--count", "2"],
                  ["send", "echo:x", "--proof", str(suite.root / "strict.proof")],
                  ["lcl", "--min-connections", "1"], ["bench", "echo:x", "--duration", "1s"]):
        done = suite.run(words)
        suite.check(done.returncode == 0, f"{words}: {done.returncode}", done)
    lines = suite.run(["send", "--lines"], input=b"echo:1\necho:2\n")
    suite.check(lines.returncode == 0 and lines.stdout == b"1\n2\n", "a stream", lines)
    for wait in ("sent", "ledger", "output"):
        sent = suite.run(["send", "echo:x", "--wait", wait])
        suite.check(sent.returncode == 0, f"send --wait {wait}", sent)
    late = suite.run(["send", "echo:x", "--expires", "@1"])
    suite.check(late.returncode == 5, "a rejected input", late)
    suite.check(not engine.violations, "requests", engine.violations)


def main():
    with tempfile.TemporaryDirectory(prefix="hp_cli_strict_") as root:
        node = Node(sys.argv[1], root)
        engine = None
        try:
            node.start()
            engine = StrictEngine(node)
            node.url = engine.url
            suite = conventions.HpcliSuite(sys.argv[1], root)
            suite.set_up(node)
            for encoding in ("bson", "json"):
                check_commands(suite, engine, encoding)
            check_details(suite, engine)
        finally:
            if engine:
                engine.stop()
            node.stop()
        print(f"{suite.checks} checks, {len(suite.failures)} failures")
        return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
