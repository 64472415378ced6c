#!/usr/bin/env python3
"""Completion: what `tarn __complete` answers, against the command's own help, and bash, zsh and fish asking it."""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = os.environ["TARN_BUILD_DIR"]
SOURCE = os.environ["TARN_SOURCE_DIR"]
TARN = os.path.join(BUILD, "tarn")
SCRIPTS = os.path.join(SOURCE, "completion")


class Completion(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tarn-completion.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.channels = os.path.join(self.folder, "channels")
        self.files = os.path.join(self.folder, "files")
        os.makedirs(os.path.join(self.files, "folder"))
        os.mkdir(self.channels)
        self.environment = dict(os.environ, TARN_DIR=self.channels, HOME=self.folder, PATH=BUILD + ":" + os.environ["PATH"], TERM="dumb")
        for name in ("picture", "pixels"):
            subprocess.run([TARN, "put", "-q", name], input=b"x", env=self.environment, check=True)
        subprocess.run([TARN, "send", "-q", "log"], input=b"x\n", env=self.environment, check=True)
        subprocess.run([TARN, "map", "create", "-q", "DataMap", "1K"], env=self.environment, check=True)
        with open(os.path.join(self.files, "picked up.bmp"), "wb"):
            pass

    def run_out(self, *arguments, **options):
        options = {"cwd": self.files, "env": self.environment, **options}
        return subprocess.run(arguments, capture_output=True, timeout=60, check=True, text=True, **options).stdout

    def ask(self, *words):
        """Candidates, without what they mean."""
        return [line.split("\t")[0] for line in self.run_out(TARN, "__complete", *words).splitlines()]


    def terminal(self, *command):
        return Terminal(self, *command)


class Terminal:
    """A shell that believes it has somebody before it."""

    def __init__(self, test, *command):
        self.test, self.said = test, b""
        child, self.descriptor = pty.fork()
        if child == 0:
            os.chdir(test.files)
            os.execvpe(command[0], command, test.environment)

        def stop():
            os.close(self.descriptor)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

        test.addCleanup(stop)

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def until(self, pattern):
        end = time.monotonic() + 30
        while not re.search(pattern, self.said):
            self.test.assertLess(time.monotonic(), end, self.said)
            if select.select([self.descriptor], [], [], 1)[0]:
                self.said += os.read(self.descriptor, 4096)
        self.said = self.said[re.search(pattern, self.said).end():]


class Answers(Completion):
    def test_commands(self):
        overview = self.run_out(TARN, "help")
        commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?= +[A-Z\[]| {2,})", overview.split("\nCommands:\n")[1].split("\n\n")[0], re.M)
        self.assertGreater(len(commands), 15)
        self.assertEqual(sorted({command.split()[0] for command in commands}), sorted(self.ask("")))
        for command in commands:
            *before, last = command.split()
            self.assertIn(last, self.ask(*before, ""))
            self.assertIn(last, self.ask(*before, last[:1]))
            self.assertIn(last, self.ask("help", *before, ""))
        self.assertEqual(["create"], self.ask("map", "cr"))
        self.assertEqual([], self.ask("nonsense", ""))

    def test_every_option_of_every_command(self):
        overview = self.run_out(TARN, "help")
        for command in re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?= +[A-Z\[]| {2,})", overview.split("\nCommands:\n")[1].split("\n\n")[0], re.M):
            options = re.findall(r"^ .{5}(--[a-z-]+)", self.run_out(TARN, "help", *command.split()), re.M)
            self.assertGreater(len(options), 3)
            if command != "help":  # its words are commands
                self.assertEqual(options, self.ask(*command.split(), "--"), command)

    def test_what_is_given_is_not_offered_again(self):
        self.assertNotIn("--kind", self.ask("rm", "--kind", "map", "--"))
        self.assertNotIn("--kind", self.ask("rm", "--kind=map", "--"))
        self.assertNotIn("--dir", self.ask("rm", "-d", self.channels, "--"))
        self.assertEqual([], self.ask("rm", "--", "--"))
        self.assertFalse({"--quiet", "--json", "--wait"} & set(self.ask("get", "-qjw5s", "--")))
        self.assertEqual([], self.ask("get", "-qw", "pic"))  # the time comes next

    def test_names_by_kind(self):
        self.assertEqual(["picture", "pixels"], self.ask("get", ""))
        self.assertEqual(["picture"], self.ask("get", "pic"))
        self.assertEqual(["log"], self.ask("recv", ""))
        self.assertEqual(["DataMap"], self.ask("map", "read", ""))
        self.assertEqual(["DataMap", "log", "picture", "pixels"], self.ask("rm", ""))
        self.assertEqual(["pixels"], self.ask("rm", "log", "pix"))  # it repeats
        self.assertEqual([":files"], self.ask("get", "picture", ""))
        self.assertEqual([":files", "picture", "pixels"], self.ask("show", "p"))
        self.assertEqual([":directories", "log"], self.ask("doctor", "l"))
        self.assertEqual([":files"], self.ask("get", "./x"))
        self.assertEqual([], self.ask("map", "create", "x", ""))
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        for option in (["--dir", empty], ["-d", empty], [f"--dir={empty}"], [f"-d{empty}"], ["--dir", "=", empty]):
            self.assertEqual([], self.ask("get", *option, ""))
        self.assertEqual([], self.ask("get", "--dir", "/nowhere", ""))

    def test_odd_names_are_left_out(self):
        for name in ("two words", "semi;colon", "-dash", "new\nline"):
            with open(os.path.join(self.channels, name), "wb"):
                pass
        self.assertEqual(["DataMap"], self.ask("map", "read", ""))

    def test_values(self):
        self.assertEqual(["wait", "fail", "overwrite"], self.ask("create", "stream", "x", "--policy", ""))
        self.assertEqual(["wait", "fail", "overwrite"], self.ask("create", "stream", "x", "--policy", "="))
        self.assertEqual(["--policy=fail"], self.ask("create", "stream", "x", "--policy=f"))
        self.assertEqual(["oldest"], self.ask("recv", "log", "--from", "o"))
        self.assertEqual([":directories"], self.ask("ls", "--dir", ""))
        self.assertEqual([], self.ask("get", "--wait", ""))
        self.assertEqual(["image/bmp"], self.ask("put", "x", "--type", "image/b"))


class Bash(Completion):
    def complete(self, *words):
        script = f"""source {SCRIPTS}/tarn.bash
          COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tarn; printf '%s\\n' "${{COMPREPLY[@]}}\""""
        return self.run_out("bash", "-c", script, "bash", "tarn", *words).splitlines()

    def test_the_function(self):
        self.assertEqual(["picture", "pixels"], self.complete("get", "p"))
        self.assertEqual(["create", "read", "write", "resize"], self.complete("map", ""))
        self.assertEqual(["picked up.bmp"], self.complete("put", "picture", "p"))
        self.assertEqual(["folder"], self.complete("ls", "--dir", "f"))
        self.assertEqual(["wait", "fail", "overwrite"], self.complete("create", "stream", "x", "--policy", "="))

    def test_a_person_at_a_terminal(self):
        terminal = self.terminal("bash", "--norc", "--noprofile", "-i")
        terminal.type(f"source {SCRIPTS}/tarn.bash; PS1='rea''dy> '\n")
        terminal.until(rb"ready> ")
        terminal.type("tarn ge\tpict\tpick\t")
        terminal.until(rb"tarn get picture picked\\ up\.bmp ")
        terminal.type("\x15exit\n")


class Zsh(Completion):
    def test_a_person_at_a_terminal(self):
        if not shutil.which("zsh"):
            self.skipTest("there is no zsh")
        terminal = self.terminal("zsh", "-f", "-i")
        terminal.type(f"fpath=({SCRIPTS} $fpath); autoload -Uz compinit; compinit -u -D; PS1='rea''dy> '\n")
        terminal.until(rb"ready> ")
        terminal.type("tarn ge\tpict\t")
        terminal.until(rb"picture ")
        terminal.type("\x15tarn create stream x --pol\tov\t")
        terminal.until(rb"overwrite")
        terminal.type("\x15exit\n")


class Fish(Completion):
    def complete(self, line):
        out = self.run_out("fish", "--no-config", "-c", f"source {SCRIPTS}/tarn.fish; complete -C '{line}'")
        return [found.split("\t")[0] for found in out.splitlines()]

    def test_it(self):
        if not shutil.which("fish"):
            self.skipTest("there is no fish")
        self.assertEqual(["picture", "pixels"], sorted(self.complete("tarn get p")))
        self.assertEqual(["create", "read", "resize", "write"], sorted(self.complete("tarn map ")))
        self.assertEqual(["picked up.bmp"], self.complete("tarn put picture p"))
        self.assertIn("overwrite", self.complete("tarn create stream x --policy "))


if __name__ == "__main__":
    unittest.main()
