#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hpcli and a real cluster of three nodes: who has to agree before anything is believed.

    cli_quorum_test.py BIN_DIR      (with hpnode, hpcli, probe_contract)
"""

import json
import socket
import subprocess
import sys
import tempfile

from cli_nodes_test import Suite

NEWCOMER = "ed" + "ab" * 32  # a member that never appears


def make_cluster(suite, size, threshold):
    """Nodes of one contract that know each other."""
    nodes = [suite.node(f"member{i}") for i in range(size)]
    contract_id = nodes[0].config["contract"]["id"]
    unl = [node.key for node in nodes]
    ports = [node.config["mesh"]["port"] for node in nodes]

    for own, node in enumerate(nodes):
        def settings(config, own=own):
            config["contract"]["id"] = contract_id
            config["contract"]["unl"] = unl
            config["contract"]["consensus"].update(mode="public", threshold=threshold,
                                                   roundtime=400)
            config["mesh"]["known_peers"] = [f"127.0.0.1:{port}" for i, port in enumerate(ports)
                                             if i != own]
        node.configure(settings)
    for node in nodes:
        node.start(wait=False)
    for node in nodes:
        node.wait_until_synced()
    return nodes


def at(nodes):
    return [part for node in nodes for part in ("-s", node.url)]


def reads(suite, nodes):
    """One state, read on every node; then on those that are left."""
    suite.expect(0, "send", "write:f=agreed", *at(nodes))
    suite.expect(0, "wait", "ledger", "+1", *at(nodes[1:]))
    suite.expect(0, "wait", "ledger", "+1", *at(nodes[2:]))
    same = suite.expect(0, "read", "read:f", "--quorum", "all", *at(nodes))
    suite.check(same.json["agreed"] == 3 and same.json["asked"] == 3 and
                same.json["data"] == "agreed", "all of them", same.json)
    table = suite.expect(0, "status", "--all", *at(nodes))
    suite.check({item["server"]["key"] for item in table.json["nodes"]} ==
                {node.key for node in nodes}, "status --all", table.json)
    nodes[2].stop()
    few = suite.expect(7, "read", "read:f", "--quorum", "all", *at(nodes))
    suite.check(few.json["error"]["code"] == "HPE-7004" and few.json["agreed"] == 2, "two",
                few.json)
    suite.expect(7, "read", "read:f", "--quorum", "0.8", *at(nodes))
    most = suite.expect(0, "read", "read:f", "--quorum", "0.6", *at(nodes))
    suite.check(most.json["agreed"] == 2, "two of three are enough", most.json)
    # Two of three go on closing ledgers at threshold 66, and sign outputs; that is too few here.
    weak = suite.expect(8, "send", "echo:x", *at(nodes))
    suite.check(weak.json["error"]["code"] == "HPE-8001", "signed by two", weak.json)
    strong = suite.expect(0, "send", "echo:x", "--quorum", "0.6", *at(nodes))
    suite.check(strong.json["validated"]["signed"] == 2, "0.6 is enough", strong.json)
    nodes[2].start()
    suite.expect(0, "wait", "synced", "-s", nodes[2].url)
    suite.expect(0, "read", "read:f", "--quorum", "all", *at(nodes))


def enough_servers(suite, nodes):
    """--min-connections: how many there must be before anything begins."""
    two, three = ["--min-connections", "2"], ["--min-connections", "3"]
    down = ["-s", "wss://127.0.0.1:1"]
    suite.expect(0, "status", "--all", *at(nodes), *three)
    for words in (["send", "echo:x"], ["read", "echo:x", "--quorum", "all"], ["lcl"], ["ping"],
                  ["run", "-"], ["shell"], ["bench", "x", "--duration", "1s"], ["trust", "check"],
                  ["doctor"], ["watch", "ledgers"], ["ledger", "verify"]):
        few = subprocess.run([suite.cli, *words, *at(nodes[:2]), *down, *three, "-v"], text=True,
                             env=suite.env, input="send echo:x\n", capture_output=True, timeout=60)
        suite.check(few.returncode == 3 and few.stdout == "" and "HPE-3001" in few.stderr and
                    "2 of 3 servers" in few.stderr, f"{words}: too few", few)
    before = suite.expect(0, "lcl", *at(nodes)).json
    missing = suite.expect(3, "send", "write:none=x", *at(nodes[:1]), *down, *two)
    detail = missing.json["error"]["detail"]
    suite.check(detail[nodes[0].url] == "up" and "refused" in detail[down[1]], "which", detail)
    suite.expect(0, "send", "echo:x", *down, *at(nodes), *three)  # and then to one that is up
    # What connects to nobody needs nobody.
    suite.expect(0, "send", "--offline", "--expires", "@9", "x", *down, *three)
    found = suite.run("ledger", "find", f"{before['ledger']['seq']}..", "--user",
                      suite.expect(0, "key", "show").json["public_key"], *at(nodes))
    suite.check(found.returncode == 0, "the one that was sent", found.json)
    suite.expect(0, "read", "echo:x", "--quorum", "0.6", *down, *at(nodes[:2]), *two)
    for bad in ("0", "-1", "x"):
        suite.expect(2, "lcl", *at(nodes), "--min-connections", bad)
    suite.expect(2, "lcl", *at(nodes), "--min-connections", "4")  # never possible
    suite.expect(2, "key", "list", *two)  # talks to nobody
    # A server that says nothing is waited for as long as a connection may take, and no longer
    # than others need.
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = ["-s", f"ws://127.0.0.1:{mute.getsockname()[1]}"]
        suite.expect(0, "lcl", *at(nodes[:2]), *silent, *two, "--connect-timeout", "50s")
        suite.expect(3, "lcl", *at(nodes[:1]), *silent, *two, "--connect-timeout", "300ms")
    # wait also waits for them. A node that is left alone says that it cannot go on.
    watching = suite.start("watch", "votes", "ledgers", "-s", nodes[0].url, "--timeout", "30s")
    watching.stdout.readline()
    for node in nodes[1:]:
        node.stop()
    suite.expect(6, "wait", "synced", *at(nodes), *three, "--timeout", "500ms")
    told = next((event for event in map(json.loads, watching.stdout)
                 if event.get("event") == "vote"), {})
    suite.check(told.get("vote_status") in ("desync", "unreliable"), "watch votes", told)
    watching.terminate()
    suite.end(watching)
    waiting = suite.start("wait", "synced", *at(nodes), *three)
    for node in nodes[1:]:
        node.start(wait=False)
    done = suite.end(waiting)
    suite.check(done.returncode == 0, "wait", done.json, done.note)
    for node in nodes[1:]:
        node.wait_until_synced()


def proofs(suite, nodes):
    """An output that three have signed, verified without them."""
    path = str(suite.root / "three.proof")
    trusted = [part for node in nodes for part in ("--trusted-key", node.key)]
    for _ in range(10):  # a node that has just come back may miss the first signature
        sent = suite.run("send", "echo:proven", "--proof", path, *at(nodes), *trusted)
        if sent.returncode == 0 and sent.json["validated"]["signed"] == 3:
            break
    suite.check(sent.json["validated"] == {"unl": 3, "signed": 3, "threshold": 0.8}, "three",
                sent.json)
    known = [part for node in nodes for part in ("--validator", node.key)]
    suite.expect(0, "proof", "verify", path, *known)
    suite.expect(8, "proof", "verify", path, *known, "--validator", NEWCOMER)  # 3 of 4
    suite.expect(0, "proof", "verify", path, *known, "--validator", NEWCOMER, "--quorum", "0.75")
    proof = json.loads(open(path).read())
    proof["output"]["signatures"] = proof["output"]["signatures"][:2]
    open(path, "w").write(json.dumps(proof))
    suite.expect(8, "proof", "verify", path, *known)
    suite.expect(0, "proof", "verify", path, *known, "--quorum", "0.6")
    # One who is trusted alone has not said enough for a server that is another.
    suite.expect(4, "send", "echo:x", "-s", nodes[1].url, "--trusted-key", nodes[0].key)


def new_validators(suite, nodes):
    """The contract takes a fourth member in; that is believed when enough of the three say so."""
    for node in nodes:
        suite.expect(0, "trust", "pin", node.url)
    suite.expect(0, "trust", "check", *at(nodes))
    watching = suite.start("watch", "unl", "--count", "1", "-s", nodes[0].url)
    suite.expect(0, "wait", "ledger", "+1", "-s", nodes[0].url)
    suite.run("send", f"patchunl:{NEWCOMER}", *at(nodes))
    for node in nodes:
        suite.expect(0, "wait", "unl", NEWCOMER, "-s", node.url, "--pin", "off")
    told = suite.end(watching)
    suite.check(told.returncode == 0 and NEWCOMER in json.dumps(told.json), "watch unl", told.json)

    def pinned():
        return [item["unl"] for item in suite.run("trust", "list").json["servers"]]

    old = sorted(node.key for node in nodes)
    alone = suite.expect(4, "trust", "check", "-s", nodes[0].url)
    suite.check(alone.json["error"]["code"] == "HPE-4006", "one is not enough", alone.json)
    suite.expect(4, "trust", "check", *at(nodes[:2]))
    suite.check(pinned() == [old] * 3, "nothing was taken over")
    # Until then outputs are counted against the old ones, and a note says why.
    sent = suite.expect(0, "send", "echo:x", "-s", nodes[0].url)
    suite.check(sent.json["validated"]["unl"] == 3 and "trust check" in sent.note, "old ones",
                sent.json, sent.note)
    agreed = suite.expect(0, "trust", "check", *at(nodes))
    suite.check(agreed.json["unl_changed"] and agreed.json["unl"] == sorted([*old, NEWCOMER]),
                "a quorum", agreed.json)
    suite.check(pinned() == [sorted([*old, NEWCOMER])] * 3, "taken over by all")
    now = suite.expect(8, "send", "echo:x", "-s", nodes[0].url)  # 3 of 4
    suite.check(now.json["error"]["code"] == "HPE-8001", "the new ones count", now.json)
    suite.expect(0, "send", "echo:x", "-s", nodes[0].url, "--quorum", "0.75")


def failover(suite, nodes):
    """A server that vanishes while an input is on its way; another one knows what became of it."""
    sending = suite.start("send", "echo:elsewhere", *at(nodes), "--expires", "+8", "--pin", "off",
                          "--quorum", "0.5")
    nodes[0].stop(kill=True)
    done = suite.end(sending)
    suite.check(done.returncode in (0, 5), "its fate is known", done.json, done.note)
    if done.returncode == 0:
        suite.check(done.json["outputs"][0]["data"] == "elsewhere", "its output", done.json)
    nodes[0].start()
    suite.expect(0, "wait", "synced", "-s", nodes[0].url, "--pin", "off")


def main():
    with tempfile.TemporaryDirectory(prefix="hp_cli_quorum_") as root:
        suite = Suite(sys.argv[1], root)
        try:
            nodes = make_cluster(suite, 3, threshold=66)
            for part in (enough_servers, reads, proofs, failover, new_validators):
                part(suite, nodes)
        finally:
            for node in suite.nodes:
                node.stop()
        print(f"{suite.checks} checks, {suite.failures} failures")
        return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
