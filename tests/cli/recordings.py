"""Recordings by docs/recording.md alone, and what the tests of `tarn record` and `tarn replay` share."""
import os
import struct

from command import LIMIT, Command, content

HEADER, RECORD = 320, 80


def shifted(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value


TABLE = [shifted(byte) for byte in range(256)]


def crc32c(data):
    """As docs/recording.md defines it, independent of the command's."""
    value = 0xffffffff
    for byte in data:
        value = value >> 8 ^ TABLE[(value ^ byte) & 255]
    return value ^ 0xffffffff


assert crc32c(b"123456789") == 0xe3069283


def parse(data):
    """A recording by docs/recording.md alone: (header, records)."""
    assert data[:8] == b"\x89TARN\r\n\x1a"
    major, minor, kind, start, size, offset, policy, flags = struct.unpack_from("<HHIqQQII", data, 8)
    assert (major, minor) == (1, 0) and crc32c(data[:60] + data[64:320]) == struct.unpack_from("<I", data, 60)[0]
    header = dict(kind=kind, start=start, size=size, offset=offset, policy=policy, flags=flags, name=data[64:320].rstrip(b"\0").decode())
    records, at = [], HEADER
    while at < len(data):
        magic, what, index, when, count, number, missed, tag, published, types, payload_sum = struct.unpack_from("<4sIQqQQQQqII", data, at)
        assert magic == b"RECD" and index == len(records) + 1
        assert crc32c(data[at:at + 76]) == struct.unpack_from("<I", data, at + 76)[0]
        payload = data[at + RECORD:at + RECORD + types + count]
        assert len(payload) == types + count and crc32c(payload) == payload_sum
        at += RECORD + types + count
        assert not any(data[at:(at + 7) // 8 * 8])
        at = (at + 7) // 8 * 8
        records.append(dict(what=what, at=when, number=number, missed=missed, tag=tag, published=published, type=payload[:types].decode(),
                            data=payload[types:], end=at))
    return header, records


def runs(data):
    while data:
        offset, length = struct.unpack_from("<QQ", data)
        yield offset, data[16:16 + length]
        data = data[16 + length:]


class Recordings(Command):
    def file(self):
        return self.path("a.rec")

    def send(self, name, data, *arguments):
        self.run_tarn("send", name, "-q", *arguments, stdin=data)

    def record(self, name, *arguments):
        if os.path.exists(self.file()):
            os.unlink(self.file())
        recorder = self.start("record", name, self.file(), *arguments)
        self.wait_until(lambda: os.path.exists(self.file()), "no recording was begun")
        return recorder

    def wait_for_records(self, count):
        def there():
            try:
                return len(parse(content(self.file()))[1]) >= count
            except (AssertionError, struct.error):
                return False  # in the middle of one
        self.wait_until(there, f"there are not {count} records")

    def ended(self, process, expect=0):
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual(expect, process.returncode, (out, err))
        return err.decode()

    def small(self):
        """A recording of a stream with some messages, and them."""
        messages = [b"", b"eight by", b"nine byte"]
        self.send("s", b"".join(struct.pack("<I", len(message)) + message for message in messages), "--binary")
        self.run_tarn("record", "s", self.file(), "-q", "--count", str(len(messages)))
        self.run_tarn("rm", "s")
        return content(self.file()), messages

    def received(self, name):
        data, messages = self.out("recv", name, "--binary"), []
        while data:
            size = struct.unpack_from("<I", data)[0]
            messages.append(data[4:4 + size])
            data = data[4 + size:]
        return messages
