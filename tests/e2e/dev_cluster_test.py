#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clusters of hpdev, as their users see them: real processes, no terminal.

    dev_cluster_test.py BIN_DIR [PART...]      (with hpnode, hpcli, hpdev, probe_contract)
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from dev_project import Dev, Failed, check, is_alive, wait_for


def pids_of(cluster):
    return [node["pid"] for node in cluster["nodes"]]


def nobody_left(cluster):
    for node in cluster["nodes"]:
        check(not node["pid"] or not is_alive(node["pid"]), f"n{node['number']} is still there")
        for port in (node["user_port"], node["peer_port"]):
            with socket.socket() as one:
                check(one.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is still open")


def ports_of(cluster):
    return {port for node in cluster["nodes"] for port in (node["user_port"], node["peer_port"])}


class Events:
    """What a supervisor tells."""

    def __init__(self, cluster, topics):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(cluster["control"])
        self.lines = self.socket.makefile("rw")
        self.lines.write(json.dumps({"verb": "events", "topics": topics}) + "\n")
        self.lines.flush()
        check(json.loads(self.lines.readline())["ok"], "no events")
        self.socket.settimeout(10)

    def next(self):
        return json.loads(self.lines.readline())

    def close(self):
        self.lines.close()
        self.socket.close()


def test_nothing_there(dev):
    dev.fail(9, "HPE-9006", "up", "-d")
    dev.fail(9, "HPE-9007", "ps")
    check(dev.json("down")["clusters"] == [], "down of nothing")
    dev.fail(2, "HPE-2001", "up", "-d", "--name", "../x")
    dev.fail(9, "HPE-9003", "up", "-d", "--contract", "nowhere")
    (dev.root / "two").mkdir()
    for name in ("a", "b"):
        shutil.copy(dev.bin_dir / "probe_contract", dev.root / "two" / name)
    dev.fail(8, "HPE-8007", "up", "-d", "--contract", "two")


def test_life(dev):
    """up, an input, up again, the death of a node, down, and the same ledger afterwards."""
    up = dev.up()
    cluster = dev.cluster()
    check(up["tolerates"] == 0 and up["quorum"] == 3, "tolerance", up)
    check(all(node["synced"] for node in up["nodes"]), "not synced", up)
    check([node["user_port"] for node in cluster["nodes"]] ==
          [dev.port, dev.port + 1, dev.port + 2], "ports", cluster)
    check(dev.hpcli("send", "echo:hello")["outputs"][0]["data"] == "hello", "no answer")

    again = dev.up()
    check(again["started"] is False and pids_of(dev.cluster()) == pids_of(cluster), "idempotent")
    dev.fail(2, "HPE-2001", "up", "-d", "-n", "5")
    dev.fail(10, "HPE-10004", "up", "-d", "--fresh")
    check("3 nodes at 80 %: tolerates 0 failures" in dev.ok("ps"), "ps")

    events = Events(cluster, ["node"])
    began = time.monotonic()
    os.kill(pids_of(cluster)[1], signal.SIGKILL)
    event = events.next()
    print(f"  death of a node told after {(time.monotonic() - began) * 1000:.1f} ms")
    check(event["name"] == "n2" and event["state"] == "failed", "event", event)
    check("SIGKILL" in event["what"] and event["log"], "reason", event)
    events.close()
    answer = dev.fail(7, "HPE-7003", "ps")
    check("SIGKILL" in answer["nodes"][1]["end"], "ps does not say why", answer)
    time.sleep(0.5)
    check(dev.cluster()["nodes"][1]["pid"] is None, "restarted by itself")
    dev.ok("node", "start", "2")
    wait_for(lambda: dev.run("ps").returncode == 0, "n2 to be synced")

    dev.hpcli("wait", "ledger", "4")
    third = dev.hpcli("ledger", "get", "3")["ledger"]["hash"]
    before = dev.hpcli("lcl")["ledger"]["seq"]
    down = dev.json("down")["clusters"][0]
    check(down["was_running"] and down["left"] == [], "down", down)
    nobody_left(cluster)
    dev.fail(7, "HPE-7005", "ps")
    check(dev.json("down")["clusters"][0]["was_running"] is False, "down twice")
    dev.ok("up", "-d")
    check(dev.hpcli("ledger", "get", "3")["ledger"]["hash"] == third, "another ledger")
    check(dev.hpcli("lcl")["ledger"]["seq"] >= before, "the ledger went back")
    dev.ok("down")
    (dev.root / "nothing").mkdir()
    dev.fail(8, "HPE-8007", "up", "-d", "--fresh", "--contract", "nothing")
    check((dev.root / ".hp/clusters/default/node1").exists(), "lost for a bundle that is none")
    fresh = dev.up("--fresh")
    check(fresh["started"], "fresh", fresh)
    check(dev.hpcli("lcl")["ledger"]["seq"] < before, "not fresh")
    dev.ok("down", "--rm", "--yes")
    check(not (dev.root / ".hp/clusters/default").exists(), "not removed")


def test_supervisor_killed(dev):
    dev.up()
    cluster = dev.cluster()
    dev.hpcli("wait", "ledger", "3")
    third = dev.hpcli("ledger", "get", "2")["ledger"]["hash"]
    os.kill(cluster["supervisor"]["pid"], signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, pids_of(cluster))), "the nodes to end with it")
    dev.fail(7, "HPE-7005", "ps")
    done = dev.run("up", "-d")
    check(done.returncode == 0 and done.stderr.count("cleared a stale lock") == 1, "lock", done)
    check("is in use" not in done.stderr, "its ports are still reserved", done)
    check(dev.hpcli("ledger", "get", "2")["ledger"]["hash"] == third, "another ledger")
    os.kill(dev.cluster()["supervisor"]["pid"], signal.SIGKILL)
    down = dev.json("down")["clusters"][0]
    check(down["left"] == [], "left behind", down)
    nobody_left(dev.cluster())


