#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conventions (conventions.py) for every command of hpdev, with clusters of one node.

    dev_conventions_test.py BIN_DIR      (with hpnode, hpcli, hpdev, probe_contract)

The program itself lists its commands; one without a line in SAMPLES fails the test.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from conventions import Suite
from dev_project import Dev, own_ports

# Words -> arguments of a call that succeeds. {name} stands for what the suite has prepared. Calls
# that change something leave nothing behind that keeps them from succeeding again.
SAMPLES = {
    "up": ["-d", "--name", "{unique}", "-n", "1", "--contract", "{bundle}", "--roundtime", "200ms"],
    "down": ["--cluster", "{started}", "--rm", "--yes"],
    "clean": ["--cluster", "{started}", "--yes"],
    "ps": [],
    "status": [],
    "top": ["--once"],
    "open": ["--print"],
    "logs": ["1", "-n", "5"],
    "deploy": ["{bundle}"],
    "node add": ["--no-wait"],
    "node rm": ["{observer}"],
    "node start": ["1"],
    "node stop": ["{observer}"],
    "node restart": ["{observer}"],
    "node pause": ["{observer}"],
    "node resume": ["{observer}"],
    "node kill": ["{observer}"],
    "node cfg": ["1", "log.log_level"],
    "node promote": ["{observer}"],
    "node demote": ["{voter}"],
    "start": ["1"],
    "stop": ["{observer}"],
    "spawn": ["--no-wait"],
    "cluster list": [],
    "cluster use": ["default"],
    "cluster show": [],
    "cluster rm": ["{started}", "--yes"],
    "state ls": ["1"],
    "state cat": ["1", "note"],
    "state diff": ["1", "1"],
    "state pull": ["1:note", "{unique}"],
    "diff": ["--nodes", "1"],
    "ledger": ["lcl"],
    "chaos link": ["{observer}", "--latency", "1ms", "--for", "1ms", "--no-check"],
    "chaos partition": ["{observer}", "--for", "1ms", "--no-check"],
    "chaos heal": ["--no-check"],
    "chaos kill": ["{observer}", "--for", "1ms", "--no-check"],
    "chaos pause": ["{observer}", "--for", "1ms", "--no-check"],
    "chaos disk": ["{observer}", "--full", "--for", "1ms", "--no-check"],
    "chaos contract": ["{observer}", "--differ", "--for", "1ms", "--no-check"],
    "chaos list": [],
    "chaos clear": ["--no-check"],
    "scenario run": ["{scenario}", "--cluster", "default"],
    "scenario list": [],
    "scenario validate": ["{scenario}"],
    "doctor": [],
    "report": ["-O", "{unique}.tar.zst"],
    "explain": ["7"],
    "schema": [],
    "completion": ["bash"],
    "man": [],
    "config explain": ["cluster"],
    "dashboard": [],
    "version": [],
    "new": ["{unique}", "--no-git"],
    "init": ["fresh", "--no-git", "-C", "{empty}"],
    "gen": ["nodejs", "blank-contract", "{unique}"],
    "list": ["nodejs"],
    "templates list": [],
    "templates show": ["starter"],
    "templates path": [],
    "build": ["-C", "{project}"],
    "dev": ["-C", "{project}", "--once", "--no-check", "--roundtime", "200ms"],
    "bundle": ["-C", "{project}"],
    "exec": ["--bundle", "{contract}", "get"],
    "test": ["{cases}", "--bundle", "{contract}"],
    "check": ["--bundle", "{contract}", "-i", "get"],
}


