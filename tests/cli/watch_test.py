#!/usr/bin/env python3
"""`tarn watch`: maps of programs that know nothing of Tarn, boards and streams, followed live; layouts; what a hostile map does."""
import json
import mmap
import os
import pty
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import unittest

from command import CORRUPT, LIMIT, NO_SPACE, NOT_THERE, SOURCE, TARN, TIMED_OUT, USAGE, Command, json_lines, sanitized

EXAMPLES = os.path.join(SOURCE, "examples")
FAST = ("--every", "2ms")


class Watching(Command):
    def map(self, name, content):
        """A map as a foreign program makes it; what it returns is its shared memory."""
        with open(os.path.join(self.channels, name), "w+b") as file:
            file.write(content)
            file.flush()
            memory = mmap.mmap(file.fileno(), len(content))
        self.addCleanup(memory.close)
        return memory

    def layout(self, text):
        return self.write("layout", text.encode())

    def fields(self, content, text):
        """What `watch` says of content, as {field: value}."""
        self.map("m", content)
        return {line["field"]: line["value"] for line in json_lines(self.out("watch", "m", "--json", "-n1", "--layout", self.layout(text)))}

    def watch(self, *arguments):
        return self.start("watch", *arguments, bufsize=0)  # what was not asked for must stay in the pipe

    def line(self, process):
        ready = select.select([process.stdout], [], [], LIMIT)[0]
        self.assertTrue(ready, "nothing came")
        return process.stdout.readline()

    def change(self, process):
        told = json.loads(self.line(process))
        return told["offset"], told["hex"]

    def ended(self, process, expect):
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual(expect, process.returncode, (out, err))
        return out.decode(), err.decode()


