#!/usr/bin/env python3
"""`tarn replay` and `tarn record` on what is no good: recordings that are cut, changed, or lie; full disks."""
import os
import random
import struct
import subprocess
import unittest

from command import CORRUPT, LIMIT, NO_SPACE, TARN, content, sanitized
from recordings import HEADER, RECORD, Recordings, crc32c, parse


class Damage(Recordings):
    def test_cut_at_every_byte(self):
        """Never a crash; every whole record before the cut is there, and what is wrong is said."""
        data, messages = self.small()
        ends = [record["end"] for record in parse(data)[1]]
        last = None
        for cut in [*range(0, HEADER, 40), *range(HEADER, len(data), 17 if sanitized() else 1)]:
            whole = sum(end <= cut for end in ends)
            done = subprocess.run([TARN, "replay", "-", "--check"], input=data[:cut], capture_output=True, env=self.environment, timeout=LIMIT)
            self.assertEqual(CORRUPT, done.returncode, (cut, done.stderr))
            self.assertEqual((b"", 1), (done.stdout, done.stderr.count(b"\n")))
            if whole:
                self.assertIn(b"the %d record%s before it" % (whole, b"" if whole == 1 else b"s"), done.stderr)
            if whole and whole != last:  # once for each number of records
                done = self.run_tarn("replay", "-", "cut", "-q", stdin=data[:cut], expect=CORRUPT)
                self.assertEqual(messages[:whole], self.received("cut"))
                self.run_tarn("rm", "cut")
            last = whole

    def test_every_byte_wrong(self):
        data, messages = self.small()
        ends = [record["end"] for record in parse(data)[1]]
        for at in random.Random(os.urandom(8)).sample(range(len(data)), 20 if sanitized() else 100):
            wrong = bytearray(data)
            wrong[at] ^= 1 << at % 8
            done = subprocess.run([TARN, "replay", "-", "--check"], input=wrong, capture_output=True, env=self.environment, timeout=LIMIT)
            whole = sum(end <= at for end in ends)
            if done.returncode == 0:  # padding, and the version's least part
                self.assertTrue(at in (10, 11) or any(0 < end - at <= 7 for end in ends), at)
                continue
            self.assertEqual(CORRUPT, done.returncode, (at, done.stderr))
            if at >= HEADER and whole:
                self.assertIn(b"the %d record" % whole, done.stderr)

    def forged(self, data, at, where, form, value, payload=None):
        """The recording with another value in the header of the record at, and checksums that are right."""
        forged = bytearray(data)
        struct.pack_into(form, forged, at + where, value)
        if payload is not None:
            forged[at + RECORD:at + RECORD + len(payload)] = payload
            struct.pack_into("<I", forged, at + 68, crc32c(payload))
        struct.pack_into("<I", forged, at + 76, crc32c(forged[at:at + 76]))
        return bytes(forged)

    def test_lies_with_good_checksums(self):
        data, _ = self.small()
        for where, form, value in ((24, "<Q", 1 << 62), (24, "<Q", (1 << 64) - 1), (24, "<Q", 1 << 40), (8, "<Q", 3), (16, "<q", -1),
                                   (64, "<I", 1024), (64, "<I", 1023), (4, "<I", 2)):
            with self.subTest(where=where, value=value):
                done = self.run_tarn("replay", "-", "t", "-q", "--speed", "max", stdin=self.forged(data, HEADER, where, form, value),
                                     expect=CORRUPT)
                self.assertIn(b"no whole record", done.stderr)
        self.run_tarn("replay", "-", "t", "-q", "--speed", "max", stdin=self.forged(data, HEADER, 4, "<I", 77))  # of a later minor version

    def test_maps_that_lie(self):
        with open(os.path.join(self.channels, "m"), "wb") as file:
            file.write(bytes(64))
        self.run_tarn("record", "m", self.file(), "-q", "--count", "1")
        data = content(self.file())
        for what, payload in ((2, struct.pack("<QQ", 0, 49) + bytes(48)), (2, struct.pack("<QQ", 0, (1 << 64) - 1) + bytes(48)),
                              (2, struct.pack("<QQ", 60, 48) + bytes(48)), (2, struct.pack("<QQ", (1 << 64) - 8, 48) + bytes(48)),
                              (2, struct.pack("<QQ", 0, 40) + bytes(48))):
            with self.subTest(payload=payload[:16]):
                self.run_tarn("replay", "-", "n", "-q", stdin=self.forged(data, HEADER, 4, "<I", what, payload), expect=CORRUPT)
        for size in (0, 1 << 63, (1 << 64) - 1):
            self.run_tarn("replay", "-", "n", "-q", stdin=self.forged(data, HEADER, 48, "<Q", size), expect=CORRUPT)
        self.run_tarn("replay", "-", "n2", "-q", stdin=self.forged(data, HEADER, 48, "<Q", 1 << 61), expect=NO_SPACE)
        self.assertFalse(os.path.exists(os.path.join(self.channels, "n2")))

    def test_what_is_no_recording(self):
        for data in (b"", b"x", b"BM" + bytes(1000), os.urandom(5000)):
            self.assertIn("no recording", self.error("replay", "-", "t", stdin=data, expect=CORRUPT))
        data, _ = self.small()
        later = bytearray(data)
        later[8] = 2
        self.assertIn("does not know", self.error("replay", "-", "t", stdin=bytes(later), expect=CORRUPT))
        self.assertIn("cut off", self.error("replay", "-", "t", stdin=data[:200], expect=CORRUPT))

    def test_full_disk(self):
        small = self.small_disk("64k")
        line = b"x" * 999 + b"\n"
        self.send("s", line * 200)
        path = os.path.join(small, "a.rec")
        done = self.run_tarn("record", "s", path, "--count", "200", expect=NO_SPACE)
        self.assertIn(b"No space left", done.stderr)
        self.assertIn(b"last whole record", done.stderr)
        done = self.run_tarn("replay", path, "t", "-q", "--speed", "max", expect=CORRUPT)
        self.assertIn(b"cut off", done.stderr)
        self.assertGreater(len(self.received("t")), 40)
        again = os.path.join(small, "b.rec")
        self.assertNotIn("replayed", self.error("record", "s", again, "--count", "1", expect=NO_SPACE))
        self.assertFalse(os.path.exists(again))  # it would have had nothing


if __name__ == "__main__":
    unittest.main()
