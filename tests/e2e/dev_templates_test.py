#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a project of every template in every language, builds it, runs its test cases, and talks to
it on three nodes: with its script and its clients.

    dev_templates_test.py BIN_DIR [TEMPLATE[-LANGUAGE]...]

BIN_DIR holds hpdev, hpcli and hpnode. Without names: all of them.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from dev_project import Failed, own_ports

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODULES = SOURCE / "tests/js/node_modules"
AT_A_TIME = 2
LINES_MAX = 150  # of a contract: who wants to learn from it reads all of it
NODE_KEY = "ed" + "0" * 63 + "2"

# After the script: commands, and what they must print. {url} is a node's. The shell scripts come
# first, then the clients in JavaScript.
CLIENTS = {
    "blank": [("client/blank.sh hello", r"\d"),
              ("node client/blank.mjs {url} hello", "hello: accepted")],
    "starter": [("client/starter.sh 1 2", r'"total":8'),
                ("node client/starter.mjs {url} 2", "total: 10")],
    "file": [("client/file.sh put README.md", '"done":true'),
             ("client/file.sh get README.md copy && cmp README.md copy && echo same", "same"),
             ("client/file.sh list", "README.md"),
             ("node client/file.mjs {url} hpdev.toml copy && cmp hpdev.toml copy && echo same",
              "same")],
    "npl": [("client/npl.sh", r'"number":"[0-9a-f]{64}"'),
            ("node client/npl.mjs {url}", r"number: '[0-9a-f]{64}'")],
    "multisig": [("client/multisig.sh bob 7", r'"funds":988'),
                 ("node client/multisig.mjs {url} bob 8", "done: '3 pay bob 8'")],
    "upgrader": [("client/upgrader.sh 2.0 alice", r'"upgraded":"2.0"'),
                 ("cp README.md .hp/bundle/notes.md && hpdev deploy --through-consensus -k alice "
                  "&& hpdev state cat 1 notes.md | cmp - README.md && echo same",
                  r"upgraded from 2.0 to 2.1 with ledger \d+ \(1 file changed: notes.md \(new\)\)\n"
                  r"state (\w{8}) -> (?!\1)\w{8}\nsame"),
                 ("hpdev deploy --through-consensus -k alice --json", r'"how":"unchanged"'),
                 ("rm .hp/bundle/notes.md && hpdev deploy --through-consensus -k alice && "
                  "! hpdev state cat 1 notes.md && hpdev state cat 1 bundle.files",
                  r"from 2.1 to 2.2 .*\(1 file changed: notes.md \(removed\)\)\n"
                  r"state (\w{8}) -> (?!\1)\w{8}\nupgrader-cpp\n$"),
                 ("echo more > .hp/bundle/notes.md && "
                  "hpdev deploy --through-consensus -k bob --json || test $? = 5",
                  r'"message":"the contract refuses: only an owner may do that'),
                 ("head -c 6M /dev/zero > .hp/bundle/big && "
                  "hpdev deploy --through-consensus -k alice --json || test $? = 8",
                  r"takes inputs of up to 5241856"),
                 ("sed -i 's/^bool is_healthy() {{/&\\n    std::abort();/' src/upgrade.cpp && "
                  "hpdev build -q >/dev/null 2>&1 && client/upgrader.sh 3.0 alice",
                  r'"failed":"3.0","error":"the health check ended with 134"'),
                 ("hpdev deploy --through-consensus -k alice --new-version 3.1 --json || "
                  "test $? = 11", "took version 3.1 back: the health check ended with 134"),
                 ("hpcli read status", r'"version":"2.2"'),
                 ("hpdev bundle -O bad.hpb >/dev/null && "
                  "node client/upgrader.mjs {url} 4.0 bad.hpb", "approvals: 1")],
    # Of four, because a cluster of three would wait for the fourth node for ever.
    "membership": [("node client/membership.mjs {url}", '"tolerates": 0'),
                   (f"client/membership.sh {NODE_KEY}", r'"accepted":true,"nodes":5,"needed":4')],
    "kv-sqlite": [("client/kv.sh put a 1", r'"value":"1"'), ("client/kv.sh get a", r'"value":"1"'),
                  ("client/kv.sh list", '"a"'), ("client/kv.sh delete a", '"deleted":1'),
                  ("node client/kv.mjs {url} b 2", "value: '2'")],
}