class Maps(Watching):
    def test_bytes(self):
        memory = self.map("m", b"hello".ljust(100, b"\0"))
        watcher = self.watch("m", *FAST)
        first = [self.line(watcher).decode() for _ in range(5)]
        self.assertRegex(first[0], r"^\d\d:\d\d:\d\d\.\d{3}  100 bytes from byte 0 on\n$")
        self.assertEqual("00000000  68 65 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hello...........|\n", first[1])
        self.assertEqual("*\n", first[3])  # after one row of zeros
        self.assertEqual("00000060  00 00 00 00                                       |....|\n", first[4])
        memory[1] = ord("u")
        self.assertRegex(self.line(watcher).decode(), r"^\d\d:\d\d:\d\d\.\d{3}  1 byte changed\n$")
        self.assertEqual("00000000  68>75 6c 6c 6f 00 00 00  00 00 00 00 00 00 00 00  |hullo...........|\n", self.line(watcher).decode())
        memory[97:99] = b"xy"
        self.assertIn("2 bytes changed", self.line(watcher).decode())
        self.assertEqual("00000060  00>78>79 00                                       |.xy.|\n", self.line(watcher).decode())
        watcher.send_signal(signal.SIGINT)
        self.assertEqual(("", ""), self.ended(watcher, -signal.SIGINT))

    def test_part_of_a_large_map(self):
        with open(os.path.join(self.channels, "large"), "wb") as file:
            file.truncate(1 << 40)
            file.seek((1 << 39) + 3)
            file.write(b"\x2a")
        lines = json_lines(self.out("watch", "large", "--offset", str(1 << 39), "--length", "8", "--json", "-n1"))
        self.assertEqual([(1 << 39, "0000002a00000000", 8, 1)], [(l["offset"], l["hex"], l["size_bytes"], l["schema"]) for l in lines])
        if sanitized():
            return
        self.assertIn("not enough memory", self.error("watch", "large", expect=5, preexec_fn=limit_memory))

    def test_json_changes(self):
        memory = self.map("m", bytes(200))
        watcher = self.watch("m", "--json", *FAST)
        self.assertEqual("00" * 200, json.loads(self.line(watcher))["hex"])
        before = time.time_ns()
        memory[100:104] = b"abcd"
        told = json.loads(self.line(watcher))
        self.assertTrue(before <= told.pop("time_ns") <= time.time_ns())
        if told["hex"] != "61626364":  # looked at in the middle of it
            self.assertTrue("61626364".startswith(told["hex"]))
        else:
            self.assertEqual({"schema": 1, "number": 2, "size_bytes": 200, "offset": 100, "hex": "61626364"}, told)
        watcher.kill()

    def test_changes_far_apart_and_near(self):
        self.write("one", bytes(64))
        self.run_tarn("put", "b", self.path("one"))
        watcher = self.watch("b", "--json", "-n2")
        self.line(watcher)
        self.run_tarn("put", "b", self.write("two", b"\1\0\0\1" + bytes(50) + b"\1" + bytes(19)))
        out, _ = self.ended(watcher, 0)
        self.assertEqual([(0, "01000001"), (54, "01"), (64, "00" * 10)],
                         [(line["offset"], line["hex"]) for line in json_lines(out.encode())])

    def test_rows_alike(self):
        """Many rows with one content are one and a star, those that changed as well as the others; what is marked otherwise is another."""
        self.run_tarn("put", "b", stdin=bytes(64))
        watcher = self.watch("b", "-n2")
        self.line(watcher)
        self.run_tarn("put", "b", stdin=bytes(31) + b"\1" + bytes(31) + b"\1" + bytes(1 << 20))
        out, _ = self.ended(watcher, 0)
        rows = [line.split("  |")[0] for line in out.splitlines()][-6:]
        new = " ".join([">00" * 8] * 2)
        self.assertEqual(["00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00>01", "00000030  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00>01",
                          f"00000040 {new}", "*", f"00100030 {new}"], rows[-5:])

    def test_cut_short(self):
        for size in (0, 1, 4097):
            memory = self.map("m", bytes(20000))
            watcher = self.watch("m", *FAST)
            self.line(watcher)
            os.truncate(os.path.join(self.channels, "m"), size)
            out, err = self.ended(watcher, CORRUPT)
            self.assertIn("cut short", err)
            self.assertEqual(1, err.count("\n"))
            self.assertTrue(memory)

    def test_cut_short_all_the_time(self):
        """Somebody changes the size as fast as possible: an error each time, never a fault."""
        self.map("m", bytes(1 << 20))
        stop = threading.Event()

        def change():
            while not stop.is_set():
                os.truncate(os.path.join(self.channels, "m"), 5000)
                os.truncate(os.path.join(self.channels, "m"), 1 << 20)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for _ in range(10):
                done = subprocess.run([TARN, "watch", "m", "--every", "0", "--for", "50ms", "--offset", "4000", "-q"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment, timeout=LIMIT)
                self.assertIn(done.returncode, (0, CORRUPT), done.stderr)
                self.assertNotIn(b"by another process", done.stderr)  # the handler of faults says that
        finally:
            stop.set()
            thread.join()

    def test_gone(self):
        self.map("m", bytes(10))
        watcher = self.watch("m", *FAST)
        self.line(watcher)
        os.unlink(os.path.join(self.channels, "m"))
        self.assertIn("m is gone", self.ended(watcher, NOT_THERE)[1])

    def test_replaced_and_grown(self):
        self.map("m", b"a" * 4)
        watcher = self.watch("m", "--json", *FAST)
        self.line(watcher)
        with open(os.path.join(self.channels, "next"), "wb") as file:
            file.write(b"aaba")
        os.rename(os.path.join(self.channels, "next"), os.path.join(self.channels, "m"))  # another map of this name
        self.assertEqual((2, "62"), self.change(watcher))
        with open(os.path.join(self.channels, "m"), "ab") as file:
            file.write(b"cc")
        self.assertEqual((4, "6363"), self.change(watcher))
        watcher.kill()

    def test_waiting_for_the_name(self):
        self.error("watch", "m", expect=NOT_THERE)
        self.assertIn("nothing of that name", self.error("watch", "m", "--wait", "30ms", expect=TIMED_OUT))
        watcher = self.watch("m", "--wait", "forever", "-n1", "--json", *FAST)
        time.sleep(0.05)
        path = os.path.join(self.channels, "m")
        with open(path, "wb") as file:  # the name first, then its size: as shm_open and ftruncate do
            time.sleep(0.05)
            file.write(b"\7")
        self.assertEqual("07", json_lines(self.ended(watcher, 0)[0].encode())[0]["hex"])

    def test_bounds(self):
        self.map("m", bytes(10))
        begin = time.monotonic()
        self.assertEqual(1, len(json_lines(self.out("watch", "m", "--json", "--for", "100ms"))))
        self.assertGreaterEqual(time.monotonic() - begin, 0.1)

    def test_terminal(self):
        memory = self.map("m", bytes(64))
        for no_color in (False, True):
            memory[5] = 0
            main, side = pty.openpty()
            environment = dict(self.environment, **({"NO_COLOR": "1"} if no_color else {}))
            watcher = subprocess.Popen([TARN, "watch", "m", *FAST], stdout=side, stderr=side, env=environment)
            self.addCleanup(watcher.kill)
            os.close(side)
            self.assertIn(b"00000000 ", self.read_until(main, b"\x1b[J"))
            memory[5] = 0xaa
            shown = self.read_until(main, b"\x1b[J")
            self.assertIn(b">aa" if no_color else b"\x1b[7maa\x1b[0m", shown)
            self.assertNotIn(b"\x1b[7m" if no_color else b">aa", shown)
            watcher.send_signal(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, watcher.wait(timeout=LIMIT))
            os.close(main)

    def read_until(self, descriptor, end):
        data = b""
        while not data.endswith(end):
            self.assertTrue(select.select([descriptor], [], [], LIMIT)[0], data)
            data += os.read(descriptor, 65536)
        return data

    def test_wrong_usage(self):
        self.map("m", bytes(10))
        self.run_tarn("put", "-q", "b", stdin=b"x")
        layout = self.layout("a 0 u8\n")
        self.error("watch", expect=USAGE)
        self.error("watch", "m", "--length", "0", expect=USAGE)
        self.error("watch", "m", "--count", "0", expect=USAGE)
        self.error("watch", "m", "--every", "often", expect=USAGE)
        self.error("watch", "m", "--layout", layout, "--length", "5", expect=USAGE)
        self.assertIn("10 bytes", self.error("watch", "m", "--offset", "10", expect=USAGE))
        self.error("watch", "m", "--offset", "5", "--length", "6", expect=USAGE)
        self.error("watch", "m", "--offset", "18446744073709551615", "--length", "6", expect=USAGE)
        self.assertIn("for maps", self.error("watch", "b", "--offset", "5", expect=USAGE))
        self.error("watch", "m", "--layout", self.path("no-such-file"), expect=NOT_THERE)
        self.assertIn("describes 11", self.error("watch", "m", "--layout", self.layout("a 10 u8\n"), expect=USAGE))
        self.error("watch", "m", "--kind", "board", expect=NOT_THERE)

    def test_nobody_reads(self):
        memory = self.map("m", bytes(10))
        watcher = self.watch("m", "--json", *FAST)
        self.line(watcher)
        watcher.stdout.close()
        memory[3] = 1
        self.assertEqual(-signal.SIGPIPE, watcher.wait(timeout=LIMIT))
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TARN, "watch", "m"], stdout=full, stderr=subprocess.PIPE, env=self.environment, timeout=LIMIT)
        self.assertEqual((NO_SPACE, 1), (done.returncode, done.stderr.count(b"\n")), done.stderr)  # said once


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


