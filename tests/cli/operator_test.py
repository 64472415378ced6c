#!/usr/bin/env python3
"""The command as an operator uses it: who has what, who blocks whom, is it as it should be, what may go; with processes that are stopped
and killed, a full file system, and files that are damaged, foreign, hostile or on their way out."""
import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from command import BUTTERFLY, LIMIT, NOT_THERE, NO_SPACE, SOURCE, TARN, UNFIT, USAGE, json_lines
from operating import SCOPED_WRITER, Operator


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

    def test_a_board_that_loses_its_name(self):
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
        self.small_disk("64m", self.channels)
        self.make("leak", bytes(40 << 20))
        self.make(".camera.board.0123456789abcdef", bytes(20 << 20))
        self.assertIn("picture", self.error("put", "picture", stdin=bytes(30 << 20), expect=NO_SPACE))
        self.assertEqual(60 << 20, sum(entry["occupied_bytes"] for entry in self.ls().values() if entry["name"] != "picture"))
        self.assertIn(b"20 MiB freed", self.run_tarn("clean").stderr)
        told = self.run_tarn("clean", "--foreign")
        self.assertIn(b"removed map leak (40 MiB)", told.stdout)
        self.run_tarn("put", "-q", "picture", stdin=bytes(30 << 20))


if __name__ == "__main__":
    unittest.main()
