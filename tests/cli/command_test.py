#!/usr/bin/env python3
"""The command `tarn` as people and scripts use it: what it prints where, and its exit codes."""
import json
import os
import signal
import socket
import subprocess
import time
import unittest

from command import (BUSY, BUTTERFLY, CORRUPT, LIMIT, NOT_THERE, NO_PERMISSION, NO_SPACE, OTHER, TARN, TIMED_OUT, UNFIT, USAGE,
                     Command, OtherUsers, content, json_lines)


class PutAndGet(Command):
    def test_a_file(self):
        done = self.run_tarn("put", "picture", BUTTERFLY)
        self.assertEqual(b"", done.stdout)
        self.assertEqual(b"picture: version 1, 1.4 MiB, image/bmp; kept until `tarn rm picture`\n", done.stderr)
        done = self.run_tarn("get", "picture", self.path("bitmap.bmp"))
        self.assertEqual((b"", b""), (done.stdout, done.stderr))
        self.assertEqual(content(BUTTERFLY), content(self.path("bitmap.bmp")))
        self.assertEqual(["bitmap.bmp", "channels"], sorted(os.listdir(self.folder)))

    def test_pipes(self):
        for data in (b"", b"x", bytes(range(256)) * 4096 + b"odd"):
            self.run_tarn("put", "-q", "pipe", stdin=data)
            self.assertEqual(data, self.out("get", "pipe"))
            self.run_tarn("put", "-q", "pipe", "-", stdin=data + b"!")
            self.assertEqual(data + b"!", self.out("get", "pipe", "-"))

    def test_an_empty_file_and_one_that_says_it_is(self):
        self.run_tarn("put", "empty", self.write("nothing", b""))
        self.assertEqual(b"", self.out("get", "empty"))
        self.run_tarn("put", "kernel", "/proc/version")  # its size is 0 to those who ask
        self.assertEqual(content("/proc/version"), self.out("get", "kernel"))

    def test_versions_tags_and_types(self):
        self.run_tarn("put", "v", "--tag", "0x10", "--type", "application/x-own", stdin=b"one")
        told = json.loads(self.out("put", "v", "--json", "--tag=18446744073709551615", stdin=b"{}"))
        self.assertEqual({"name": "v", "version": 2, "size_bytes": 2, "type": "text/plain", "kept": True}, told)
        told = json.loads(self.out("get", "v", self.path("v"), "--json"))
        self.assertEqual((2, 18446744073709551615, "text/plain"), (told["version"], told["tag"], told["type"]))
        done = self.run_tarn("get", "v", "--json")  # the data has stdout
        self.assertEqual(b"{}", done.stdout)
        self.assertEqual(2, json.loads(done.stderr)["version"])

    def test_no_type(self):
        self.assertIn(b"v: version 1, 3 bytes, of no type; kept", self.run_tarn("put", "v", "--type", "", stdin=b"one").stderr)
        self.assertEqual("", json.loads(self.out("get", "v", self.path("v"), "--json"))["type"])

    def test_not_there(self):
        self.assertIn('"nothing"', self.error("get", "nothing", expect=NOT_THERE))
        self.run_tarn("create", "board", "-q", "silent")
        self.assertIn("nothing has been put there yet", self.error("get", "silent", expect=NOT_THERE))
        self.error("put", "x", self.path("no-such-file"), expect=NOT_THERE)
        self.assertIn("directory", self.error("put", "x", self.folder, expect=OTHER))
        self.assertEqual(["silent.board"], os.listdir(self.channels))  # nothing was made for what cannot be read
        self.assertEqual([], json_lines(self.out("ls", "--json", "--kind", "map")))

    def test_waiting_ends(self):
        start = time.monotonic()
        self.assertIn("within 200 ms", self.error("get", "nothing", "--wait", "200ms", expect=TIMED_OUT))
        self.run_tarn("create", "board", "-q", "silent")
        self.error("get", "silent", "--wait", "200ms", expect=TIMED_OUT)
        self.error("get", "silent", "--timeout", "200ms", expect=TIMED_OUT)
        self.assertGreater(time.monotonic() - start, 0.6)

    def test_waiting_for_the_name_and_the_version(self):
        reader = self.start("get", "later", "--wait", "30s")
        time.sleep(0.1)
        self.run_tarn("create", "board", "-q", "later")
        time.sleep(0.1)
        self.assertIsNone(reader.poll())
        self.run_tarn("put", "-q", "later", stdin=b"here")
        self.assertEqual((b"here", b""), reader.communicate(timeout=LIMIT))
        self.assertEqual(0, reader.returncode)

    def test_second_writer(self):
        writer = self.start_writer("mine")
        self.assertIn("another writer", self.error("put", "mine", stdin=b"x", expect=BUSY))
        self.assertIn("another writer had it for all of 200 ms; `tarn stat mine` says which",
                      self.error("put", "mine", "--timeout", "200ms", stdin=b"x", expect=TIMED_OUT))
        patient = self.start("put", "-q", "mine", "--timeout", "30s")
        patient.stdin.write(b"after")
        patient.stdin.close()
        patient.stdin = None
        time.sleep(0.2)
        self.assertIsNone(patient.poll())
        writer.kill()
        writer.wait()
        patient.communicate(timeout=LIMIT)
        self.assertEqual(0, patient.returncode)
        self.assertEqual(b"after", self.out("get", "mine"))

    def test_over_the_limit(self):
        self.run_tarn("create", "board", "-q", "small", "--limit", "1M")
        self.assertIn("limit", self.error("put", "small", BUTTERFLY, expect=NO_SPACE))
        self.run_tarn("put", "-q", "small", stdin=b"fits")
        self.assertEqual(b"fits", self.out("get", "small"))

    def test_recommended_commands_can_be_typed(self):
        """What stands between the ` of a hint does what it says, in a shell, wherever the name lies and whatever it is called."""
        other = self.path("it's other")
        os.mkdir(other)
        for name, options in (("-x", []), ("a", ["--dir", other]), ("-y", ["--dir", other]), (os.path.join(other, "my picture"), [])):
            with self.subTest(name):
                told = self.run_tarn("put", *options, "--", name, stdin=b"x").stderr.decode()
                command = told[told.index("`tarn") + 1:told.rindex("`")]
                self.run_tarn("get", *options, "--", name)
                subprocess.run(["sh", "-c", command.replace("tarn", '"$0"', 1), TARN], env=self.environment, timeout=LIMIT, check=True)
                self.run_tarn("get", *options, "--", name, expect=NOT_THERE)
        self.assertEqual([], os.listdir(other) + os.listdir(self.channels))

    def test_readers_hold_all_that_the_limit_has_room_for(self):
        self.run_tarn("create", "board", "-q", "small", "--limit", "600K")
        value = bytes(250 << 10)
        self.run_tarn("put", "-q", "small", stdin=value)
        follower = self.start("get", "small", "--follow")  # into a pipe that nobody empties: it holds the first version
        self.wait_until(lambda: [p["held"] for p in json.loads(self.out("stat", "small", "--json"))["participants"]] == [1], "no version held")
        self.run_tarn("put", "-q", "small", stdin=value)
        self.assertIn("`--timeout 5s` waits until one lets go", self.error("put", "small", stdin=value, expect=BUSY))
        self.assertIn("readers held every version its limit has room for, for all of 100 ms; `tarn stat small` says which",
                      self.error("put", "small", "--timeout", "100ms", stdin=value, expect=TIMED_OUT))
        self.assertIsNone(follower.poll())

    def test_dir_option_and_paths(self):
        other = self.path("other")
        os.mkdir(other)
        self.run_tarn("put", "-q", "a", "--dir", other, stdin=b"in other")
        self.assertEqual(["a.board"], os.listdir(other))
        self.error("get", "a", expect=NOT_THERE)
        self.assertEqual(b"in other", self.out("get", "a", "-d", other))
        self.assertEqual(b"in other", self.out("get", os.path.join(other, "a.board")))
        told = self.run_tarn("put", os.path.join(other, "b.board"), stdin=b"by path").stderr
        self.assertIn(b"version 1, 7 bytes, text/plain; kept", told)
        self.assertEqual(b"by path", self.out("get", "b", "--dir", other))

    def test_no_directory(self):
        self.write("file", b"")
        for directory, why in (("nowhere", "cannot be created: there is no directory %s; make it, or choose another (TARN_DIR)"),
                               ("file", "cannot be created in %s: that is no directory; choose another directory (TARN_DIR)"),
                               ("file/x", "cannot be created in %s: that is no directory; choose another directory (TARN_DIR)"),
                               ("/proc", "cannot be created in %s: its file system takes no new files; choose another directory (TARN_DIR)")):
            path = self.path(directory)
            for arguments in (("put", "x"), ("send", "x"), ("create", "board", "x"), ("map", "create", "x", "4K")):
                with self.subTest(arguments=arguments, directory=directory):
                    self.assertIn(why % path, self.error(*arguments, "--dir", path, stdin=b"x", expect=NOT_THERE))

    def test_path_without_directory(self):
        """Somebody who takes names for topics is told what a / means."""
        for arguments in (("put", "house/kitchen"), ("send", "house/kitchen"), ("create", "board", "house/kitchen"),
                          ("map", "create", "house/kitchen", "4K")):
            with self.subTest(arguments=arguments):
                self.assertIn("this is the path of a file, and there is no directory house; make it, or give a name without '/'",
                              self.error(*arguments, stdin=b"x", expect=NOT_THERE))

    def test_corrupt(self):
        with open(os.path.join(self.channels, "noise.board"), "wb") as file:
            file.write(os.urandom(200000))
        self.assertIn("noise", self.error("get", "noise", expect=CORRUPT))
        self.error("put", "noise", stdin=b"x", expect=CORRUPT)
        self.assertIn(" damaged\n", self.out("ls").decode())
        self.run_tarn("rm", "noise")
        self.assertEqual([], os.listdir(self.channels))