class Layouts(Watching):
    def test_types(self):
        content = struct.pack("<BHIQbhiqfd?", 200, 60000, 4000000000, (1 << 64) - 1, -100, -30000, -2000000000, -(1 << 63), 0.1, 0.1, True)
        told = self.fields(content, """
            # comments and empty lines are passed over
            pack 1
            a 0 u8     # so are these
            b + u16
            c + u32
            d + u64
            e + i8
            f + i16
            g + i32
            h + i64
            i + f32
            j + f64
            k + bool
            """)
        self.assertEqual({"a": 200, "b": 60000, "c": 4000000000, "d": (1 << 64) - 1, "e": -100, "f": -30000, "g": -2000000000,
                          "h": -(1 << 63), "i": 0.1, "j": 0.1, "k": True}, told)

    def test_arrays_order_and_bits(self):
        told = self.fields(struct.pack(">HHf", 0x1234, 0xfff6, -2.5) + bytes([0b10110100]),
                           "endian be\na 0 u16[2]\nb 2 i16\nc 4 f32\nendian le\nd 0 u16\ne 0 u16 be\nlow 8 u8:2\nmid 8 u8:4-5\nneg 8 i8:4-7\nx 8 u8:0-7\n")
        self.assertEqual({"a": [0x1234, 0xfff6], "b": -10, "c": -2.5, "d": 0x3412, "e": 0x1234, "low": 1, "mid": 3, "neg": -5, "x": 0xb4}, told)

    def test_alignment(self):
        content = bytes(range(64))
        told = self.fields(content, "a 0 u8\nb + u64\nc + u8\nd + u16\n")
        self.assertEqual((8, 16, 18), (told["b"] & 255, told["c"], told["d"] & 255))
        told = self.fields(content, "pack 4\na 0 u8\nb + u64\nc 0x10 u8\npack 2\nd + u32\n")
        self.assertEqual((4, 16, 18), (told["b"] & 255, told["c"], told["d"] & 255))

    def test_texts(self):
        content = (b"caf\xc3\xa9\0rest" + "Zürich 🏔".encode("utf-16-le").ljust(32, b"\0") + "ab\U0001f3d4".encode("utf-32-le")
                   + "né".encode("utf-16-be") + b"\xff\xfe\x00" + b"\x00\xd8a\0")
        told = self.fields(content, "pack 1\na 0 char[10]\nb + utf16[16]\nc + wchar32[3]\nd + wchar16[2] be\ne + char[3]\nf + utf16[2]\n")
        self.assertEqual({"a": "café", "b": "Zürich 🏔", "c": "ab🏔", "d": "né", "e": "\ufffd\ufffd", "f": "\ufffda"}, told)
        self.assertEqual("hi", self.fields("hi".encode("utf-32-le") + bytes(8), "a 0 wchar[4]\n")["a"])  # of this system
        out = self.out("watch", "m", "-n1", "--layout", self.layout("a 0 char[10]"))
        self.assertTrue(out.endswith(b'  a  "h"\n'), out)

    def test_terminal_controls_are_harmless(self):
        self.map("m", b"\x1b[2J" + "\x1b\u0085".encode("utf-16-le"))
        out = self.out("watch", "m", "-n1", "--layout", self.layout("a 0 char[4]\nb 4 utf16[2]\n"))
        self.assertIn(b'"\\x1b[2J"', out)
        self.assertIn(b'"\\x1b\\xc2\\x85"', out)

    def test_numbers_that_are_none(self):
        content = struct.pack("<fffd", float("nan"), float("inf"), float("-inf"), 1e300)
        self.assertEqual({"a": [None, None, None], "b": 1e300}, self.fields(content, "pack 1\na 0 f32[3]\nb + f64\n"))
        self.assertIn(b"[nan, inf, -inf]", self.out("watch", "m", "-n1", "--layout", self.layout("a 0 f32[3]\n")))

    def test_only_changed_fields(self):
        memory = self.map("m", bytes(16))
        watcher = self.watch("m", *FAST, "--layout", self.layout("alpha 0 u8\nb 1 u8:0-3\nc 1 u8:4-7\nd 8 u64\n"))
        first = [self.line(watcher).decode()[14:] for _ in range(4)]
        self.assertEqual(["alpha  0\n", "b      0\n", "c      0\n", "d      0\n"], first)
        memory[5] = 1  # no field's
        memory[1] = 0x10
        self.assertEqual("c      1\n", self.line(watcher).decode()[14:])
        memory[8:16] = struct.pack("<Q", 7)
        self.assertEqual("d      7\n", self.line(watcher).decode()[14:])
        watcher.kill()

    def test_offset_moves_the_layout(self):
        self.map("m", bytes(10) + b"\x2a")
        self.assertIn(b"a  42\n", self.out("watch", "m", "-n1", "--offset", "8", "--layout", self.layout("a 2 u8\n")))

    def test_mistakes(self):
        self.map("m", bytes(10))
        for text, line, what in (
                ("a 0 u8\nb 1 u9\n", 2, "is u8 meant?"), ("a 0 potato", 1, "no type"), ("a 0", 1, "neither"), ("a", 1, "NAME OFFSET TYPE"),
                ("a x u8", 1, "offset"), ("a -1 u8", 1, "offset"), ("a 99999999999999 u8", 1, "at most"), ("a 0 u8[0]", 1, "count"),
                ("a 0 u8[", 1, "array"), ("a 0 u8[2", 1, "array"), ("a 0 u8[x]", 1, "count"), ("a 0 u8[1048577]", 1, "count"),
                ("a 0 u8\n\n a 1 u8", 3, "already"), ("a! 0 u8", 1, "name"), ("a 0 u8 big", 1, "big"), ("a 0 u8:8", 1, "bits"),
                ("a 0 u8:4-2", 1, "bits"), ("a 0 u8:", 1, "bits"), ("a 0 f32:1", 1, "bits"), ("endian middle", 1, "neither"),
                ("pack 3", 1, "neither"), ("a 0 f32 sequence", 1, "guard"), ("a 0 u32[2] counter", 1, "guard"),
                ("a 0 u8 sequence\nb 1 u8 sequence", 2, "already"), ("a 0 u8 sequence\nb 1 u8 end", 2, "already"),
                ("a 0 u8 begin\nb 1 u8 begin", 2, "already"), ("x" * 64 + " 0 u8", 1, "63 characters"), ("a b c d e f g h i", 1, "words"),
                ("a 0 u8:\u00e9", 1, "bits")):
            with self.subTest(text=text):
                error = self.error("watch", "m", "--layout", self.layout(text), expect=USAGE)
                self.assertIn(f"layout:{line}: ", error)
                self.assertIn(what, error)
        for text, what in (("", "no field"), ("# nothing\n", "no field"), ("a 0 u8 begin\n", "missing"), ("a 0 u8\0", "NUL"),
                           ("#" * (1 << 20) + "\n", "1 MiB"), ("\n".join(f"f{i} 0 u8" for i in range(4097)), "more than")):
            with self.subTest(text=text[:20]):
                self.assertIn(what, self.error("watch", "m", "--layout", self.layout(text), expect=USAGE))

    def test_noise_is_no_layout(self):
        self.map("m", bytes(10))
        for _ in range(20):
            path = self.write("layout", os.urandom(300))
            self.error("watch", "m", "-n1", "--layout", path, expect=USAGE)

    def test_example(self):
        """The struct that examples/cockpit.py writes, as it changes."""
        writer = subprocess.Popen([sys.executable, "-B", os.path.join(EXAMPLES, "cockpit.py"), "20000", "0.005"], env=self.environment)
        self.addCleanup(writer.kill)
        lines = json_lines(self.out("watch", "cockpit", "--wait", "10s", "--json", "--count", "20", *FAST, "--layout",
                                    os.path.join(EXAMPLES, "cockpit.layout")))
        state, seen = {}, []
        for line in lines:
            if seen and line["number"] != seen[-1]["number"]:
                self.check(state)
            state[line["field"]] = line["value"]
            seen.append(line)
        self.check(state)
        self.assertEqual("Müller 300 SL", state["car"])
        self.assertEqual([0.25, 0.25, 0.5, 0.5], state["wheel_slip"])
        writer.kill()
        writer.wait()

    def check(self, state):
        """All fields are of one update."""
        if state["sequence"] == 0:
            return  # made, and not written yet
        update = (state["sequence"] - 2) // 2
        self.assertEqual((0, 20.0 + update, 1 + update % 6, 1 if update % 2 else 0),
                         (state["sequence"] % 2, state["speed_kmh"], state["gear"], state["indicator"]))


