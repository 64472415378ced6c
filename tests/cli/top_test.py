#!/usr/bin/env python3
"""`tarn top`: keys, signals, what it shows, and the terminal as it was."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

from command import LIMIT, NOT_THERE, TARN
from operating import Operator


class Top(Operator):
    def on_terminal(self, *arguments, preexec_fn=None, **environment):
        """`tarn top` on a terminal: the process, and our side of it."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        before = termios.tcgetattr(slave)
        process = subprocess.Popen([TARN, "top", *arguments], stdin=slave, stdout=slave, stderr=slave,
                                   preexec_fn=preexec_fn,
                                   env={**self.environment, "TERM": "xterm", **environment})
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.seen = ""
        return process, master, slave, before

    def read_until(self, master, pattern):
        """What comes until the pattern has come."""
        end = time.monotonic() + LIMIT
        while not re.search(pattern, self.seen, re.DOTALL):
            ready, _, _ = select.select([master], [], [], end - time.monotonic())
            self.assertTrue(ready, f"{pattern} did not come: {self.seen!r}")
            self.seen += os.read(master, 65536).decode()
        told, self.seen = self.seen, ""
        return told

    def ended(self, process, master, slave, before, code):
        """It has ended, and the terminal is as it was."""
        self.read_until(master, re.escape("\x1b[?7h\x1b[?25h\x1b[?1049l"))
        self.assertEqual(code, process.wait(timeout=LIMIT))
        self.assertEqual(before, termios.tcgetattr(slave))

    def start_two(self):
        self.run_tarn("create", "stream", "-q", "aa", "--size", "4K")
        self.start_reader("aa")
        self.start_writer("zz")

    def test_keys(self):
        self.start_two()
        process, master, slave, before = self.on_terminal("--every", "20ms")
        told = self.read_until(master, r"aa .*zz .*q quit")
        self.assertTrue(told.startswith("\x1b[?1049h"), told)
        self.assertIn("2 channels in use, 0 idle; by name", told)
        self.assertFalse(termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO))
        for key, order in (("r", "by rate"), ("b", "by bytes"), ("l", "by lag"), ("h", "by held"), ("s", "by size"), ("n", "by name")):
            os.write(master, key.encode())
            self.read_until(master, order)
        os.write(master, b"i")
        self.read_until(master, r"by name, inverted.*zz .*aa ")
        os.write(master, b"\x1a\x1c?")  # Ctrl-Z, Ctrl-backslash: it stays
        self.read_until(master, "inverted.*q quit")
        self.assertIsNone(process.poll())
        os.write(master, b"q")
        self.ended(process, master, slave, before, 0)

    def test_signals_give_the_terminal_back(self):
        self.start_two()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process, master, slave, before = self.on_terminal("--every", "1h")
            self.read_until(master, "q quit")
            process.send_signal(number)
            self.ended(process, master, slave, before, -number)

    def test_ctrl_c(self):
        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        process, master, _, _ = self.on_terminal("--every", "1h", preexec_fn=own_terminal)
        self.read_until(master, "q quit")
        os.write(master, b"\x03")
        self.read_until(master, re.escape("\x1b[?7h\x1b[?25h\x1b[?1049l"))
        self.assertEqual(-signal.SIGINT, process.wait(timeout=LIMIT))

    def test_a_directory_that_goes(self):
        process, master, slave, before = self.on_terminal("--every", "20ms")
        self.read_until(master, "q quit")
        os.rmdir(self.channels)
        self.ended(process, master, slave, before, NOT_THERE)
        os.mkdir(self.channels)

    def test_not_a_terminal(self):
        self.start_two()
        lines = self.out("top", "--every", "10ms", "--count", "2").decode().splitlines()
        self.assertEqual(["NAME", "aa", "zz"], [line.split()[0] for line in lines[1:4]])
        self.assertEqual(lines[0], lines[5])
        self.assertEqual(9, len(lines))
        self.assertNotIn("\x1b", "".join(lines))
        self.assertEqual(2, self.out("top", "--every", "10ms", "--count", "1", "--json").count(b"\n"))
        process, master, _, _ = self.on_terminal("--every", "10ms", "--count", "1", TERM="dumb")
        self.assertNotIn("\x1b", self.read_until(master, "zz .*\n"))
        self.assertEqual(0, process.wait(timeout=LIMIT))

    def test_rates_and_blame(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        reader = self.start_reader("log")
        drain = threading.Thread(target=lambda: [None for _ in iter(lambda: reader.stdout.read(65536), b"")])
        drain.start()
        self.addCleanup(drain.join)
        self.addCleanup(reader.kill)
        self.start_flood("log")
        told = json.loads(self.out("top", "--json", "--every", "50ms", "--count", "1"))
        self.assertEqual((1, 1), (told["writers"], told["readers"]))
        self.assertGreater(told["rate"], 0)
        self.assertGreater(told["byte_rate"], 0)
        reader.send_signal(signal.SIGSTOP)
        self.wait_until(lambda: "blocked" in json.loads(self.out("top", "--json", "--every", "1ms", "--count", "1")), "nobody was blocked")


if __name__ == "__main__":
    unittest.main()
