#!/usr/bin/env python3
"""`tarn show` and what else looks at the terminal: pictures in what it understands, text, bytes; progress."""
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import unittest

from command import BUTTERFLY, CORRUPT, LIMIT, NOT_THERE, TARN, Command, content


class Show(Command):
    def on_terminal(self, *arguments, rows=24, columns=80, stdin=subprocess.DEVNULL, **environment):
        """stdout and stderr are a terminal; returns what it got."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen([self.program, *arguments], stdin=stdin, stdout=slave, stderr=slave, env={**self.environment, **environment})
        os.close(slave)
        got = b""
        while True:
            ready, _, _ = select.select([master], [], [], LIMIT)
            self.assertTrue(ready, "nothing came to the terminal")
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other side has closed
                break
            if not piece:
                break
            got += piece
        os.close(master)
        self.assertEqual(0, process.wait(timeout=LIMIT), got)
        return got.decode().replace("\r\n", "\n")

    def test_what_the_terminal_understands(self):
        self.run_tarn("put", "-q", "picture", BUTTERFLY)
        block = "\u2580"
        colored = self.on_terminal("show", "picture", TERM="xterm-256color", COLORTERM="truecolor")
        self.assertIn("\x1b[38;2;", colored)
        lines = colored.splitlines()
        self.assertEqual("picture: image/bmp, 800 x 600, 1.4 MiB", lines[-1])
        self.assertEqual(23, len(lines[:-1]))  # a row is left for the prompt
        self.assertEqual({61}, {line.count(block) for line in lines[:-1]})  # 46 pixels high, 4 : 3
        self.assertTrue(all(line.endswith("\x1b[0m") for line in lines[:-1]))
        colored = self.on_terminal("show", "picture", TERM="xterm-256color")
        self.assertIn("\x1b[38;5;", colored)
        self.assertNotIn(";2;", colored)
        colored = self.on_terminal("show", "picture", TERM="linux")
        self.assertIn(block, colored)
        self.assertNotIn(";5;", colored)
        for environment in ({"TERM": "dumb"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}, {"TERM": "vt100"}, {}):
            plain = self.on_terminal("show", "picture", **environment)
            self.assertNotIn("\x1b", plain)
            self.assertNotIn(block, plain)
            self.assertIn("@", plain)

    def test_not_a_terminal(self):
        done = self.run_tarn("show", BUTTERFLY)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertEqual({60, 61}, {len(line) for line in done.stdout.splitlines()} | {60})
        self.assertIn(b"\x1b[38;2;", self.out("show", BUTTERFLY, "--colors", "24bit"))
        self.assertEqual({40}, {len(line) for line in self.out("show", BUTTERFLY, "--width", "40").splitlines()})

    def test_other_things(self):
        self.assertEqual(b"tea\t\xe2\x82\xac\n", self.out("show", "-", stdin="tea\t\u20ac".encode()))
        self.run_tarn("map", "create", "-q", "bytes", "20")
        self.run_tarn("map", "write", "-q", "bytes", stdin=bytes([1, 2, 255]) + b"abc")
        self.assertEqual(b"00000000  01 02 ff 61 62 63 00 00  00 00 00 00 00 00 00 00  |...abc..........|\n"
                         b"00000010  00 00 00 00                                       |....|\n", self.out("show", "bytes"))
        self.assertEqual(b"", self.out("show", self.write("empty", b"")))
        self.error("show", "nothing", expect=NOT_THERE)
        self.run_tarn("create", "board", "-q", "silent")
        self.error("show", "silent", expect=NOT_THERE)

    def test_in_the_order_in_which_it_is_said(self):
        """Also where stdout and stderr go to one place that is no terminal."""
        self.run_tarn("put", "-q", "b", stdin=bytes(range(256)) * 16)
        done = subprocess.run([TARN, "show", "b"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment, timeout=LIMIT)
        self.assertRegex(done.stdout.decode(), r"(?s)^00000000 .*\n000003f0 .*\n\.\.\. and 3072 bytes more\nb: .*4 KiB\n$")

    def test_a_name_goes_before_a_file(self):
        self.run_tarn("put", "-q", "note", stdin=b"the board")
        self.write("note", b"the file")
        self.write("note.txt", b"the other file")
        self.assertEqual(b"the board\n", self.out("show", "note", cwd=self.folder))
        self.assertEqual(b"the file\n", self.out("show", "./note", cwd=self.folder))
        self.assertEqual(b"the other file\n", self.out("show", "note.txt", cwd=self.folder))

    def test_damaged_picture(self):
        self.run_tarn("put", "-q", "cut", "--type", "image/bmp", stdin=content(BUTTERFLY)[:-1])
        self.assertIn("cut off", self.error("show", "cut", expect=CORRUPT))

    def test_progress(self):
        size = 100 << 20
        with open(self.path("large"), "wb") as file:
            file.truncate(size)
        seen = self.on_terminal("put", "large", self.path("large"))
        self.assertIn(" of 100 MiB", seen)
        self.assertIn("%", seen)
        self.assertTrue(seen.endswith("kept until `tarn rm large`\n"), seen)
        seen = self.on_terminal("put", "-q", "large", self.path("large"))
        self.assertEqual("", seen)
        self.assertEqual("", self.on_terminal("put", "-q", "small", BUTTERFLY))


if __name__ == "__main__":
    unittest.main()