class Tearing(Watching):
    """A writer that is slow in the middle: without a guard half of it is seen, with one never."""
    WRITER = """
import mmap, struct, sys, time
style, file = sys.argv[1], open(sys.argv[2], "r+b")
shared = mmap.mmap(file.fileno(), 0)
for n in range(1, 100000):
    if style == "sequence": struct.pack_into("<I", shared, 0, 2 * n - 1)
    if style == "pair": struct.pack_into("<I", shared, 0, n)
    for at in range(8, 4096, 8):
        struct.pack_into("<Q", shared, at, n)
        if at == 2048: time.sleep(0.001)
    if style == "sequence": struct.pack_into("<I", shared, 0, 2 * n)
    if style == "pair": struct.pack_into("<I", shared, 4096, n)
    if n == 1: print(flush=True)
    time.sleep(0.001)
"""

    def states(self, style, layout, count):
        memory = self.map("m", bytes(4104))
        path = os.path.join(self.channels, "m")
        writer = subprocess.Popen([sys.executable, "-B", "-c", self.WRITER, style, path], stdout=subprocess.PIPE)
        self.addCleanup(writer.communicate)
        self.addCleanup(writer.kill)
        writer.stdout.readline()
        lines = json_lines(self.out("watch", "m", "--json", "--count", str(count), "--every", "1ms", "--layout", self.layout(layout)))
        self.assertTrue(memory)
        return [set(line["value"]) for line in lines if line["field"] == "data"]

    def test_sequence(self):
        states = self.states("sequence", "s 0 u32 sequence\ndata 8 u64[511]\n", 60)
        self.assertGreater(len(states), 50)
        self.assertEqual({1}, {len(state) for state in states})

    def test_pair(self):
        states = self.states("pair", "b 0 u32 begin\ndata 8 u64[511]\ne 4096 u32 end\n", 60)
        self.assertEqual({1}, {len(state) for state in states})

    def test_without(self):
        """What the guards are for: the same writer is seen in the middle."""
        self.assertIn(2, {len(state) for state in self.states("sequence", "data 8 u64[511]\n", 60)})

    def test_counter(self):
        """A reader that copies while the counter stays the same; the number itself is of the same moment."""
        memory = self.map("m", struct.pack("<Ii", 7, 5))
        watcher = self.watch("m", "--json", *FAST, "--layout", self.layout("n 0 u32 counter\nv 4 i32\n"))
        self.assertEqual([7, 5], [json.loads(self.line(watcher))["value"] for _ in range(2)])
        memory[0:8] = struct.pack("<Ii", 8, 6)
        self.assertEqual([8, 6], [json.loads(self.line(watcher))["value"] for _ in range(2)])
        watcher.kill()

    def test_writer_that_died_in_the_middle(self):
        self.map("m", struct.pack("<Ii", 7, 5))
        watcher = self.watch("m", *FAST, "--for", "1300ms", "--layout", self.layout("s 0 u32 sequence\nv 4 i32\n"))
        out, err = self.ended(watcher, 0)
        self.assertEqual("", out)
        self.assertEqual(1, err.count("may have died in the middle"))


