#!/usr/bin/env python3
"""The command on damaged channel files: copies of the samples (tests/samples) with bytes changed, runs of noise, another length. Whatever it
finds, it ends within some seconds, by itself and not by a signal, with an exit code that is documented; what it prints as JSON is JSON.
$CHECK_SEED repeats a run; TARN_TEST_FUZZ_MS=60000: longer."""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

BUILD = os.environ["TARN_BUILD_DIR"]
SAMPLES = os.path.join(os.environ["TARN_SOURCE_DIR"], "tests", "samples", "0.1")
TARN = os.path.join(BUILD, "tarn")
SEED = int(os.environ.get("CHECK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 48)
BUDGET = float(os.environ.get("TARN_TEST_FUZZ_MS", "2000")) / 1000
CODES = range(11)  # README: 0 done .. 10 messages were missed
DAMAGED = 7
PATIENCE = 10  # seconds for one call
HEADER, TABLE, CHECKSUM = 256, 4096, 252
FIRST_BYTES, CONTROL, DATA = 120, 72, 96  # where these stand in the header

COMMANDS = (
    ("ls",), ("ls", "--json"), ("stat", "NAME"), ("stat", "NAME", "--json"), ("get", "NAME", "--wait", "10ms"), ("check", "NAME", "--writer"),
    ("recv", "NAME", "--count", "3", "--wait", "10ms", "--timeout", "20ms"), ("clean",),
    ("recv", "NAME", "--json", "--wait", "10ms", "--timeout", "20ms"),
    ("watch", "NAME", "--count", "1", "--for", "100ms", "--json"), ("rm", "NAME"), ("show", "NAME"), ("stat", "--prometheus"),
    ("top", "--json", "--count", "2", "--every", "10ms"), ("watch", "NAME", "--for", "20ms"), ("record", "NAME", "-", "--for", "20ms"),
    ("put", "NAME", __file__, "--timeout", "20ms"), ("send", "NAME", __file__, "--timeout", "20ms"),
)


def nasty(chance):
    """Values that mean something are worse than noise."""
    return chance.choice((chance.getrandbits(64), chance.randrange(8), chance.randrange(1, 1000) << 16 | chance.randrange(8),
                          (1 << 64) - 1 - chance.randrange(8), 1 << chance.randrange(64), chance.randrange(1 << 16)))


def some_place(chance, sample):
    control, = struct.unpack_from("<Q", sample, CONTROL)
    data, = struct.unpack_from("<Q", sample, DATA)
    begin, length = chance.choice(((0, HEADER), (TABLE, 512), (control, 2048), (control + 2048, 4096), (data, 512)))
    return begin + chance.randrange(length)


def damage(chance, sample):
    bytes_ = bytearray(sample)
    for _ in range(chance.randrange(1, 5)):
        at = some_place(chance, sample)
        if chance.randrange(8) == 0:
            noise = chance.randbytes(chance.randrange(256))[:len(bytes_) - at]
            bytes_[at:at + len(noise)] = noise
        else:
            size = 1 << chance.randrange(4)
            at -= at % size
            bytes_[at:at + size] = (nasty(chance) & ((1 << 8 * size) - 1)).to_bytes(size, "little")
    if chance.randrange(8) != 0:  # as a hostile program would; but what a writer would reserve stays small
        bytes_[FIRST_BYTES:FIRST_BYTES + 8] = sample[FIRST_BYTES:FIRST_BYTES + 8]
        struct.pack_into("<I", bytes_, CHECKSUM, zlib.crc32(bytes_[:CHECKSUM]))
    return bytes_[:chance.randrange(len(bytes_))] if chance.randrange(8) == 0 else bytes_


class Damaged(unittest.TestCase):
    def setUp(self):
        self.channels = tempfile.mkdtemp(prefix="tarn-fuzz.")
        self.addCleanup(shutil.rmtree, self.channels)
        self.environment = dict(os.environ, TARN_DIR=self.channels)

    def run_on(self, command, name):
        arguments = [name if one == "NAME" else one for one in command]
        try:
            done = subprocess.run([TARN, *arguments], stdin=subprocess.DEVNULL, capture_output=True, env=self.environment, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail(f"tarn {arguments} did not end in {PATIENCE} s")
        said = f"tarn {arguments}: exit code {done.returncode}, stdout {done.stdout[-500:]!r}, stderr {done.stderr[-2000:]!r}"
        self.assertIn(done.returncode, CODES, said)
        self.assertNotIn(b"Sanitizer", done.stderr, said)
        self.assertNotIn(b"runtime error", done.stderr, said)
        if done.returncode not in (0, 10):
            self.assertTrue(done.stderr or done.stdout, said)  # why
        if "--json" in arguments:
            for line in done.stdout.splitlines():
                json.loads(line)
        return done.returncode

    def test_damaged_files(self):
        samples = sorted(os.listdir(SAMPLES))
        self.assertTrue(samples)
        chance = random.Random(SEED)
        end, rounds, codes = time.monotonic() + BUDGET, 0, set()
        while time.monotonic() < end or rounds < len(samples):
            file = samples[rounds % len(samples)]
            name = file.rsplit(".", 1)[0]
            with open(os.path.join(SAMPLES, file), "rb") as sample:
                content = damage(chance, sample.read())
            path = os.path.join(self.channels, file)
            with open(path, "wb") as copy:
                copy.write(content)
            for command in COMMANDS[rounds % 2::2] if rounds < len(samples) else chance.sample(COMMANDS, 4):
                codes.add(self.run_on(command, name))
            for left in os.listdir(self.channels):
                os.unlink(os.path.join(self.channels, left))
            rounds += 1
        print(f"{rounds} files, exit codes {sorted(codes)}", flush=True)
        if rounds > 40:
            self.assertTrue({0, DAMAGED} <= codes, codes)  # some damage is seen, some does not matter


if __name__ == "__main__":
    print(f"seed {SEED} (CHECK_SEED={SEED} repeats this run)", flush=True)
    unittest.main(verbosity=0)
