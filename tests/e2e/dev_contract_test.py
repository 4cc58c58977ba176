#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hpdev's commands that run a contract without any node: exec, test, check.

    dev_contract_test.py BIN_DIR      (with hpdev, hpcli, hpnode, starter_contract,
                                       probe_contract, posix_contract, sqlite_contract,
                                       unsteady_contract, unsteady_shared)
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

from json_schema import error_problems, problems

BIN = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/dev/bin").resolve()


class Done:
    """An ended call of hpdev."""

    def __init__(self, args, cwd, env=None):
        result = subprocess.run([BIN / "hpdev", *args], cwd=cwd, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=120, check=False,
                                env={**os.environ, **(env or {})})
        self.code, self.out, self.err = result.returncode, result.stdout, result.stderr

    @property
    def json(self):
        return json.loads(self.out)


class Folder(unittest.TestCase):
    """A folder with bundles; hpdev runs in it."""

    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.addCleanup(self.temp.cleanup)
        self.dir = pathlib.Path(self.temp.name)
        self.temp_files = self.dir / "tmp"
        self.temp_files.mkdir()

    def bundle(self, program, args="", name="bundle", files=None, **contract):
        folder = self.dir / name
        folder.mkdir(parents=True, exist_ok=True)
        if program:
            shutil.copy(BIN / program, folder / program)
        for path, text in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        (folder / "hp.cfg.override").write_text(json.dumps(
            {"contract": {"bin_path": program, "bin_args": args, **contract}}))
        return folder

    def hpdev(self, *args, code=0, env=None):
        done = Done([str(arg) for arg in args], self.dir, {"TMPDIR": str(self.temp_files),
                                                           **(env or {})})
        self.assertEqual(done.code, code, f"{args}\n{done.out}\n{done.err}")
        return done

    def check_schema(self, command, document):
        schema = self.hpdev("schema", command).json
        found = (list(problems(document, schema["anyOf"][0])) if document["ok"]
                 else error_problems(document, schema))
        self.assertEqual(found, [])

    def nothing_left(self):
        self.assertEqual(list(self.temp_files.iterdir()), [])