def test_side_by_side(dev):
    dev.up(nodes=1)
    dev.up("--name", "other", nodes=1)
    one, other = dev.cluster(), dev.cluster("other")
    check(one["nodes"][0]["user_port"] != other["nodes"][0]["user_port"], "the same port")
    check(one["contract_id"] != other["contract_id"], "the same contract")
    check(one["dashboard"].partition("#")[0] != other["dashboard"].partition("#")[0],
          "the same dashboard", one["dashboard"], other["dashboard"])
    listed = {item["cluster"]: item for item in dev.json("cluster", "list")["clusters"]}
    check(listed["default"]["running"] and listed["other"]["running"], "list", listed)
    check(listed["other"]["current"] and not listed["default"]["current"], "current", listed)
    dev.ok("cluster", "use", "default")
    check(dev.json("ps")["cluster"] == "default", "use")
    check(dev.json("ps", "--cluster", "other")["cluster"] == "other", "--cluster")
    dev.ok("down", "--cluster", "other")
    check(dev.run("ps").returncode == 0, "the first one is gone, too")
    dev.fail(9, "HPE-9007", "ps", "--cluster", "third")
    dev.ok("down", "--all", "--rm", "--yes")
    nobody_left(one)
    nobody_left(other)
    check(dev.json("cluster", "list")["clusters"] == [], "list after removal")


def test_ports_busy(dev):
    with socket.create_server(("127.0.0.1", dev.port)):
        dev.up(nodes=1)
        port = dev.cluster()["nodes"][0]["user_port"]
        check(port != dev.port, "took a port that is in use")
    dev.ok("down")
    with socket.create_server(("127.0.0.1", port)):
        done = dev.run("up", "-d")
        check(done.returncode == 0 and f"port {port} is in use" in done.stderr, "no word", done)
        check(dev.cluster()["nodes"][0]["user_port"] != port, "the same port")
    check(dev.json("ps")["nodes"][0]["synced"], "not synced")