class Channels(Watching):
    def shows(self, watcher, send):
        """An observer leaves no trace: it is there once it shows what is sent."""
        for _ in range(20 * LIMIT):
            send()
            if select.select([watcher.stdout], [], [], 0.05)[0]:
                return
        self.fail("the watcher shows nothing")

    def attached(self, watcher, name):
        """What was sent until it was there has been shown; the number of the last message is returned."""
        self.shows(watcher, lambda: self.run_tarn("send", "-q", name, stdin=b"probe\n"))
        newest = json.loads(self.out("stat", name, "--json"))["newest"]
        while json.loads(self.line(watcher))["number"] < newest:
            pass
        return newest

    def test_board(self):
        self.run_tarn("put", "-q", "b", "--tag", "7", stdin=b"one")
        watcher = self.watch("b")
        self.assertRegex(self.line(watcher).decode(), r"  version 1, 3 bytes, tag 7, text/plain\n$")
        self.assertIn(b"|one|", self.line(watcher))
        self.run_tarn("put", "-q", "b", stdin=b"onto")
        self.assertRegex(self.line(watcher).decode(), r"  version 2, 4 bytes, tag 0, text/plain, 2 bytes changed\n$")
        self.assertIn(b" 6f 6e>74>6f ", self.line(watcher))
        watcher.send_signal(signal.SIGTERM)
        self.ended(watcher, -signal.SIGTERM)

    def test_stream(self):
        self.run_tarn("send", "-q", "s", stdin=b"before\n")
        watcher = self.watch("s", "--json")
        last = self.attached(watcher, "s")
        self.run_tarn("send", "-q", "s", stdin=b"one\none\n\n")
        told = [json.loads(self.line(watcher)) for _ in range(3)]
        self.assertEqual([last + 1, last + 2, last + 3], [line["number"] for line in told])
        self.assertEqual(["6f6e65", None, None], [line.get("hex") for line in told])  # the same, and empty
        self.assertEqual([3, 3, 0], [line["size_bytes"] for line in told])
        watcher.kill()

    def test_layout_of_messages(self):
        watcher = self.watch("s", "--wait", "10s", "--json", "--layout", self.layout("a 0 u16\nb 2 u16\n"))
        sender = self.start("send", "s", "-q", "--binary")

        def send(message):
            sender.stdin.write(struct.pack("<I", len(message)) + message)
            sender.stdin.flush()
        self.shows(watcher, lambda: send(b"\1\0\2\0"))  # the same again shows nothing more
        for message in (b"\1\0\3\0", b"\1\0", b""):
            send(message)
        told = [(line["field"], line["value"]) for line in (json.loads(self.line(watcher)) for _ in range(5))]
        self.assertEqual([("a", 1), ("b", 2), ("b", 3), ("b", None), ("a", None)], told)
        watcher.kill()

    def test_nobody_waits_for_a_watcher(self):
        self.run_tarn("create", "stream", "s", "--size", "4K", "-q")
        self.run_tarn("send", "-q", "s", stdin=b"x\n")
        self.run_tarn("recv", "s")  # from now on the oldest make room
        watcher = self.watch("s", "--json")
        self.attached(watcher, "s")
        watcher.send_signal(signal.SIGSTOP)
        self.run_tarn("send", "-q", "s", "--timeout", "0", stdin=b"0123456789\n" * 2000)
        self.assertEqual([], json.loads(self.out("stat", "s", "--json"))["participants"])
        watcher.send_signal(signal.SIGCONT)
        self.assertGreater(json.loads(self.line(watcher)).get("missed", 0), 0)
        watcher.kill()


if __name__ == "__main__":
    unittest.main()
