#!/usr/bin/env python3
"""Streams at the command line: send and recv as people and scripts use them: framings, pipes, several receivers, deaths, signals."""
import base64
import hashlib
import json
import os
import signal
import struct
import subprocess
import time
import unittest

from command import (BUSY, CORRUPT, LIMIT, NO_SPACE, NOT_THERE, NO_PERMISSION, TARN, TIMED_OUT, USAGE, Command, OtherUsers,
                          content, json_lines)

MISSED = 10


def prefixed(*messages):
    return b"".join(struct.pack("<I", len(message)) + message for message in messages)


class Streams(Command):
    def send(self, name, data, *arguments):
        self.run_tarn("send", name, "-q", *arguments, stdin=data)

    def create(self, name, *arguments):
        self.run_tarn("create", "stream", name, "-q", *arguments)

    def stat(self, name):
        return json.loads(self.out("stat", name, "--json"))

    def takes_part(self, name, count):
        done = subprocess.run([TARN, "stat", "--json", name], capture_output=True, env=self.environment, timeout=LIMIT)
        return done.returncode == 0 and len(json.loads(done.stdout)["participants"]) == count

    def tell(self, process, data):
        process.stdin.write(data)
        process.stdin.flush()


class Messages(Streams):
    def test_lines(self):
        done = self.run_tarn("send", "log", stdin=b"one\ntwo\n")
        self.assertEqual(b"", done.stdout)
        self.assertEqual(b"log: a new stream with a ring of 1 MiB; kept until `tarn rm log`\nlog: 2 messages sent, 6 bytes\n", done.stderr)
        done = self.run_tarn("recv", "log")
        self.assertEqual((b"one\ntwo\n", b""), (done.stdout, done.stderr))
        self.assertEqual(b"log: 1 message sent, 5 bytes\n", self.run_tarn("send", "log", stdin=b"three").stderr)
        self.assertEqual(b"one\ntwo\nthree\n", self.out("recv", "log"))  # as often as one likes

    def test_lines_are_bytes(self):
        lines = b"\n\r\n\x00\xff\x1b[2J\n  \nlast"
        self.send("log", lines)
        self.assertEqual(lines + b"\n", self.out("recv", "log"))
        self.assertEqual(lines.replace(b"\n", b""), self.out("recv", "log", "--raw"))
        self.assertEqual(prefixed(*lines.split(b"\n")), self.out("recv", "log", "--binary"))

    def test_nothing(self):
        done = self.run_tarn("send", "log", stdin=b"")
        self.assertIn(b"log: 0 messages sent, 0 bytes", done.stderr)
        self.assertEqual(0, self.stat("log")["newest"])

    def test_files(self):
        first, second = self.write("first", b"a\nb"), self.write("second", b"c\n")
        self.send("log", b"in between\n", first, "-", second)
        self.assertEqual(b"a\nb\nin between\nc\n", self.out("recv", "log"))
        self.error("send", "other", self.path("no-such-file"), expect=NOT_THERE)
        self.assertEqual(["log.stream"], os.listdir(self.channels))

    def test_whole(self):
        big = os.urandom(400000)
        self.create("files", "--size", "1M")
        self.run_tarn("send", "files", "-q", "--whole", "--tag", "7", self.write("empty", b""), self.write("big", big), "/proc/version")
        self.send("files", b"a pipe\nof lines\n", "--whole")
        expected = prefixed(b"", big, content("/proc/version"), b"a pipe\nof lines\n")
        self.assertTrue(expected == self.out("recv", "files", "--binary"))
        self.assertEqual([7, 7, 7, 0], [message["tag"] for message in json_lines(self.out("recv", "files", "--json"))])

    def test_binary(self):
        messages = [b"", b"x", b"\n\n", bytes(range(256)) * 2000, os.urandom(500000), b"end"]
        self.create("b", "--size", "4M")
        self.send("b", prefixed(*messages), "--binary")
        self.assertTrue(prefixed(*messages) == self.out("recv", "b", "--binary"))
        self.send("b", b"\xff\xff\xff\xff" + struct.pack("<Q", 3) + b"odd", "--binary")  # a long length, though it is short
        self.assertEqual(prefixed(b"odd"), self.out("recv", "b", "--binary", "--from", "7"))

    def test_binary_that_ends_too_soon(self):
        for cut in (b"\x01", b"\x04\0\0\0abc", b"\xff\xff\xff\xff\1\0\0"):
            self.assertIn("ends within a message", self.error("send", "b", "-q", "--binary", stdin=prefixed(b"ok") + cut, expect=CORRUPT))
        self.assertEqual(b"ok\nok\nok\n", self.out("recv", "b"))

    def test_json(self):
        self.create("j", "--times")
        before = time.time_ns()
        self.send("j", b'say "\\"\n\x00\t\nto\xe2\x82\xac\n\xe2\x82\nabc\xff\n', "--tag", "0xffffffff")
        told = json_lines(self.out("recv", "j", "--json"))
        self.assertEqual([1, 2, 3, 4, 5], [message["number"] for message in told])
        self.assertEqual(['say "\\"', "\0\t", "to\u20ac"], [message["text"] for message in told[:3]])
        self.assertEqual([b"\xe2\x82", b"abc\xff"], [base64.b64decode(message["base64"]) for message in told[3:]])
        self.assertEqual([7, 2, 5, 2, 4], [message["size_bytes"] for message in told])
        self.assertEqual({0xffffffff}, {message["tag"] for message in told})
        self.assertEqual({0}, {message["missed"] for message in told})
        for message in told:
            self.assertTrue(before <= message["time_ns"] <= time.time_ns())
        told = json.loads(self.run_tarn("send", "j", "--json", stdin=b"x\nyz\n").stdout)
        self.assertEqual({"name": "j", "messages": 2, "bytes": 3, "newest": 7, "kept": True}, told)
        for size in range(1, 8):  # every way in which base64 can end
            self.send("base", b"\xff" * size, "--whole")
        for size, message in enumerate(json_lines(self.out("recv", "base", "--json")), 1):
            self.assertEqual(b"\xff" * size, base64.b64decode(message["base64"], validate=True))
            self.assertIsNone(message["time_ns"])

    def test_from_and_count(self):
        self.send("log", b"1\n2\n3\n4\n5\n")
        self.assertEqual(b"3\n4\n5\n", self.out("recv", "log", "--from", "3"))
        self.assertEqual(b"3\n", self.out("recv", "log", "--from", "3", "--count", "1"))
        self.assertEqual(b"1\n2\n", self.out("recv", "log", "-n2", "--from=oldest"))
        receiver = self.start("recv", "log", "--from", "next")
        self.wait_until(lambda: self.takes_part("log", 1), "the receiver did not come")
        self.send("log", b"6\n")
        self.assertEqual((b"6\n", b""), receiver.communicate(timeout=LIMIT))
        receiver = self.start("recv", "log", "--from", "8")
        self.wait_until(lambda: self.takes_part("log", 1), "the receiver did not come")
        self.send("log", b"7\n8\n9\n")
        self.assertEqual((b"8\n9\n", b""), receiver.communicate(timeout=LIMIT))

    def test_long_lines(self):
        long = b"x" * 500000  # longer than what one read brings
        self.send("log", b"a\n" + long + b"\nb\n")
        self.assertTrue(b"a\n" + long + b"\nb\n" == self.out("recv", "log"))
        for arguments, data in ((["--binary"], prefixed(b"before", bytes(600000))), ([], b"before\n" + bytes(600000)),
                                (["--binary"], prefixed(b"before") + b"\xff" * 12), (["--whole"], bytes(600000))):
            self.assertIn("can never fit", self.error("send", "log", "-q", *arguments, stdin=data, expect=NO_SPACE))
        with open(self.path("large"), "wb") as file:
            file.truncate(1 << 30)
        self.assertIn("can never fit", self.error("send", "log", "-q", "--whole", self.path("large"), expect=NO_SPACE))
        self.assertEqual(b"before\nbefore\nbefore\n", self.out("recv", "log", "--from", "4"))

    def test_how_to_make_a_larger_ring(self):
        large = self.write("large", bytes(600000))
        for arguments, stdin, size, advice in ((["--whole", large], b"", "600000 bytes can", "--size 2M log`\n"),
                                               (["--whole"], bytes(600000), "524257 bytes or more can", "--size 2M log` or larger\n"),
                                               ([], bytes(600000), "524288 bytes or more can", "--size 2M log` or larger\n"),
                                               (["--binary"], b"\0\0\0\1", "16777216 bytes can", "--size 64M log`\n"),
                                               (["--binary"], b"\xff" * 12, "18446744073709551615 bytes can", "takes up to 524256\n")):
            with self.subTest(arguments):
                message = self.error("send", "log", "-q", *arguments, stdin=stdin, expect=NO_SPACE)
                self.assertIn(size, message)
                self.assertTrue(message.endswith(advice), message)
        self.run_tarn("rm", "log")
        self.run_tarn("create", "stream", "log", "--size", "2M", "-q")
        self.run_tarn("send", "log", "--whole", large)

    def test_the_longest(self):
        for times, longest in (([], 2016), (["--times"], 2000)):
            self.create("small", "--size", "4K", *times)
            self.send("small", b"x" * longest + b"\n")
            self.assertEqual(b"x" * longest + b"\n", self.out("recv", "small"))
            self.assertIn("can never fit", self.error("send", "small", "-q", stdin=b"x" * (longest + 1), expect=NO_SPACE))
            self.run_tarn("rm", "small")

    def test_wrong_usage(self):
        self.send("log", b"x\n")
        self.run_tarn("put", "-q", "board", stdin=b"x")
        self.error("send", expect=USAGE)
        self.error("recv", expect=USAGE)
        self.error("recv", "log", "file", expect=USAGE)
        self.error("send", "log", "--whole", "--binary", expect=USAGE)
        self.error("send", "log", "--tag", "4294967296", expect=USAGE)
        self.error("recv", "log", "--raw", "--binary", expect=USAGE)
        self.run_tarn("recv", "log", "--raw", "--json", expect=USAGE)
        self.error("recv", "log", "--count", "0", expect=USAGE)
        for start in ("0", "-1", "newest", "18446744073709551615", ""):
            self.assertIn("--from", self.error("recv", "log", "--from", start, expect=USAGE))
        self.assertIn("take 8192 (8 KiB)", self.error("create", "stream", "odd", "--size", "5000", expect=USAGE))
        self.assertIn("wait|fail|overwrite", self.error("create", "stream", "odd", "--policy", "drop", expect=USAGE))
        self.error("create", "stream", "log", expect=BUSY)
        self.error("create", "stream", "odd", "--slots", "0", expect=USAGE)
        for name in ("", ".hidden", "a b", "x" * 201):
            self.error("send", name, stdin=b"x", expect=USAGE)
            self.error("recv", name, expect=USAGE)
        self.error("recv", "board", "--wait", "0", expect=NOT_THERE)
        self.error("send", os.path.join(self.channels, "board.board"), stdin=b"x", expect=CORRUPT)
        self.error("recv", os.path.join(self.channels, "board.board"), expect=CORRUPT)
        self.assertEqual(["board.board", "log.stream"], sorted(os.listdir(self.channels)))

    def test_corrupt(self):
        with open(os.path.join(self.channels, "noise.stream"), "wb") as file:
            file.write(os.urandom(200000))
        self.error("send", "noise", stdin=b"x", expect=CORRUPT)
        self.error("recv", "noise", expect=CORRUPT)
        self.send("torn", b"1\n2\n3\n")
        with open(os.path.join(self.channels, "torn.stream"), "r+b") as file:
            data = file.read()
            at = data.rindex(b"\1" + bytes(6) + b"\x90") + 32  # the second message: the first's word is followed by its number and text
            file.seek(at)
            file.write(b"\xee" * 8)
        done = self.run_tarn("recv", "torn", expect=CORRUPT)
        self.assertEqual(b"1\n2\n3\n"[:len(done.stdout)], done.stdout)
        self.assertIn(b"cannot be", done.stderr)
        self.error("send", "torn", stdin=b"x", expect=CORRUPT)