class Others(OtherUsers):
    def test_no_right_to_read(self):
        self.run_tarn("put", "-q", "secret", stdin=b"x")
        self.assertIn("secret", self.error("get", "secret", expect=NO_PERMISSION, preexec_fn=self.nobody))
        message = self.error("put", "mine", stdin=b"x", expect=NO_PERMISSION, preexec_fn=self.nobody)
        self.assertIn("cannot be created in its directory", message)
        self.run_tarn("create", "board", "-q", "open", "--mode", "0644")
        self.run_tarn("put", "-q", "open", stdin=b"x")
        message = self.error("rm", "open", expect=NO_PERMISSION, preexec_fn=self.nobody)
        self.assertIn("only who may write it may remove it", message)
        self.run_tarn("map", "create", "m", "4K", "-q")
        self.assertNotIn("TARN_ANY_OWNER", self.error("map", "read", "m", expect=NO_PERMISSION, preexec_fn=self.nobody))
        message = self.error("get", "open", "-q", self.path("new"), expect=NO_PERMISSION, preexec_fn=self.nobody)
        self.assertIn("cannot create", message)

    def test_looking_on(self):
        self.run_tarn("create", "board", "-q", "open", "--mode", "0644")
        self.run_tarn("put", "-q", "open", stdin=b"look")
        done = self.run_tarn("get", "open", preexec_fn=self.nobody)
        self.assertEqual(b"look", done.stdout)
        self.assertIn(b"looking on", done.stderr)
        self.error("put", "open", stdin=b"x", expect=NO_PERMISSION, preexec_fn=self.nobody)
        follower = self.start("get", "open", "-q", "--follow", preexec_fn=self.nobody)
        self.assertEqual(b"look", follower.stdout.read(4))
        self.run_tarn("put", "-q", "open", BUTTERFLY)  # larger than all before
        self.assertEqual(content(BUTTERFLY), follower.stdout.read(1440054))

    def test_a_group_takes_part(self):
        self.run_tarn("create", "board", "-q", "shared", "--mode", "0660", "--group", "65534")
        os.chmod(self.channels, 0o755)
        self.run_tarn("put", "-q", "shared", stdin=b"from the group", preexec_fn=self.nobody)
        self.assertEqual(b"from the group", self.out("get", "shared"))
        self.error("create", "board", "x", "--group", "no-such-group", expect=USAGE)


