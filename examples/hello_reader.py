#!/usr/bin/env python3
"""hello_reader.c in Python, with nothing but ctypes: shows the newest version of a board, then each newer one, until Ctrl-C.

    hello_reader.py [NAME]    (default: hello)

The library is found where the system looks for it, or where TARN_LIBRARY says: TARN_LIBRARY=build/libtarn.so.
"""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_uint32, c_uint64, c_void_p

READER, FAILURE = 1, -64  # as in tarn/base.h
PIECE_NS = 200_000_000  # Python heeds Ctrl-C between calls, so none may take long


class Item(ctypes.Structure):  # tarn_item, which is fixed for ever
    _fields_ = [("data", c_void_p), ("size_bytes", c_uint64), ("number", c_uint64), ("missed", c_uint64), ("tag", c_uint64),
                ("time_ns", c_int64), ("type", c_char_p), ("flags", c_uint32), ("token", c_uint32), ("deliveries", c_uint32),
                ("reserved32", c_uint32), ("reserved", c_uint64 * 3)]


try:
    tarn = ctypes.CDLL(os.environ.get("TARN_LIBRARY", "libtarn.so.0"))
except OSError as error:
    sys.exit(f"hello_reader.py: {error}; install Tarn and run ldconfig, or say where it is: TARN_LIBRARY=build/libtarn.so")
# All arguments have types: without them ctypes passes a handle as an int of 32 bits.
tarn.tarn_board_open.argtypes = [POINTER(c_void_p), c_char_p, c_int, c_void_p, c_int64]
tarn.tarn_board_read.argtypes = [c_void_p, POINTER(Item), c_int64]
tarn.tarn_board_release.argtypes = [c_void_p, POINTER(Item)]
tarn.tarn_board_close.argtypes, tarn.tarn_board_close.restype = [c_void_p], None
tarn.tarn_error_text.restype = tarn.tarn_result_name.restype = c_char_p


def checked(result):
    """An outcome as it is, a failure as an exception with its sentence."""
    if result <= FAILURE:
        raise OSError(f"{tarn.tarn_result_name(result).decode()}: {tarn.tarn_error_text().decode()}")
    return result


def main():
    board, item = c_void_p(), Item()
    name = sys.argv[1] if len(sys.argv) > 1 else "hello"
    while checked(tarn.tarn_board_open(byref(board), name.encode(), READER, None, PIECE_NS)) != 0:
        pass  # the writer has not been there yet
    try:
        while True:
            if checked(tarn.tarn_board_read(board, byref(item), PIECE_NS)) != 0:
                continue  # nothing new, or the writer left and the next one is waited for
            try:  # a view of the bytes where they lie, good until release; bytes() copies them
                view = memoryview((ctypes.c_ubyte * item.size_bytes).from_address(item.data))
                sys.stdout.buffer.write(view)
                sys.stdout.buffer.flush()
            finally:
                checked(tarn.tarn_board_release(board, byref(item)))
    finally:
        tarn.tarn_board_close(board)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"hello_reader.py: {error}")
