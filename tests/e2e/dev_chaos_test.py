#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of a running cluster: each is predicted, happens, and is taken back. One cluster of four.

    dev_chaos_test.py BIN_DIR [PART...]      (with hpnode, hpcli, hpdev, probe_contract)
"""

import signal
import subprocess
import sys
import tempfile
import time

from dev_project import Dev, Failed, check, wait_for


def states(dev):
    return [node["state"] for node in dev.cluster()["nodes"]]


def faults(dev):
    return [one["what"] for one in dev.json("chaos", "list")["faults"]]


def clear(dev):
    """Everything is as before: all four close ledgers."""
    done = dev.json("chaos", "clear")
    check(any(line.startswith("n1, n2, n3, n4 closed ledgers") for line in done["seen"]),
          "not as before", done)
    check(faults(dev) == [], "faults are left")


def test_partition(dev):
    done = dev.json("chaos", "partition", "1,2", "/", "3,4")
    check(done["validators"] == 4 and done["quorum"] == 3 and done["checked"], "numbers", done)
    check("n1, n2: 2 of the 3 needed, no ledger closes" in done["predicted"], "predicted", done)
    check(len(done["seen"]) == 2 and done["wrong"] == [], "seen", done)
    check(faults(dev) == ["partition 1,2 / 3,4"], "list")
    # Another one takes its place: now three are together.
    done = dev.json("chaos", "partition", "4")
    check("n4: 1 of the 3 needed, no ledger closes" in done["predicted"], "predicted", done)
    check(done["seen"][1].startswith("n1, n2, n3 closed ledgers") or
          done["seen"][0].startswith("n1, n2, n3 closed ledgers"), "majority", done)
    check(faults(dev) == ["partition 4 / 1,2,3"], "list")
    text = dev.ok("chaos", "heal")
    check("as predicted: n1, n2, n3, n4 closed ledgers" in text, "healed", text)


def test_links(dev):
    done = dev.json("chaos", "link", "all", "--latency", "20ms", "--jitter", "10ms", "--loss", "1%")
    check("ledgers close" in done["predicted"] and "30 ms" in done["predicted"], "slow", done)
    check(done["seen"] and done["wrong"] == [], "seen", done)
    doubt = dev.json("chaos", "link", "1", "2-4", "--loss", "90%", "--oneway")
    check("No prediction" in doubt["predicted"] and not doubt["checked"], "doubt", doubt)
    check(len(faults(dev)) == 2, "list")
    dev.fail(2, "HPE-2001", "chaos", "link", "1,2")
    dev.fail(2, "HPE-2001", "chaos", "partition", "1,2", "/", "2,3")
    dev.fail(9, "HPE-9008", "chaos", "link", "1", "9", "--latency", "5ms")
    dev.fail(9, "HPE-9004", "chaos", "clear", "77")
    clear(dev)


def test_processes(dev):
    text = dev.ok("chaos", "pause", "3", "--for", "1s")
    check("n1, n2, n4: 3 of the 3 needed, ledgers close. n3: frozen." in text, "pause", text)
    check(text.count("as predicted") == 2 and states(dev)[2] == "running", "over", text)
    dev.json("chaos", "kill", "3")
    check(states(dev)[2] == "stopped", "killed", states(dev))
    dev.fail(9, "HPE-9008", "chaos", "pause", "3")
    done = dev.json("chaos", "pause", "4")
    check("n1, n2: 2 of the 3 needed, no ledger closes" in done["predicted"], "both", done)
    clear(dev)
    # Whoever is interrupted takes the fault back.
    job = subprocess.Popen(dev.command("chaos", "pause", "2", "--for", "60s", "--no-check"),
                           cwd=dev.root, env=dev.env, stdout=subprocess.DEVNULL)
    wait_for(lambda: states(dev)[1] == "paused", "the pause")
    job.send_signal(signal.SIGINT)
    check(job.wait(timeout=30) == 130 and states(dev)[1] == "running", "interrupted")
    check(faults(dev) == [], "list")


def test_contract(dev):
    done = dev.json("chaos", "contract", "4", "--differ")
    check("n4: another state after each run" in done["predicted"], "differ", done)
    check("n4 had another state than the others" in done["seen"], "seen", done)
    # The crash replaces it, on the same node.
    dev.json("chaos", "contract", "4", "--crash")
    check(faults(dev) == ["contract 4 crash"], "list", faults(dev))
    done = dev.json("chaos", "contract", "1,2", "--slow", "300ms")
    check("a ledger closes every 300 ms at most" in done["predicted"], "slow", done)
    clear(dev)


def test_disk(dev):
    done = dev.json("chaos", "disk", "2", "--full")
    check("n2: stops with exit code 71" in done["predicted"], "disk", done)
    check("n2 ended: exit code 71" in done["seen"], "seen", done)
    check(states(dev) == ["running", "failed", "running", "running"], "states", states(dev))
    clear(dev)


# What the supervisor does behind the back of chaos makes a prediction wrong: that is noticed.
def test_wrong(dev):
    dev.json("chaos", "pause", "4", "--no-check")
    job = subprocess.Popen(dev.command("chaos", "partition", "1,2,4", "/", "3", "--json"),
                           cwd=dev.root, env=dev.env, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(faults(dev)) == 2, "the partition")
    dev.ok("node", "resume", "4") # n1, n2 and n4 are a quorum again
    said = job.communicate(timeout=90)[0]
    check(job.returncode == 12 and "HPE-12003" in said, "exit code", said)
    check("still close ledgers" in said, "what is wrong", said)
    clear(dev)


SCENARIO = """name = "two of four wait"
[cluster]
nodes = 1
[load]
input = "echo:hello"
rate = 10
users = 2
[[step]]
at = "+1 ledgers"
do = "partition 1,2 / 3,4"
[[step]]
expect = "no ledger closes"
within = "1s"
[[step]]
do = "heal"
[[step]]
do = "stop 4"
[[step]]
expect = "node 4 stopped"
[[step]]
do = "start 4"
[[step]]
do = "contract 1 slow=50ms for 1s"
[[expect]]
that = "all nodes synced"
[[expect]]
that = "state hashes equal"
[[expect]]
that = "every input had one fate"
"""


def test_scenario(dev):
    """On the cluster of the other tests, and one that fails on its own."""
    file = dev.root / "scenarios/two.toml"
    file.parent.mkdir()
    file.write_text(SCENARIO)
    check(dev.json("scenario", "list")["scenarios"][0]["steps"] == 10, "list")
    done = dev.json("scenario", "run", str(file), "--cluster", "default")
    check(len(done["steps"]) == 11 and all(step["passed"] for step in done["steps"]), "steps", done)
    load = done["load"]
    check(load["inputs"] == load["accepted"] + load["rejected"] > 0, "load", load)
    check(faults(dev) == [], "faults are left")
    file.write_text('name = "wrong"\n[cluster]\ncontract = "bundle"\n[[step]]\nat = "1s"\n'
                    'do = "kill 3"\n[[step]]\nexpect = "ledgers close on 1,2"\nwithin = "2s"\n')
    done = dev.fail(12, "HPE-12001", "scenario", "run", str(file))
    check("two.toml:8: ledgers close on 1,2: n1 is" in done["error"]["message"], "which", done)
    check([step["passed"] for step in done["steps"]] == [True, False], "steps", done)
    names = [one["cluster"] for one in dev.json("cluster", "list")["clusters"]]
    check(names == ["default"], "it outlived its scenario", names)
    file.write_text('[[step]]\ndo = "sing"\nwhen = "now"\n[[expect]]\nthat = "peace"\n')
    done = dev.fail(2, "HPE-2004", "scenario", "validate", str(file))
    lines = sorted(place.split(",")[0] for place in done["error"]["detail"])
    check(lines == ["line 1", "line 2", "line 3", "line 5"], "mistakes", done)


TESTS = {"partition": test_partition, "links": test_links, "processes": test_processes,
         "contract": test_contract, "disk": test_disk, "wrong": test_wrong,
         "scenario": test_scenario}


def main():
    wanted = sys.argv[2:] or list(TESTS)
    with tempfile.TemporaryDirectory(prefix="hp_chaos_") as root:
        dev = Dev(sys.argv[1], f"{root}/project")
        try:
            dev.up("--threshold", "75", nodes=4)
            for name in wanted:
                began = time.monotonic()
                TESTS[name](dev)
                print(f"ok: {name}  {time.monotonic() - began:.1f} s", flush=True)
        finally:
            dev.run("down", "--all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