class Maps(Command):
    def test_all_of_it(self):
        self.assertEqual(b"m: a map of 4 KiB; kept until `tarn rm m`\n", self.run_tarn("map", "create", "m", "4K").stderr)
        self.assertIn("m", self.error("map", "create", "m", "4K", expect=BUSY))
        self.assertEqual(bytes(4096), self.out("map", "read", "m"))
        self.run_tarn("map", "write", "m", "--offset", "4090", stdin=b"ending")
        self.assertEqual(b"\0ending", self.out("map", "read", "m", "--offset", "4089"))
        self.assertEqual(b"end", self.out("map", "read", "m", "--offset", "4090", "--length", "3"))
        self.assertEqual(b"", self.out("map", "read", "m", "--offset", "4K"))
        self.run_tarn("map", "resize", "-q", "m", "5000")
        self.assertEqual(bytes(4090) + b"ending" + bytes(904), content(os.path.join(self.channels, "m")))
        self.run_tarn("map", "read", "m", self.path("copy"))
        self.assertEqual(5000, os.path.getsize(self.path("copy")))
        self.run_tarn("rm", "m")
        self.error("map", "read", "m", expect=NOT_THERE)

    def test_out_of_range(self):
        self.run_tarn("map", "create", "-q", "m", "100")
        self.error("map", "read", "m", "--offset", "101", expect=USAGE)
        self.error("map", "read", "m", "--offset", "50", "--length", "51", expect=USAGE)
        self.error("map", "read", "m", "--offset", "1", "--length", "18446744073709551615", expect=USAGE)
        self.error("map", "write", "m", "--offset", "101", stdin=b"x", expect=USAGE)
        self.assertIn("tarn map resize", self.error("map", "write", "m", stdin=bytes(101), expect=NO_SPACE))
        self.error("map", "write", "m", BUTTERFLY, expect=NO_SPACE)
        self.error("map", "create", "z", "0", expect=USAGE)
        self.error("map", "create", "z", "many", expect=USAGE)

    def test_larger_than_one_view(self):
        data = os.urandom(1 << 20) * 40
        self.run_tarn("map", "create", "-q", "m", "40M")
        self.run_tarn("map", "write", "-q", "m", self.write("data", data))
        self.assertTrue(self.out("map", "read", "m", "--offset", "7") == data[7:])

    def test_hold(self):
        process = self.start("map", "create", "m", "1M", "--hold")
        self.assertIn(b"held until", process.stderr.readline())
        self.assertEqual(["m"], os.listdir(self.channels))
        process.send_signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, process.wait(timeout=LIMIT))
        self.assertEqual([], os.listdir(self.channels))

    def test_cut_short_while_it_is_read(self):
        self.run_tarn("map", "create", "-q", "m", "32M")
        old = self.write("old", b"as it was")
        os.mkfifo(self.path("fifo"))
        for destination in (self.path("fifo"), None):
            process = self.start("map", "read", "m", *([destination] if destination else []))
            with open(destination, "rb") if destination else process.stdout as pipe:
                pipe.read(1 << 20)  # it is in the middle, and blocks
                os.truncate(os.path.join(self.channels, "m"), 4096)
                pipe.read()
            self.assertEqual(CORRUPT, process.wait(timeout=LIMIT))
            self.assertIn(b"cut short", process.stderr.read())
            os.truncate(os.path.join(self.channels, "m"), 32 << 20)
        self.assertEqual(b"as it was", content(old))

    def test_a_foreign_file_is_a_map(self):
        with open(os.path.join(self.channels, "psm_1234"), "wb") as file:
            file.write(b"somebody else's")
        self.assertEqual(b"somebody else's", self.out("map", "read", "psm_1234"))