class Suite:
    def __init__(self, bin_dir, root):
        self.bin = pathlib.Path(bin_dir).resolve()
        self.root = pathlib.Path(root)
        self.env = {**os.environ, "HOME": str(self.root), "LANG": "C.UTF-8",
                    "XDG_DATA_HOME": str(self.root / "data"),
                    "XDG_CONFIG_HOME": str(self.root / "config"),
                    "PATH": f"{self.bin}:{os.environ['PATH']}"}
        if shutil.which("ccache"):
            self.env.update(CMAKE_C_COMPILER_LAUNCHER="ccache",
                            CMAKE_CXX_COMPILER_LAUNCHER="ccache")
        self.env.pop("HP_SERVERS", None)
        self.print_lock = threading.Lock()
        self.ports = {}  # by folder: of its cluster

    def run(self, command, folder, check=True, seconds=300, env=None):
        """A list of words, or a line of shell."""
        ports = self.ports.setdefault(str(folder), own_ports())
        done = subprocess.run(command, cwd=folder, env={**self.env, **ports, **(env or {})},
                              shell=isinstance(command, str), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds)
        if check and done.returncode != 0:
            raise Failed(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def say(self, text):
        with self.print_lock:
            print(text, flush=True)

    def all_projects(self):
        listed = json.loads(self.run(["hpdev", "templates", "list", "--json"], self.root).stdout)
        return [(one["name"], language) for one in listed["templates"]
                for language in one["languages"]]

    def make(self, template, language):
        name = f"{template}-{language}"
        folder = self.root / name
        self.run(["hpdev", "new", name, "-t", template, "--lang", language, "--no-git",
                  "--set", "cluster.roundtime=400ms"], self.root)
        built = self.run(["hpdev", "build"], folder)
        if built.stdout.strip() != str(folder / ".hp/bundle"):
            raise Failed(f"hpdev build printed {built.stdout!r}")
        if "warning" in built.stderr:
            raise Failed(f"warnings:\n{built.stderr}")
        return folder

    def check_size(self, folder):
        """Lines of code: with neither blank ones nor comments."""
        lines = 0
        for file in (folder / "src").iterdir():
            code = re.sub(r"/\*.*?\*/", "", file.read_text(), flags=re.S).splitlines()
            lines += sum(1 for line in code if line.strip() and not line.strip().startswith("//"))
        if not 0 < lines <= LINES_MAX:
            raise Failed(f"the contract has {lines} lines of code, {LINES_MAX} are the most")

    def check_bundle(self, folder):
        """The same bytes once more, from a bundle that was read back, and by tar."""
        hashes = {self.run(["hpdev", "bundle", "-O", f"{n}.hpb"], folder).stdout for n in "ab"}
        hashes.add(self.run(["hpdev", "bundle", "--verify", "a.hpb"], folder).stdout)
        if len(hashes) != 1 or (folder / "a.hpb").read_bytes() != (folder / "b.hpb").read_bytes():
            raise Failed(f"bundles differ: {hashes}")
        names = self.run(["tar", "tf", "a.hpb"], folder).stdout.split()
        listed = json.loads(self.run(["hpdev", "bundle", "--list", "a.hpb", "--json"],
                                     folder).stdout)
        on_disk = sorted(str(file.relative_to(folder / ".hp/bundle"))
                         for file in (folder / ".hp/bundle").rglob("*") if file.is_file())
        if not names == [one["name"] for one in listed["files"]] == on_disk:
            raise Failed(f"the bundle holds {names}, the folder {on_disk}")

    def check_cases(self, folder):
        tested = self.run(["hpdev", "test", "--json"], folder)
        if not json.loads(tested.stdout)["ok"]:
            raise Failed(tested.stdout)

    def check_cluster(self, template, folder):
        (folder / "node_modules").symlink_to(MODULES)
        try:
            nodes = "4" if template == "membership" else "3"
            self.run(["hpdev", "up", "-d", "-n", nodes, "--ready-timeout", "120s"], folder)
            cluster = json.loads((folder / ".hp/current/cluster.json").read_text())
            url = cluster["nodes"][0]["url"]
            env = {"HP_SERVERS": ",".join(node["url"] for node in cluster["nodes"])}
            if template == "upgrader":  # owners are the users of local clusters, as hpdev has them
                env = {}
            self.run("hpcli run scripts/demo.hps --timeout 60s", folder, env=env)
            for command, wanted in CLIENTS[template]:
                said = self.run(command.format(url=url), folder, env=env).stdout
                if not re.search(wanted, said):
                    raise Failed(f"{command}: no {wanted!r} in\n{said}")
            self.check_scenarios(template, folder)
        except (Failed, subprocess.TimeoutExpired) as error:
            logs = self.run("tail -n 20 .hp/current/node1/log/hp.log", folder, check=False)
            raise Failed(f"{error}\n--- log\n{logs.stdout}") from error
        finally:
            self.run(["hpdev", "down", "--rm", "--yes"], folder, check=False)

    def check_scenarios(self, template, folder):
        """On the cluster that is there, whatever size the files would give it."""
        # Of 4 nodes, which the file asks for, a roll may lose one, and of 3 none.
        place = [] if template == "npl" else ["--cluster", "default"]
        files = sorted((folder / "scenarios").glob("*.toml"))
        if not files:
            raise Failed("no scenario")
        if folder.name.rpartition("-")[2] != "cpp":
            return # they are the same for every language
        for file in files:
            self.run(["hpdev", "scenario", "run", file, *place], folder)

    def check(self, project):
        template, language = project
        try:
            folder = self.make(template, language)
            self.check_size(folder)
            self.check_bundle(folder)
            self.check_cases(folder)
            self.check_cluster(template, folder)
        except (Failed, subprocess.TimeoutExpired) as error:
            self.say(f"FAILED: {template} in {language}: {error}")
            return False
        self.say(f"ok: {template} in {language}")
        shutil.rmtree(folder)
        return True


def main():
    with tempfile.TemporaryDirectory(prefix="hp-templates.") as root:
        suite = Suite(sys.argv[1], root)
        for name in ("alice", "bob", "carol", "default"):
            suite.run(["hpcli", "key", "new", name], root, check=False)
        wanted = sys.argv[2:]
        projects = [one for one in suite.all_projects()
                    if not wanted or one[0] in wanted or "-".join(one) in wanted]
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            good = list(pool.map(suite.check, projects))
        print(f"{sum(good)} of {len(good)} projects")
        return 0 if good and all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