def test_ports_kept(dev):
    """Nobody chooses the ports of stopped nodes and clusters, and who has them all the same is
    nothing that a cluster leaves behind."""
    dev.up(nodes=1)
    one = ports_of(dev.cluster())
    dev.ok("node", "stop", "1", "--yes")
    with tempfile.TemporaryDirectory(prefix="hp_dev_") as root:
        elsewhere = Dev(dev.bin_dir, root)
        elsewhere.port = dev.port
        try:
            elsewhere.up(nodes=1)
            two = ports_of(elsewhere.cluster())
            check(one.isdisjoint(two), "ports of a stopped node", one, two)
            dev.ok("node", "start", "1")
            wait_for(lambda: dev.run("ps").returncode == 0, "the node to be back")
            dev.ok("node", "stop", "1", "--yes")
            with socket.create_server(("127.0.0.1", min(one))):
                dev.fail(10, "HPE-10003", "node", "start", "1")
                check(dev.json("down")["clusters"][0]["left"] == [], "somebody else is not left")
            dev.up("--name", "other", nodes=1)
            three = ports_of(dev.cluster("other"))
            check(three.isdisjoint(one), "ports of a stopped cluster", one, three)
            check(three.isdisjoint(two), "ports that are in use", two, three)
        finally:
            elsewhere.down_all()


def test_attached(dev):
    """Without -d it stays, and Ctrl-C is the end; so is the end of the terminal."""
    dev.up(nodes=1)
    dev.ok("down")
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with open(dev.root / "attached.out", "wb") as out:
            up = subprocess.Popen(dev.command("up"), cwd=dev.root, env=dev.env, stdout=out,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  start_new_session=True)
            wait_for(lambda: dev.run("ps").returncode == 0, "the cluster to run")
            cluster = dev.cluster()
            seq = dev.hpcli("lcl")["ledger"]["seq"]
            wait_for(lambda: f"lcl={seq + 1}-" in (dev.root / "attached.out").read_text(),
                     "logs on stdout")
            up.send_signal(stop)
            if stop == signal.SIGINT:
                time.sleep(0.02)
                up.send_signal(stop)  # twice: at once
            error = up.communicate(timeout=30)[1].decode()
        if stop != signal.SIGKILL:
            check(up.returncode == 0 and "nothing is left" in error, "end", up.returncode, error)
        wait_for(lambda: not is_alive(cluster["supervisor"]["pid"]), "the supervisor to end")
        nobody_left(cluster)
        check(dev.cluster()["supervisor"] is None, "not in good order", stop)


def test_nodes(dev):
    """The guard, pausing, adding, removing, configuring."""
    dev.up()
    dev.fail(7, "HPE-7006", "node", "stop", "2")
    dev.fail(9, "HPE-9008", "node", "stop", "9")
    dev.ok("node", "pause", "2", "--yes")
    check(dev.fail(7, "HPE-7003", "ps")["nodes"][1]["state"] == "paused", "not paused")
    dev.ok("node", "resume", "2")
    wait_for(lambda: dev.run("ps").returncode == 0, "n2 to go on")
    # What cannot be added leaves nothing, and its ports to the next one.
    cluster = dev.cluster()
    config = pathlib.Path(cluster["nodes"][0]["dir"], "cfg/hp.cfg")
    config.rename(f"{config}.away")
    dev.fail(9, "HPE-9003", "node", "add")
    check(not pathlib.Path(cluster["nodes"][0]["dir"]).with_name("node4").exists(), "left behind")
    pathlib.Path(f"{config}.away").rename(config)
    added = dev.json("node", "add")
    check(added["node"] == 4, "number", added)
    check(ports_of(dev.cluster()) - ports_of(cluster) == {dev.port + 3, dev.port + 23}, "ports",
          dev.cluster())
    ps = dev.json("ps")
    check(ps["nodes"][3]["role"] == "observer" and ps["nodes"][3]["synced"], "observer", ps)
    check(ps["validators"] == 3, "an observer has no vote", ps)
    check(ps["nodes"][3]["state_hash"] == ps["nodes"][0]["state_hash"] or
          ps["nodes"][3]["lag"] > 0, "state of the observer", ps)
    dev.ok("node", "kill", "4")
    check(dev.fail(7, "HPE-7003", "ps")["nodes"][3]["state"] == "stopped", "not stopped")
    dev.ok("node", "rm", "4")
    check(len(dev.json("ps")["nodes"]) == 3, "not removed")
    check(dev.json("spawn", "--no-wait")["node"] == 5, "a number is not given twice")
    dev.ok("node", "rm", "observers")
    dev.ok("node", "cfg", "1", "log.log_level=dbg")
    check(dev.ok("node", "cfg", "1", "log.log_level") == "dbg\n", "cfg")
    check("private_key" not in dev.ok("node", "cfg", "1", "node"), "a secret is shown")
    dev.fail(2, "HPE-2001", "node", "cfg", "1", "contract.consensus.roundtime=200")
    dev.fail(2, "HPE-2001", "node", "cfg", "1", "log.log_level=loud")
    pid = dev.cluster()["nodes"][0]["pid"]
    dev.ok("node", "restart", "1")
    check(dev.cluster()["nodes"][0]["pid"] != pid, "not restarted")
    wait_for(lambda: dev.run("ps").returncode == 0, "n1 to be back")
    check(dev.run("stop", "2").returncode == 0, "hpdevkit's stop")
    check(dev.run("start", "2").returncode == 0, "hpdevkit's start")
    wait_for(lambda: dev.run("ps").returncode == 0, "n2 to be back")


