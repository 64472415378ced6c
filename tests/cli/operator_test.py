#!/usr/bin/env python3
"""The command as an operator uses it: who has what, who blocks whom, is it as it should be, what may go; between users and PID namespaces,
with processes that are stopped and killed, a full file system, and files that are damaged, foreign, hostile or on their way out."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from command_test import BUTTERFLY, LIMIT, NO_SPACE, NOT_THERE, SOURCE, TARN, USAGE, Command, OtherUsers, json_lines

UNFIT = 9
SCOPED_WRITER = os.path.join(os.path.dirname(TARN), "tests", "cli", "scoped_writer")


class Operator(Command):
    def setUp(self):
        super().setUp()
        if os.path.isdir("/dev/shm"):  # in memory, as channels mostly are
            self.channels = tempfile.mkdtemp(prefix="tarn-operator.", dir="/dev/shm")
            self.addCleanup(subprocess.run, ["rm", "-rf", self.channels])
            self.environment["TARN_DIR"] = self.channels

    def in_channels(self, name):
        return os.path.join(self.channels, name)

    def make(self, name, data=b"x"):
        with open(self.in_channels(name), "wb") as file:
            file.write(data)

    def ls(self, *arguments):
        return {entry["name"]: entry for entry in json_lines(self.out("ls", "--json", *arguments))}

    def stat(self, name):
        return json.loads(self.out("stat", name, "--json"))

    def role(self, name, role):
        return [p for p in self.stat(name)["participants"] if p["role"] == role]

    def start_reader(self, name):
        """A receiver that has its place."""
        reader = self.start("recv", name, "--raw")
        self.wait_until(lambda: self.takes_part(name, 1), "the reader did not come")
        return reader

    def start_foreign(self, name):
        """A program that knows nothing of Tarn and has the file open."""
        with open(self.in_channels(name), "rb") as file:
            program = subprocess.Popen(["sleep", "60"], stdin=file)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def start_flood(self, name):
        """A writer that sends for ever: it blocks as soon as a reader does."""
        flood = subprocess.Popen(["sh", "-c", 'yes | exec "$0" send -q "$1"', TARN, name], env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

        def stop():
            os.killpg(flood.pid, signal.SIGKILL)
            flood.wait()

        self.addCleanup(stop)
        return flood


class Listing(Operator):
    def test_a_directory_of_ones_own(self):
        other = tempfile.mkdtemp(dir=self.channels)
        self.run_tarn("put", "-q", os.path.join(other, "b.board"), stdin=b"x")
        self.assertEqual(b"b\n", self.out("ls", other, "-q"))
        self.assertEqual(b"", self.out("ls", "-q"))
        self.error("ls", self.path("nowhere"), expect=NOT_THERE)

    def test_who_has_it(self):
        self.make("foreign map", bytes(4096))
        self.make(".camera.board.0123456789abcdef")
        self.make(".hidden")
        os.mkfifo(self.in_channels("fifo"))
        os.symlink("/etc/passwd", self.in_channels("link"))
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        program = self.start_foreign("foreign map")
        reader = self.start_reader("log")
        seen = self.ls()
        self.assertEqual([".camera.board.0123456789abcdef", ".hidden", "foreign map", "log"], sorted(seen))
        self.assertEqual(("half-made", "board", True), tuple(seen[".camera.board.0123456789abcdef"][k] for k in ("state", "kind", "temporary")))
        entry = seen["foreign map"]
        self.assertEqual(("map", "seen in use", True, True, 1), tuple(entry[k] for k in ("kind", "state", "seen", "in_use", "user_count")))
        self.assertEqual((program.pid, "sleep", "user"), tuple(entry["users"][0][k] for k in ("process", "command", "role")))
        self.assertEqual(("in use, kept", reader.pid, "reader"),
                         (seen["log"]["state"], seen["log"]["users"][0]["process"], seen["log"]["users"][0]["role"]))
        self.assertFalse(seen["log"]["seen"])  # locks prove it
        self.assertEqual((4096, 4096), (entry["size_bytes"], entry["occupied_bytes"]))
        with open(self.in_channels("sparse"), "wb") as file:
            file.truncate(1 << 40)
        self.assertEqual((1 << 40, 0), (self.ls()["sparse"]["size_bytes"], self.ls()["sparse"]["occupied_bytes"]))
        told = self.run_tarn("ls")
        self.assertIn(f"sleep {program.pid}".encode(), told.stdout)
        hidden = any(e["hidden"] for e in self.ls().values())
        self.assertEqual(hidden, b"Not every process could be looked into" in told.stderr)
        self.assertIn(seen[".hidden"]["state"], ["unknown"] if hidden else ["nobody seen"])

    def test_when_it_changed(self):
        self.run_tarn("put", "-q", "b", stdin=b"x")
        os.utime(self.in_channels("b.board"), (1000, 1000))
        self.assertLess(abs(self.ls()["b"]["modified_ns"] / 1e9 - time.time()), LIMIT)  # the file system has forgotten, the board knows
        self.make("map")
        os.utime(self.in_channels("map"), (1000, 1000))
        self.assertEqual(1000 * 10**9, self.ls()["map"]["modified_ns"])

    def test_ten_thousand(self):
        self.run_tarn("create", "stream", "-q", "c0", "--size", "4K")
        for i in range(1, 9990):
            os.link(self.in_channels("c0.stream"), self.in_channels(f"c{i}.stream"))
        for i in range(10):
            self.make(f"map{i}")
        best = LIMIT
        for _ in range(3):  # a crowded machine may need more than one attempt
            start = time.monotonic()
            told = self.out("ls")
            best = min(best, time.monotonic() - start)
        self.assertEqual(10001, told.count(b"\n"))
        self.assertLess(best, 1 if "TSAN_OPTIONS" not in self.environment else 10)


class WhoBlocksUs(Operator):
    def test_a_reader_that_is_stopped(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        reader = self.start_reader("log")
        reader.send_signal(signal.SIGSTOP)
        self.start_flood("log")
        self.wait_until(lambda: any(p["waiting_ns"] > 0 and p["waiting"] == "room" for p in self.role("log", "writer")), "nobody was blocked")
        first = self.stat("log")
        self.assertRegex(first["blocked"], rf"^tarn \(process \d+\) waits for room, for .* because of tarn \(process {reader.pid}\), stopped, "
                                           r"which has \d+ unread, [0-9.]+ (KiB|bytes) behind$")
        self.assertEqual([True], [p["blocking"] for p in first["participants"] if p["role"] == "reader"])
        plain = self.out("stat", "log").decode()
        self.assertIn("\nblocked      tarn (process ", plain)
        self.assertIn("stopped", plain)
        self.assertIn(f"{reader.pid}), stopped", self.error("check", "log", "--max-lag", "10", expect=UNFIT))
        reader.send_signal(signal.SIGKILL)
        reader.wait()
        self.wait_until(lambda: str(reader.pid) not in self.stat("log").get("blocked", ""), "the dead one still blocks")

    def test_when_it_is_nobodys_fault(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        self.start_flood("log")
        self.wait_until(lambda: "no reader has come yet" in self.stat("log").get("blocked", ""), "nobody was blocked")

    def test_again_and_again(self):
        self.run_tarn("put", "-q", "b", stdin=b"x")
        self.assertEqual(3, len(json_lines(self.out("stat", "b", "--json", "--every", "10ms", "--count", "3"))))
        self.assertEqual(2, self.out("stat", "b", "--every", "10ms", "-n", "2").count(b"name         b\n"))
        process = self.start("stat", "b", "--every", "10ms")
        self.assertIn(b"name", process.stdout.readline())
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
        self.assertEqual(-signal.SIGINT, process.returncode)

    def test_several_and_all(self):
        self.run_tarn("put", "-q", "same", stdin=b"x")
        self.run_tarn("send", "-q", "same", stdin=b"x\n")
        self.make("map")
        self.assertEqual(["board", "stream"], [told["kind"] for told in json_lines(self.out("stat", "--json"))])
        done = self.run_tarn("stat", "nothing", "map", "--json", expect=NOT_THERE)
        self.assertEqual("map", json.loads(done.stdout)["name"])  # goes on
        self.run_tarn("stat", "map", "--json", "--prometheus", expect=USAGE)


class KilledInEachRole(Operator):
    def test_a_writer(self):
        writer = self.start_writer("picture")
        self.run_tarn("check", "picture", "--writer", "--max-age", "1h")
        writer.send_signal(signal.SIGSTOP)
        self.run_tarn("check", "picture", "--writer")  # stopped is alive
        writer.kill()
        writer.wait()
        self.assertIn(f"its writer (process {writer.pid}) died", self.error("check", "picture", "--writer", expect=UNFIT))
        self.assertEqual([False], [p["alive"] for p in self.stat("picture")["participants"]])
        self.assertIn(" dead ", self.out("stat", "picture").decode())
        self.assertEqual(0, self.ls()["picture"]["user_count"])

    def test_a_reader(self):
        self.run_tarn("create", "stream", "-q", "log")
        reader = self.start_reader("log")
        reader.kill()
        reader.wait()
        self.assertEqual([False], [p["alive"] for p in self.role("log", "reader")])
        self.run_tarn("check", "log", "--max-lag", "0")  # the dead lag behind nothing
        self.run_tarn("send", "-q", "log", stdin=b"x\n")

    def test_all_of_a_scoped_one(self):
        writer = subprocess.Popen([SCOPED_WRITER, "hello"], stdin=subprocess.PIPE, env=self.environment)
        self.wait_until(lambda: os.path.exists(self.in_channels("hello.board")), "the writer did not come")
        self.assertEqual(b"", self.out("clean"))
        self.assertEqual("in use", self.ls()["hello"]["state"])
        writer.kill()
        writer.communicate()
        self.assertEqual("left over", self.ls()["hello"]["state"])
        told = json.loads(self.out("clean", "--dry-run", "--json"))
        self.assertEqual(("hello", "board", "would"), (told["name"], told["kind"], told["what"]))
        self.assertEqual(["hello.board"], os.listdir(self.channels))
        self.assertIn(b"removed board hello (", self.out("clean"))
        self.assertEqual([], os.listdir(self.channels))
        self.assertIn(b"nothing to clean", self.run_tarn("clean").stderr)

    def test_an_observer_and_rm(self):
        self.start_writer("picture")
        done = self.run_tarn("rm", "picture", "--force")
        self.assertRegex(done.stderr.decode(), r"^picture: its name is gone while it was in use \(recipe_writer \d+\): they go on")
        self.run_tarn("put", "-q", "picture", stdin=b"x")
        self.assertEqual({"schema": 1, "removed": "picture", "was_in_use": False}, json.loads(self.out("rm", "picture", "--force", "--json")))


    def test_a_foreign_program_that_loses_its_name(self):
        self.make("map")
        program = self.start_foreign("map")
        self.assertIn(f"while it was in use (sleep {program.pid})".encode(), self.run_tarn("rm", "map").stderr)
        self.assertIsNone(program.poll())


class Check(Operator):
    def test_what_is_asked(self):
        self.assertIn("nothing", self.error("check", "nothing", expect=UNFIT))
        self.run_tarn("create", "board", "-q", "b")
        self.assertIn("as it should be", self.run_tarn("check", "b").stderr.decode())
        self.assertIn("nothing was published", self.error("check", "b", "--max-age", "1h", expect=UNFIT))
        self.run_tarn("put", "-q", "b", stdin=b"x")
        self.run_tarn("check", "b", "--max-age", "1h", "--max-lag", "0", "-q")
        time.sleep(0.03)
        self.assertIn("old, and at most 10 ms is allowed; nobody writes it", self.error("check", "b", "--max-age", "10ms", expect=UNFIT))
        self.assertEqual({"schema": 1, "name": "b", "fit": False, "why": "nobody writes it"},
                         json.loads(self.run_tarn("check", "b", "--writer", "--json", expect=UNFIT).stdout))
        self.assertEqual({"schema": 1, "name": "b", "fit": True}, json.loads(self.out("check", "b", "--json")))
        self.run_tarn("send", "-q", "s", stdin=b"x\n")
        self.assertIn("--times", self.error("check", "s", "--max-age", "1h", expect=UNFIT))
        self.make("map")
        self.run_tarn("check", "map")
        self.error("check", "map", "--writer", expect=USAGE)
        self.make("noise.board", os.urandom(100000))
        self.assertIn("noise", self.error("check", "noise", expect=UNFIT))


class Prometheus(Operator):
    LINE = re.compile(r'([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?[0-9.e+-]+)$')

    def test_the_format(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "64K")
        self.run_tarn("put", "-q", "picture", BUTTERFLY)
        self.start_reader("log")
        self.run_tarn("send", "-q", "log", stdin=b"x\n")
        types, series, last = {}, set(), None
        for line in self.out("stat", "--prometheus").decode().splitlines():
            word = line.split(" ")
            if line.startswith("# HELP "):
                self.assertNotIn(word[2], types)
                last = word[2]
            elif line.startswith("# TYPE "):
                self.assertEqual(last, word[2])
                types[word[2]] = word[3]
            else:
                name, labels, value = self.LINE.match(line).groups()
                self.assertEqual(last, name)
                self.assertNotIn((name, labels), series)
                series.add((name, labels))
                float(value)
                self.assertLessEqual(set(re.findall(r'([a-z]+)="', labels)), {"name", "kind", "slot", "role"})
        for name, kind in types.items():
            self.assertEqual(kind == "counter", name.endswith("_total"), name)
            self.assertRegex(name, r"^tarn_[a-z_]+$")
            self.assertNotRegex(name, r"_(ns|ms|milliseconds|kib)(_|$)")
        told = self.out("stat", "--prometheus").decode()
        self.assertIn('\ntarn_published_total{name="picture",kind="board"} 1\n', told)
        self.assertIn('\ntarn_size_bytes{name="picture",kind="board"} %d\n' % os.path.getsize(self.in_channels("picture.board")), told)
        with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as page:
            described = page.read()
        for name in types:
            self.assertIn(f"`{name}`", described)

    def test_labels(self):
        self.make('a"b\\c\nd\xff')
        told = self.run_tarn("stat", "--prometheus", os.path.join(self.channels, 'a"b\\c\nd\xff')).stdout.decode()
        self.assertIn('a\\"b\\\\c\\nd', told)


class Json(Operator):
    def test_what_is_printed_is_described(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        self.start_reader("log")
        self.make("noise.board", b"noise")
        self.make("map")
        self.run_tarn("put", "-q", "b", stdin=b"x")
        with open(os.path.join(SOURCE, "docs", "json.md"), encoding="utf-8") as page:
            described = page.read()

        def look(value):
            if isinstance(value, dict):
                for key, inner in value.items():
                    if key != "schema":
                        self.assertIn(f"`{key}`", described)
                    look(inner)
            elif isinstance(value, list):
                for inner in value:
                    look(inner)

        lines = []
        for arguments in (["ls"], ["stat"], ["stat", "map"], ["top", "--count", "2", "--every", "1ms"], ["check", "b"], ["clean", "--foreign", "--dry-run"], ["rm", "--force", "b"]):
            lines += json_lines(self.out(*arguments, "--json"))
        self.assertGreater(len(lines), 8)
        for told in lines:
            self.assertEqual(1, told["schema"])
            look(told)


class Hostile(Operator):
    """Every command against what nobody should find in a channel directory: an error or the truth, soon."""

    def every_command(self, name):
        path = self.in_channels(name)
        for arguments in (["ls"], ["ls", "--json"], ["stat", path], ["stat", path, "--json"], ["stat", "--prometheus"], ["check", path],
                          ["check", path, "--writer", "--max-age", "1s", "--max-lag", "1"], ["clean", "--dry-run", "--foreign"],
                          ["top", "--count", "1", "--every", "1ms"]):
            done = subprocess.run([TARN, *arguments], capture_output=True, env=self.environment, timeout=LIMIT, stdin=subprocess.DEVNULL)
            self.assertIn(done.returncode, range(0, 10), (name, arguments, done.stderr))
            self.assertNotIn(b"\x1b", done.stdout + done.stderr)
            for line in done.stdout.splitlines() if "--json" in arguments else []:
                json.loads(line)

    def test_damaged(self):
        self.run_tarn("create", "stream", "-q", "log", "--size", "4K")
        self.run_tarn("send", "-q", "log", stdin=b"one\ntwo\n")
        with open(self.in_channels("log.stream"), "rb") as file:
            sound = file.read()
        os.remove(self.in_channels("log.stream"))
        tables = bytes(os.urandom(65536 - 4096))
        for name, data in (("empty.board", b""), ("short.stream", sound[:200]), ("header.stream", sound[:4096]), ("noise.board", os.urandom(70000)),
                           ("tables.stream", sound[:4096] + tables + sound[65536:]), ("ring.stream", sound[:65536] + os.urandom(4096)),
                           ("ones.stream", sound[:4096] + b"\xff" * (len(sound) - 4096)), ("kind.board", sound), ("\x1b[31m", b"x"),
                           ("magic", b"TARN\r\n\x1a\n" + bytes(300)), (".x.board.0123456789abcdef", sound)):
            with self.subTest(name=name):
                self.make(name, data)
                self.every_command(name)
                os.remove(self.in_channels(name))

    def test_what_is_no_file(self):
        os.mkfifo(self.in_channels("fifo.board"))
        os.mkdir(self.in_channels("folder.stream"))
        os.symlink("nowhere", self.in_channels("link.board"))
        for name in ("fifo.board", "folder.stream", "link.board"):
            self.every_command(name)

    def test_vanishing(self):
        ends = threading.Event()

        def come_and_go():
            number = 0
            while not ends.is_set():
                name = self.in_channels(f"v{number % 7}")
                for ending in (".board", ".stream", ""):
                    with open(name + ending, "wb") as file:
                        file.write(b"TARN\r\n\x1a\n" + bytes(300))
                    try:
                        os.remove(name + ending)
                    except FileNotFoundError:  # clean --foreign was faster
                        pass
                number += 1

        thread = threading.Thread(target=come_and_go)
        thread.start()
        try:
            for _ in range(10):
                for arguments in (["ls"], ["clean"], ["clean", "--foreign"], ["stat"]):
                    self.run_tarn(*arguments)
        finally:
            ends.set()
            thread.join()


class FullFileSystem(Operator):
    def test_64_mib(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", self.channels], capture_output=True).returncode != 0:
            self.skipTest("no mounting here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.channels])
        self.make("leak", bytes(40 << 20))
        self.make(".camera.board.0123456789abcdef", bytes(20 << 20))
        self.assertIn("picture", self.error("put", "picture", stdin=bytes(30 << 20), expect=NO_SPACE))
        self.assertEqual(60 << 20, sum(entry["occupied_bytes"] for entry in self.ls().values() if entry["name"] != "picture"))
        self.assertIn(b"20 MiB freed", self.run_tarn("clean").stderr)
        told = self.run_tarn("clean", "--foreign")
        self.assertIn(b"removed map leak (40 MiB)", told.stdout)
        self.run_tarn("put", "-q", "picture", stdin=bytes(30 << 20))


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
