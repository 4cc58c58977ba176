#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hpcli with several real nodes, and with nodes that vanish at the worst moment.

    cli_nodes_test.py BIN_DIR      (with hpnode, hpcli, probe_contract)

What became of an input is found in the ledgers after a crash; servers are failed over and compared;
changed keys, certificates and validators are noticed.
"""

import base64
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from single_node import Node


class Proxy:
    """SOCKS5 or HTTP CONNECT on a port of its own; notes what it was asked for."""

    def __init__(self, kind):
        self.kind = kind
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(20)

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            host, port, good, bad = self.socks(client) if self.kind == "socks5" else \
                self.connect(client)
            self.asked.append((host, port))
            try:
                server = socket.create_connection((host, port))
            except OSError:
                self.asked.pop()
                client.sendall(bad)
                return
            client.sendall(good)
            with server:
                while True:
                    for one in select.select([client, server], [], [])[0]:
                        data = one.recv(65536)
                        if not data:
                            return
                        (server if one is client else client).sendall(data)

    @staticmethod
    def socks(client):
        stream = client.makefile("rb")
        version, methods = stream.read(2)
        stream.read(methods)
        client.sendall(bytes([version, 0]))
        kind = stream.read(4)[3]
        host = socket.inet_ntoa(stream.read(4)) if kind == 1 else \
            stream.read(stream.read(1)[0]).decode()
        port = int.from_bytes(stream.read(2), "big")
        return host, port, bytes([5, 0, 0, 1] + [0] * 6), bytes([5, 5, 0, 1] + [0] * 6)

    @staticmethod
    def connect(client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        host, port = head.split()[1].decode().rsplit(":", 1)
        return host, int(port), b"HTTP/1.1 200 OK\r\nVia: test\r\n\r\n", \
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n"


class Agent:
    """A real ssh-agent. It asks a script for confirmations and for its own password, which waits
    for the file "answered" and then ends with the code in "answer"."""

    def __init__(self, root):
        self.root = pathlib.Path(root) / "agent"
        self.root.mkdir()
        self.socket = self.root / "socket"
        ask = self.root / "ask"
        ask.write_text(f"#!/bin/sh\ncd {self.root}\necho asked >> asked\ni=0\n"
                       "while [ ! -e answered ] && [ $i -lt 300 ]; do\n"
                       "    sleep 0.1\n    i=$((i + 1))\ndone\n"
                       "echo yes 2> /dev/null\nexit $(cat answer)\n")
        ask.chmod(0o700)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "DISPLAY": ":0",
                    "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force",
                    "SSH_AUTH_SOCK": str(self.socket)}
        self.process = None

    def __enter__(self):
        self.answer(0)
        self.process = subprocess.Popen(["ssh-agent", "-D", "-a", str(self.socket)], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(500):
            if self.socket.exists():
                return self
            time.sleep(0.02)
        raise RuntimeError("ssh-agent does not start")

    def __exit__(self, *_):
        self.answer(1)  # whoever still asks
        self.process.terminate()
        self.process.wait(20)

    def answer(self, code):
        (self.root / "answer").write_text(str(code))
        (self.root / "answered").touch()

    def no_answer(self):
        (self.root / "answered").unlink()

    def make_key(self, name, kind="ed25519", passphrase=""):
        path = self.root / name
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-C", f"the {name} key",
                        "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
        return path

    def add(self, *arguments):
        subprocess.run(["ssh-add", "-q", *map(str, arguments)], check=True, env=self.env,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def user_of(path):
        """The key as HotPocket writes it."""
        blob = base64.b64decode(path.with_suffix(".pub").read_text().split()[1])
        return "ed" + blob[-32:].hex()


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
        watching = self.start("watch", "conn", "-s", node.url, "--count", "3")
        events = [json.loads(watching.stdout.readline())]
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
        events += self.end(watching).documents
        self.check([one["connected"] for one in events] == [True, False, True] and
                   "problem" in events[1], "connections are watched", events)
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
        until = self.expect(0, "send", "echo:{\"done\":1}", "-s", node.url, "--until", "$.done")
        self.check(len(until.json["outputs"]) == 1, "--until", until.json)
        self.expect(12, "send", "echo:{\"done\":false}", "-s", node.url, "--until", "$.done",
                    "--rounds", "2")

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

    # --- what is shown and kept --------------------------------------------------------------

    def text(self, *arguments, code=0, **more):
        """As people see it: standard output of a command without --json."""
        done = subprocess.run([self.cli, *arguments], capture_output=True, text=True, timeout=60,
                              env={**self.env, **more.pop("env", {})}, **more)
        self.check(done.returncode == code, f"{arguments}: {done.returncode}, not {code}", done)
        return done.stdout

    def presentation(self, node):
        at = ["-s", node.url]
        shown = self.text("send", "echo:here", "--print", "all", *at)
        self.check(re.search(r"input +[0-9a-f]{64}\n(.*\n)*signed +1 of 1\nhere\n$", shown), "all",
                   shown)
        self.check(self.text("send", "echo:here", "--print", "none", *at) == "", "none")
        self.text("send", "echo:here", "--print", "all", "--json", *at, code=2)
        folder = self.root / "saved"
        names = self.text("send", "multi:3", "--save", str(folder), *at).split()
        self.check([pathlib.Path(name).read_text() for name in names] == ["1", "2", "3"] and
                   all(pathlib.Path(name).parent == folder for name in names), "--save", names)
        saved = self.expect(0, "send", "echo:x", "--save", str(folder), *at)
        self.check(pathlib.Path(saved.json["outputs"][0]["file"]).read_text() == "x", "--save",
                   saved.json)
        payload = self.root / "a=b payload"
        payload.write_text("echo:of a file")
        for sent in (self.text("send", "--format", "file", str(payload), *at),
                     self.text("send", "--format", "file", "--lines", *at, input=f"{payload}\n"),
                     self.text("send", "--null", *at, input="echo:of a file\0"),
                     self.text("read", "--format", "file", str(payload), *at)):
            self.check(sent == "of a file\n", "the bytes of a file", sent)
        self.expect(9, "send", "--format", "file", "nowhere", *at)
        seq = self.text("lcl", "-o", "raw", "--fields", "ledger.seq", *at)
        self.check(seq.strip().isdigit(), "a value for the shell", seq)
        table = self.text("status", "--all", "--fields", "url,vote_status", *at)
        self.check(table.split() == ["url", "vote_status", node.url, "synced"], "a table", table)
        missing = self.text("status", "--all", "-o", "tsv", "--fields", "url,vote_status", *at,
                            "-s", "wss://127.0.0.1:1", code=7)
        self.check(missing.splitlines()[2] == "wss://127.0.0.1:1\t", "also of a failure", missing)

    def programs(self, node):
        """What --as prints does the same, each in its language."""
        at = ["-s", node.url]
        modules = pathlib.Path(__file__).resolve().parent.parent / "js/node_modules"
        env = {**os.environ, **self.env, "NODE_PATH": str(modules)}
        env["PATH"] = f"{pathlib.Path(self.cli).parent}:{env['PATH']}"
        for payload in ("echo:it's \"quoted\" \\ $HOME ??/ @PRINT@", "hex"):
            extra = ["--format", "hex", "6563686f3a" + b"\x01\xc3\xa4".hex()] \
                if payload == "hex" else ["--text", payload]
            expected = "\x01ä" if payload == "hex" else payload[5:]
            for language, command in (("sh", ["sh"]), ("js", ["node"])):
                file = self.root / f"program.{language}"
                file.write_text(self.text("send", "--as", language, *extra, *at))
                done = subprocess.run([*command, str(file)], env=env, capture_output=True,
                                      timeout=60)
                self.check(done.returncode == 0 and done.stdout.decode() == expected + "\n",
                           f"--as {language}", done)
        self.check("hp::client" in self.text("send", "x", "--as", "cpp", *at), "--as cpp")

    def repeats(self, node):
        at = ["-s", node.url]
        three = self.expect(0, "read", "echo:x", "--repeat", "3", *at)
        self.check([one["data"] for one in three.documents] == ["x"] * 3, "--repeat")
        self.expect(0, "send", "write:w=1", *at)
        watching = self.start("read", "read:w", "--watch", "50ms", *at, "--repeat", "1000")
        seen = [json.loads(watching.stdout.readline())["data"]]
        self.expect(0, "send", "write:w=2", *at)
        seen.append(json.loads(watching.stdout.readline())["data"])
        self.check(seen == [1, 2] or seen == ["1", "2"], "--watch prints changes only", seen)
        watching.terminate()
        self.check(watching.wait(20) == 143, "--watch ends")
        health = self.expect(0, "watch", "health", "--count", "2", *at)
        self.check([one["kind"] for one in health.documents] == ["proposal"] * 2 and
                   "comm_latency_ms" in health.json, "watch health", health.documents)
        twice = self.expect(0, "status", "--watch", "50ms", "--count", "2", *at)
        self.check(len(twice.documents) == 2, "status --watch", twice.documents)
        watching = self.start("status", "--watch", "50ms", "--all", *at)
        self.check(json.loads(watching.stdout.readline())["nodes"][0]["url"] == node.url, "watch")
        watching.terminate()
        self.check(watching.wait(20) in (143, -15), "status --watch ends")
        self.expect(2, "read", "x", "--quorum", "all", "--watch", "1s", *at)
        self.expect(2, "status", "--count", "2", *at)

    def records(self, node):
        """Traces and logs: everything but secrets, for nobody else."""
        trace, log = self.root / "trace.ndjson", self.root / "connection.log"
        sent = self.expect(0, "send", "echo:traced", "-s", node.url, "-k", "dev:bob", "--trace",
                           str(trace), "--log-file", str(log))
        lines = [json.loads(line) for line in trace.read_text().splitlines()]
        kinds = [(one["direction"], one["message"]["type"]) for one in lines]
        for kind in (("received", "user_challenge"), ("sent", "user_challenge_response"),
                     ("sent", "contract_input"), ("received", "contract_output")):
            self.check(kind in kinds, f"the trace has {kind}", kinds)
        proof = next(one["message"] for one in lines
                     if one["message"]["type"] == "user_challenge_response")
        self.check(proof["sig"] == "(not recorded)", "no signature of a challenge", proof)
        self.check(trace.stat().st_mode & 0o777 == 0o600, "the trace is ours alone")
        self.check("handshake done" in log.read_text() and "handshake" not in sent.note, "the log")
        self.expect(2, "lcl", "-s", node.url, "--trace", "/nonexistent/x")
        self.expect(2, "key", "list", "--trace", str(trace))  # talks to nobody
        quiet = self.text("lcl", "-s", node.url, "--timeout", "0")
        self.check(quiet, "--timeout 0")

    def settings(self, node):
        project = self.root / "configured"
        (project / "src").mkdir(parents=True)
        (project / "hpdev.toml").write_text(
            f'[cli]\nserver = ["{node.url}"]\noutput = "json"\n[cli.send]\nwait = "ledger"\n')
        here = str(project / "src")
        sent = json.loads(self.text("-C", here, "send", "echo:x"))
        self.check("outputs" not in sent and "ledger" in sent, "a project's settings", sent)
        why = json.loads(self.text("-C", here, "config", "explain", "send.wait",
                                   env={"HP_CLI_WAIT": "sent"}))
        self.check([(one["source"], one["used"]) for one in why["sources"]] ==
                   [("HP_CLI_WAIT", True), (str(project / "hpdev.toml"), False),
                    ("default", False)], "config explain", why)
        noted = subprocess.run([self.cli, "version"], env={**self.env, "HP_CLI_NOPE": "1"},
                               capture_output=True, text=True)
        self.check("HP_CLI_NOPE" in noted.stderr and noted.returncode == 0, "a variable", noted)

    def proxies(self, node):
        """Through both kinds of proxy; both see where to, and can refuse."""
        for kind in ("socks5", "http"):
            with Proxy(kind) as proxy:
                url = f"{kind}://127.0.0.1:{proxy.port}"
                read = self.expect(0, "read", "echo:far", "-s", node.url, "--proxy", url)
                self.check(read.json["data"] == "far", kind, read.json)
                named = node.url.replace("127.0.0.1", "localhost")
                self.expect(0, "read", "echo:far", "-s", named, "--proxy", url, "--pin", "off")
                self.check([host for host, _ in proxy.asked] == ["127.0.0.1", "localhost"],
                           f"{kind} was asked", proxy.asked)
                refused = self.expect(3, "lcl", "-s", "wss://127.0.0.1:1", "--proxy", url)
                self.check("the proxy" in refused.json["error"]["message"], kind, refused.json)
                # Somewhere else, 127.0.0.1 may be anybody.
                self.expect(4, "lcl", "-s", node.url, "-k", "dev:bob", "--proxy", url)
        self.expect(3, "lcl", "-s", node.url, "--proxy", "socks5://127.0.0.1:1")
        self.expect(2, "lcl", "-s", node.url, "--proxy", "127.0.0.1:1")
        self.expect(0, "trust", "rm", node.url, "--yes")

    def editing(self, node):
        self.expect(0, "context", "add", "edited", "-s", node.url)
        change = {"EDITOR": "sed -i s/wss:/ws:/"}
        self.text("context", "edit", "edited", env=change)
        stored = self.expect(0, "context", "show", "edited").json["context"]["servers"]
        self.check(stored == [node.url.replace("wss:", "ws:")], "context edit", stored)
        for editor, code in (("false", 1), ("sed -i s/servers/srevers/", 2),
                             ("sed -i s/ws:/http:/", 2), ("sed -i s/{/[/", 2)):
            self.text("context", "edit", "edited", env={"EDITOR": editor}, code=code)
        self.check(self.expect(0, "context", "show", "edited").json["context"]["servers"] == stored,
                   "a bad edit changes nothing")
        self.text("context", "edit", "edited", "--no-input", env=change, code=2)
        self.expect(0, "context", "rm", "edited", "--yes")
        # Keys: one in use, one from hex.
        made = self.expect(0, "key", "from-hex", "typed", stdin="ab" * 32).json["public_key"]
        self.expect(0, "key", "use", "typed")
        sent = self.expect(0, "send", "--offline", "--expires", "@9", "x")
        self.check(sent.json["user"] == made, "key use", sent.json)
        self.expect(0, "key", "rm", "typed", "--yes")
        self.expect(0, "send", "echo:x", "-s", node.url)  # with "default" again
        self.expect(2, "key", "from-hex", "other", stdin="xyz")
        self.expect(9, "key", "use", "nobody")
        self.expect(2, "key", "rm", "default", "--no-input")

    def protocol(self, node):
        ask = '{"type":"stat"}\n{"type":"lcl"}\n'
        for encoding in ("bson", "json"):
            told = self.text("raw", "-s", node.url, "--protocol", encoding, input=ask)
            kinds = [json.loads(line)["type"] for line in told.splitlines()]
            self.check(kinds[:2] == ["stat_response", "lcl_response"], "raw", told)
        self.text("raw", "-s", node.url, input="nonsense\n", code=2)
        for encoding in ("bson", "json"):
            signed = self.expect(0, "send", "--offline", "--expires", "@99", "x", "-k", "ephemeral",
                                 "--protocol", encoding).json["frame_hex"]
            shown = self.text("decode", signed)
            again = self.text("encode", shown.strip(), "--to", encoding).strip()
            self.check(again == signed, f"encode undoes decode ({encoding})", shown, signed, again)
        self.expect(2, "encode", "[1]")
        lines = self.expect(0, "cheat", "ledger").json["lines"]
        self.check(lines and all(line["topic"] == "ledger" for line in lines), "cheat", lines)
        self.expect(9, "cheat", "nothing")

    def exports(self, node):
        plain, packed = self.root / "l.ndjson", self.root / "l.ndjson.zst"
        self.expect(0, "wait", "ledger", "4", "-s", node.url)
        self.expect(0, "ledger", "export", "1..3", "-O", str(plain), "-s", node.url)
        self.expect(0, "ledger", "export", "1..3", "-O", str(packed), "-s", node.url)
        opened = subprocess.run(["zstd", "-dc", str(packed)], capture_output=True)
        self.check(opened.stdout == plain.read_bytes() and len(plain.read_text().splitlines()) == 3,
                   "a compressed export", opened.stderr)
        keys = self.root / "trusted keys"
        keys.write_text(f"# the node\n{node.key}\n")
        self.expect(0, "send", "echo:x", "-s", node.url, "--trusted-key", str(keys))
        keys.write_text("ed" + "ab" * 32 + "\n")
        self.expect(4, "send", "echo:x", "-s", node.url, "--trusted-key", str(keys))
        keys.write_text("# nobody\n")
        self.expect(2, "send", "echo:x", "-s", node.url, "--trusted-key", str(keys))
        hdr = self.root / "l.hgrm"
        done = self.expect(0, "bench", "echo:x", "--rate", "50", "--duration", "1s", "--hdr",
                           str(hdr), "-s", node.url)
        rows = [line.split() for line in hdr.read_text().splitlines()[2:] if line[0] != "#"]
        self.check(int(rows[-1][2]) == done.json["answered"] == 50 and
                   float(rows[-1][1]) == 1 and
                   abs(float(rows[-1][0]) - done.json["latency_ms"]["max"]) < 0.01 and
                   [float(row[0]) for row in rows] == sorted(float(row[0]) for row in rows),
                   "--hdr", rows, done.json)

    def progress(self, node):
        """Lines every two seconds where there is no terminal, one that changes where there is."""
        wait = ["wait", "ledger", "+35", "-s", node.url]  # three seconds and more
        shown = subprocess.run([self.cli, *wait], env=self.env, capture_output=True, text=True)
        self.check(shown.stdout == "" and "waiting" in shown.stderr and "\x1b" not in shown.stderr,
                   "progress", shown)
        for flag in ("--no-progress", "-q"):
            silent = subprocess.run([self.cli, *wait, flag], env=self.env, capture_output=True,
                                    text=True)
            self.check(silent.stderr == "", flag, silent)
        child, terminal = pty.fork()
        if child == 0:
            os.execve(self.cli, [self.cli, "wait", "ledger", "+4", "-s", node.url],
                      {**self.env, "TERM": "xterm"})
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the end of a terminal
                break
        self.check(os.waitpid(child, 0)[1] == 0 and b"waiting" in shown and
                   shown.endswith(b"\r\x1b[K"), "on a terminal", shown)
        os.close(terminal)

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

    def agent(self, node):
        """The user's key stays in ssh-agent; whatever needs a signature asks for it."""
        at = ["-s", node.url]
        with Agent(self.root) as agent:
            try:
                self.agent_choices(agent)
                self.agent_uses(agent, at)
                self.agent_refusals(agent, at)
            finally:
                self.env.pop("SSH_AUTH_SOCK", None)
        self.check(agent.process.returncode is not None and not agent.socket.exists(),
                   "nothing is left of the agent")

    def refused(self, code, error, *arguments):
        done = self.expect(code, *arguments)
        self.check(done.json["error"]["code"] == error, f"{arguments}: not {error}", done.json)
        return done.json["error"]

    def agent_choices(self, agent):
        show = ["key", "show", "agent"]
        self.check("SSH_AUTH_SOCK" in self.refused(13, "HPE-13007", *show)["message"], "no agent")
        self.env["SSH_AUTH_SOCK"] = str(agent.root / "nowhere")
        self.check("ssh-agent" in self.refused(13, "HPE-13007", *show)["hint"], "no socket")
        self.check(any(key["name"] == "agent" and "problem" in key
                       for key in self.expect(0, "key", "list").json["keys"]), "list: no agent")
        self.env["SSH_AUTH_SOCK"] = str(agent.socket)
        self.check("ssh-add" in self.refused(9, "HPE-9001", *show)["hint"], "no keys")
        agent.add(agent.make_key("other", "ecdsa"))
        self.refused(9, "HPE-9001", *show)
        first = agent.make_key("first")
        agent.add(first)
        shown = self.expect(0, *show).json
        self.check(shown["public_key"] == agent.user_of(first) and
                   shown["comment"] == "the first key", "show", shown)
        second = agent.make_key("second")
        agent.add(second)
        several = self.refused(2, "HPE-2001", *show)
        self.check("the first key" in several["hint"] and "the second key" in several["hint"],
                   "several", several)
        named = ("agent:the second key", f"agent:{agent.user_of(second)}",
                 next(key["name"] for key in self.expect(0, "key", "list").json["keys"]
                      if key.get("comment") == "the second key"))
        for name in named:
            self.check(self.expect(0, "key", "show", name).json["public_key"] ==
                       agent.user_of(second), name)
        self.check(named[2].startswith("agent:SHA256:") and
                   named[2][6:] in subprocess.run(["ssh-keygen", "-lf", str(second)], text=True,
                                                  capture_output=True).stdout, "fingerprint")
        self.refused(9, "HPE-9001", "key", "show", "agent:nobody")
        agent.add("-x")
        self.check("locked" in self.refused(9, "HPE-9001", *show)["message"], "locked")
        agent.add("-X")
        agent.add("-d", second)
        for words in (("rm", "agent"), ("export", "agent", "--show-secret"), ("passwd", "agent"),
                      ("new", "agent"), ("new", "ephemeral"), ("import", "agent", str(first))):
            self.refused(2, "HPE-2001", "key", *words, "--yes")
        # The files themselves.
        taken = self.expect(0, "key", "import", "taken", str(second)).json
        self.check(taken["public_key"] == agent.user_of(second), "an OpenSSH key file", taken)
        self.expect(0, "key", "rm", "taken", "--yes")
        sealed = agent.make_key("sealed", passphrase="correct horse")
        for path, cure in ((agent.root / "other", "Ed25519"), (sealed, "ssh-add")):
            self.check(cure in self.refused(2, "HPE-2004", "key", "import", "x",
                                            str(path))["hint"], cure)

    def agent_uses(self, agent, at):
        user = agent.user_of(agent.root / "first")
        use = [*at, "-k", "agent"]
        for encoding in ("bson", "json"):
            sent = self.expect(0, "send", "echo:by agent", *use, "--protocol", encoding)
            self.check(sent.json["outputs"][0]["data"] == "by agent", encoding, sent.json)
            found = self.expect(0, "ledger", "find", "--hash", sent.json["input"]["hash"], "-5..",
                                *at)
            self.check(found.json["ledger"]["seq"] == sent.json["ledger"]["seq"], "in a ledger")
            signed = self.expect(0, "send", "--offline", "--expires", "@9", "x", "-k", "agent",
                                 "--protocol", encoding).json
            shown = json.loads(self.text("decode", signed["frame_hex"]))
            self.check(signed["user"] == user and shown["type"] == "contract_input", "offline",
                       signed)
        self.expect(0, "ledger", "find", "--user", user, "-9..", *at)
        lines = self.expect(0, "send", "--lines", *use, stdin="echo:1\necho:2\necho:3\n")
        self.check([item["data"] for one in lines.documents for item in one["outputs"]] ==
                   ["1", "2", "3"], "a stream", lines.documents)
        self.check(self.expect(0, "read", "echo:x", *use).json["data"] == "x", "read")
        self.expect(0, "status", "--all", *use)
        self.expect(0, "run", "-", *use, stdin="send echo:5 -> $ == 5\nas agent\nread echo:6\n")
        talk = subprocess.run([self.cli, "shell", *use], env=self.env, text=True,
                              input="echo:one\n?echo:two\n", capture_output=True, timeout=60)
        self.check(talk.returncode == 0 and talk.stdout == "one\ntwo\n", "shell", talk)
        record = str(agent.root / "recorded")
        self.expect(0, "session", "record", record, *use, stdin="echo:same\n")
        self.expect(0, "session", "replay", record, "--expect", *at)
        made = self.expect(0, "key", "sign", "agent", "letter").json
        self.check(made["public_key"] == user, "key sign", made)
        self.expect(0, "key", "verify", user, made["signature"], "letter")
        self.expect(0, "key", "use", "agent")
        sent = self.expect(0, "send", "--offline", "--expires", "@9", "x").json
        self.check(sent["user"] == user, "key use", sent)
        self.run("key", "new", "default")  # if there is none yet
        self.expect(0, "key", "use", "default")

    def agent_refusals(self, agent, at):
        first = agent.root / "first"
        offline = ["send", "--offline", "--expires", "@9", "x", "-k", "agent"]
        agent.add("-d", first)
        agent.add("-c", first)
        self.expect(0, "send", "echo:confirmed", *at, "-k", "agent")
        agent.answer(1)
        self.check("refuses" in self.refused(13, "HPE-13007", *offline)["message"], "refused")
        self.refused(13, "HPE-13007", "send", "x", *at, "-k", "agent")
        self.refused(13, "HPE-13007", "key", "sign", "agent", "x")
        # Somebody who takes a while; who takes too long; who gives up.
        agent.answer(0)
        agent.no_answer()
        slow = self.start(*offline)
        self.check("waiting for the agent" in slow.stderr.readline(), "a slow one is told about")
        agent.answer(0)
        self.check(self.end(slow).returncode == 0, "a slow confirmation")
        agent.no_answer()
        late = self.refused(13, "HPE-13007", *offline, "--timeout", "300ms")
        self.check("has not answered" in late["message"], "too slow", late)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            agent.answer(1)  # an agent that asks does nothing else
            self.expect(0, "key", "list")
            agent.no_answer()
            waiting = self.start("read", "x", *at, "-k", "agent")
            waiting.stderr.readline()
            waiting.send_signal(number)
            self.end(waiting)
            self.check(waiting.returncode == code, f"ended by {number}", waiting.returncode,
                       waiting.json, waiting.note)
        agent.answer(0)

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
        for part in (self.stream, self.proofs, self.keys, self.agent, self.scripts, self.shell,
                     self.recordings, self.load, self.presentation, self.programs, self.repeats,
                     self.records, self.settings, self.proxies, self.editing, self.protocol,
                     self.exports, self.progress):
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