class Looking(Command):
    def test_ls(self):
        self.assertEqual(b"", self.out("ls"))
        self.run_tarn("put", "-q", "b", stdin=b"x")
        self.run_tarn("map", "create", "-q", "a", "100")
        self.start_writer("c")
        self.assertEqual(b"a\nb\nc\n", self.out("ls", "-q"))
        self.assertEqual(b"b\nc\n", self.out("ls", "-q", "--kind", "board"))
        lines = self.out("ls").decode().splitlines()
        self.assertEqual(["NAME", "a", "b", "c"], [line.split()[0] for line in lines])
        self.assertEqual(["kept", "in use, kept"], [line[line.index(":") + 7:].strip().split("  ")[0] for line in lines[2:]])
        entries = json_lines(self.out("ls", "--json"))
        self.assertEqual([("a", "map", False), ("b", "board", False), ("c", "board", True)],
                         [(e["name"], e["kind"], e["in_use"]) for e in entries])
        self.error("ls", "--dir", self.path("nowhere"), expect=NOT_THERE)

    def test_stat(self):
        writer = self.start_writer("picture")
        self.start("get", "picture", "/dev/null", "--follow")
        self.wait_until(lambda: self.takes_part("picture", 2), "the reader did not come")
        told = json.loads(self.out("stat", "picture", "--json"))
        self.assertEqual((1, 1440054, "image/bmp"), (told["newest"], told["newest_bytes"], told["newest_type"]))
        self.assertEqual(["reader", "writer"], sorted(p["role"] for p in told["participants"]))
        self.assertIn(writer.pid, [p["process"] for p in told["participants"]])
        plain = self.out("stat", "picture").decode()
        self.assertIn("version 1, 1.4 MiB (1440054)", plain)
        self.assertIn(f"writer  {writer.pid}", plain)
        self.error("stat", "nothing", expect=NOT_THERE)

    def test_several_of_one_name(self):
        self.run_tarn("put", "-q", "a", stdin=b"x")
        self.run_tarn("map", "create", "-q", "a", "100")
        message = self.error("rm", "a", expect=USAGE)
        self.assertIn("(a, a.board)", message)
        self.run_tarn("rm", "a", "--kind", "map")
        self.assertEqual(["a.board"], os.listdir(self.channels))

    def test_rm(self):
        writer = self.start_writer("c")
        self.assertIn("--force", self.error("rm", "c", expect=BUSY))
        self.run_tarn("put", "-q", "d", stdin=b"x")
        done = self.run_tarn("rm", "nothing", "d", expect=NOT_THERE)  # goes on, and says the first failure
        self.assertIn(b"nothing", done.stderr)
        self.run_tarn("rm", "c", "--force")
        self.assertEqual([], os.listdir(self.channels))
        self.assertIsNone(writer.poll())

    def test_hostile_words_reach_no_terminal(self):
        self.run_tarn("put", "-q", "x", "--type", "\x1b]0;owned\x07", stdin=b"\x1b[2J is text\n")
        for arguments in (["stat", "x"], ["stat", "x", "--json"], ["show", "x"]):
            done = self.run_tarn(*arguments)
            self.assertNotIn(b"\x1b", done.stdout + done.stderr)
            self.assertNotIn(b"\x07", done.stdout + done.stderr)
        self.assertNotIn(b"\x1b", self.run_tarn("get", "\x1b[31m", expect=USAGE).stderr)