class Together(Streams):
    def test_receiver_first(self):
        receivers = [self.start("recv", "log") for _ in range(3)]
        time.sleep(0.2)  # one of them surely waits for the name
        sender = self.start("send", "log", "-q")
        self.tell(sender, b"first\n")
        for receiver in receivers:
            self.assertEqual(b"first\n", receiver.stdout.readline())
        self.tell(sender, b"sec")  # by hand: nothing goes before the line is complete, then it goes at once
        time.sleep(0.1)
        self.tell(sender, b"ond\nthi")
        for receiver in receivers:
            self.assertEqual(b"second\n", receiver.stdout.readline())
        sender.communicate(b"rd", timeout=LIMIT)
        self.assertEqual(0, sender.returncode)
        for receiver in receivers:
            self.assertEqual((b"third\n", b""), receiver.communicate(timeout=LIMIT))
            self.assertEqual(0, receiver.returncode)

    def test_a_million_lines(self):
        """Through a ring that they fill many times over, to two receivers; not a measurement."""
        lines = b"".join(b"line %d\n" % number for number in range(1000000))
        path, expected = self.write("lines", lines), hashlib.sha256(lines).hexdigest()
        self.create("fast")
        receivers = [self.start("recv", "fast", *how) for how in ([], ["--raw"])]
        for count in (1, 2):
            self.wait_until(lambda: self.takes_part("fast", 2), "the receivers did not come")
        sender = subprocess.Popen(f'cat "{path}" | "{TARN}" send -q fast', shell=True, env=self.environment)
        sums = [hashlib.sha256(), hashlib.sha256()]
        pipes = {receiver.stdout.fileno(): index for index, receiver in enumerate(receivers)}
        import select
        while pipes:
            for pipe in select.select(list(pipes), [], [], LIMIT)[0]:
                piece = os.read(pipe, 1 << 16)
                sums[pipes[pipe]].update(piece)
                if not piece:
                    del pipes[pipe]
        self.assertEqual(0, sender.wait(timeout=LIMIT))
        self.assertEqual(expected, sums[0].hexdigest())
        self.assertEqual(hashlib.sha256(lines.replace(b"\n", b"")).hexdigest(), sums[1].hexdigest())
        for receiver in receivers:
            self.assertEqual(0, receiver.wait(timeout=LIMIT))
        self.assertEqual(1000000, self.stat("fast")["newest"])

    def test_binary_from_stream_to_stream(self):
        messages = [os.urandom(size) for size in range(0, 3000, 7)]
        self.create("a", "--size", "2M")
        self.send("a", prefixed(*messages), "--binary")
        subprocess.run(f'"{TARN}" recv a --binary | "{TARN}" send b -q --binary', shell=True, env=self.environment, check=True, timeout=LIMIT)
        self.assertTrue(prefixed(*messages) == self.out("recv", "b", "--binary"))

    def test_writer_killed_and_begun_again(self):
        follower = self.start("recv", "log", "--follow", "--json")
        to_the_end = self.start("recv", "log")
        number = 0
        for life in range(4):
            sender = self.start("send", "log", "-q")
            for _ in range(50):
                number += 1
                self.tell(sender, b"%d\n" % number)
            while True:
                told = json.loads(follower.stdout.readline())
                self.assertEqual((told["text"], 0), (str(told["number"]), told["missed"]))
                if told["number"] == number:
                    break
            self.tell(sender, b"half a line")
            sender.kill()
            sender.wait(timeout=LIMIT)
            if life == 0:  # the kernel says that it is dead
                lines = b"".join(b"%d\n" % n for n in range(1, 51))
                self.assertEqual((lines, b""), to_the_end.communicate(timeout=LIMIT))
                self.assertEqual(0, to_the_end.returncode)
        follower.send_signal(signal.SIGINT)
        self.assertEqual((b"", b""), follower.communicate(timeout=LIMIT))
        self.assertEqual(-signal.SIGINT, follower.returncode)

    def test_slow_receiver_under_overwrite(self):
        self.create("o", "--size", "64K", "--policy", "overwrite")
        receiver = self.start("recv", "o", "--json")
        sender = self.start("send", "o", "-q")
        self.tell(sender, b"1\n")
        received = [json.loads(receiver.stdout.readline())]
        receiver.send_signal(signal.SIGSTOP)
        sender.communicate(b"".join(b"%d\n" % number for number in range(2, 100001)), timeout=LIMIT)  # nobody holds it up
        self.assertEqual(0, sender.returncode)
        slot = self.stat("o")["participants"][0]
        self.assertTrue(slot["stopped"])
        self.assertGreater(slot["lag"], 1000)
        receiver.send_signal(signal.SIGCONT)
        out, err = receiver.communicate(timeout=LIMIT)
        self.assertEqual(MISSED, receiver.returncode)
        received += json_lines(out)
        missed = sum(message["missed"] for message in received)
        self.assertEqual(100000, len(received) + missed)
        self.assertIn(f"{missed} messages were missed", json.loads(err)["error"])
        self.assertEqual(slot["lag"], len(received) - 1)
        last = 0
        for message in received:
            self.assertEqual((last + message["missed"] + 1, str(message["number"])), (message["number"], message["text"]))
            last = message["number"]
        done = self.run_tarn("recv", "o", "--from", "1", "--raw", expect=MISSED)
        self.assertIn(b"o: %d messages were missed" % (self.stat("o")["oldest"] - 1), done.stderr)
        self.run_tarn("recv", "o")  # the oldest that is there: nothing is missed

    def test_slow_receiver_is_waited_for(self):
        self.create("w", "--size", "4K")
        receiver = self.start("recv", "w")
        self.wait_until(lambda: self.takes_part("w", 1), "the receiver did not come")
        receiver.send_signal(signal.SIGSTOP)
        sender = self.start("send", "w")
        sender.stdin.write(b"".join(b"%d\n" % number for number in range(1, 1001)))
        sender.stdin.close()
        sender.stdin = None
        self.assertEqual(b"tarn: w is full: waiting for a receiver; `tarn stat w` tells who is behind\n", sender.stderr.readline())
        people = {}

        def writer_sleeps():  # it wakes now and then to see who lives
            people.update({p["role"]: p for p in self.stat("w")["participants"]})
            return people["writer"]["waiting"] == "room"

        self.wait_until(writer_sleeps, "the writer does not wait for room")
        self.assertEqual(0, people["writer"]["lag"])
        self.assertGreater(people["reader"]["lag"], 50)
        self.assertGreater(people["reader"]["lag_bytes"], 2000)
        plain = self.out("stat", "w").decode()
        self.assertRegex(plain, r"ring +4 KiB; when it is full the writer waits\n")
        self.assertRegex(plain, r"\nholds +\d+ messages from number 1 on, in ")
        self.assertRegex(plain, r"reader +%d +stopped( \d+ m?s)? +- +0 +0 +%d, " % (receiver.pid, people["reader"]["lag"]))
        receiver.send_signal(signal.SIGCONT)
        self.assertEqual(b"w: 1000 messages sent, 2.8 KiB\n", sender.communicate(timeout=LIMIT)[1])
        self.assertEqual(b"".join(b"%d\n" % number for number in range(1, 1001)), receiver.communicate(timeout=LIMIT)[0])

    def test_fail(self):
        self.create("f", "--size", "4K", "--policy", "fail")
        self.run_tarn("recv", "f", "--timeout", "100ms", expect=TIMED_OUT)  # there was a reader once
        receiver = self.start("recv", "f", "--follow")
        self.wait_until(lambda: self.takes_part("f", 1), "the receiver did not come")
        receiver.send_signal(signal.SIGSTOP)
        lines = b"".join(b"%d\n" % number for number in range(1, 1001))
        message = self.error("send", "f", "-q", stdin=lines, expect=BUSY)
        sent = int(message.split(";")[1].split()[0])
        self.assertEqual(sent, self.stat("f")["newest"])
        receiver.send_signal(signal.SIGCONT)
        expected = b"".join(lines.splitlines(True)[:sent])
        self.assertEqual(expected, receiver.stdout.read(len(expected)))

    def test_a_reader_that_goes_does_not_hold_up(self):
        self.create("w", "--size", "4K")
        receiver = self.start("recv", "w")
        self.wait_until(lambda: self.takes_part("w", 1), "the receiver did not come")
        receiver.send_signal(signal.SIGSTOP)
        sender = self.start("send", "w", "-q")
        sender.stdin.write(b"line\n" * 10000)
        sender.stdin.close()
        sender.stdin = None
        time.sleep(0.2)
        self.assertIsNone(sender.poll())
        receiver.kill()
        sender.communicate(timeout=LIMIT)
        self.assertEqual(0, sender.returncode)

    def test_a_pipeline_of_logs(self):
        """That of docs/command.md: tail, send, recv, grep, each a process; a receiver that comes later finds what came before."""
        log = self.write("syslog", b"boot\n")

        def shell(line):
            process = subprocess.Popen(["sh", "-c", line], env=dict(self.environment, PATH=os.path.dirname(TARN) + ":" + os.environ["PATH"]),
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
            self.addCleanup(process.communicate)
            self.addCleanup(os.killpg, process.pid, signal.SIGKILL)
            return process

        shell(f'tail -F -n +1 "{log}" | tarn send log')
        errors = shell("tarn recv log --follow | grep --line-buffered error")
        with open(log, "ab") as file:
            file.write(b"fine\nfirst error\n")
        self.assertEqual(b"first error\n", errors.stdout.readline())
        self.assertEqual(b"boot\nfine\nfirst error\n", self.out("recv", "log", "--count", "3"))
        now = shell("tarn recv log --follow --from next --json")
        self.wait_until(lambda: self.takes_part("log", 3), "the last receiver did not come")
        with open(log, "ab") as file:
            file.write(b"second error\n")
        self.assertEqual(b"second error\n", errors.stdout.readline())
        told = json.loads(now.stdout.readline())
        self.assertEqual((4, "second error"), (told["number"], told["text"]))
        self.assertEqual([0, 0], [p["lag"] for p in self.stat("log")["participants"] if p["role"] == "reader"])

    def test_second_writer(self):
        first = self.start("send", "log", "-q")
        self.tell(first, b"1\n")
        self.wait_until(lambda: self.takes_part("log", 1), "the writer did not come")
        self.assertIn("another writer", self.error("send", "log", stdin=b"x", expect=BUSY))
        self.assertIn("another writer had it for all of 100 ms; `tarn stat log` says which",
                      self.error("send", "log", "--timeout", "100ms", stdin=b"x", expect=TIMED_OUT))
        patient = self.start("send", "log", "-q", "--timeout", "60s")
        time.sleep(0.1)
        first.kill()
        patient.communicate(b"2\n", timeout=LIMIT)
        self.assertEqual(0, patient.returncode)
        self.assertEqual(b"1\n2\n", self.out("recv", "log"))


class Limits(Streams):
    def test_waiting_ends(self):
        start = time.monotonic()
        self.assertIn("within 200 ms", self.error("recv", "log", "--wait", "200ms", expect=TIMED_OUT))
        self.create("log", "--size", "4K")
        message = self.error("send", "log", "-q", "--timeout", "200ms", stdin=b"x\n" * 1000, expect=TIMED_OUT)
        self.assertGreater(time.monotonic() - start, 0.4)
        self.assertIn(f"; {self.stat('log')['newest']} messages were sent", message)
        self.error("send", "log", "-q", "--timeout", "0", stdin=b"x\n" * 1000, expect=BUSY)
        self.error("recv", "nothing", "--wait", "0", expect=NOT_THERE)
        done = self.run_tarn("recv", "log", "--follow", "--timeout", "200ms", expect=TIMED_OUT)
        self.assertIn(b"nothing came within 200 ms", done.stderr)
        self.assertEqual(self.stat("log")["newest"], done.stdout.count(b"x\n"))

    def test_ctrl_c(self):
        self.create("small", "--size", "4K")
        self.create("new", "--size", "4K")  # full, it waits for its first receiver
        cases = [["recv", "no-such-name"], ["recv", "small"], ["recv", "small", "--json", "--follow"], ["send", "small", "-q"],
                 ["send", "small", "-q", "--whole"], ["send", "new", "-q", self.write("lines", b"x\n" * 10000)]]
        for arguments in cases:
            process = self.start(*arguments)
            time.sleep(0.2)
            self.assertIsNone(process.poll(), arguments)
            start = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertEqual(-signal.SIGINT, process.wait(timeout=LIMIT))
            self.assertLess(time.monotonic() - start, 10)
            self.assertEqual(b"", process.stderr.read())
        self.assertTrue(self.takes_part("small", 0))

    def test_waiting_is_said(self):
        self.create("empty")
        waiting = [self.start("recv", "no-such-name"), self.start("recv", "empty")]
        told = [process.stderr.readline() for process in waiting]
        self.assertEqual([b"tarn: there is no stream no-such-name yet: waiting for a sender\n",
                          b"tarn: empty is empty and nobody writes it: waiting for a sender\n"], told)
        for process in waiting:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT)

    def test_half_a_line_is_not_sent(self):
        sender = self.start("send", "log", "-q")
        self.tell(sender, b"whole\nhalf")
        self.wait_until(lambda: self.takes_part("log", 1) and self.stat("log")["newest"] == 1, "the line did not come")
        sender.send_signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, sender.wait(timeout=LIMIT))
        self.assertEqual(b"whole\n", self.out("recv", "log"))

    def test_nobody_reads_any_more(self):
        self.create("big", "--size", "16M")
        self.send("big", b"a line\n" * 300000)
        for how in ([], ["--json"], ["--binary"], ["--follow"]):
            receiver = self.start("recv", "big", *how)
            receiver.stdout.read(10)
            receiver.stdout.close()
            receiver.stdout = open(os.devnull, "rb")
            self.assertEqual(-signal.SIGPIPE, receiver.wait(timeout=LIMIT))
            self.assertEqual(b"", receiver.stderr.read())
        self.assertTrue(self.takes_part("big", 0))
        with open("/dev/full", "wb") as full:
            for how in ([], ["--json"]):
                done = subprocess.run([TARN, "recv", "big", *how], stdout=full, stderr=subprocess.PIPE, env=self.environment, timeout=LIMIT)
                self.assertEqual(NO_SPACE, done.returncode)
                self.assertIn(b"standard output", done.stderr)

    def test_full_disk(self):
        small = self.small_disk("1m")
        for arguments in (["send", "log"], ["create", "stream", "log", "--size", "1M"]):
            self.assertIn("log", self.error(*arguments, "--dir", small, stdin=b"x", expect=NO_SPACE))
            self.assertEqual([], os.listdir(small))
        self.run_tarn("create", "stream", "log", "-q", "--size", "256K", "--dir", small)
        self.send("log", b"x\n", "--dir", small)
        self.assertEqual(b"x\n", self.out("recv", "log", "--dir", small))

    def test_no_slot(self):
        self.create("two", "--slots", "2")
        receivers = [self.start("recv", "two") for _ in range(2)]
        self.wait_until(lambda: self.takes_part("two", 2), "the receivers did not come")
        self.assertIn("2 slots", self.error("recv", "two", expect=BUSY))
        for receiver in receivers:
            self.assertIsNone(receiver.poll())

    def test_ls_and_rm(self):
        sender = self.start("send", "log", "-q")
        self.wait_until(lambda: self.takes_part("log", 1), "the writer did not come")
        self.assertEqual(b"log\n", self.out("ls", "-q", "--kind", "stream"))
        self.assertRegex(self.out("ls").decode(), r"log +stream +1.1 MiB .* in use, kept +\S+ \d+\n")
        self.error("rm", "log", expect=BUSY)
        sender.communicate(timeout=LIMIT)
        self.run_tarn("rm", "log")
        self.assertEqual([], os.listdir(self.channels))


