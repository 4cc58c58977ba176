# SPDX-License-Identifier: Apache-2.0
"""A node of its own for tests of the command line: probe_contract, 100 ms rounds, all history."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Node:
    """Started with start(), ended with stop(); may be started again on the same port."""

    def __init__(self, bin_dir, root, name="node", round_ms=100, contract="probe_contract",
                 raw_shards=1):
        self.bin_dir = pathlib.Path(bin_dir)
        self.path = pathlib.Path(root) / name
        self.process = None
        subprocess.run([self.bin_dir / "hpnode", "new", self.path], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.copy(self.bin_dir / contract, self.path / "contract_fs/seed/state/")
        self.port = free_port()
        self.url = f"wss://127.0.0.1:{self.port}"

        def settings(config):
            config["user"]["port"] = self.port
            config["mesh"]["port"] = free_port()
            config["node"]["pace"] = "paced"
            config["node"]["history_config"]["max_raw_shards"] = raw_shards
            config["contract"]["bin_path"] = contract
            config["contract"]["consensus"]["roundtime"] = round_ms
        self.configure(settings)

    @property
    def config(self):
        return json.loads((self.path / "cfg/hp.cfg").read_text())

    @property
    def key(self):
        return self.config["node"]["public_key"]

    def configure(self, change):
        config = self.config
        change(config)
        (self.path / "cfg/hp.cfg").write_text(json.dumps(config, indent=4))

    def start(self, wait=True):
        with open(self.path.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen([self.bin_dir / "hpnode", "run", self.path],
                                            stdout=log, stderr=log)
        if wait:
            self.wait_until_synced()
        return self

    def wait_until_synced(self):
        done = subprocess.run([self.bin_dir / "hpcli", "wait", "ledger", "2", "-s", self.url,
                               "--timeout", "60s", "--pin", "off"],
                              capture_output=True, text=True,
                              env={**os.environ, "XDG_CONFIG_HOME": str(self.path / "none")})
        if done.returncode != 0:
            tail = self.path.with_suffix(".log").read_text()[-2000:]
            raise RuntimeError(f"the node does not start: {done.stderr}\n{tail}")

    def stop(self, kill=False):
        if self.process is None:
            return
        self.process.kill() if kill else self.process.terminate()
        self.process.wait()
        self.process = None

    def pause(self, seconds):
        time.sleep(seconds)
