#!/usr/bin/env python3
"""Files, devices and pipes under `tarn put`, `get` and what else reads or writes them: full, closed, slow, without an end; and signals."""
import fcntl
import json
import os
import resource
import signal
import stat
import struct
import subprocess
import termios
import time
import unittest

from command import BUTTERFLY, DONE, LIMIT, NOT_THERE, NO_SPACE, OTHER, TARN, TIMED_OUT, USAGE, Command, content, sanitized


class Files(Command):
    """What `get NAME FILE` does to FILE."""

    def setUp(self):
        super().setUp()
        self.run_tarn("put", "-q", "big", stdin=b"new" * 1000000)

    def assert_nothing_else(self, *names):
        self.assertEqual(sorted([*names, "channels"]), sorted(os.listdir(self.folder)))

    def test_failure_leaves_the_old_file(self):
        old = self.write("old", b"as it was")

        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

        # Python ignores SIGXFSZ, and the command inherits that here: the write fails instead
        message = self.error("get", "big", old, expect=NO_SPACE, preexec_fn=small_files, restore_signals=False)
        self.assertIn("cannot write to " + old, message)
        self.assertEqual(b"as it was", content(old))
        self.assert_nothing_else("old")

    def test_signal_leaves_the_old_file(self):
        os.mkfifo(self.path("slow"))
        old = self.write("old", b"as it was")
        follower = self.start("get", "nothing-yet", old, "--follow")
        time.sleep(0.2)
        follower.send_signal(signal.SIGTERM)
        self.assertEqual((b"", b""), follower.communicate(timeout=LIMIT))
        self.assertEqual(-signal.SIGTERM, follower.returncode)
        self.assertEqual(b"as it was", content(old))
        self.assert_nothing_else("old", "slow")

    def test_full_disk(self):
        small = self.small_disk("1m")
        with open(os.path.join(small, "old"), "wb") as file:
            file.write(b"as it was")
        self.error("get", "big", os.path.join(small, "old"), expect=NO_SPACE)
        self.assertEqual(["old"], os.listdir(small))
        self.assertEqual(b"as it was", content(os.path.join(small, "old")))
        message = self.error("put", "huge", BUTTERFLY, "--dir", small, expect=NO_SPACE)
        self.assertIn("huge", message)
        self.assertEqual(["old"], os.listdir(small))  # and no empty board
        self.run_tarn("create", "board", "made", "-q", "--dir", small)
        self.error("put", "made", BUTTERFLY, "--dir", small, expect=NO_SPACE)
        self.assertEqual(["made.board", "old"], sorted(os.listdir(small)))

    def test_device_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TARN, "get", "big"], stdout=full, stderr=subprocess.PIPE, env=self.environment, timeout=LIMIT)
            self.assertEqual(NO_SPACE, done.returncode)
            self.assertIn(b"standard output", done.stderr)
            done = subprocess.run([TARN, "ls"], stdout=full, stderr=subprocess.PIPE, env=self.environment, timeout=LIMIT)
            self.assertEqual(NO_SPACE, done.returncode)

    def test_rights_and_links_stay(self):
        target = self.write("target", b"old")
        os.chmod(target, 0o604)
        os.symlink("target", self.path("link"))
        self.run_tarn("get", "big", self.path("link"))
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertEqual(b"new" * 1000000, content(target))
        self.assertEqual(0o604, stat.S_IMODE(os.stat(target).st_mode))
        self.assert_nothing_else("link", "target")

    def test_what_is_open_already(self):
        """/dev/stdout in front of a file is where the shell is in it, not a file to be replaced."""
        for redirection, path in ((">>", "/dev/stdout"), ("2>>", "/dev/stderr"), ("7>>", "/dev/fd/7"), (">>", "/proc/self/fd/1")):
            log = self.write("log", b"before\n")
            before = os.stat(log)
            subprocess.run(["sh", "-c", f'exec "$0" get big {path} {redirection} "$1"', TARN, log], env=self.environment, timeout=LIMIT, check=True)
            self.assertEqual(before.st_ino, os.stat(log).st_ino)
            self.assertEqual(b"before\n" + b"new" * 1000000, content(log))
        done = subprocess.run(["sh", "-c", 'exec "$0" record big /dev/stdout -q --count 1 | "$0" replay - --check -q', TARN],
                              env=self.environment, timeout=LIMIT, stdout=subprocess.DEVNULL)
        self.assertEqual(DONE, done.returncode)
        self.error("get", "big", "/dev/fd/99", expect=OTHER)

    def test_what_is_no_regular_file(self):
        self.run_tarn("get", "big", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        self.error("get", "big", self.channels, expect=OTHER)  # a folder
        self.error("get", "big", self.path("no/such/folder"), expect=NOT_THERE)
        self.error("put", "x", self.channels, expect=OTHER)


class Pipes(Command):
    @staticmethod
    def unread(pipe):
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]

    def test_nobody_reads_any_more(self):
        self.run_tarn("put", "-q", "big", stdin=bytes(8 << 20))
        for arguments in (["get", "big"], ["show", "big"], ["get", "big", "--follow"]):
            process = self.start(*arguments)
            process.stdout.read(10)
            process.stdout.close()
            process.stdout = open(os.devnull, "rb")
            if arguments[0] == "show":
                process.wait(timeout=LIMIT)  # 1 KiB of it is all there is: it may have been through
            else:
                self.assertEqual(-signal.SIGPIPE, process.wait(timeout=LIMIT))
            self.assertNotIn(b"annot", process.stderr.read())
        self.assertTrue(self.takes_part("big", 0))

    def test_nobody_reads_any_more_and_nothing_comes(self):
        """Whoever waits for news ends when its output is closed, not when it next has something to write."""
        self.run_tarn("put", "-q", "level", stdin=b"1")
        self.run_tarn("send", "-q", "lines", stdin=b"one\n")
        for arguments in (["get", "level", "--follow"], ["recv", "lines", "--follow"], ["watch", "level"], ["record", "level", "-"]):
            with self.subTest(command=arguments[0]):
                process = self.start(*arguments)
                self.assertTrue(process.stdout.read(1))
                process.stdout.close()
                process.stdout = open(os.devnull, "rb")
                self.assertEqual(-signal.SIGPIPE, process.wait(timeout=LIMIT))
                self.assertEqual(b"", process.stderr.read())

    def test_output_that_nobody_needs(self):
        """What goes to a file goes on when stdout is closed."""
        copy = self.path("copy")
        self.run_tarn("put", "-q", "level", stdin=b"1")
        process = self.start("get", "level", copy, "--follow")
        process.stdout.close()
        process.stdout = open(os.devnull, "rb")
        time.sleep(0.3)
        self.run_tarn("put", "-q", "level", stdin=b"2")
        end = time.monotonic() + LIMIT
        while content(copy) != b"2" and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(b"2", content(copy))
        process.terminate()
        process.wait(timeout=LIMIT)

    def test_closed_stdout(self):
        self.run_tarn("put", "-q", "x", stdin=b"data")
        done = subprocess.run(["sh", "-c", 'exec "$0" get x >&-', TARN], capture_output=True, env=self.environment, timeout=LIMIT)
        self.assertEqual(OTHER, done.returncode)
        self.assertIn(b"standard output", done.stderr)

    def test_closed_stdin(self):
        """No input is not an empty one."""
        for command in ('put x', 'send x', 'map write x'):
            done = subprocess.run(["sh", "-c", f'exec "$0" {command} <&-', TARN], capture_output=True, env=self.environment, timeout=LIMIT)
            self.assertNotEqual(DONE, done.returncode, command)
        self.error("get", "x", expect=NOT_THERE)
        done = subprocess.run(["sh", "-c", 'exec "$0" put x "$1" -q <&-', TARN, BUTTERFLY], env=self.environment, timeout=LIMIT)
        self.assertEqual(DONE, done.returncode)

    def test_ctrl_c_while_reading_stdin(self):
        self.run_tarn("put", "-q", "x", stdin=b"before")
        process = self.start("put", "x")
        process.stdin.write(b"half")
        process.stdin.flush()
        self.wait_until(lambda: self.takes_part("x", 1), "the writer did not come")
        process.send_signal(signal.SIGINT)
        self.assertEqual(-signal.SIGINT, process.wait(timeout=LIMIT))
        self.assertEqual(b"", process.stderr.read())
        self.assertEqual(b"before", self.out("get", "x"))
        self.assertTrue(self.takes_part("x", 0))

    def test_whoever_ends_before_all_is_there_leaves_no_board(self):
        for end in (signal.SIGKILL, signal.SIGINT):
            process = self.start("put", "new")
            process.stdin.write(b"half")
            process.stdin.flush()
            self.wait_until(lambda: not self.unread(process.stdin), "nothing was read")
            self.assertEqual([], os.listdir(self.channels))
            process.send_signal(end)
            self.assertEqual(-end, process.wait(timeout=LIMIT))
            self.assertEqual([], os.listdir(self.channels))

    def test_ctrl_c_while_waiting(self):
        self.run_tarn("create", "board", "-q", "silent")
        for arguments in (["get", "no-such-name", "--wait", "forever"], ["get", "silent", "--wait", "60s"], ["get", "silent", "-f"],
                          ["map", "read", "no-such-name", "--timeout", "60s"]):
            process = self.start(*arguments)
            time.sleep(0.2)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, process.wait(timeout=LIMIT))
            self.assertLess(time.monotonic() - start, 2)
            self.assertEqual(b"", process.stderr.read())

    def test_ctrl_c_while_another_writes(self):
        self.run_tarn("send", "log", "-q", stdin=b"one\n")
        self.run_tarn("record", "log", self.path("r"), "-q", "--count", "1")
        self.start_writer("b")
        sender = self.start("send", "log", "-q")
        sender.stdin.write(b"two\n")
        sender.stdin.flush()
        self.wait_until(lambda: self.takes_part("log", 1), "the writer did not come")
        for name, arguments in (("b", ["put", "b"]), ("log", ["send", "log"]), ("log", ["replay", self.path("r")])):
            process = self.start(*arguments, "--timeout", "60s")
            told = f"tarn: another writer has {name}: waiting until it leaves; `tarn stat {name}` says which\n"
            self.assertEqual(told.encode(), process.stderr.readline())
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, process.wait(timeout=LIMIT))
            self.assertLess(time.monotonic() - start, 2)
            self.assertEqual(b"", process.stderr.read())

    def test_follow(self):
        follower = self.start("get", "log", "--follow")
        for number in range(1, 6):
            self.run_tarn("put", "-q", "log", stdin=b"line %d\n" % number)
            self.assertEqual(b"line %d\n" % number, follower.stdout.readline())
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=LIMIT)
        self.assertEqual(-signal.SIGINT, follower.returncode)

    def test_follow_into_a_file(self):
        copy = self.path("copy")
        follower = self.start("get", "log", copy, "--follow", "--json")
        for number in range(1, 4):
            self.run_tarn("put", "-q", "log", stdin=b"%d" % number * 100000)
            self.assertEqual(number, json.loads(follower.stdout.readline())["version"])
            self.assertEqual(b"%d" % number * 100000, content(copy))
        follower.send_signal(signal.SIGTERM)
        follower.communicate(timeout=LIMIT)
        self.assertEqual(-signal.SIGTERM, follower.returncode)

    def test_follow_gives_up(self):
        self.run_tarn("put", "-q", "log", stdin=b"once")
        done = self.run_tarn("get", "log", "--follow", "--timeout", "200ms", expect=TIMED_OUT)
        self.assertEqual(b"once", done.stdout)