def test_votes(dev):
    """An observer gets a vote and loses it again, agreed on by all."""
    dev.up()
    dev.fail(2, "HPE-2001", "node", "promote", "1")
    dev.json("node", "add")
    done = dev.json("node", "promote", "4")
    check(done["validators"] == 4 and done["quorum"] == 4, "promoted", done)
    wait_for(lambda: dev.run("ps").returncode == 0, "all to be synced")
    ps = dev.json("ps")
    check([node["unl"] for node in ps["nodes"]] == [4] * 4 and ps["validators"] == 4, "unl", ps)
    check(ps["nodes"][3]["role"] == "validator", "role", ps)
    seq = dev.hpcli("lcl")["ledger"]["seq"]
    dev.hpcli("wait", "ledger", str(seq + 3))
    dev.json("node", "demote", "4")
    wait_for(lambda: dev.run("ps").returncode == 0, "all to be synced")
    ps = dev.json("ps")
    check([node["unl"] for node in ps["nodes"]] == [3] * 4 and ps["validators"] == 3, "unl", ps)
    dev.ok("node", "stop", "4")
    check(dev.hpcli("send", "echo:on")["outputs"][0]["data"] == "on", "it does not go on")
    dev.json("node", "add")
    dev.ok("node", "stop", "1", "--yes")
    dev.fail(7, "HPE-7006", "node", "promote", "5")


def test_logs(dev):
    bundle = dev.bundle(**{"talk.sh": "#!/bin/sh\necho spoken here\nexec ./probe_contract\n",
                           "hp.cfg.override": '{"contract":{"bin_path":"talk.sh"}}'})
    (bundle / "talk.sh").chmod(0o755)
    dev.up()
    lines = [json.loads(line) for line in
             dev.ok("logs", "--json", "--contract", "--grep", "spoken").splitlines()]
    check({line["node"] for line in lines} == {1, 2, 3}, "contract logs", lines)
    check(all(line["run"].startswith("Execution lcl") for line in lines), "run", lines)
    text = dev.ok("logs", "2", "--core", "-n", "20")
    check(all(line.startswith("n2│ ") for line in text.splitlines()) and "Ledger created" in text,
          "prefix", text)
    check("inf" not in dev.ok("logs", "--level", "err", "--core"), "level")
    folded = dev.ok("logs", "1", "--contract", "--fold", "--no-prefix")
    check("n1│" not in folded, "prefix", folded)
    follow = subprocess.Popen(dev.command("logs", "-f", "--json", "-n", "1"), cwd=dev.root,
                              env=dev.env, stdout=subprocess.PIPE, text=True)
    seq = dev.hpcli("lcl")["ledger"]["seq"]
    for line in follow.stdout:
        if f"lcl={seq + 2}-" in json.loads(line)["text"]:
            break
    follow.send_signal(signal.SIGINT)
    check(follow.wait(20) == 130, "logs -f after Ctrl-C", follow.returncode)
    follow.stdout.close()
    top = dev.ok("top", "--once")
    check("n3" in top and "tolerates 0" in top and "\x1b" not in top, "top", top)


