#!/usr/bin/env python3
"""A name that is removed by force while commands have it open: each of them says what happened, and what to do."""
import json
import os
import signal
import time
import unittest

from command import DONE, LIMIT, NOT_THERE, Command

REMOVED = "its name was removed (`tarn rm --force`, or the system)"


class Removed(Command):
    def setUp(self):
        super().setUp()
        self.run_tarn("send", "-q", "log", stdin=b"a\n")
        self.run_tarn("put", "-q", "now", stdin=b"a\n")

    def used(self, name, users):
        details = json.loads(self.out("stat", "--json", name))
        return details["in_use"] and len(details["participants"]) == users

    def start_on(self, name, *arguments, users=1):
        """A command that has name open. Watchers take no part: nobody counts them, but it is in use."""
        process = self.start(*arguments)
        self.wait_until(lambda: self.used(name, users), f"{arguments} did not come")
        return process

    def remove(self, name):
        self.run_tarn("rm", "-q", "--force", name)

    def told(self, process, expect, stdin=None):
        _, said = process.communicate(stdin, timeout=LIMIT)
        self.assertEqual(expect, process.returncode, said)
        self.assertIn(REMOVED, said.decode())
        self.assertNotIn("handle", said.decode())
        return said.decode()

    def test_readers(self):
        for name, kind, arguments, users in (("log", "stream", ["recv", "log", "--follow"], 1), ("log", "stream", ["watch", "log"], 0),
                                             ("now", "board", ["get", "now", "--follow"], 1), ("now", "board", ["watch", "now"], 0),
                                             ("log", "stream", ["record", "log", self.path("log.rec")], 1)):
            with self.subTest(arguments):
                reader = self.start_on(name, *arguments, users=users)
                self.remove(name)
                self.assertIn(f"{name}: {REMOVED} and nobody writes it: nothing more can come; start this again for a new {kind} of that"
                              " name\n", self.told(reader, NOT_THERE))
                self.run_tarn("create", kind, name, "-q")

    def test_reader_where_there_is_another(self):
        reader = self.start_on("log", "recv", "log", "--follow", "--json")
        reader.send_signal(signal.SIGSTOP)  # it is not to find out between the two
        self.remove("log")
        self.run_tarn("send", "-q", "log", stdin=b"b\n")
        reader.send_signal(signal.SIGCONT)
        error = json.loads(self.told(reader, NOT_THERE))
        self.assertEqual(("TARN_E_EVICTED", NOT_THERE), (error["result"], error["exit"]))
        self.assertIn("for the new stream of that name", error["error"])

    def test_sender(self):
        sender = self.start_on("log", "send", "log")
        self.remove("log")
        sender.stdin.write(b"b\n")
        sender.stdin.flush()
        self.assertIn("only receivers that have it open get what is sent; start this again for a new stream of that name\n"
                      "log: 2 messages sent", self.told(sender, DONE, b"c\n"))

    def test_sender_learns_while_it_sends(self):
        sender = self.start_on("log", "send", "log")
        self.remove("log")
        end = time.monotonic() + LIMIT
        os.set_blocking(sender.stderr.fileno(), False)
        said = None
        while not said and time.monotonic() < end:
            sender.stdin.write(b"b\n")
            sender.stdin.flush()
            time.sleep(0.05)
            said = sender.stderr.read()
        self.assertIn(REMOVED, (said or b"").decode())

    def test_sender_without_room(self):
        self.run_tarn("create", "stream", "small", "-q", "--size", "64K")
        sender = self.start_on("small", "send", "small")
        sender.stdin.write(b"x" * 999 + b"\n")
        sender.stdin.flush()
        self.remove("small")
        # nobody has ever received: it waits, and not for somebody whom `tarn stat small` could tell
        sender.stdin.write((b"x" * 999 + b"\n") * 99)
        sender.stdin.flush()
        self.assertIn(REMOVED, sender.stderr.readline().decode())

    def test_putter(self):
        """What came out of a pipe is nowhere: that is no success."""
        putter = self.start_on("now", "put", "now")
        self.remove("now")
        self.assertIn("only readers that have it open see it; put it again", self.told(putter, NOT_THERE, b"b\n"))
        self.assertFalse(os.path.exists(os.path.join(self.channels, "now.board")))

    def test_replayer(self):
        recording = self.out("record", "log", "-", "-q", "--count", "1")
        replayer = self.start("replay", "-", "log")
        replayer.stdin.write(recording[:-1])
        replayer.stdin.flush()
        self.wait_until(lambda: self.used("log", 1), "the replayer did not come")
        self.remove("log")
        self.assertIn("replay it again", self.told(replayer, NOT_THERE, recording[-1:]))

    def test_putter_leaves_anothers_board(self):
        putter = self.start_on("now", "put", "now")
        self.remove("now")
        self.run_tarn("create", "board", "now", "-q")
        reader = self.start_on("now", "get", "now", "--wait", "forever")
        self.told(putter, NOT_THERE, b"b\n")
        self.run_tarn("put", "-q", "now", stdin=b"c\n")
        self.assertEqual((b"c\n", b""), reader.communicate(timeout=LIMIT))


if __name__ == "__main__":
    unittest.main()
