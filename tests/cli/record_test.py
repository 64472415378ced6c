#!/usr/bin/env python3
"""`tarn record` and `tarn replay`: boards, streams and foreign maps with their timing; pipes, signals, full disks."""
import json
import mmap
import os
import signal
import struct
import subprocess
import time
import unittest

from command import BUSY, CORRUPT, LIMIT, MISSED, NOT_THERE, TARN, TIMED_OUT, USAGE, content, json_lines
from recordings import RECORD, Recordings, crc32c, parse, runs


class Streams(Recordings):
    def test_there_and_back(self):
        self.run_tarn("create", "stream", "s", "-q", "--size", "64K", "--times", "--policy", "fail")
        self.send("s", b"one\ntwo\n\n", "--tag", "7")
        done = self.run_tarn("record", "s", self.file(), "--count", "3")
        self.assertEqual(b"", done.stdout)
        self.assertRegex(done.stderr.decode(), r"a\.rec: 3 records of s in .*, \d+ bytes\n$")
        header, records = parse(content(self.file()))
        self.assertEqual((3, 65536, 1, 32, "s"), tuple(header[key] for key in ("kind", "size", "policy", "flags", "name")))
        self.assertAlmostEqual(time.time(), header["start"] / 1e9, delta=LIMIT)
        self.assertEqual([(1, 1, b"one", 7), (1, 2, b"two", 7), (1, 3, b"", 7), (3, 3, b"", 0)],
                         [(r["what"], r["number"], r["data"], r["tag"]) for r in records])
        self.assertTrue(all(0 < r["published"] <= header["start"] for r in records[:3]))
        self.run_tarn("rm", "s")
        done = self.run_tarn("replay", self.file())
        self.assertEqual((b"", b"s: a new stream; kept until `tarn rm s`\ns: 3 records replayed\n"), (done.stdout, done.stderr))
        told = json_lines(self.out("recv", "s", "--json"))
        self.assertEqual([("one", 7), ("two", 7), ("", 7)], [(message["text"], message["tag"]) for message in told])
        self.assertTrue(all(message["time_ns"] > header["start"] for message in told))
        stat = json.loads(self.out("stat", "s", "--json"))
        self.assertEqual((65536, "fail"), (stat["buffer_bytes"], stat["policy"]))
        self.run_tarn("replay", self.file(), "other", "-q", "--timeout", "5s")  # there is no other writer to wait for
        self.assertEqual(b"one\ntwo\n\n", self.out("recv", "other"))
        self.run_tarn("replay", self.file(), "-q", "--count", "1")  # into what is there
        self.assertEqual(b"one\ntwo\n\none\n", self.out("recv", "s"))

    def test_from(self):
        self.send("s", b"1\n2\n3\n")
        self.run_tarn("record", "s", self.file(), "-q", "--from", "2", "--count", "1")
        self.assertEqual([2, 1], [record["number"] for record in parse(content(self.file()))[1]])
        recorder = self.record("s", "--from", "next")
        self.wait_until(lambda: self.takes_part("s", 1), "the recorder did not come")
        self.send("s", b"4\n")
        self.wait_for_records(1)
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        self.assertEqual([b"4", b""], [record["data"] for record in parse(content(self.file()))[1]])

    def test_ctrl_c_ends_it_whole(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.send("s", b"one\n")
            recorder = self.record("s")
            self.wait_for_records(1)
            recorder.send_signal(number)
            self.assertIn("records" if number == signal.SIGTERM else "1 record of s", self.ended(recorder))
            self.assertEqual(3, parse(content(self.file()))[1][-1]["what"])
        self.assertIn(b"2 records", self.out("replay", self.file(), "--check"))

    def test_killed(self):
        self.send("s", b"one\ntwo\n")
        recorder = self.record("s")
        self.wait_for_records(2)
        recorder.kill()
        recorder.wait()
        done = self.run_tarn("replay", self.file(), "t", "-q", expect=CORRUPT)
        self.assertIn(b"has no end", done.stderr)
        self.assertIn(b"the 2 records before it", done.stderr)
        self.assertEqual(b"one\ntwo\n", self.out("recv", "t"))

    def test_for(self):
        self.send("s", b"one\n")
        begin = time.monotonic()
        self.run_tarn("record", "s", self.file(), "-q", "--for", "150ms")
        self.assertGreaterEqual(time.monotonic() - begin, 0.15)
        records = parse(content(self.file()))[1]
        self.assertEqual([1, 3], [record["what"] for record in records])
        self.assertGreaterEqual(records[-1]["at"], 140e6)

    def test_pipes(self):
        data, messages = self.small()
        subprocess.run(f'"{TARN}" replay "{self.file()}" -q s && "{TARN}" record s - -q --count 3 | "{TARN}" replay - -q copy', shell=True,
                       env=self.environment, check=True, timeout=LIMIT)
        self.assertEqual(messages, self.received("copy"))
        done = self.run_tarn("replay", "-", "--check", stdin=data)
        self.assertIn(b"standard input: stream s, from ", done.stdout)

    def test_live_through_a_pipe(self):
        """What comes goes through at once; the one who replays ends when the recorder does."""
        recorder = self.start("record", "s", "-", "-q", "--wait", "10s")
        replayer = subprocess.Popen([TARN, "replay", "-", "copy", "-q"], stdin=recorder.stdout, env=self.environment)
        self.addCleanup(replayer.kill)
        receiver = self.start("recv", "copy", bufsize=0)
        sender = self.start("send", "s", "-q", bufsize=0)
        for line in (b"first\n", b"second\n"):
            sender.stdin.write(line)
            self.assertEqual(line, receiver.stdout.readline())
        recorder.send_signal(signal.SIGINT)
        self.assertEqual(0, recorder.wait(timeout=LIMIT))
        self.assertEqual(0, replayer.wait(timeout=LIMIT))

    def test_nobody_reads(self):
        self.send("s", b"0123456789\n" * 20000)
        recorder = self.start("record", "s", "-", "-q")
        recorder.stdout.read(100)
        recorder.stdout.close()
        self.assertEqual(-signal.SIGPIPE, recorder.wait(timeout=LIMIT))

    def test_interrupted_in_a_full_pipe(self):
        """Ctrl-C while it waits for the pipe's other end: what was begun is finished, then the end."""
        self.send("s", b"0123456789\n" * 20000)
        recorder = self.start("record", "s", "-", "-q")
        first = os.read(recorder.stdout.fileno(), 1000)
        time.sleep(0.1)
        recorder.send_signal(signal.SIGINT)
        rest, err = recorder.communicate(timeout=LIMIT)
        self.assertEqual((0, b""), (recorder.returncode, err))
        data = first + rest
        where = data.rindex(b"RECD")
        self.assertEqual((3, where + RECORD), (struct.unpack_from("<I", data, where + 4)[0], len(data)))
        self.assertEqual(struct.unpack_from("<Q", data, where + 8)[0] - 1, struct.unpack_from("<Q", data, where + 32)[0])
        self.run_tarn("replay", "-", "--check", stdin=data)

    def test_missed(self):
        self.run_tarn("create", "stream", "s", "-q", "--size", "4K", "--policy", "overwrite")
        self.send("s", b"first\n")
        recorder = self.record("s")
        self.wait_for_records(1)
        recorder.send_signal(signal.SIGSTOP)
        self.send("s", b"0123456789\n" * 1000)
        recorder.send_signal(signal.SIGCONT)
        self.send("s", b"last\n")
        self.wait_until(lambda: b"last" in content(self.file()), "the last did not come")
        recorder.send_signal(signal.SIGINT)
        self.assertIn("passed unseen", self.ended(recorder, MISSED))
        records = parse(content(self.file()))[1]
        self.assertEqual(1002, sum(1 + record["missed"] for record in records[:-1]))
        self.assertEqual(records[-1]["missed"], sum(record["missed"] for record in records[:-1]))

    def test_full_stream(self):
        self.small()
        self.run_tarn("create", "stream", "full", "-q", "--size", "4K")
        self.send("full", b"x" * 1000 + b"\n" + b"y" * 1000 + b"\n")
        for _ in range(40):  # nobody has ever received: it fills
            done = subprocess.run([TARN, "replay", self.file(), "full", "-q", "--timeout", "30ms"], env=self.environment, capture_output=True)
            if done.returncode:
                break
        self.assertEqual(TIMED_OUT, done.returncode)
        self.assertIn(b"it is full", done.stderr)
        replayer = self.start("replay", self.file(), "full", "-q")  # waits for room
        receiver = self.start("recv", "full")
        self.ended(replayer)
        receiver.communicate(timeout=LIMIT)


class Boards(Recordings):
    def test_there_and_back(self):
        self.run_tarn("put", "b", "-q", "--tag", "5", "--type", "text/x-first", stdin=b"one")
        recorder = self.record("b")
        self.wait_for_records(1)
        big = os.urandom(100000)
        self.run_tarn("put", "b", "-q", stdin=big)
        self.wait_for_records(2)
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        header, records = parse(content(self.file()))
        self.assertEqual((2, "b", [b"one", big, b""]), (header["kind"], header["name"], [record["data"] for record in records]))
        self.assertEqual(["text/x-first", "application/octet-stream", ""], [record["type"] for record in records])
        self.run_tarn("rm", "b")
        self.run_tarn("replay", self.file(), "-q", "--speed", "max", "--count", "1")
        self.assertEqual(b"one", self.out("get", "b"))
        told = json.loads(self.run_tarn("get", "b", self.path("out"), "--json").stdout)
        self.assertEqual((5, "text/x-first"), (told["tag"], told["type"]))
        self.run_tarn("replay", self.file(), "-q", "--speed", "max")
        self.assertTrue(big == self.out("get", "b"))


class Maps(Recordings):
    def map(self, name, data):
        with open(os.path.join(self.channels, name), "w+b") as file:
            file.write(data)
            file.flush()
            memory = mmap.mmap(file.fileno(), len(data))
        self.addCleanup(memory.close)
        return memory

    def test_there_and_back(self):
        memory = self.map("m", bytes(20000))
        recorder = self.record("m", "--every", "2ms")
        self.wait_for_records(1)
        memory[10000] = 7
        self.wait_for_records(2)
        memory[19999] = 9
        memory[0] = 1
        self.wait_until(lambda: struct.pack("<QQ", 19999, 1) + b"\x09" in content(self.file()), "the change was not recorded")
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        header, records = parse(content(self.file()))
        self.assertEqual((1, 20000, 0), (header["kind"], header["size"], header["offset"]))
        self.assertEqual((1, bytes(20000), 20000), (records[0]["what"], records[0]["data"], records[0]["tag"]))
        self.assertEqual((2, [(10000, b"\7")]), (records[1]["what"], list(runs(records[1]["data"]))))
        self.assertLess(os.path.getsize(self.file()), 21000)
        done = self.run_tarn("replay", self.file(), "n")
        self.assertIn(b"n: a map of 19.5 KiB; kept", done.stderr)
        self.assertTrue(memory[:] == content(os.path.join(self.channels, "n")))
        self.run_tarn("map", "create", "small", "10", "-q")
        self.run_tarn("replay", self.file(), "small", "-q", expect=CORRUPT)
        self.run_tarn("map", "create", "large", "40000", "-q")
        self.run_tarn("replay", self.file(), "large", "-q")
        self.assertTrue(memory[:] + bytes(20000) == content(os.path.join(self.channels, "large")))

    def test_part_and_growth(self):
        memory = self.map("m", bytes(range(200)))
        self.run_tarn("record", "m", self.file(), "-q", "--count", "1", "--offset", "50", "--length", "10")
        header, records = parse(content(self.file()))
        self.assertEqual((50, bytes(range(50, 60)), 200), (header["offset"], records[0]["data"], records[0]["tag"]))
        self.run_tarn("replay", self.file(), "n", "-q")
        self.assertEqual(bytes(50) + bytes(range(50, 60)) + bytes(140), content(os.path.join(self.channels, "n")))
        recorder = self.record("m", "--every", "2ms")
        self.wait_for_records(1)
        with open(os.path.join(self.channels, "m"), "ab") as file:
            file.write(b"more")
        self.wait_for_records(2)
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        self.run_tarn("replay", self.file(), "grown", "-q")
        self.assertEqual(memory[:] + b"more", content(os.path.join(self.channels, "grown")))

    def test_gone_and_cut_short(self):
        for expect, harm in ((NOT_THERE, os.unlink), (CORRUPT, lambda path: os.truncate(path, 1))):
            self.map("m", b"content")
            recorder = self.record("m", "--every", "2ms")
            self.wait_for_records(1)
            harm(os.path.join(self.channels, "m"))
            self.ended(recorder, expect)
            records = parse(content(self.file()))[1]
            self.assertEqual([b"content", b""], [record["data"] for record in records])  # and it is whole

    def test_only_complete_states(self):
        layout = self.write("layout", b"s 0 u32 sequence\nv 8 u64[511]\n")
        memory = self.map("m", bytes(4096))
        recorder = self.record("m", "--every", "1ms", "--layout", layout)
        self.wait_for_records(1)
        for n in range(1, 100000):
            if n % 50 == 0 and content(self.file()).count(b"RECD") > 8:
                break
            memory[0:4] = struct.pack("<I", 2 * n - 1)
            for at in range(8, 4096, 8):
                memory[at:at + 8] = struct.pack("<Q", n)
                if at == 2048:
                    time.sleep(0.0005)
            memory[0:4] = struct.pack("<I", 2 * n)
            time.sleep(0.0003)
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        state, seen = bytearray(4096), 0
        for record in parse(content(self.file()))[1][:-1]:
            for offset, data in [(0, record["data"])] if record["what"] == 1 else runs(record["data"]):
                state[offset:offset + len(data)] = data
            self.assertEqual(1, len(set(struct.unpack_from("<511Q", state, 8))))
            self.assertEqual(2 * struct.unpack_from("<Q", state, 8)[0], struct.unpack_from("<I", state)[0])
            seen += 1
        self.assertGreater(seen, 5)


class Guards(Recordings):
    """Whoever heeds the number that says when a map is complete sees complete states while it is replayed."""
    STATES = 300

    def recording(self, states):
        """Written by docs/recording.md alone: one content, then changes of everything."""
        def record(index, what, data, number):
            head = struct.pack("<4sIQqQQQQqII", b"RECD", what, index, index * 100000, len(data), number, 0, len(states[0]), 0, 0, crc32c(data)) + bytes(4)
            return head + struct.pack("<I", crc32c(head)) + data + bytes(-len(data) % 8)
        head = b"\x89TARN\r\n\x1a" + struct.pack("<HHIqQQII", 1, 0, 1, 0, len(states[0]), 0, 0, 0)
        head, name = head.ljust(60, b"\0"), b"m".ljust(256, b"\0")
        data = head + struct.pack("<I", crc32c(head + name)) + name + record(1, 1, states[0], 1)
        for index, state in enumerate(states[1:], 2):
            half = len(state) // 2
            data += record(index, 2, struct.pack("<QQ", 0, half) + state[:half] + struct.pack("<QQ", half, len(state) - half) + state[half:], index)
        return self.write("states.rec", data + record(len(states) + 1, 3, b"", len(states)))

    def look_while_replayed(self, states, layout, read):
        path = self.recording(states)
        self.run_tarn("replay", path, "-q", "--count", "1")
        with open(os.path.join(self.channels, "m"), "r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        seen = []
        while len(set(seen)) < 10:  # as often as it takes
            replayer = self.start("replay", path, "-q", "--layout", self.write("layout", layout))
            while replayer.poll() is None:
                state = read(memory)
                if state:
                    self.assertEqual(1, len(set(state)), state)
                    seen.append(state[0])
            self.ended(replayer)
        self.assertEqual(states[-1], memory[:])

    def test_sequence(self):
        states = [struct.pack("<Q", n) + struct.pack(">I", 2 * n) + struct.pack("<I", n) + struct.pack("<Q", n) * 254 for n in range(self.STATES)]

        def read(memory):
            before = memory[8:12]
            data = memory[:]
            if before[3] & 1 == 0 and before == memory[8:12]:
                return [*struct.unpack_from("<QxxxxI254Q", data), struct.unpack(">I", before)[0] // 2]
        self.look_while_replayed(states, b"s 8 u32 sequence be\n", read)

    def test_pair(self):
        states = [struct.pack("<254QIxxxx", *[n] * 255) for n in range(self.STATES)]

        def read(memory):  # begin is at 0, end at the end
            end = memory[-8:-4]
            data = memory[:]
            if memory[:4] == end:
                return [*struct.unpack("<254QIxxxx", data)[1:], struct.unpack("<I", end)[0]][1:-2] + [struct.unpack("<I", end)[0]]
        self.look_while_replayed(states, b"b 0 u32 begin\ne 2032 u32 end\n", read)

    def test_wrong_layouts(self):
        path = self.recording([bytes(64)])
        for layout, expect in ((b"a 0 u8\n", USAGE), (b"a 100 u32 sequence\n", USAGE), (b"nonsense", USAGE)):
            self.error("replay", path, "--layout", self.write("layout", layout), "-q", expect=expect)
        self.small()
        self.error("replay", self.file(), "--layout", self.write("layout", b"a 0 u8 counter\n"), expect=USAGE)


class Timing(Recordings):
    def gaps(self, *arguments):
        """When the messages came out again, in seconds after the first."""
        receiver = self.start("recv", "t", "--binary", bufsize=0)
        replayer = self.start("replay", self.file(), "t", "-q", *arguments)
        times = []
        for _ in range(4):
            receiver.stdout.read(4 + 1)
            times.append(time.monotonic())
        self.ended(replayer)
        receiver.communicate(timeout=LIMIT)
        self.run_tarn("rm", "t")
        return [moment - times[0] for moment in times]

    def test_as_it_was(self):
        sender = self.start("send", "s", "-q", bufsize=0)
        sender.stdin.write(b"0\n")
        self.wait_until(lambda: self.takes_part("s", 1), "no stream")
        recorder = self.record("s", "--from", "next")
        self.wait_until(lambda: self.takes_part("s", 2), "the recorder did not come")
        sent = []
        for line, pause in ((b"1\n", 0.2), (b"2\n", 0.1), (b"3\n", 0.3), (b"4\n", 0)):
            sent.append(time.monotonic())
            sender.stdin.write(line)
            time.sleep(pause)
        self.wait_for_records(4)
        recorder.send_signal(signal.SIGINT)
        self.ended(recorder)
        records = parse(content(self.file()))[1][:4]
        then = [(record["at"] - records[0]["at"]) / 1e9 for record in records]
        for moment, seen in zip(sent, then):
            self.assertLess(abs(seen - (moment - sent[0])), 0.25)
        for seen, expected in zip(self.gaps(), then):  # generous: the machine may be busy with something else
            self.assertGreater(seen - expected, -0.25)
            self.assertLess(seen - expected, 1)
        self.assertLess(self.gaps("--speed", "4")[-1], 0.8 * then[-1])
        self.assertLess(self.gaps("--speed", "max")[-1], 0.5 * then[-1])

    def test_ctrl_c(self):
        data, _ = self.small()
        header, records = parse(data)
        second = records[0]["end"]
        late = bytearray(data)  # the second record an hour later
        struct.pack_into("<q", late, second + 16, 3600 * 10**9)
        struct.pack_into("<I", late, second + 76, crc32c(late[second:second + 76]))
        self.write("late.rec", bytes(late))
        replayer = self.start("replay", self.path("late.rec"), "t", "-q")
        self.wait_until(lambda: os.path.exists(os.path.join(self.channels, "t.stream")), "it did not begin")
        time.sleep(0.05)
        replayer.send_signal(signal.SIGINT)
        self.assertEqual("", self.ended(replayer, -signal.SIGINT))


class Usage(Recordings):
    def test_what_is_there_stays(self):
        data, _ = self.small()
        self.send("s", b"x\n")
        self.assertIn("--force", self.error("record", "s", self.file(), expect=BUSY))
        self.assertEqual(data, content(self.file()))
        self.run_tarn("record", "s", self.file(), "-q", "--force", "--count", "1")
        self.assertEqual([b"x", b""], [record["data"] for record in parse(content(self.file()))[1]])
        self.error("record", "s", self.path("no/such/folder"), expect=NOT_THERE)

    def test_a_name_that_is_not_there_makes_no_file(self):
        self.error("record", "nothing", self.file(), expect=NOT_THERE)
        self.assertFalse(os.path.exists(self.file()))

    def test_json(self):
        self.send("s", b"x\n")
        told = json.loads(self.out("record", "s", self.file(), "--json", "--count", "1"))
        self.assertEqual((1, "s", "stream", 1, 0), tuple(told[key] for key in ("schema", "name", "kind", "records", "missed")))
        self.assertEqual(os.path.getsize(self.file()), told["size_bytes"])
        told = json.loads(self.out("replay", self.file(), "--json", "--check"))
        self.assertEqual((1, "s", "stream", 1, True), tuple(told[key] for key in ("schema", "name", "kind", "records", "whole")))

    def test_wrong_usage(self):
        self.small()
        self.send("s", b"x\n")
        self.run_tarn("put", "b", "-q", stdin=b"x")
        layout = self.write("layout", b"a 0 u8\n")
        for arguments in (("record",), ("record", "s"), ("record", "s", "a", "b"), ("record", "s", "f", "--count", "0"),
                          ("record", "s", "f", "--from", "x"), ("record", "b", "f", "--from", "next"), ("record", "s", "f", "--offset", "1"),
                          ("record", "s", "f", "--length", "0"), ("record", "s", "f", "--layout", layout), ("replay",),
                          ("replay", self.file(), "a", "b"), ("replay", self.file(), "--speed", "0"), ("replay", self.file(), "--speed", "-1"),
                          ("replay", self.file(), "--speed", "fast"), ("replay", self.file(), "--speed", "nan"), ("replay", self.file(), "--speed", ""),
                          ("replay", self.file(), "--count", "0"), ("replay", self.file(), "s", "--check")):
            with self.subTest(arguments=arguments):
                self.error(*arguments, expect=USAGE)
        self.error("replay", self.path("nothing"), expect=NOT_THERE)
        self.error("record", "s", "/", expect=1)


if __name__ == "__main__":
    unittest.main()