class OtherKinds(Command):
    """Whoever gives a command the name of something of another kind is told what it is and which command is for it."""

    def setUp(self):
        super().setUp()
        self.run_tarn("put", "b", "-q", stdin=b"x")
        self.run_tarn("send", "s", "-q", stdin=b"x")
        self.run_tarn("map", "create", "m", "4K", "-q")
        self.path_of_b = os.path.join(self.channels, "b.board")

    def test_at_once(self):
        for arguments, what in ((("recv", "b", "--wait", "0"), "but a board has that name: `tarn get b` reads it"),
                                (("recv", "m", "--wait", "0"), "but a map has that name: `tarn map read m` reads it"),
                                (("get", "s"), "but a stream has that name: `tarn recv s` reads it"),
                                (("map", "read", "s"), "but a stream has that name: `tarn recv s` reads it"),
                                (("map", "write", "b"), "but a board has that name: `tarn put b` writes it"),
                                (("map", "write", "s"), "but a stream has that name: `tarn send s` writes it"),
                                (("map", "resize", "b", "8K"), "but a board has that name, and only a map can be resized"),
                                (("record", "b", self.path("r"), "--kind", "stream"), "but a board has that name: `--kind board` means it"),
                                (("watch", "s", "--kind", "map"), "but a stream has that name: `--kind stream` means it")):
            with self.subTest(arguments=arguments):
                self.assertIn(what, self.error(*arguments, expect=NOT_THERE))
        self.assertIn("a board has that name: `tarn get ", self.error("recv", self.path_of_b, expect=CORRUPT))
        self.assertIn("`tarn recv s` reads it", self.error("show", "s", expect=CORRUPT))
        told = json.loads(self.run_tarn("get", "s", "--json", expect=NOT_THERE).stderr)
        self.assertEqual("TARN_E_NOT_FOUND", told["result"])

    def test_made_by_a_path(self):
        """What is not called like a channel has its path only: it is listed so, and a plain name does not mean it."""
        path = os.path.join(self.channels, "p")
        self.run_tarn("put", path, "-q", stdin=b"by path")
        self.run_tarn("send", path + "s", "-q", stdin=b"by path")
        told = {entry["name"]: entry["kind"] for entry in json_lines(self.out("ls", "--json"))}
        self.assertEqual({"b": "board", "s": "stream", "m": "map", path: "board", path + "s": "stream"}, told)
        told = {look["name"]: look["kind"] for look in json_lines(self.out("stat", "--json"))}
        self.assertEqual({"b": "board", "s": "stream", path: "board", path + "s": "stream"}, told)
        self.assertEqual(b"by path", self.out("get", path))
        for command in (["stat", "p"], ["show", "p"], ["watch", "p"], ["record", "p", self.path("r")], ["rm", "p"]):
            with self.subTest(command=command):
                self.assertIn(f'"p": the file of that name is a board: give its path, {path}\n', self.error(*command, expect=CORRUPT))
        self.assertIn("but the file of that name is a board or stream that was made by its path", self.error("get", "p", expect=NOT_THERE))
        self.run_tarn("put", "p", "-q", stdin=b"by name")
        self.assertIn("(p, p.board)", self.error("stat", "p", expect=USAGE))
        self.run_tarn("rm", path, path + "s", "p")
        self.assertEqual(["b.board", "m", "s.stream"], sorted(os.listdir(self.channels)))

    def test_what_it_was_not_made_as(self):
        self.assertIn("a queue (TARN_QUEUE): asked for", self.error("recv", "s", "--queue", expect=CORRUPT))

    def test_each_name_once(self):
        self.assertTrue(self.error("check", "nothing", expect=UNFIT).startswith('tarn: check: "nothing": there is no map'))
        self.run_tarn("send", "b", "-q", stdin=b"x")
        self.assertIn("say which kind (--kind)", self.error("stat", "b", expect=USAGE))

    def test_in_vain(self):
        for arguments, hint in ((("get", "s", "--wait", "20ms"), "no board of that name came within 20 ms, but a stream has that name"),
                                (("recv", "b", "--wait", "20ms"), "no stream of that name came within 20 ms, but a board has that name"),
                                (("map", "read", "b", "--timeout", "20ms"), "no map of that name came within 20 ms, but a board has"),
                                (("watch", "b", "--kind", "stream", "--wait", "20ms"), "but a board has that name: `--kind board`")):
            with self.subTest(arguments=arguments):
                self.assertIn(hint, self.error(*arguments, expect=TIMED_OUT))

    def test_while_waiting(self):
        """After a second: by then it is not about to come."""
        self.run_tarn("create", "board", "empty", "-q")
        for arguments, hint in ((("get", "nothing", "--wait", "1m"), b"tarn: there is no board nothing yet: waiting for a writer\n"),
                                (("get", "empty", "--follow"), b"tarn: nothing has been put on empty yet: waiting for its first version\n"),
                                (("recv", "b"), b"tarn: there is no stream b yet, but a board has that name: `tarn get b` reads it; waiting"),
                                (("get", "s", "--follow"), b"tarn: there is no board s yet, but a stream has that name: `tarn recv s` reads"),
                                (("show", "nothing", "--wait", "1m"), b"tarn: there is no board nothing yet: waiting for a writer\n"),
                                (("watch", "nothing", "--wait", "1m"), b"tarn: there is no map, board or stream nothing yet: waiting for one\n"),
                                (("watch", "b", "--kind", "map", "--wait", "1m"),
                                 b"tarn: there is no map b yet, but a board has that name: `--kind board` means it; waiting for a map\n"),
                                (("record", "nothing", self.path("r"), "--kind", "stream", "--wait", "1m"),
                                 b"tarn: there is no stream nothing yet: waiting for a sender\n"),
                                (("map", "read", "nothing", "--timeout", "1m"), b"tarn: there is no map nothing yet: waiting for one\n"),
                                (("map", "write", "s", "--timeout", "1m"),
                                 b"tarn: there is no map s yet, but a stream has that name: `tarn send s` writes it; waiting for a map\n")):
            with self.subTest(arguments=arguments):
                self.assertIn(hint, self.start(*arguments).stderr.readline())

    def test_an_empty_map_is_waited_for(self):
        """Foreign programs make the name first, and give it a size then."""
        open(os.path.join(self.channels, "young"), "wb").close()
        self.assertEqual(b"", self.out("map", "read", "young", "--timeout", "10ms"))
        reader = self.start("map", "read", "young", "--timeout", "1m")
        self.assertEqual(b"tarn: map young is empty: waiting until it has a size\n", reader.stderr.readline())
        with open(os.path.join(self.channels, "young"), "wb") as file:
            file.write(b"grown")
        self.assertEqual((b"grown", b""), reader.communicate(timeout=LIMIT))
        self.assertEqual(0, reader.returncode)

    def test_nothing_of_any_kind(self):
        self.assertNotIn("has that name", self.error("get", "nothing", expect=NOT_THERE))
        for arguments in (("read", "nothing"), ("write", "nothing"), ("resize", "nothing", "8K")):
            message = self.error("map", *arguments, expect=NOT_THERE)
            self.assertIn("`tarn map create`", message)
            self.assertNotIn("give a size", message)  # which is for programs that may create it