class Queues(Streams):
    def test_each_to_one(self):
        self.create("jobs", "--queue", "--max-deliveries", "2", "--hold", "3")
        self.send("jobs", b"a\nb\nc\n")
        self.assertEqual(b"a\n", self.out("recv", "jobs", "--count", "1"))
        self.assertEqual(b"b\nc\n", self.out("recv", "jobs", "--queue"))
        self.send("jobs", b"d\n")
        told = json_lines(self.out("recv", "jobs", "--json"))[0]
        self.assertEqual((4, "d", False, 1), (told["number"], told["text"], told["again"], told["deliveries"]))
        self.assertEqual(b"", self.out("recv", "jobs"))  # who comes when all is done and nobody writes has nothing to wait for
        self.error("recv", "jobs", "--follow", "--timeout", "10ms", expect=TIMED_OUT)
        self.create("log")
        self.error("recv", "log", "--queue", "--wait", "0", expect=CORRUPT)
        self.error("create", "stream", "x", "--max-deliveries", "2", expect=USAGE)
        self.error("create", "stream", "x", "--queue", "--policy", "overwrite", expect=USAGE)

    def test_a_short_sender_ends_every_receiver(self):
        self.create("jobs", "--queue")
        receivers = [self.start("recv", "jobs") for _ in range(3)]
        self.wait_until(lambda: self.takes_part("jobs", 3), "all take part")
        self.send("jobs", b"one\n")  # and it has left before two of them looked, who are given nothing
        got = [receiver.communicate(timeout=LIMIT)[0] for receiver in receivers]
        self.assertEqual([b"", b"", b"one\n"], sorted(got))
        self.assertEqual([0, 0, 0], [receiver.returncode for receiver in receivers])

    def test_several_senders(self):
        for kind in ("--many-writers", "--queue"):
            self.create("shared", kind, "--size", "64K")
            receivers = [self.start("recv", "shared", "--follow") for _ in range(2)]
            self.wait_until(lambda: self.takes_part("shared", 2), "both take part")
            lines = [[b"%d %d\n" % (k, i) for i in range(800)] for k in range(3)]  # little enough for a pipe that nobody reads yet
            senders = [self.start("send", "shared", "-q") for _ in range(3)]
            for sender, own in zip(senders, lines):
                self.tell(sender, b"".join(own))
            for sender in senders:
                sender.communicate(timeout=LIMIT)
                self.assertEqual(0, sender.returncode)
            self.wait_until(lambda: all(p["waiting"] != "no" for p in self.stat("shared")["participants"]), "all is received")
            for receiver in receivers:
                receiver.send_signal(signal.SIGINT)
            got = [receiver.communicate(timeout=LIMIT)[0].splitlines(keepends=True) for receiver in receivers]
            if kind == "--many-writers":
                self.assertEqual(got[0], got[1])  # one order for all
                for k in range(3):
                    self.assertEqual(lines[k], [line for line in got[0] if line.startswith(b"%d " % k)])
            else:
                self.assertEqual(sorted(sum(lines, [])), sorted(got[0] + got[1]))
            self.run_tarn("rm", "shared", "-q")

    def test_a_killed_receiver_loses_nothing(self):
        large = b"x" * 200000
        self.create("jobs", "--queue")
        self.send("jobs", large + b"\nsecond\n")
        stuck = self.start("recv", "jobs", "--follow")  # nobody reads its output: it has taken one, and not written all of it
        self.wait_until(lambda: self.stat("jobs")["taken"] == 1, "a message is taken")
        self.assertRegex(self.out("stat", "jobs").decode(), r"queue +1 waiting, 1 taken\n")
        self.assertRegex(self.out("stat", "jobs").decode(), r"taken +message 1 by ")
        stuck.kill()
        stuck.wait()
        told = json_lines(self.out("recv", "jobs", "--json"))
        self.assertEqual([(len(large), True, 2), (6, False, 1)], [(len(m["text"]), m["again"], m["deliveries"]) for m in told])


class Others(Streams, OtherUsers):
    def test_looking_on(self):
        self.create("open", "--mode", "0644", "--size", "4K")
        observer = self.start("recv", "open", preexec_fn=self.nobody)
        self.assertEqual(b"tarn: no right to take part in open: looking on\n", observer.stderr.readline())
        sender = self.start("send", "open", "-q")
        self.tell(sender, b"look\n")
        self.assertEqual(b"look\n", observer.stdout.readline())
        sender.communicate(timeout=LIMIT)
        self.assertEqual((b"", b""), observer.communicate(timeout=LIMIT))
        self.assertEqual(0, observer.returncode)
        self.error("send", "open", stdin=b"x", expect=NO_PERMISSION, preexec_fn=self.nobody)
        self.create("closed")
        self.error("recv", "closed", expect=NO_PERMISSION, preexec_fn=self.nobody)

    def test_a_group_takes_part(self):
        self.create("shared", "--mode", "0660", "--group", "65534")
        self.run_tarn("send", "-q", "shared", stdin=b"from the group\n", preexec_fn=self.nobody)
        self.assertEqual(b"from the group\n", self.out("recv", "shared"))


if __name__ == "__main__":
    unittest.main()
