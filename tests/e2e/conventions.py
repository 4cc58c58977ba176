# SPDX-License-Identifier: Apache-2.0
"""What every command of our command-line programs keeps to. A program's own test gives a table of
samples and what they need; a command without a sample fails, so that no new one escapes."""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import time

from json_schema import error_problems, problems

ANSI = re.compile(rb"\x1b\[")


def processor_ms():
    """What the programs that we have started and ended took of it."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


class Suite:
    """samples: words -> arguments of a call that succeeds. {name} stands for one of self.facts."""

    name = ""  # of the program
    samples = {}
    silent = ()  # commands that have nothing to write
    endless = ()  # commands that go on until they are stopped: tested elsewhere
    inputs = {}  # words -> what stands on standard input
    unshaped = ()  # beginnings of commands that are not tried in every shape: they take long
    completes = ("", "", "")  # words, the beginning of another one, that one
    misspelt = ("", "")  # a command
    timeout = 60

    def __init__(self, bin_dir, root):
        self.program = str(pathlib.Path(bin_dir).resolve() / self.name)
        self.root = pathlib.Path(root)
        self.cwd = None
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "LANG": "C.UTF-8"}
        self.facts = {}
        self.count = 0
        self.checks = 0
        self.failures = []

    # --- for a program's own test ------------------------------------------------------------

    def prepare(self, words, facts):
        """Makes the next call of the command succeed; may change facts."""

    def check_offline(self, words):
        """What the command says without what it needs."""

    def check(self, good, what, *more):
        self.checks += 1
        if not good:
            self.failures.append(what)
            print("FAILED:", what, *more, flush=True)

    def run(self, arguments, env=None, **more):
        given = [text for words, text in self.inputs.items()
                 if arguments[:len(words.split())] == words.split()]
        if "input" not in more:
            more.update({"input": given[0]} if given else {"stdin": subprocess.DEVNULL})
        return subprocess.run([self.program, *arguments], capture_output=True, timeout=self.timeout,
                              cwd=self.cwd, env={**self.env, **(env or {})}, **more)

    def ok(self, arguments, **more):
        done = self.run(arguments, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout.decode()

    def sample(self, words):
        self.count += 1
        facts = dict(self.facts, unique=f"n{self.count}")
        self.prepare(words, facts)
        return words.split() + [part.format(**facts) for part in self.samples[words]]

    def commands(self):
        return {item["command"]: item
                for item in json.loads(self.ok(["schema", "--json"]))["commands"]}

    # --- what is checked of one command ------------------------------------------------------

    def check_help(self, words):
        for flag in ("-h", "--help-all"):
            # No home, no network, no terminal.
            done = subprocess.run([self.program, *words.split(), flag], capture_output=True, env={},
                                  stdin=subprocess.DEVNULL, timeout=20)
            text = done.stdout.decode()
            self.check(done.returncode == 0 and done.stderr == b"", f"{words} {flag}")
            examples = text.partition("examples:\n")[2].splitlines()
            self.check(len(examples) == 2 and all(self.name in line for line in examples),
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
            self.check(line.startswith((f"{self.name}: ", "  ")), f"{words}: odd note", line)
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
        self.check(rows.returncode == 0 and (len(widths) <= 1 or words == "watch"),
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
        if info["online"]:
            self.check_offline(words)

    def check_closed_pipe(self, words):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.Popen([self.program, *self.sample(words)], stdin=subprocess.PIPE,
                                stdout=writing, stderr=subprocess.PIPE, env=self.env,
                                cwd=self.cwd)
        os.close(writing)
        stderr = done.communicate(self.inputs.get(words, b""), timeout=self.timeout)[1]
        expected = 0 if words in self.silent else 141
        self.check(done.returncode == expected,
                   f"{words} into a closed pipe: exit {done.returncode}", stderr)
        self.check(stderr == b"" or b"error" not in stderr, f"{words} into a closed pipe", stderr)

    def check_all(self):
        commands = self.commands()
        for words in commands:
            self.check(words in self.samples, f"\"{words}\" has no line in SAMPLES")
        for words in self.samples:
            self.check(words in commands, f"\"{words}\" is in SAMPLES, but no command")
        for words, info in commands.items():
            if words not in self.samples:
                continue
            self.check_help(words)
            self.check_errors(words, info)
            if words in self.endless:
                continue
            self.check_text(words)
            self.check_json(words, info)
            if not words.startswith(self.unshaped):
                self.check_shapes(words, info)
            self.check_closed_pipe(words)
        self.check_wholes(commands)

    # --- what is checked of the program ------------------------------------------------------

    def check_wholes(self, commands):
        manual = self.ok(["man"])
        for words in commands:
            self.check(f'"{self.name} {words}"'.replace("-", "\\-") in manual,
                       f"man does not know {words}")
        for shell in ("bash", "zsh", "fish"):
            script = self.ok(["completion", shell])
            for words in commands:
                self.check(words.split()[-1] in script, f"{shell} does not complete {words}")
        before, begun, whole = self.completes
        bash = f'source <("$0" completion bash); COMP_WORDS=({self.name} {before} {begun}); ' \
               f'COMP_CWORD={len(before.split()) + 1}; _{self.name}; echo "${{COMPREPLY[*]}}"'
        done = subprocess.run(["bash", "-c", bash, self.program], capture_output=True, text=True,
                              env=self.env)
        self.check(done.stdout.strip() == whole, "bash completion", done)
        for group in {words.split()[0] for words in commands if " " in words} - set(commands):
            listed = self.ok([group, "--help"])
            for words in commands:
                self.check(not words.startswith(group + " ") or f"  {words.split()[1]} " in listed,
                           f"{group} --help does not list {words}")
            alone = self.run([group])
            self.check(alone.returncode == 2 and b"is a group of commands" in alone.stderr,
                       f"{group} alone", alone)
            unknown = self.run([group, "no_such_command"])
            self.check(f'there is no command "{group} no_such_command"'.encode() in unknown.stderr,
                       f"{group} with an unknown command", unknown)
        typed, meant_word = self.misspelt
        meant = self.run([typed])
        self.check(f'did you mean "{meant_word}"'.encode() in meant.stderr, "did you mean",
                   meant.stderr)
        for code in (0, *range(1, 14), 130, 141, 143):
            self.check(self.run(["explain", str(code)]).returncode == 0, f"explain {code}")
        self.check(self.run(["explain", "99"]).returncode == 9, "explain 99")
        self.print_start()

    def print_start(self):
        """Start-up is meant to take less than 15 ms. Others may have the processor meanwhile, so
        its own time is shown, too, and the least of several. A figure, not a check."""
        passed, used = [], []
        for _ in range(20):
            before = processor_ms()
            start = time.perf_counter()
            self.ok(["version"])
            passed.append((time.perf_counter() - start) * 1000)
            used.append(processor_ms() - before)
        print(f"start to end of \"{self.name} version\": {statistics.median(passed):.1f} ms, "
              f"{statistics.median(used):.1f} ms of the processor's, at least {min(used):.1f}")

    def report(self):
        print(f"{self.checks} checks, {len(self.failures)} failures")
        return 1 if self.failures else 0