def test_deploy(dev):
    bundle = dev.bundle(note="one")
    dev.up()
    check(dev.ok("state", "cat", "1", "note") == "one", "state cat")
    check(dev.json("deploy", str(bundle))["how"] == "unchanged", "unchanged")
    before = dev.hpcli("lcl")["ledger"]["seq"]
    dev.bundle(note="two", more="new")
    done = dev.json("deploy", str(bundle))
    check(done["how"] == "in_place" and done["ledger"] > before, "deploy", done)
    check({(item["path"], item["change"]) for item in done["changes"]} ==
          {("note", "changed"), ("more", "new")}, "changes", done)
    check(done["old_state_hash"] != done["new_state_hash"], "hashes", done)
    wait_for(lambda: dev.run("ps").returncode == 0, "all to be well")
    for node in ("1", "2", "3"):
        check(dev.ok("state", "cat", node, "note") == "two", "content", node)
    (bundle / "more").unlink()
    (bundle / "hp.cfg.override").write_text(
        '{"contract":{"bin_path":"probe_contract","environment":{"GREETING":"hi"}}}')
    done = dev.json("deploy", str(bundle))
    check(done["settings_changed"] and done["changes"] ==
          [{"path": "more", "change": "removed"}], "settings", done)
    wait_for(lambda: dev.run("ps").returncode == 0, "all to be well")
    check("GREETING" in dev.ok("state", "cat", "1", "../patch.cfg"), "patch.cfg")
    dev.fail(9, "HPE-9010", "state", "cat", "1", "more")
    dev.hpcli("send", "write:note=by the contract")
    dev.bundle(third="3")
    answer = dev.fail(2, "HPE-2001", "deploy", str(bundle), "--through-consensus")
    check("takes no upgrades as inputs" in answer["error"]["message"], "no upgrader", answer)
    dev.fail(2, "HPE-2001", "deploy", str(bundle), "--key", "alice")
    dev.json("deploy", str(bundle))
    check(dev.ok("state", "cat", "1", "third") == "3", "third")
    check("by the contract" in dev.ok("state", "cat", "1", "note"), "state was not kept")
    check(dev.hpcli("send", "echo:still here")["outputs"][0]["data"] == "still here", "answer")
    dev.ok("state", "pull", "2:note", "pulled")
    check((dev.root / "pulled").read_text() == "by the contract", "pull")
    dev.fail(2, "HPE-2001", "deploy", str(bundle), "--fresh")
    seq = dev.hpcli("lcl")["ledger"]["seq"]
    check(dev.json("deploy", str(bundle), "--fresh", "--yes")["how"] == "fresh", "fresh")
    check(dev.hpcli("lcl")["ledger"]["seq"] < seq, "not fresh")


def test_divergence(dev):
    """A contract that does something else on every node is named with file, byte and JSON path."""
    bundle = dev.bundle()
    dev.up()
    check("all nodes hold the same state" in dev.ok("diff"), "diff")
    (bundle / "lottery.sh").write_text(
        "#!/bin/sh\necho '{\"rows\":[{\"id\":\"'$(od -An -N8 -tx8 /dev/urandom)'\"}]}' > winner\n")
    (bundle / "lottery.sh").chmod(0o755)
    (bundle / "hp.cfg.override").write_text('{"contract":{"bin_path":"lottery.sh"}}')
    dev.fail(8, "HPE-8005", "deploy", str(bundle))
    wait_for(lambda: dev.run("ps").returncode == 8, "ps to see it")
    # Nodes go on and take the agreed state over, only to differ again: not every look is the same.
    answer = wait_for(lambda: differing(dev), "two nodes with different contents")
    first = answer["first_difference"]
    check(first["path"] == "winner" and len(answer["groups"]) > 1, "first", answer)
    check(first["first"] != first["second"] and first["offset"] >= 16, "contents", answer)
    wait_for(lambda: "winner" in dev.run("state", "diff", "1", "3").stdout, "state diff")


def differing(dev):
    answer = json.loads(dev.run("diff", "--json").stdout)
    return answer if answer.get("first_difference", {}).get("json_path") == "$.rows[0].id" else None