class Exec(Folder):
    def test_outputs_changes_and_hash(self):
        bundle = self.bundle("starter_contract")
        done = self.hpdev("exec", "--bundle", bundle, "add 5", "-i", "bob: get", "--json")
        answer = done.json
        self.check_schema("exec", answer)
        self.assertEqual({one["user"]: one["data"] for one in answer["outputs"]},
                         {"alice": {"total": 5, "text": ""}, "bob": {"total": 5, "text": ""}})
        self.assertEqual([(one["change"], one["path"]) for one in answer["changes"]],
                         [("added", "state/total.txt")])
        again = self.hpdev("exec", "--bundle", bundle, "add 5", "-i", "bob: get", "--json").json
        self.assertEqual(again["state_hash"], answer["state_hash"])
        text = self.hpdev("exec", "--bundle", bundle, "add 5").out
        self.assertIn("added       state/total.txt", text)
        self.nothing_left()

    def test_state_directory_and_keep(self):
        bundle = self.bundle("starter_contract")
        kept = self.hpdev("exec", "--bundle", bundle, "add 5", "--keep", "--json").json["directory"]
        state = pathlib.Path(kept) / "seed/state"
        self.assertFalse((state / "hp.cfg.override").exists())
        before = (state / "total.txt").read_text()
        answer = self.hpdev("exec", "--state", state, "add 2", "--json").json  # patch.cfg beside it
        self.assertEqual(answer["outputs"][0]["data"]["total"], 7)
        self.assertEqual((state / "total.txt").read_text(), before)
        shutil.rmtree(kept)

    def test_reads_change_nothing(self):
        bundle = self.bundle("probe_contract")
        answer = self.hpdev("exec", "--bundle", bundle, "--read", "write:x=1", "--json").json
        self.check_schema("exec", answer)
        self.assertEqual(answer["changes"], [])
        self.hpdev("exec", "--bundle", bundle, "--read", "a", "-i", "b", code=2)

    def test_document(self):
        """Ledger, time, UNL and NPL are what the options say."""
        bundle = self.bundle("probe_contract")
        (self.dir / "npl.ndjson").write_text('{"from":2,"text":"hello"}\n{"from":3,"hex":"00"}\n')
        answer = self.hpdev("exec", "--bundle", bundle, "--seq", 70, "--time", 1234567890123,
                            "--unl", 5, "context", "--json").json
        document = answer["outputs"][0]["data"]
        self.assertEqual(document["lcl_seq_no"], 70)
        self.assertEqual(document["timestamp"], 1234567890123)
        self.assertEqual(len(document["unl"]), 5)
        heard = self.hpdev("exec", "--bundle", bundle, "--npl", "npl.ndjson", "npl:hi",
                           "--json").json
        self.assertEqual(heard["npl"], [{"data": "hi"}])
        lines = heard["outputs"][0]["data"].splitlines()
        self.assertEqual(sorted(line.split(":")[1] for line in lines), ["\0", "hello", "hi"])
        (self.dir / "npl.ndjson").write_text('{"from":2}\n')
        self.assertIn("npl.ndjson:1", self.hpdev("exec", "--bundle", bundle, "--npl", "npl.ndjson",
                                                 "x", code=2).err)

    def test_ends(self):
        crash = self.bundle(None, files={"c.sh": "#!/bin/sh\necho said\nkill -SEGV $$\n"})
        (crash / "c.sh").chmod(0o755)
        (crash / "hp.cfg.override").write_text('{"contract":{"bin_path":"c.sh"}}')
        done = self.hpdev("exec", "--bundle", crash, code=11)
        self.assertIn("HPE-11001", done.err)
        self.assertIn("SIGSEGV", done.err)
        self.assertIn("| said", done.out)
        answer = self.hpdev("exec", "--bundle", crash, "--json", code=11).json
        self.check_schema("exec", answer)
        self.assertEqual((answer["end"], answer["code"]), ("signaled", 11))
        slow = self.bundle(None, name="slow", files={"c.sh": "#!/bin/sh\nsleep 100\n"})
        (slow / "c.sh").chmod(0o755)
        (slow / "hp.cfg.override").write_text(
            '{"contract":{"bin_path":"c.sh","round_limits":{"exec_timeout":200}}}')
        self.assertIn("HPE-11002", self.hpdev("exec", "--bundle", slow, code=11).err)
        gone = self.bundle(None, name="gone")
        (gone / "hp.cfg.override").write_text('{"contract":{"bin_path":"nothing"}}')
        self.assertIn("No such file", self.hpdev("exec", "--bundle", gone, code=11).err)
        self.assertIn("HPE-9006", self.hpdev("exec", code=9).err)
        self.assertIn("HPE-9003", self.hpdev("exec", "--bundle", "none", code=9).err)
        self.nothing_left()

    def test_debug_waits(self):
        bundle = self.bundle("starter_contract")
        process = subprocess.Popen([BIN / "hpdev", "exec", "--bundle", bundle, "--debug", "add 5"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**os.environ, "TMPDIR": str(self.temp_files)})
        try:
            pid = None
            for line in process.stderr:
                found = re.search(r"kill -CONT (\d+)", line)
                if found:
                    pid = int(found.group(1))
                    break
            self.assertIsNotNone(pid)
            for _ in range(500):
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                if stat.rsplit(")", 1)[1].split()[0] == "T":
                    break
                time.sleep(0.01)
            os.kill(pid, signal.SIGCONT)
            self.assertIn('"total":5', process.communicate(timeout=60)[0])
            self.assertEqual(process.returncode, 0)
        finally:
            process.kill()
            process.communicate()


