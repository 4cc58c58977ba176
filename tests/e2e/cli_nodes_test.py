#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hpcli with several real nodes, and with nodes that vanish at the worst moment.

    cli_nodes_test.py BIN_DIR      (with hpnode, hpcli, probe_contract)

What became of an input is found in the ledgers after a crash; servers are failed over and compared;
changed keys, certificates and validators are noticed.
"""

import json
import os
import pathlib
import pty
import re
import select
import subprocess
import sys
import tempfile
import time

from single_node import Node


class Suite:
    def __init__(self, bin_dir, root):
        self.bin_dir = bin_dir
        self.root = pathlib.Path(root)
        self.cli = str(pathlib.Path(bin_dir).resolve() / "hpcli")
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"}
        self.nodes = []
        self.checks = 0
        self.failures = 0

    def node(self, name, **options):
        self.nodes.append(Node(self.bin_dir, self.root, name, **options))
        return self.nodes[-1]

    def check(self, good, what, *more):
        self.checks += 1
        if not good:
            self.failures += 1
            print("FAILED:", what, *more, flush=True)

    def start(self, *arguments, **more):
        return subprocess.Popen([self.cli, *arguments, "--json"], env=self.env, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **more)

    def run(self, *arguments, stdin="", **more):
        process = self.start(*arguments, **more)
        return self.end(process, stdin)

    @staticmethod
    def end(process, stdin=""):
        stdout, stderr = process.communicate(stdin, timeout=60)
        process.documents = [json.loads(line) for line in stdout.splitlines()]
        process.json = process.documents[-1] if process.documents else None
        process.note = stderr
        return process

    def expect(self, code, *arguments, stdin="", **more):
        done = self.run(*arguments, stdin=stdin, **more)
        self.check(done.returncode == code, f"{arguments}: {done.returncode}, not {code}",
                   done.json, done.note)
        return done

    # --- what became of it -------------------------------------------------------------------

    def lost_input(self):
        """The node is killed before it has told anybody about the input."""
        node = self.node("forgetful", round_ms=1500).start()
        self.expect(0, "wait", "ledger", "+1", "-s", node.url)
        sending = self.start("send", "echo:lost", "-s", node.url, "--expires", "+3")
        time.sleep(0.4)
        node.stop(kill=True)
        node.start()
        done = self.end(sending)
        self.check(done.returncode == 5, "a lost input is known to be lost", done.json, done.note)
        self.check(done.json["error"]["reason"] == "max_ledger_expired", "its reason", done.json)
        self.check("none of the ledgers" in done.json["error"]["message"], "its words", done.json)
        sending = self.start("send", "echo:again", "-s", node.url, "--expires", "+3", "--retry",
                             "max_ledger_expired")
        time.sleep(0.4)
        node.stop(kill=True)
        node.start()
        done = self.end(sending)
        self.check(done.returncode == 0 and done.json["outputs"][0]["data"] == "again",
                   "a lost input is repeated", done.json, done.note)
        node.stop()

    def missed_output(self):
        """The node is killed between the ledger of the input and that of its output."""
        node = self.node("absent", round_ms=1500).start()
        self.expect(0, "key", "new", "carol")
        carol = self.expect(0, "key", "show", "carol").json["public_key"]
        sending = self.start("send", "echo:kept", "-s", node.url, "-k", "carol")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = self.run("ledger", "find", "-3..", "--user", carol, "-s", node.url)
            if found.returncode == 0:
                break
        node.stop(kill=True)
        node.start()
        done = self.end(sending)
        self.check(done.returncode == 0 and done.json["outputs"][0]["data"] == "kept",
                   "an output that was missed is found", done.json, done.note)
        watched = self.run("watch", "outputs", "-k", "carol", "--from", "1", "--count", "1",
                           "-s", node.url)
        self.check(watched.json["outputs"][0]["data"] == "kept", "watch --from", watched.json)
        node.stop()

    def nothing_kept(self):
        """Without raw data the headers alone decide what they can."""
        node = self.node("terse", raw_shards=0).start()
        sent = self.expect(0, "send", "echo:x", "-s", node.url)
        found = self.run("ledger", "find", "--hash", sent.json["input"]["hash"], "-s", node.url)
        self.check(found.returncode == 0 and
                   found.json["ledger"]["seq"] == sent.json["ledger"]["seq"],
                   "an input that is alone in its ledger is known by the header", found.json)
        self.expect(0, "ledger", "verify", "-s", node.url)
        node.stop()

    # --- streams -----------------------------------------------------------------------------

    def stream(self, node):
        lines = "".join(f"echo:{i}\n" for i in range(100))
        done = self.expect(0, "send", "--lines", "-s", node.url, "--inflight", "30", stdin=lines)
        self.check([one["number"] for one in done.documents] == list(range(1, 101)),
                   "the records are in order")
        outputs = [item["data"] for one in done.documents for item in one["outputs"]]
        self.check(outputs == [str(i) for i in range(100)], "every output once", outputs)
        bad = self.expect(2, "send", "--ndjson", "-s", node.url, stdin='{"a":1}\nnope\n{"b":2}\n')
        self.check([one["ok"] for one in bad.documents] == [True, False, True],
                   "a bad record harms no other", bad.documents)
        several = self.expect(0, "send", "multi:3", "-s", node.url, "--match", "$=3")
        self.check(len(several.json["outputs"]) == 3, "--match", several.json)
        self.expect(12, "send", "multi:3", "-s", node.url, "--match", "$=4", "--rounds", "2")

    # --- several servers ---------------------------------------------------------------------

    def compare(self, one, two):
        both = ["-s", one.url, "-s", two.url]
        same = self.expect(0, "read", "echo:same", "--quorum", "all", *both)
        self.check(same.json["agreed"] == 2 and same.json["data"] == "same", "same", same.json)
        self.expect(0, "send", "write:f=one", "-s", one.url)
        self.expect(0, "send", "write:f=two", "-s", two.url)
        differ = self.expect(8, "read", "read:f", "--quorum", "all", *both)
        self.check({item["data"] for item in differ.json["answers"]} == {"one", "two"},
                   "the difference is shown", differ.json)
        self.expect(0, "read", "read:f", "--quorum", "0.5", *both)
        down = ["-s", "wss://127.0.0.1:1"]
        self.expect(7, "read", "echo:x", "--quorum", "all", *both, *down)
        self.expect(0, "read", "echo:x", "--quorum", "0.6", *both, *down)
        self.expect(0, "read", "echo:x", *down, *both)
        table = self.expect(0, "status", "--all", "-s", one.url)
        self.check(len(table.json["nodes"]) == 1, "status --all", table.json)
        missing = self.expect(7, "status", "--all", *both, *down)
        self.check("problem" in missing.json["nodes"][2], "status of a node that is not there")
        pinged = self.expect(0, "ping", *both)
        self.check(all(item["min_ms"] > 0 for item in pinged.json["servers"]), "ping")

    def local_cluster(self, one, two):
        """Found by the folder, as hpdev leaves it; its users need no keys."""
        project = self.root / "project"
        folder = project / ".hp/clusters/default"
        folder.mkdir(parents=True)
        (project / ".hp/current").symlink_to("clusters/default")
        (project / "src").mkdir()
        node = {"dir": "/x", "pid": 1, "state": "running", "role": "validator", "peer_port": 1}
        cluster = {"schema": "hp.cluster/1", "name": "default", "project": str(project),
                   "supervisor": {"pid": os.getpid()}, "contract_id": "",
                   "nodes": [{**node, "number": i + 1, "name": f"n{i + 1}", "url": each.url,
                              "user_port": each.port, "public_key": each.key}
                             for i, each in enumerate((one, two))]}
        file = folder / "cluster.json"
        file.write_text(json.dumps(cluster))
        here = {"cwd": project / "src"}
        sent = self.expect(0, "send", "echo:no options at all", **here)
        self.check(sent.json["outputs"][0]["data"] == "no options at all", "send", sent.json)
        seen = [self.expect(0, "status", "-n", part, **here).json["server"]["key"]
                for part in ("1", "2", "last", "n2")]
        self.check(seen == [one.key, two.key, two.key, two.key], "--node", seen)
        table = self.expect(0, "status", "--all", **here)
        self.check([item["url"] for item in table.json["nodes"]] == [one.url, two.url], "all")
        self.expect(9, "lcl", "-n", "3", **here)
        self.expect(9, "lcl", "--cluster", "none", **here)
        # Its development keys, by name; the same on every machine.
        carol = self.expect(0, "key", "show", "dev:carol").json["public_key"]
        self.expect(0, "key", "new", "carol")  # another one, which is not meant here
        sent = self.expect(0, "send", "echo:x", "-k", "carol", **here)
        found = self.expect(0, "ledger", "find", "--user", carol, "-5..", **here)
        self.check(found.json["ledger"]["seq"] - sent.json["ledger"]["seq"] in (0, 1), "carol",
                   found.json)
        self.expect(0, "key", "rm", "carol", "--yes")
        script = "as alice\nsend echo:5 -> $ == 5\nas bob\nread echo:6 -> $ == 6\n"
        self.expect(0, "run", "-", stdin=script, **here)
        self.expect(0, "send", "echo:x", "-k", "dev:dave", "-s", one.url)
        listed = self.expect(0, "key", "list", **here).json["keys"]
        self.check({"dev:alice", "dev:dave"} <= {key["name"] for key in listed}, "key list", listed)
        away = self.expect(4, "send", "echo:x", "-k", "dev:alice", "-s", "wss://192.0.2.1:8080")
        self.check(away.json["error"]["code"] == "HPE-4007", "away", away.json)
        # Another contract on its ports, and a cluster whose supervisor has gone.
        file.write_text(json.dumps({**cluster, "contract_id": "another"}))
        self.expect(4, "lcl", **here)
        file.write_text(json.dumps({**cluster, "supervisor": {"pid": 4194304}}))
        down = self.expect(7, "lcl", **here)
        self.check(down.json["error"]["code"] == "HPE-7005", "down", down.json)
        self.expect(7, "send", "echo:x", **here)
        self.expect(0, "lcl", "-s", one.url, **here)

    # --- trust -------------------------------------------------------------------------------

    def pins(self, one, two):
        self.expect(4, "lcl", "-s", one.url, "--pin", "known")
        self.expect(0, "lcl", "-s", one.url)
        self.check(not self.run("trust", "list").json["servers"], "local servers are not noted")
        self.expect(0, "lcl", "-s", one.url, "--pin", "tofu")
        self.expect(0, "lcl", "-s", one.url, "--pin", "known")
        self.expect(0, "trust", "check")
        # Another node takes its place: other key, other certificate.
        stored = self.root / ".config/hotpocket/trust.json"
        pins = json.loads(stored.read_text())
        other = json.loads(json.dumps(pins))
        self.expect(0, "trust", "pin", two.url)
        foreign = json.loads(stored.read_text())["servers"][two.url]
        other["servers"][one.url]["certificate_sha256"] = foreign["certificate_sha256"]
        stored.write_text(json.dumps(other))
        bad = self.expect(4, "lcl", "-s", one.url)
        self.check("certificate has changed" in bad.json["error"]["message"], "which", bad.json)
        self.expect(4, "trust", "check")
        self.expect(0, "lcl", "-s", one.url, "--pin", "off")
        other["servers"][one.url] = {**pins["servers"][one.url], "key": foreign["key"]}
        stored.write_text(json.dumps(other))
        bad = self.expect(4, "lcl", "-s", one.url)
        self.check("key has changed" in bad.json["error"]["message"], "which", bad.json)
        self.expect(0, "trust", "rm", one.url, "--yes")
        self.expect(9, "trust", "rm", one.url, "--yes")

    def validators(self):
        """Three nodes name a new set of validators, one after the other."""
        nodes = [self.node(f"validator{i}") for i in range(3)]
        old = sorted(node.key for node in nodes)
        new = sorted(old + ["ed" + "ab" * 32])

        def announce(node, unl):
            node.stop()
            node.configure(lambda config: config["contract"].update(unl=unl))
            node.start(wait=False)
            self.expect(0, "wait", "unl", unl[0], "-s", node.url, "--pin", "off")

        for node in nodes:
            announce(node, old)
            self.expect(0, "trust", "pin", node.url)
        servers = [part for node in nodes for part in ("-s", node.url)]
        self.check(self.expect(0, "trust", "check", *servers).json["unl_changed"] is False, "same")
        announce(nodes[0], new)
        alone = self.expect(4, "trust", "check", *servers)
        self.check(alone.json["error"]["code"] == "HPE-4006", "one is not enough", alone.json)
        listed = self.run("trust", "list").json["servers"]
        self.check(all(item["unl"] == old for item in listed), "nothing was taken over", listed)
        announce(nodes[1], new)
        self.expect(4, "trust", "check", *servers)
        self.expect(0, "trust", "check", *servers, "--quorum", "0.6")
        announce(nodes[2], new)
        self.check(self.expect(0, "trust", "check", *servers).json["unl"] == new, "accepted")

    # --- keys --------------------------------------------------------------------------------

    def keys(self, node):
        word = self.root / "word"
        word.write_text("correct horse\n")
        wrong = self.root / "wrong"
        wrong.write_text("battery staple\n")
        made = self.expect(0, "key", "new", "locked", "--encrypt", "--passphrase-file", str(word))
        self.check(made.json["encrypted"] is True, "encrypted", made.json)
        stored = (self.root / ".local/share/hotpocket/keys/locked.key").read_text()
        self.check("argon2id" in stored and "private_key" not in stored, "no secret in the file")
        use = ["send", "echo:x", "-s", node.url, "-k", "locked"]
        self.expect(0, *use, "--passphrase-file", str(word))
        self.expect(13, *use, "--passphrase-file", str(wrong))
        self.expect(13, *use)  # nobody to ask
        self.expect(0, "key", "show", "locked")
        self.expect(0, "key", "passwd", "locked", "--remove", "--passphrase-file", str(word))
        self.expect(0, *use)
        # As the JavaScript tutorials store them.
        file = self.root / "user.key"
        file.write_text("ed" + "01" * 32 +
                        "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c")
        taken = self.expect(0, "key", "import", "tutorial", str(file))
        self.check(taken.json["public_key"] == "ed8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121b"
                   "f3748801b40f6f5c", "the tutorials' key", taken.json)
        file.write_text("nonsense")
        self.expect(2, "key", "import", "other", str(file))
        self.expect(2, "key", "rm", "tutorial")  # nobody to ask
        self.expect(0, "key", "rm", "tutorial", "--yes")
        self.expect(9, "key", "rm", "tutorial", "--yes")
        self.expect(2, "key", "export", "locked")

    # --- proofs ------------------------------------------------------------------------------

    def proofs(self, node):
        path = self.root / "a.proof"
        self.expect(0, "send", "echo:proven", "-s", node.url, "--proof", str(path))
        good = ["proof", "verify", str(path), "--validator", node.key]
        self.expect(0, *good)
        self.expect(8, *good, "--validator", "ed" + "ab" * 32)
        self.expect(0, *good, "--validator", "ed" + "ab" * 32, "--quorum", "0.5")
        self.expect(2, "proof", "verify", str(path))
        proof = json.loads(path.read_text())
        for change in (lambda p: p["output"]["outputs_hex"].append("00"),
                       lambda p: p.update(user="ed" + "ab" * 32),
                       lambda p: p["output"].update(signatures=[])):
            forged = json.loads(json.dumps(proof))
            change(forged)
            path.write_text(json.dumps(forged))
            self.expect(8, *good)
        for text in ("{}", "[", json.dumps({**proof, "output": {}})):
            path.write_text(text)
            self.expect(2, *good)
        signed = self.expect(0, "send", "--offline", "--expires", "@99", "echo:x", "-k",
                             "ephemeral")
        shown = self.expect(0, "decode", signed.json["frame_hex"])
        self.check(shown.json["facts"]["input_hash"] == signed.json["input"]["hash"] and
                   shown.json["content"]["input_container"]["max_ledger_seq_no"] == 99,
                   "decode shows what was signed", shown.json)

    def scripts(self, node):
        good = "as alice\nsend 'echo:{\"total\":5}' -> $.total == 5\nat ledger +1\n" \
               "expect no output : send none\n" \
               "expect reject max_ledger_expired : send x --expires @1\nread echo:7 -> $ == 7\n"
        self.expect(0, "key", "new", "alice")
        self.expect(0, "run", "-", "-s", node.url, stdin=good)
        bad = self.expect(12, "run", "-", "-s", node.url, stdin="send echo:a -> $ == b\n")
        self.check(bad.json["error"]["detail"]["here"].endswith("^"), "a mark", bad.json)
        wrong = self.expect(2, "run", "-", "-s", node.url, stdin="sned x\nas\nprint ok\n")
        self.check(len(wrong.json["error"]["detail"]) == 2, "all mistakes at once", wrong.json)

    def shell(self, node):
        """On a terminal: an answer, a completed word, history, and a ledger above the prompt."""
        child, terminal = pty.fork()
        if child == 0:
            os.execve(self.cli, [self.cli, "shell", "-s", node.url], {**self.env, "TERM": "xterm"})
        shown = b""

        def until(pattern, keys=b""):
            nonlocal shown
            os.write(terminal, keys) if keys else None
            shown, deadline = b"", time.monotonic() + 20
            while not re.search(pattern, shown) and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.2)[0]:
                    shown += os.read(terminal, 4096)
            self.check(re.search(pattern, shown), f"shell: {pattern}", shown)

        until(b"ephemeral #\\d+> ")
        until(b"\nread this\r\n", b"?echo:read this\n")
        until(b"\nsend this\r\n", b"echo:send this\n")
        until(b"synced, ledger", b".st\t\n")
        until(b"\nsend this\r\n", b"\x1b[A\x1b[A\n")  # two lines up
        until(b"ledger \\d+", b".watch on\n")
        os.write(terminal, b".quit\n")
        self.check(os.waitpid(child, 0)[1] == 0, "shell: its end")
        os.close(terminal)
        piped = subprocess.run([self.cli, "shell", "-s", node.url], env=self.env, text=True,
                               input="?echo:one\n.nonsense\n?echo:two\n", capture_output=True)
        self.check(piped.returncode == 2 and piped.stdout == "one\n", "shell in a pipe", piped)

    def recordings(self, node):
        path = str(self.root / "recorded")
        lines = "echo:same\n?context\n.as bob\nwrite:n=1\nx --expires\n"
        self.expect(0, "key", "new", "bob")
        made = self.expect(0, "session", "record", path, "-s", node.url, stdin=lines)
        self.check(made.json["records"] == 5, "record", made.json)
        again = ["session", "replay", path, "-s", node.url, "--speed", "50x"]
        self.expect(12, *again, "--expect")  # the context names the time
        differ = self.expect(0, *again)
        self.check(differ.json["different"] == 1, "replay", differ.json)
        pathlib.Path(path).write_text("{}\n")
        self.expect(2, *again)

    def load(self, node):
        done = self.expect(0, "bench", "echo:{{n}}", "--rate", "50", "--duration", "2s", "--users",
                           "5", "-s", node.url)
        self.check(done.json["requests"] == 100 and done.json["answered"] == 100, "bench",
                   done.json)
        times = done.json["latency_ms"]
        self.check(times["min"] <= times["p50"] <= times["p99"] <= times["max"], "order", times)

    def run_all(self):
        one = self.node("one").start()
        two = self.node("two").start()
        for part in (self.stream, self.proofs, self.keys, self.scripts, self.shell,
                     self.recordings, self.load):
            part(one)
        self.local_cluster(one, two)
        self.compare(one, two)
        self.pins(one, two)
        one.stop()
        two.stop()
        self.validators()
        self.nothing_kept()
        self.missed_output()
        self.lost_input()


def main():
    with tempfile.TemporaryDirectory(prefix="hp_cli_nodes_") as root:
        suite = Suite(sys.argv[1], root)
        try:
            suite.run_all()
        finally:
            for node in suite.nodes:
                node.stop()
        print(f"{suite.checks} checks, {suite.failures} failures")
        return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
