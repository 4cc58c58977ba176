#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`hpdev dev` as its users see it: what is saved runs on the nodes, what cannot be built does not,
and nothing is left when it ends.

    dev_dev_test.py BIN_DIR [PART...]      (with hpnode, hpcli, hpdev)
"""

import json
import os
import pathlib
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time

from dev_project import Dev, Failed, check, is_alive, wait_for

ONE_CASE = """
[[case]]
name = "adds"
[[case.round]]
inputs = [{ user = "alice", text = "add 5" }]
"""


def descendants(pid):
    """All of them, as they are now."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(") ")[2].split()[1])
        except OSError:
            continue
    out = [pid]
    for one in out:
        out += [child for child, parent in parents.items() if parent == one]
    return out[1:]


def edit(path, old, new):
    text = path.read_text()
    check(old in text, f"{path} has no {old}")
    path.write_text(text.replace(old, new, 1))


def nothing_left(pids, cluster):
    wait_for(lambda: not any(map(is_alive, pids)), f"{pids} to end", 10)
    for node in cluster["nodes"]:
        for port in (node["user_port"], node["peer_port"]):
            with socket.socket() as one:
                check(one.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is still open")


class Project(Dev):
    def __init__(self, bin_dir, root, language):
        super().__init__(bin_dir, root)
        self.env["TMPDIR"] = str(self.root)  # of what is killed
        self.ok("new", "tally", "--lang", language, "--no-git")
        self.root = self.root / "tally"
        (self.root / "tests/starter.hpt.toml").write_text(ONE_CASE)

    def words(self, *words):
        return self.command("dev", "--roundtime", "200ms", "--user-port", str(self.port),
                            "--peer-port", str(self.port + 20), "--ready-timeout", "60s", *words)

    def total(self, verb, text):
        answer = self.hpcli(verb, text)
        return (answer["outputs"][0] if verb == "send" else answer)["data"]["total"]


class Session:
    """`hpdev dev --json`, without a terminal."""

    def __init__(self, project, *words):
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(project.words("--json", *words), cwd=project.root,
                                        env=project.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.events = []
        self.at = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def next(self, name, timeout=60):
        """The next event of that name after the last one that was asked for."""
        def look():
            for at in range(self.at, len(self.events)):
                if self.events[at].get("event") == name:
                    self.at = at + 1
                    return self.events[at]
            check(self.process.poll() is None or self.reader.is_alive(), "it has ended",
                  self.events[-3:], self.said())
            return None
        return wait_for(look, f"{name} after {self.events[-3:]}", timeout)

    def said(self):
        self.errors.seek(0)
        return self.errors.read()

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.reader.join(timeout=10)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_js(bin_dir, root):
    project = Project(bin_dir, root, "js")
    source = project.root / "src/tally.js"
    session = Session(project, "--no-check")
    try:
        first = session.next("ledger")
        url = session.next("dashboard")["url"]
        cluster = project.cluster()
        check(first["ledger"] >= 1 and cluster["dashboard"] == url, "start", session.events)
        pids = descendants(session.process.pid)
        check(len(pids) >= 5, "a supervisor, three nodes, a dashboard", pids)
        project.fail(10, "HPE-10004", "dev")
        browser = project.root / ".browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {project.root}/.opened\n')
        browser.chmod(0o755)
        check(project.ok("open", env={"BROWSER": str(browser)}).strip() == url, "open")
        wait_for(lambda: (project.root / ".opened").exists() and
                 (project.root / ".opened").read_text().strip() == url, "the browser")
        check(project.total("send", "add 5") == 5, "the first contract")

        edit(source, "state.total += n;", "state.total += 2n * n;")
        check(session.next("build")["result"] == "ok", "build", session.events)
        deploy = session.next("deploy")
        check(deploy["result"] == "ok" and deploy["changed"] == ["src/tally.js"], "deploy", deploy)
        print(f"  saved -> live after {deploy['took_ms']} ms")
        check(project.total("send", "add 5") == 15, "the new contract")

        source.write_text(source.read_text() + "no sense(\n")
        failed = session.next("build")
        check(failed["result"] == "failed" and failed["code"] == "HPE-1004", "broken", failed)
        check("SyntaxError" in session.said(), "what node said", session.said())
        check(project.total("read", "get") == 15, "the contract that ran")
        check([node["pid"] for node in project.cluster()["nodes"]] ==
              [node["pid"] for node in cluster["nodes"]], "restarted")

        edit(source, "no sense(\n", "")
        check(session.next("build")["result"] == "ok", "repaired", session.events)
        check(session.next("deploy")["result"] == "unchanged", "repaired", session.events)
        os.kill(cluster["nodes"][1]["pid"], signal.SIGKILL)
        dead = session.next("node")
        check(dead["node"] == 2 and "SIGKILL" in dead["text"], "death of a node", dead)
        project.ok("node", "start", "2")
        before = project.hpcli("lcl")["ledger"]["seq"]
        check(session.end(signal.SIGTERM) == 0, "end", session.events[-3:], session.said())
        check(session.next("end"), "no end")
        nothing_left([session.process.pid, *pids], cluster)
        check(project.cluster()["dashboard"] is None, "a dashboard that has gone")
    finally:
        session.close()

    # Again: the same ledger. What nodes would disagree about is told, and with --strict kept away.
    session = Session(project, "--strict", "--no-dashboard")
    try:
        check(session.next("check")["result"] == "ok", "check", session.events)
        check(session.next("ledger")["ledger"] >= before, "another ledger", session.events)
        session.next("keys")
        check(project.cluster()["dashboard"] is None, "--no-dashboard")
        check(project.total("read", "get") == 15, "another state")
        save = project.root / "src/state_files.js"
        edit(save, "function save(before, after) {",
             "function save(before, after) {\n"
             "    fs.writeFileSync('when.txt', String(process.hrtime.bigint()));")
        found = session.next("check")
        check(found["result"] == "warning" and "when.txt" in found["text"], "finding", found)
        check(project.total("send", "add 1") == 17, "deployed all the same")
        check(project.run("state", "cat", "1", "when.txt").returncode == 9, "deployed")
        pids = descendants(session.process.pid)
        session.end(signal.SIGKILL)
        nothing_left(pids, project.cluster())
    finally:
        session.close()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, words, cwd, env):
        self.master, slave = pty.openpty()
        self.modes = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(words, cwd=cwd, env=env, stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: os.close(os.open(os.ttyname(0),
                                                                            os.O_RDWR)))
        self.text = ""

    def expect(self, what, timeout=120):
        deadline = time.monotonic() + timeout
        while what not in self.text:
            check(time.monotonic() < deadline, f"no {what!r}", self.text[-2000:])
            if select.select([self.master], [], [], 0.2)[0]:
                self.text += os.read(self.master, 65536).decode(errors="replace")
        before, _, self.text = self.text.partition(what)
        return before

    def key(self, key):
        os.write(self.master, key.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_keys(bin_dir, root):
    """A contract in C, on a terminal."""
    project = Project(bin_dir, root, "c")
    terminal = Terminal(project.words("--no-check"), project.root,
                        {**project.env, "TERM": "xterm"})
    try:
        terminal.expect("build     ok")
        terminal.expect("q quits, r redeploys")
        check(project.total("send", "add 5") == 5, "the first contract")
        terminal.key("?")
        terminal.expect("q ends it")
        edit(project.root / "src/tally.c", "state->total += n;", "state->total += 2 * n;")
        terminal.expect("state kept (1 file changed: tally)")
        check(project.total("send", "add 5") == 15, "the new contract")
        edit(project.root / "src/tally.c", "state->total += 2 * n;", "state->total += nonsense;")
        said = terminal.expect("build     failed")
        check("nonsense" in said, "what the compiler said", said)
        check(project.total("read", "get") == 15, "the contract that ran")
        edit(project.root / "src/tally.c", "nonsense", "2 * n")
        terminal.expect("build     ok")
        terminal.expect("unchanged")
        terminal.key("r")
        terminal.expect("build     ok")
        terminal.expect("unchanged")
        cluster = project.cluster()
        pids = descendants(terminal.process.pid)
        terminal.key("q")
        terminal.expect("nothing is left")
        check(terminal.process.wait(timeout=30) == 0, "exit code")
        check(termios.tcgetattr(terminal.slave) == terminal.modes, "the terminal has changed")
        nothing_left(pids, cluster)
    finally:
        terminal.close()


def test_refusals(bin_dir, root):
    dev = Dev(bin_dir, root)
    dev.fail(9, "HPE-9006", "dev")
    project = Project(bin_dir, root, "js")
    project.fail(2, "HPE-2001", "dev", "--strict", "--no-check")
    project.fail(2, "HPE-2001", "dev", "--logs", "some")
    (project.root / "src/tally.js").write_text("no sense(\n")
    # Its events come first.
    done = project.run("dev", "--once", "--json")
    answer = json.loads(done.stdout.splitlines()[-1])
    check(done.returncode == 1 and answer["error"]["code"] == "HPE-1004", "broken", done)
    check(not (project.root / ".hp/clusters/default/node1").exists(), "a cluster of nothing")


def main():
    parts = {name[5:]: part for name, part in globals().items() if name.startswith("test_")}
    failed = 0
    for name in sys.argv[2:] or parts:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="hp_dev_") as root:
            try:
                parts[name](sys.argv[1], root)
                print(f"ok      {name}  {time.monotonic() - began:.1f} s", flush=True)
            except (Failed, RuntimeError, OSError, ValueError, KeyError,
                    subprocess.TimeoutExpired) as error:
                failed += 1
                print(f"FAILED  {name}: {error!r}"[:3000], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