class Test(Folder):
    def cases(self, text, name="tally.hpt.toml"):
        (self.dir / name).write_text(text)
        return self.dir / name

    GOOD = """[[case]]
name = "adds"
[[case.round]]
inputs = [{user="alice", text="add 5"}]
outputs = [{user="alice", json={total=5, text=""}}]
state = {"text.txt" = {absent=true}}
[[case.round]]
read = [{user="bob", text="get"}]
outputs = [{user="bob", json={total=5, text=""}}]

[[case]]
name = "text"
[[case.round]]
inputs = [{user="alice", text="set x"}, {user="bob", text="get"}]
outputs = [{user="bob", json={total=0, text="x"}}, {user="alice", json={total=0, text="x"}}]
"""

    def test_good_cases(self):
        bundle = self.bundle("starter_contract")
        cases = self.cases(self.GOOD)
        done = self.hpdev("test", cases, "--bundle", bundle, "--junit", "r.xml")
        self.assertIn("2 passed, 0 failed", done.out)
        suite = xml.etree.ElementTree.parse(self.dir / "r.xml").getroot().find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "0"))
        answer = self.hpdev("test", cases, "--bundle", bundle, "--replicas", 3, "--json").json
        self.check_schema("test", answer)
        self.assertEqual(answer["passed"], 2)
        one = self.hpdev("test", cases, "--bundle", bundle, "-k", "text", "--json").json
        self.assertEqual([test["name"] for test in one["tests"]], ["text"])
        self.nothing_left()

    def test_bad_case_says_where(self):
        """Each wrong expectation is named with its own line, what was wanted and what came."""
        bundle = self.bundle("starter_contract")
        cases = self.cases("""[[case]]
name = "wrong"
[[case.round]]
inputs = [{user="alice", text="add 5"}]
outputs = [
    {user="alice", json={total=6, text=""}},
    {user="alice", text="more"},
]
state = {"total.txt" = "9", "none.txt" = "x"}
""")
        done = self.hpdev("test", cases, "--bundle", bundle, "--junit", "r.xml", code=12)
        self.assertIn("tally.hpt.toml:6: round 1, to alice, output 1, at $.total", done.out)
        self.assertIn('got   {"total":5,"text":""}', done.out)
        self.assertIn("tally.hpt.toml:7: round 1, to alice, output 2\n    want  more\n", done.out)
        self.assertIn("tally.hpt.toml:9: round 1, state/none.txt", done.out)
        self.assertIn("HPE-12002", done.err)
        self.assertIn("<failure", (self.dir / "r.xml").read_text())
        answer = self.hpdev("test", cases, "--bundle", bundle, "--json", code=12).json
        self.check_schema("test", answer)
        self.assertEqual([one["line"] for one in answer["tests"][0]["mismatches"]], [6, 7, 9, 9])

    def test_ends_are_wanted(self):
        bundle = self.bundle(None, files={"c.sh": "#!/bin/sh\nexit 7\n"})
        (bundle / "c.sh").chmod(0o755)
        (bundle / "hp.cfg.override").write_text('{"contract":{"bin_path":"c.sh"}}')
        head = '[[case]]\nname = "e"\n[[case.round]]\n'
        self.hpdev("test", self.cases(head + "exit = 7\n"), "--bundle", bundle)
        done = self.hpdev("test", self.cases(head), "--bundle", bundle, code=12)
        self.assertIn("got   exit code 7", done.out)

    def test_unordered_and_golden(self):
        bundle = self.bundle("probe_contract")
        head = '[[case]]\nname = "e"\n[[case.round]]\ninputs = [{user="a", text="multi:3"}]\n'
        outputs = 'outputs = [{user="a", text="3"}, {user="a", text="1"}, {user="a", text="2"}]\n'
        self.hpdev("test", self.cases(head + outputs), "--bundle", bundle, code=12)
        self.hpdev("test", self.cases(head + outputs + "unordered = true\n"), "--bundle", bundle)
        golden = self.cases(
            '[[case]]\nname = "g"\n[[case.round]]\ninputs = [{user="a", text="hi"}]\n'
            'outputs = [{user="a", file="want.txt"}]\n')
        self.hpdev("test", golden, "--bundle", bundle, code=12)
        self.hpdev("test", golden, "--bundle", bundle, "--update-golden")
        self.assertEqual((self.dir / "want.txt").read_text(), "hi")
        self.hpdev("test", golden, "--bundle", bundle)

    def test_replicas_find_what_differs(self):
        bundle = self.bundle("unsteady_contract", "random")
        cases = self.cases('[[case]]\nname = "r"\n[[case.round]]\n')
        self.hpdev("test", cases, "--bundle", bundle)
        done = self.hpdev("test", cases, "--bundle", bundle, "--replicas", 3, code=8)
        self.assertIn("state/result.txt", done.out)
        self.assertIn("$.rows[2].id", done.out)
        answer = self.hpdev("test", cases, "--bundle", bundle, "--replicas", 3, "--json",
                            code=8).json
        self.check_schema("test", answer)
        self.assertEqual(answer["tests"][0]["divergence"]["where"], "state/result.txt")

    def project(self, *commands):
        """A project whose bundle is there already."""
        self.bundle("starter_contract", name=".hp/bundle")
        (self.dir / "cases").mkdir()
        (self.dir / "cases/tally.hpt.toml").write_text(self.GOOD)
        (self.dir / "hpdev.toml").write_text(
            'name = "tally"\n[bundle]\nfiles = ["x"]\nbin_path = "starter_contract"\n'
            f'[test]\ncases = "cases"\ncommands = {json.dumps(commands)}\n')

    def test_of_a_project(self):
        """Cases and programs of tests; what these print is not the answer."""
        self.project("echo printed", "false")
        done = self.hpdev("test", code=12)
        self.assertIn("ok      cases/tally.hpt.toml: adds", done.out)
        self.assertIn("ok      echo printed", done.out)
        self.assertIn("FAILED  false", done.out)
        self.assertIn("printed", done.err)
        answer = self.hpdev("test", "--json", code=12).json
        self.check_schema("test", answer)
        self.assertEqual([one["kind"] for one in answer["tests"]], ["case", "case", "unit", "unit"])
        self.hpdev("test", "-k", "adds")
        self.hpdev("test", "cases")
        self.hpdev("exec", "add 5")
        self.hpdev("check", "--runs", 2)

    def test_scripts_run_on_nodes_of_their_own(self):
        self.project()
        (self.dir / "good.hps").write_text("as alice\nsend 'add 5' -> $.total == 5\n")
        (self.dir / "bad.hps").write_text("as bob\nsend 'set hi' -> $.text == other\n")
        self.assertIn("HPE-9007", self.hpdev("test", "good.hps", "--cluster", "x", code=9).err)
        done = self.hpdev("test", "good.hps", "bad.hps", code=12)
        self.assertIn("ok      good.hps", done.out)
        self.assertIn("FAILED  bad.hps", done.out)
        self.assertEqual(list((self.dir / ".hp/clusters").iterdir()), [])

    def test_mistakes_in_files(self):
        bundle = self.bundle("starter_contract")
        cases = self.cases('[[case]]\nname = "a"\n[[case.round]]\nimputs = []\n')
        done = self.hpdev("test", cases, "--bundle", bundle, code=2)
        self.assertIn('tally.hpt.toml:4: unknown key "imputs"', done.err)
        self.assertIn("inputs", done.err)
        self.hpdev("test", self.dir / "none.hpt.toml", "--bundle", bundle, code=9)