class Words(Command):
    def test_help(self):
        overview = self.out("help").decode()
        self.assertTrue(overview.startswith("  tarn put picture butterfly.bmp"))
        self.assertEqual(overview, self.out("--help").decode())
        commands = [line.split("  ")[1] for line in overview.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
        self.assertGreaterEqual(len(commands), 12)
        for usage in commands:
            words = [word for word in usage.split() if word.islower()]
            text = self.out(*words, "--help").decode()
            self.assertEqual(text, self.out("help", *words).decode())
            self.assertTrue(text.startswith(f"  tarn {' '.join(words)}"), text)
            self.assertIn("Usage: tarn " + usage, text)
        self.assertIn("map resize", self.out("help", "map").decode())
        self.assertEqual(self.out("help", "map"), self.out("map", "--help"))

    def test_version(self):
        self.assertRegex(self.out("--version").decode(), r"^tarn \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        done = self.run_tarn(expect=USAGE)
        self.assertEqual(b"", done.stdout)
        self.assertIn(b"Commands:", done.stderr)
        self.assertIn("`put`", self.error("pu", expect=USAGE))
        self.assertIn("tarn help map", self.error("map", expect=USAGE))
        self.assertIn("map creat", self.error("map", "creat", expect=USAGE))
        self.assertIn("--type", self.error("put", "x", "--tpye", "y", expect=USAGE))
        self.assertIn("options come behind", self.error("-q", "ls", expect=USAGE))
        self.assertIn("`tarn --version`", self.error("version", expect=USAGE))
        self.error("help", "nothing", expect=USAGE)
        self.assertIn("--count: it is from 1", self.error("stat", "--count", "0", expect=USAGE))
        self.assertIn("--count: it is from 1", self.error("top", "--count", "0", expect=USAGE))
        self.assertIn("--work nothing", self.error("bench", "board", "--work", "nothing", expect=USAGE))
        self.error("put", expect=USAGE)
        for name in ("", ".hidden", "a b", "x" * 201, "caf\u00e9"):
            self.error("put", name, stdin=b"x", expect=USAGE)
        self.assertEqual([], os.listdir(self.channels))

    def test_whole_lines(self):
        """What two commands of a pipeline say does not mix within a line: each goes out with one write."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # what is written at once arrives as one
        for arguments in (["get", "nothing"], ["get", "nothing", "--json"], ["put", "now", BUTTERFLY]):
            subprocess.run([TARN, *arguments], stderr=theirs, env=self.environment, timeout=LIMIT)
            said = ours.recv(4096)
            self.assertEqual((1, b"\n"), (said.count(b"\n"), said[-1:]), said)
        ours.close()
        theirs.close()

    def test_errors_as_json(self):
        told = json.loads(self.run_tarn("get", "nothing", "--json", expect=NOT_THERE).stderr)
        self.assertEqual(("TARN_E_NOT_FOUND", NOT_THERE), (told["result"], told["exit"]))
        self.assertEqual(USAGE, json.loads(self.run_tarn("get", "x", "-qj", "--nonsense", expect=USAGE).stderr)["exit"])
        told = json.loads(self.run_tarn("get", "--json", "--what", expect=USAGE).stderr)
        self.assertEqual(USAGE, told["exit"])


if __name__ == "__main__":
    unittest.main()
