# SPDX-License-Identifier: Apache-2.0
"""hpdev in a folder of its own, for tests: bundles of probe_contract, short rounds."""

import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import time

ROUND = "150ms"


class Failed(Exception):
    pass


def check(good, what, *more):
    if not good:
        raise Failed(f"{what}: {more}")


def wait_for(condition, what, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise RuntimeError(f"waited {timeout} s for {what}")


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        return state not in "ZX"
    except OSError:
        return False


def quiet_port():
    """The first of some that nobody uses; below those of outgoing connections."""
    for port in random.sample(range(10000, 30000, 50), 200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no port is free")


def own_ports():
    """For clusters that choose their ports: away from what else may run at the default ones."""
    port = quiet_port()
    return {"HP_USER_PORT_BEGIN": str(port), "HP_PEER_PORT_BEGIN": str(port + 25)}


class Dev:
    def __init__(self, bin_dir, root, prefix=()):
        self.bin_dir = pathlib.Path(bin_dir).resolve()
        self.root = pathlib.Path(root)
        self.prefix = list(prefix)
        self.port = quiet_port()
        home = self.root / "home"
        home.mkdir(parents=True, exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}

    def command(self, *words):
        return [*self.prefix, str(self.bin_dir / "hpdev"), *words]

    def run(self, *words, cwd=None, env=None, **more):
        more.setdefault("timeout", 100)
        return subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, cwd=cwd or self.root, env={**self.env, **(env or {})},
                              **more)

    def ok(self, *words, **more):
        done = self.run(*words, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def json(self, *words, **more):
        return json.loads(self.ok(*words, "--json", **more))

    def fail(self, exit_code, code, *words, **more):
        """The error's document."""
        done = self.run(*words, "--json", **more)
        answer = json.loads(done.stdout) if done.stdout else {}
        found = answer.get("error", {}).get("code")
        if done.returncode != exit_code or found != code:
            raise RuntimeError(f"{words}: expected {exit_code} {code}, got {done.returncode}\n"
                               f"{done.stdout}\n{done.stderr}")
        return answer

    def bundle(self, name="bundle", **files):
        path = self.root / name
        path.mkdir(exist_ok=True)
        if not (path / "probe_contract").exists():
            shutil.copy(self.bin_dir / "probe_contract", path)
        for file, content in files.items():
            (path / file).write_text(content)
        return path

    def up(self, *words, nodes=3, **more):
        return self.json("up", "-d", "-n", str(nodes), "--roundtime", ROUND, "--contract",
                         str(self.bundle()), "--user-port", str(self.port), "--peer-port",
                         str(self.port + 20), "--ready-timeout", "60s", *words, **more)

    def cluster(self, name="default"):
        return json.loads((self.root / ".hp/clusters" / name / "cluster.json").read_text())

    def hpcli(self, *words, node=1, name="default"):
        url = self.cluster(name)["nodes"][node - 1]["url"]
        done = subprocess.run([self.bin_dir / "hpcli", *words, "-s", url, "--json"],
                              capture_output=True, text=True, env=self.env, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"hpcli {words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def down_all(self):
        self.run("down", "--all")