# Fault of unsteady_contract -> the rule that check has to name, and a function it has to find in
# the contract's own code (None: there is no call that could be seen).
FAULTS = {
    "time": ("time", "use_time"),
    "steady-clock": ("time", "use_steady_clock"),
    "random": ("random", "use_random"),
    "random-device": ("other", "use_random_device"),
    "pid": ("pid", "use_pid"),
    "addresses": ("addresses", None),
    "memory-stack": ("memory", None),
    "memory-heap": ("memory", None),
    "directory-order": ("directory-order", "use_directory_order"),
    "file-times": ("file-times", None),
    "host": ("host", "use_host_name"),
    "cpus": ("cpus", "use_processors"),
    "time-zone": ("time-zone", None),
    "path": ("path", None),
    "node": ("node", None),
    "repeat": ("repeat", None),
    "npl": ("npl", None),
}


class Check(Folder):
    def check_fault(self, program, fault):
        rule, function = FAULTS[fault]
        files = {f"data{i}.txt": "x" for i in range(8)}
        bundle = self.bundle(program, fault, files=files)
        answer = self.hpdev("check", "--bundle", bundle, "--runs", 3, "--json",
                            code=8).json
        finding = answer["findings"][0]
        rules = [cause["rule"] for cause in finding["causes"]]
        with self.subTest(program=program, fault=fault):
            self.check_schema("check", answer)
            self.assertEqual(finding["difference"]["where"], "state/result.txt")
            self.assertIn(rule, rules)
            if rule not in ("npl", "other", "addresses", "memory"):
                self.assertEqual(rules, [rule])
            if function and shutil.which("addr2line"):
                calls = [call["where"] for cause in finding["causes"] for call in cause["calls"]]
                calls += [call["where"] for call in answer["suspects"]]
                self.assertTrue(any(function in call for call in calls), (calls, answer))

    def test_every_fault_is_named(self):
        for fault in FAULTS:
            self.check_fault("unsteady_contract", fault)
        self.nothing_left()

    def test_faults_with_shared_libraries(self):
        for fault in ("time", "random", "random-device", "directory-order", "memory-stack"):
            self.check_fault("unsteady_shared", fault)

    def test_text(self):
        bundle = self.bundle("unsteady_contract", "time")
        done = self.hpdev("check", "--bundle", bundle, "-u", "alice", code=8)
        self.assertIn("HPE-8006", done.err)
        self.assertIn("depends on the machine's clock  [time]", done.out)
        self.assertIn("fix: use the ledger's timestamp", done.out)
        self.hpdev("check", "--bundle", bundle, "--allow", "time")
        self.hpdev("check", "--bundle", bundle, "--allow", "pid", code=8)
        self.assertIn("time-zone", self.hpdev("check", "--bundle", bundle, "--allow", "tiem",
                                              code=2).err)

    def test_clean_contracts_are_not_accused(self):
        inputs = ("-i", "add 5", "-i", "bob: set hello", "-i", "get")
        cases = (("starter_contract", inputs), ("unsteady_contract", ("-i", "hi")),
                 ("sqlite_contract", ("-i", "fill:200", "-i", "bob: add:x", "-i", "check")),
                 ("posix_contract", ("-i", "threads:4", "-i", "sh:ls", "-i", "children:3")))
        arguments = {"sqlite_contract": "delete", "unsteady_contract": "nothing"}
        for program, given in cases:
            with self.subTest(program=program):
                bundle = self.bundle(program, arguments.get(program, ""), name=program)
                answer = self.hpdev("check", "--bundle", bundle, *given, "--runs", 3, "--json").json
                self.check_schema("check", answer)
                self.assertEqual(answer["findings"], [])
        starter = self.dir / "starter_contract"
        self.assertIn("ok  nothing", self.hpdev("check", "--bundle", starter, "--static-only").out)

    def test_static_only_looks_into_programs_and_scripts(self):
        bundle = self.bundle("unsteady_contract", "nothing",
                             files={"a.js": "let a = 1;\nlet b = Math.random();\n"})
        answer = self.hpdev("check", "--bundle", bundle, "--static-only", "--json", code=8).json
        self.check_schema("check", answer)
        found = {(one["what"], one["where"]) for one in answer["suspects"]}
        self.assertIn(("Math.random()", "a.js:2"), found)
        self.assertTrue(any(what == "std::random_device" and "use_random_device" in where
                            for what, where in found), found)
        allowed = [arg for rule in ("time", "random", "pid", "directory-order", "host", "cpus",
                                    "time-zone", "other", "file-times")
                   for arg in ("--allow", rule)]
        self.hpdev("check", "--bundle", bundle, "--static-only", *allowed)

    @unittest.skipUnless(shutil.which("node"), "needs node")
    def test_scripts(self):
        head = "#!" + shutil.which("node") + "\n"
        source = head + ("const fs = require('fs');\nfs.writeFileSync('out.json', "
                         "JSON.stringify({{list: [1, {}]}}));\n")
        for expression, rule, what in (("Math.random()", "random", "Math.random()"),
                                       ("Date.now()", "time", "Date.now()"), ("2", None, None)):
            bundle = self.bundle(None, files={"c.js": source.format(expression)})
            (bundle / "c.js").chmod(0o755)
            (bundle / "hp.cfg.override").write_text('{"contract":{"bin_path":"c.js"}}')
            done = self.hpdev("check", "--bundle", bundle, "--runs", 3, "--json",
                              code=8 if rule else 0)
            if rule:
                finding = done.json["findings"][0]
                self.assertIn(rule, [one["rule"] for one in finding["causes"]])
                self.assertEqual(finding["difference"]["json_path"], "$.list[1]")
                self.assertIn((what, "c.js:3"),
                              {(one["what"], one["where"]) for one in done.json["suspects"]})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
