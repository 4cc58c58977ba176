#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conventions (conventions.py) for every command of hpcli, against a live node.

    cli_conventions_test.py BIN_DIR      (with hpnode, hpcli, probe_contract)

The program itself lists its commands; one without a line in SAMPLES fails the test.
"""

import json
import sys
import tempfile

from conventions import Suite
from single_node import Node

# Words -> arguments of a call that succeeds. {name} stands for what set_up() has prepared. Calls
# that change something leave nothing behind that keeps them from succeeding again.
SAMPLES = {
    "send": ["echo:hello"],
    "read": ["echo:hello"],
    "raw": [],
    "watch": ["ledgers", "--count", "2"],
    "status": ["--all"],
    "wait": ["synced"],
    "lcl": [],
    "ledger lcl": [],
    "ledger get": ["lcl", "--inputs", "--outputs"],
    "ledger inputs": ["{seq}"],
    "ledger outputs": ["{next}", "--user", "{alice}"],
    "ledger list": ["-3.."],
    "ledger follow": ["--count", "2"],
    "ledger find": ["--hash", "{input}", "1.."],
    "ledger verify": [],
    "ledger export": ["{seq}..{next}"],
    "proof verify": ["{proof}", "--validator", "{node_key}"],
    "proof show": ["{proof}"],
    "run": ["{script}"],
    "session record": ["{unique}"],
    "session replay": ["{recording}", "--speed", "100x", "--expect"],
    "shell": [],
    "bench": ["--rate", "20", "--duration", "1s", "--read", "echo:x"],
    "key new": ["{unique}"],
    "key show": ["alice"],
    "key list": [],
    "key import": ["{unique}", "{user_key}"],
    "key from-hex": ["{unique}"],
    "key use": ["default"],
    "key export": ["alice", "--show-secret"],
    "key rm": ["{removable_key}", "--yes"],
    "key passwd": ["alice", "--remove"],
    "key sign": ["alice", "text"],
    "key verify": ["{alice}", "{signature}", "text"],
    "context add": ["{unique}", "-s", "{url}"],
    "context list": [],
    "context use": ["sample"],
    "context previous": [],
    "context show": ["sample"],
    "context edit": ["sample"],
    "context export": ["sample"],
    "context import": ["{unique}", "{context_file}"],
    "context rm": ["{removable_context}", "--yes"],
    "trust list": [],
    "trust pin": ["{url}", "--force"],
    "trust add": ["wss://{unique}:1", "{node_key}"],
    "trust rm": ["{removable_server}", "--yes"],
    "trust check": [],
    "ping": [],
    "doctor": [],
    "explain": ["7"],
    "encode": ['{{"type":"stat"}}'],
    "cheat": [],
    "config explain": ["timeout"],
    "decode": ['{{"type":"stat"}}'],
    "schema": [],
    "completion": ["bash"],
    "man": [],
    "version": [],
}


class HpcliSuite(Suite):
    name = "hpcli"
    samples = SAMPLES
    inputs = {"key from-hex": b"ab" * 32}
    silent = ("raw", "wait", "key rm", "context rm", "trust rm", "shell")
    completes = ("ledger", "ve", "verify")
    misspelt = ("statsu", "status")

    def prepare(self, words, facts):
        if words == "session record":
            facts["unique"] = str(self.root / f"recording{self.count}")
        if words == "key rm":
            facts["removable_key"] = f"k{self.count}"
            self.ok(["key", "new", facts["removable_key"]])
        if words == "context rm":
            facts["removable_context"] = f"c{self.count}"
            self.ok(["context", "add", facts["removable_context"], "-s", self.facts["url"]])
        if words == "trust rm":
            facts["removable_server"] = f"wss://h{self.count}:1"
            self.ok(["trust", "add", facts["removable_server"], self.facts["node_key"]])

    def check_offline(self, words):
        arguments = self.sample(words)
        done = self.run(arguments, env={"HP_SERVERS": "", "HOME": str(self.root / "empty")})
        self.check(done.returncode == 2 and b"HPE-2002" in done.stderr, f"{words}: no server",
                   done)
        done = self.run(arguments + ["-s", "wss://127.0.0.1:1", "--timeout", "500ms"])
        expected = 6 if words == "wait" else 3  # which waits for a node that starts
        self.check(done.returncode == expected, f"{words}: no node there", done)

    def set_up(self, node):
        self.env["HP_SERVERS"] = node.url
        self.env["EDITOR"] = "true"
        self.ok(["key", "new", "default"])
        self.facts = {"url": node.url, "node_key": node.key}
        self.facts["alice"] = self.ok(["key", "new", "alice"]).strip()
        self.facts["proof"] = str(self.root / "hello.proof")
        sent = json.loads(self.ok(["send", "-k", "alice", "echo:hello", "--json", "--proof",
                                   self.facts["proof"]]))
        self.facts["seq"] = str(sent["ledger"]["seq"])
        self.facts["next"] = str(sent["ledger"]["seq"] + 1)
        self.facts["input"] = sent["input"]["hash"]
        self.facts["signature"] = self.ok(["key", "sign", "alice", "text"]).strip()
        files = {
            "user_key": self.ok(["key", "export", "alice", "--show-secret"]),
            "context_file": json.dumps({"servers": [node.url]}),
            "script": "send echo:hello -> $ == hello\nread echo:x -> $ == x\n",
        }
        for name, content in files.items():
            path = self.root / name
            path.write_text(content)
            self.facts[name] = str(path)
        self.ok(["context", "add", "sample", "-s", node.url])
        self.ok(["context", "add", "other", "-s", node.url])
        self.ok(["context", "use", "other"])
        self.ok(["trust", "pin", node.url])
        self.facts["recording"] = str(self.root / "recording")
        self.ok(["session", "record", self.facts["recording"]],
                input=b"echo:one\n?echo:two\n.as alice\necho:{\"a\":1}\n")


def main():
    with tempfile.TemporaryDirectory(prefix="hp_cli_") as root:
        node = Node(sys.argv[1], root)
        try:
            node.start()
            suite = HpcliSuite(sys.argv[1], root)
            suite.set_up(node)
            suite.check_all()
        finally:
            node.stop()
        return suite.report()


if __name__ == "__main__":
    sys.exit(main())
