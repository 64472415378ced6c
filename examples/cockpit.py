#!/usr/bin/env python3
"""A program that knows nothing of Tarn: it shares a simulator's state in a file that it maps, as cockpit.layout describes it.

    cockpit.py [UPDATES [PAUSE]]    so many updates, so many seconds between two (default: 100, 0.1)

tarn watch cockpit --layout examples/cockpit.layout
"""
import mmap
import os
import struct
import sys
import time

SIZE = 76
directory = os.environ.get("TARN_DIR") or "/dev/shm"
updates = int(sys.argv[1]) if len(sys.argv) > 1 else 100
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.1

with open(os.path.join(directory, "cockpit"), "a+b") as file:
    file.truncate(SIZE)
    shared = mmap.mmap(file.fileno(), SIZE)
    sequence = struct.unpack_from("<I", shared, 0)[0] & ~1
    for update in range(updates):
        if update:
            time.sleep(pause)
        struct.pack_into("<I", shared, 0, sequence + 1)  # odd: what follows is not complete
        struct.pack_into("<if4f", shared, 4, 1 + update % 6, 20.0 + update, 0.25, 0.25, 0.5, 0.5)
        struct.pack_into("<dBxxxI", shared, 28, update * pause, update == 0, 0x11 if update % 2 else 0x01)
        shared[44:76] = "Müller 300 SL".encode("utf-16-le").ljust(32, b"\0")
        sequence += 2
        struct.pack_into("<I", shared, 0, sequence)
