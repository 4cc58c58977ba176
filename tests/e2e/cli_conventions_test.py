#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every command of hpcli keeps to, checked for every command against a live node.

    cli_conventions_test.py BIN_DIR      (with hpnode, hpcli, probe_contract)

The program itself lists its commands; one without a line in SAMPLES fails the test, so that no new
command escapes.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from json_schema import error_problems, problems
from single_node import Node

ANSI = re.compile(rb"\x1b\[")

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


class Suite:
    def __init__(self, bin_dir, root):
        self.cli = str(pathlib.Path(bin_dir).resolve() / "hpcli")
        self.root = pathlib.Path(root)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"}
        self.facts = {}
        self.count = 0
        self.checks = 0
        self.failures = []

    def check(self, good, what, *more):
        self.checks += 1
        if not good:
            self.failures.append(what)
            print("FAILED:", what, *more, flush=True)

    def run(self, arguments, env=None, **more):
        if arguments[:2] == ["key", "from-hex"]:
            more["input"] = b"ab" * 32
        if "input" not in more:
            more["stdin"] = subprocess.DEVNULL
        return subprocess.run([self.cli, *arguments], capture_output=True, timeout=60,
                              env={**self.env, **(env or {})}, **more)

    def ok(self, arguments, **more):
        done = self.run(arguments, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout.decode()

    # A name that nothing has yet, and things that can be removed once.
    def fresh(self, words):
        self.count += 1
        out = dict(self.facts, unique=f"n{self.count}")
        if words == "session record":
            out["unique"] = str(self.root / f"recording{self.count}")
        if words == "key rm":
            out["removable_key"] = f"k{self.count}"
            self.ok(["key", "new", out["removable_key"]])
        if words == "context rm":
            out["removable_context"] = f"c{self.count}"
            self.ok(["context", "add", out["removable_context"], "-s", self.facts["url"]])
        if words == "trust rm":
            out["removable_server"] = f"wss://h{self.count}:1"
            self.ok(["trust", "add", out["removable_server"], self.facts["node_key"]])
        return out

    def sample(self, words):
        facts = self.fresh(words)
        return words.split() + [part.format(**facts) for part in SAMPLES[words]]

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

    def commands(self):
        return {item["command"]: item
                for item in json.loads(self.ok(["schema", "--json"]))["commands"]}

    # --- what is checked of one command ------------------------------------------------------

    def check_help(self, words):
        for flag in ("-h", "--help-all"):
            # No home, no network, no terminal.
            done = subprocess.run([self.cli, *words.split(), flag], capture_output=True, env={},
                                  stdin=subprocess.DEVNULL, timeout=20)
            text = done.stdout.decode()
            self.check(done.returncode == 0 and done.stderr == b"", f"{words} {flag}")
            examples = text.partition("examples:\n")[2].splitlines()
            self.check(len(examples) == 2 and all("hpcli" in line for line in examples),
                       f"{words} {flag}: two examples", text)
            for line in text.splitlines():
                if re.match(r"  (-\w |--)", line):
                    self.check(re.search(r"\S  *\S.*\S", line[32:] or " ") is not None,
                               f"{words}: an option without a description", line)
        self.check(len(text.splitlines()) < 75, f"{words} --help-all is too long")

    def check_text(self, words):
        done = self.run(self.sample(words), env={"CLICOLOR_FORCE": "1", "TERM": "xterm"})
        self.check(done.returncode == 0, f"{words}: exit {done.returncode}", done)
        self.check(not ANSI.search(done.stdout), f"{words}: escape codes on stdout")
        for line in done.stderr.decode().splitlines():
            self.check(line.startswith(("hpcli: ", "  ")), f"{words}: odd note", line)
        quiet = self.run(self.sample(words) + ["-q"])
        self.check(quiet.returncode == 0 and quiet.stderr == b"", f"{words} -q is not quiet",
                   quiet.stderr)

    def check_json(self, words, info):
        if "schema" not in info:
            return
        schema = json.loads(self.ok(["schema", *words.split()]))
        done = self.run(self.sample(words) + ["--json"])
        self.check(done.returncode == 0, f"{words} --json: exit {done.returncode}", done)
        lines = done.stdout.decode().splitlines()
        self.check(len(lines) > 0, f"{words} --json: nothing")
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError as error:
                self.check(False, f"{words} --json: {error}", line)
                continue
            found = list(problems(document, schema["anyOf"][0]))
            self.check(not found, f"{words} --json: {found}", line)
            self.check(document["schema"] == info["schema"], f"{words}: another schema", line)
        bad = self.run(words.split() + ["--json", "--no-such-option"])
        self.check(bad.returncode == 2 and bad.stderr == b"", f"{words} --json: usage error", bad)
        document = json.loads(bad.stdout)
        found = error_problems(document, schema)
        self.check(not found and document["ok"] is False, f"{words} --json: {found}", bad)

    def check_shapes(self, words, info):
        """Every answer as tab-separated lines, as values, as a table and as JSON of one field."""
        if "schema" not in info:
            done = self.run(words.split() + ["-o", "tsv"])
            self.check(done.returncode == 2, f"{words} -o tsv", done)
            return
        answer = self.ok(self.sample(words) + ["-o", "json"])
        lines = [json.loads(line) for line in answer.split("\n") if line]
        field = next(name for name in lines[0] if name not in ("schema", "ok")) \
            if len(lines[0]) > 2 or "ok" not in lines[0] else "ok"
        for shape in ("tsv", "raw", "table"):
            done = self.run(self.sample(words) + ["-o", shape, "--fields", field])
            self.check(done.returncode == 0 and b'"ok":true' not in done.stdout and
                       (shape == "raw" or done.stdout.startswith(field.encode())),
                       f"{words} -o {shape}", done)
        rows = self.run(self.sample(words) + ["-o", "tsv"])
        widths = {line.count(b"\t") for line in rows.stdout.splitlines()}
        self.check(rows.returncode == 0 and (len(widths) == 1 or words == "watch"),
                   f"{words} -o tsv: columns", rows)
        picked = json.loads(self.ok(self.sample(words) + ["--json", "--fields", field])
                            .split("\n")[0])
        self.check(set(picked) <= {"schema", "ok", field}, f"{words} --json --fields", picked)
        bad = self.run(self.sample(words) + ["--fields", "no_such_field"])
        self.check(bad.returncode == 2 and bad.stdout == b"", f"{words}: an unknown field", bad)

    def check_errors(self, words, info):
        for env, coloured in (({"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, False),
                              ({"CLICOLOR_FORCE": "1"}, True), ({"TERM": "xterm"}, False)):
            done = self.run(words.split() + ["--no-such-option"], env=env)
            self.check(done.returncode == 2 and done.stdout == b"", f"{words}: usage error", done)
            self.check(bool(ANSI.search(done.stderr)) == coloured, f"{words}: colour {env}",
                       done.stderr)
            self.check(b"HPE-2001" in done.stderr, f"{words}: no code", done.stderr)
        if not info["online"]:
            return
        arguments = self.sample(words)
        done = self.run(arguments, env={"HP_SERVERS": "", "HOME": str(self.root / "empty")})
        self.check(done.returncode == 2 and b"HPE-2002" in done.stderr, f"{words}: no server",
                   done)
        done = self.run(arguments + ["-s", "wss://127.0.0.1:1", "--timeout", "500ms"])
        expected = 6 if words == "wait" else 3  # which waits for a node that starts
        self.check(done.returncode == expected, f"{words}: no node there", done)

    def check_closed_pipe(self, words):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.Popen([self.cli, *self.sample(words)], stdin=subprocess.PIPE,
                                stdout=writing, stderr=subprocess.PIPE, env=self.env)
        os.close(writing)
        stdin = b"ab" * 32 if words == "key from-hex" else b""
        stderr = done.communicate(stdin, timeout=60)[1]
        # They have nothing to write.
        silent = words in ("raw", "wait", "key rm", "context rm", "trust rm", "shell")
        self.check(done.returncode == (0 if silent else 141),
                   f"{words} into a closed pipe: exit {done.returncode}", stderr)
        self.check(stderr == b"" or b"error" not in stderr, f"{words} into a closed pipe", stderr)

    def check_all(self):
        commands = self.commands()
        for words in commands:
            self.check(words in SAMPLES, f"\"{words}\" has no line in SAMPLES")
        for words in SAMPLES:
            self.check(words in commands, f"\"{words}\" is in SAMPLES, but no command")
        for words, info in commands.items():
            if words not in SAMPLES:
                continue
            self.check_help(words)
            self.check_text(words)
            self.check_json(words, info)
            self.check_shapes(words, info)
            self.check_errors(words, info)
            self.check_closed_pipe(words)
        self.check_wholes(commands)

    # --- what is checked of the program ------------------------------------------------------

    def check_wholes(self, commands):
        manual = self.ok(["man"])
        for words in commands:
            self.check(f'"hpcli {words}"'.replace("-", "\\-") in manual,
                       f"man does not know {words}")
        for shell in ("bash", "zsh", "fish"):
            script = self.ok(["completion", shell])
            for words in commands:
                self.check(words.split()[-1] in script, f"{shell} does not complete {words}")
        bash = 'source <("$0" completion bash); COMP_WORDS=(hpcli ledger ve); COMP_CWORD=2; ' \
               '_hpcli; echo "${COMPREPLY[*]}"'
        done = subprocess.run(["bash", "-c", bash, self.cli], capture_output=True, text=True,
                              env=self.env)
        self.check(done.stdout.strip() == "verify", "bash completion", done)
        meant = self.run(["statsu"])
        self.check(b'did you mean "status"' in meant.stderr, "did you mean", meant.stderr)
        for code in (0, *range(1, 14), 130, 141, 143):
            self.check(self.run(["explain", str(code)]).returncode == 0, f"explain {code}")
        self.check(self.run(["explain", "99"]).returncode == 9, "explain 99")
        times = []
        for _ in range(20):
            start = time.perf_counter()
            self.ok(["version"])
            times.append(time.perf_counter() - start)
        print(f"start to end of \"hpcli version\": {statistics.median(times) * 1000:.1f} ms")


def main():
    with tempfile.TemporaryDirectory(prefix="hp_cli_") as root:
        node = Node(sys.argv[1], root)
        try:
            node.start()
            suite = Suite(sys.argv[1], root)
            suite.set_up(node)
            suite.check_all()
        finally:
            node.stop()
        print(f"{suite.checks} checks, {len(suite.failures)} failures")
        return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
