#!/usr/bin/env python3
"""The command as an operator uses it between users and PID namespaces."""
import json
import os
import signal
import subprocess
import unittest

from command import LIMIT, TARN, OtherUsers, json_lines
from operating import SCOPED_WRITER, Operator


class Users(OtherUsers):
    def test_what_another_user_sees(self):
        self.run_tarn("put", "-q", "secret", stdin=b"x")
        self.run_tarn("create", "board", "-q", "open", "--mode", "0644")
        with open(os.path.join(self.channels, "map"), "wb"):
            pass
        os.chmod(os.path.join(self.channels, "map"), 0o644)
        seen = {e["name"]: e for e in json_lines(self.out("ls", "--json", preexec_fn=self.nobody))}
        self.assertEqual("not readable", seen["secret"]["state"])
        self.assertEqual(os.path.getsize(os.path.join(self.channels, "secret.board")), seen["secret"]["size_bytes"])
        self.assertEqual("kept", seen["open"]["state"])
        self.assertEqual(("unknown", True), (seen["map"]["state"], seen["map"]["hidden"]))  # root may have it
        self.error("check", "secret", expect=6, preexec_fn=self.nobody)
        self.run_tarn("check", "open", preexec_fn=self.nobody)
        self.run_tarn("clean", "--foreign", preexec_fn=self.nobody)
        self.assertEqual(["map", "open.board", "secret.board"], sorted(os.listdir(self.channels)))

    def test_a_stranger_in_use(self):
        """A living process of another user keeps its scoped channel from root's broom."""
        os.chmod(self.channels, 0o777)
        copy = os.path.join(self.folder, "scoped_writer")
        subprocess.run(["cp", SCOPED_WRITER, copy], check=True)
        writer = subprocess.Popen([copy, "hello"], stdin=subprocess.PIPE, env=self.environment, preexec_fn=self.nobody)
        self.wait_until(lambda: os.path.exists(os.path.join(self.channels, "hello.board")), "the writer did not come")
        self.assertEqual(b"", self.out("clean"))
        self.assertEqual("in use", json.loads(self.out("ls", "--json"))["state"])
        writer.kill()
        writer.communicate()
        self.assertIn(b"removed board hello", self.out("clean"))


class Namespaces(Operator):
    def unshared(self, *arguments, **options):
        return subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", TARN, *arguments], env=self.environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.PIPE, **options)

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("a PID namespace of one's own needs root")
        done = self.unshared("help")
        done.communicate()
        if done.returncode != 0:
            self.skipTest("no PID namespaces here")

    def stop(self, process):
        process.kill()
        process.communicate()

    def test_numbers_mean_nothing_locks_do(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        reader = self.unshared("recv", "log", "--follow")
        self.addCleanup(self.stop, reader)
        self.wait_until(lambda: self.takes_part("log", 1), "the reader did not come")
        told = self.stat("log")["participants"][0]
        self.assertEqual((1, False, True), (told["process"], told["same_space"], told["alive"]))
        self.assertIn("(1)", self.out("ls").decode())
        self.assertIn("of another PID namespace", self.out_blocked())
        inside = self.unshared("stat", "log", "--json")
        self.assertEqual([False], [p["same_space"] for p in json.loads(inside.communicate()[0])["participants"] if p["role"] == "reader"])

    def out_blocked(self):
        reader = int(subprocess.run(["pgrep", "-f", "^" + TARN + " recv log --follow$"], capture_output=True).stdout.split()[0])
        os.kill(reader, signal.SIGSTOP)
        self.start_flood("log")
        self.wait_until(lambda: "blocked" in self.stat("log"), "nobody was blocked")
        while True:
            told = self.stat("log")
            if "blocked" in told:
                os.kill(reader, signal.SIGCONT)
                return told["blocked"]

    def test_nothing_of_another_namespace_is_cleaned(self):
        self.make("map")
        outside = self.start_foreign("map")
        script = 'mount -t proc proc /proc && exec "$0" clean --foreign'
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount", "sh", "-c", script, TARN], env=self.environment, capture_output=True,
                              timeout=LIMIT)
        self.assertIn(b"left map map", done.stdout)  # /proc there shows nobody; the kernel knows better
        self.assertEqual(["map"], os.listdir(self.channels))
        script = 'mount -t proc proc /proc && exec "$0" ls --json'
        done = subprocess.run(["unshare", "--pid", "--fork", "--mount", "sh", "-c", script, TARN], env=self.environment, capture_output=True,
                              timeout=LIMIT)
        self.assertEqual(("unknown", True), tuple(json.loads(done.stdout)[k] for k in ("state", "hidden")))
        outside.kill()
        outside.wait()
        self.assertIn(b"removed map map", self.out("clean", "--foreign"))


if __name__ == "__main__":
    unittest.main()