class HpdevSuite(Suite):
    name = "hpdev"
    samples = SAMPLES
    silent = ("cluster rm",)
    endless = ("dashboard",)
    # What these answer is shaped by the same code.
    unshaped = ("up", "down", "clean", "deploy", "node", "start", "stop", "spawn", "cluster",
                "chaos", "scenario", "dev", "state pull", "report", "build", "test", "check",
                "open", "logs", "top")
    completes = ("state", "pu", "pull")
    misspelt = ("statsu", "status")

    def set_up(self, dev):
        self.dev = dev
        self.cwd = dev.root
        self.env = {**dev.env, **own_ports()}
        project = dev.root.parent / "tally"
        dev.ok("new", "tally", "--lang", "js", "--no-git", cwd=project.parent)
        dev.ok("build", cwd=project)
        self.facts = {"bundle": str(dev.bundle(note="one")), "project": str(project),
                      "contract": str(project / ".hp/bundle"), "cases": str(project / "tests")}
        (dev.root / "scenarios").mkdir()
        (dev.root / "scenarios/one.toml").write_text(
            'name = "one"\n[[expect]]\nthat = "ledgers close"\n')
        self.facts["scenario"] = "scenarios/one.toml"
        dev.up(nodes=1)
        self.clusters = []

    def start(self, name):
        self.dev.up("--name", name, nodes=1)
        self.dev.ok("cluster", "use", "default")
        self.clusters.append(name)

    # One observer is enough, but for what changes it.
    def observer(self, fresh=False):
        nodes = self.dev.cluster()["nodes"]
        found = [node for node in nodes if node["role"] == "observer"]
        for node in found if fresh else found[1:]:
            self.dev.ok("node", "rm", str(node["number"]))
        if not fresh and found:
            number = str(found[0]["number"])
            if found[0]["state"] == "paused":
                self.dev.ok("node", "resume", number)
            orders = pathlib.Path(found[0]["dir"]) / "cfg/hpnode.dev.sock"
            if found[0]["pid"] is not None and orders.exists():
                return number
            self.dev.ok("node", "rm", number)  # it was stopped, or asked to stop
        return str(self.dev.json("node", "add")["node"])

    def voter(self):
        number = self.observer(fresh=True)
        self.dev.ok("node", "promote", number)
        return number

    def back_to_one(self):
        for node in self.dev.cluster()["nodes"][1:]:
            if node["role"] == "validator":
                self.dev.ok("node", "demote", str(node["number"]))

    def prepare(self, words, facts):
        wanted = " ".join(SAMPLES[words])
        if "{empty}" in wanted:
            facts["empty"] = str(self.dev.root / f"empty{self.count}")
            os.mkdir(facts["empty"])
        if words == "up":
            facts["unique"] = f"c{self.count}"
            self.clusters.append(facts["unique"])
        if "{started}" in wanted:
            facts["started"] = f"s{self.count}"
            self.start(facts["started"])
        if words != "up" and not words.startswith("cluster"):
            self.dev.ok("cluster", "use", "default")
        if "{observer}" in wanted or "{voter}" in wanted:
            self.back_to_one()
        if "{observer}" in wanted:
            facts["observer"] = self.observer(fresh=words in ("node promote", "node rm"))
        if "{voter}" in wanted:
            facts["voter"] = self.voter()

    def check_offline(self, words):
        arguments = self.sample(words)
        place = self.dev.root.parent / "elsewhere"
        place.mkdir(exist_ok=True)
        if words in ("up", "deploy", "dev"):
            arguments = words.split()
        if words == "cluster use":
            arguments = ["cluster", "use", "nobody"]
        done = subprocess.run([self.program, *arguments, "-y"], cwd=place, env=self.env,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
        named = any(part == "--cluster" for part in arguments)
        quiet = words in ("cluster list", "down", "clean") and not named
        self.check(done.returncode == (0 if quiet else 9), f"{words} without a cluster", done)

    def down_extra(self):
        for name in self.clusters:
            self.dev.run("down", "--cluster", name, "--rm", "--yes")
        self.clusters.clear()

    def check_all(self):
        super().check_all()
        self.down_extra()


def main():
    with tempfile.TemporaryDirectory(prefix="hp_dev_conv_") as root:
        dev = Dev(sys.argv[1], f"{root}/project")
        try:
            suite = HpdevSuite(sys.argv[1], dev.root)
            suite.set_up(dev)
            suite.check_all()
        finally:
            dev.run("down", "--all")
        return suite.report()


if __name__ == "__main__":
    sys.exit(main())