class WithoutEnd(Command):
    """What never ends is refused as soon as it is more than can be taken, and changes nothing."""

    @staticmethod
    def little_memory():
        """Whoever gathers without a limit fails, instead of the machine."""
        if not sanitized():
            resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))

    def refused(self, *arguments):
        return self.error(*arguments, expect=NO_SPACE, preexec_fn=self.little_memory)

    def test_over_the_boards_limit(self):
        self.run_tarn("create", "board", "-q", "b", "--limit", "1M")
        self.run_tarn("put", "-q", "b", stdin=b"before")
        self.assertIn("/dev/zero has more than 1 MiB, the limit of b; nothing was put", self.refused("put", "b", "/dev/zero"))
        self.assertEqual(b"before", self.out("get", "b"))

    def test_over_what_a_directory_has(self):
        self.small_disk("8m", self.channels)
        self.assertIn("/dev/zero has more than 8 MiB, and there is no room for more", self.refused("put", "b", "/dev/zero"))
        self.assertEqual([], os.listdir(self.channels))
        value = bytes(3 << 20)
        for _ in range(4):  # what the board has is its own to use again
            self.run_tarn("put", "-q", "b", stdin=value)
        self.refused("put", "b", "/dev/zero")
        self.assertEqual(value, self.out("get", "b"))

    def test_over_a_ring(self):
        self.assertIn("can never fit", self.refused("send", "s", "-q", "--whole", "/dev/zero"))
        self.assertEqual(0, json.loads(self.out("stat", "s", "--json"))["newest"])

    def test_layout_and_show(self):
        self.run_tarn("put", "-q", "b", stdin=b"x")
        self.assertIn("at most 1 MiB", self.error("watch", "b", "--layout", "/dev/zero", expect=USAGE, preexec_fn=self.little_memory))
        if not sanitized():
            self.assertIn("cannot gather /dev/zero", self.refused("show", "/dev/zero"))


if __name__ == "__main__":
    unittest.main()