def test_doctor(dev):
    """All that is needed is there; what is not, is named with its cure."""
    answer = dev.json("doctor")
    states = {one["what"]: one["state"] for one in answer["checks"]}
    for what in ("hpnode", "fsync", "disk space"):
        check(states.get(what) in ("ok", "warn"), what, answer)
    check(all(one.get("cure") for one in answer["checks"] if one["state"] == "fail"), "cures")
    answer = dev.fail(13, "HPE-13004", "doctor", env={"HP_HPNODE": "/nowhere/hpnode"})
    failed = [one for one in answer["checks"] if one["state"] == "fail"]
    check([one["what"] for one in failed] == ["hpnode"] and failed[0]["cure"], "failed", answer)
    dev.up(nodes=1)
    cluster = dev.cluster()
    os.kill(cluster["supervisor"]["pid"], signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in pids_of(cluster)), "the node to end")
    found = {one["what"]: one for one in dev.json("doctor")["checks"]}["cluster default"]
    check(found["state"] == "warn" and "hpdev up" in found["cure"], "stale cluster", found)


def test_report(dev):
    """Everything about a cluster but its secrets, even where a log holds one."""
    dev.up(nodes=2)
    secrets = []
    for node in dev.cluster()["nodes"]:
        config = json.loads(pathlib.Path(node["dir"], "cfg/hp.cfg").read_text())
        secrets.append(config["node"]["private_key"])
    with open(pathlib.Path(dev.cluster()["nodes"][0]["dir"], "log/hp.log"), "a") as log:
        log.write(f"a slip of the tongue: {secrets[0][2:66].upper()}\n")
    answer = dev.json("report", "-O", "all.tar")
    names = {one["path"] for one in answer["contents"]}
    wanted = {"README.txt", "versions.txt", "machine.txt", "doctor.txt",
              *(f"clusters/default/{name}" for name in (
                  "cluster.json", "supervisor.log", "ps.txt", "diff.txt", "tips.json", "n1/hp.cfg",
                  "n1/hp.log", "n1/status.json", "n2/hp.cfg"))}
    check(wanted <= names, "contents", wanted - names)
    packed = dev.root / "all.tar"
    check(packed.stat().st_mode & 0o777 == 0o600, "mode")
    text = packed.read_bytes().lower()
    check(b"a slip of the tongue" in text and b"(removed)" in text, "log")
    for secret in secrets:
        check(secret[2:66].encode() not in text, "a private key in the report")
    listed = subprocess.run(["tar", "tf", packed], capture_output=True, text=True, check=True)
    check(set(listed.stdout.split()) == names, "tar", listed.stdout)
    small = dev.json("report", "-O", "small.tar.zst", "--log-lines", "0")
    check(not any(one["path"].endswith(".log") for one in small["contents"]), "no logs", small)
    check((dev.root / "small.tar.zst").read_bytes()[:4] == b"\x28\xb5\x2f\xfd", "zstd")
    dev.fail(10, "HPE-10002", "report", "-O", "all.tar")
    dev.fail(2, "HPE-2001", "report", "-O", "all.zip")


def test_unprivileged(bin_dir):
    """As somebody who may do nothing but run programs."""
    if os.geteuid() != 0:
        print("  not root: everything else has shown it")
        return
    with tempfile.TemporaryDirectory(prefix="hp_dev_user_") as root:
        os.chown(root, 65534, 65534)
        dev = Dev(bin_dir, root, ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        dev.bundle()
        for path in [dev.root / "home", *dev.root.rglob("*")]:
            os.chown(path, 65534, 65534)
        try:
            dev.up()
            cluster = dev.cluster()
            owner = pathlib.Path(f"/proc/{pids_of(cluster)[0]}").stat().st_uid
            check(owner == 65534, "runs as somebody else", owner)
            check(dev.hpcli("send", "echo:x")["outputs"][0]["data"] == "x", "no answer")
            check(dev.json("down")["clusters"][0]["left"] == [], "left behind")
            nobody_left(cluster)
        finally:
            dev.down_all()


def main():
    bin_dir = sys.argv[1]
    parts = {name[5:]: part for name, part in globals().items() if name.startswith("test_")}
    failed = 0
    for name in sys.argv[2:] or parts:
        began = time.monotonic()
        try:
            if name == "unprivileged":
                test_unprivileged(bin_dir)
            else:
                with tempfile.TemporaryDirectory(prefix="hp_dev_") as root:
                    dev = Dev(bin_dir, root)
                    try:
                        parts[name](dev)
                    finally:
                        dev.down_all()
            print(f"ok      {name}  {time.monotonic() - began:.1f} s", flush=True)
        except (Failed, RuntimeError, OSError, ValueError, KeyError,
                subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAILED  {name}: {error!r}"[:3000], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
