"""What the tests of the command share: it is started in a folder and a channel directory of its own, as this user or another; exit codes."""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

BUILD = os.environ["TARN_BUILD_DIR"]
SOURCE = os.environ["TARN_SOURCE_DIR"]
TARN = os.path.join(BUILD, "tarn")
BUTTERFLY = os.path.join(SOURCE, "examples", "butterfly.bmp")
DONE, OTHER, USAGE, NOT_THERE, BUSY, NO_SPACE, NO_PERMISSION, CORRUPT, TIMED_OUT, UNFIT, MISSED = range(11)
LIMIT = 60  # seconds; nothing here should come near


def content(path):
    with open(path, "rb") as file:
        return file.read()


def sanitized():
    """Whether this build is a slow one, which needs more addresses than there is memory."""
    with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
        return any(line.startswith("TARN_SANITIZE:") and line.split("=", 1)[1].strip() for line in cache)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


class Command(unittest.TestCase):
    program = TARN

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tarn-command.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.channels = os.path.join(self.folder, "channels")
        os.mkdir(self.channels)
        self.environment = dict(os.environ, TARN_DIR=self.channels)
        for name in ("COLORTERM", "TERM", "NO_COLOR", "COLUMNS", "LINES"):
            self.environment.pop(name, None)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def small_disk(self, size, at=None):
        """A file system of this size, in a folder of its own or at a folder that is there; skips where none can be mounted."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        if at is None:
            at = self.path("small")
            os.mkdir(at)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", at], capture_output=True).returncode != 0:
            self.skipTest("no mounting here")
        self.addCleanup(subprocess.run, ["umount", "-l", at], check=True)
        return at

    def run_tarn(self, *arguments, stdin=b"", expect=DONE, **options):
        """Runs to the end; a wrong exit code fails with all that was said."""
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True, env=self.environment, timeout=LIMIT, **options)
        self.assertEqual(expect, done.returncode, f"tarn {arguments}: stdout {done.stdout!r} stderr {done.stderr!r}")
        return done

    def out(self, *arguments, **options):
        return self.run_tarn(*arguments, **options).stdout

    def error(self, *arguments, expect, **options):
        """A failure: nothing on stdout, one line on stderr, which is returned."""
        done = self.run_tarn(*arguments, expect=expect, **options)
        self.assertEqual(b"", done.stdout)
        self.assertEqual(1, done.stderr.count(b"\n"), done.stderr)
        self.assertTrue(done.stderr.startswith(b"tarn: "), done.stderr)
        return done.stderr.decode()

    def start(self, *arguments, **options):
        process = subprocess.Popen([self.program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment, **options)

        def stop():
            process.kill()
            process.communicate()

        self.addCleanup(stop)
        return process

    def start_writer(self, name):
        """A process that is the writer of a board until it is killed."""
        writer = subprocess.Popen([os.path.join(BUILD, "examples", "recipe_writer"), name, BUTTERFLY, BUTTERFLY], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, env=self.environment)

        def stop():
            writer.kill()
            writer.communicate()

        self.addCleanup(stop)
        self.assertEqual(b"published: 1440054 bytes\n", writer.stdout.readline())
        return writer

    def wait_until(self, condition, what):
        end = time.monotonic() + LIMIT
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.01)

    def takes_part(self, name, count):
        """True once so many take part in a board."""
        done = subprocess.run([TARN, "stat", "--json", name], capture_output=True, env=self.environment, timeout=LIMIT)
        return done.returncode == 0 and len(json.loads(done.stdout)["participants"]) == count


class OtherUsers(Command):
    """Commands of other users; only root can become one."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("becoming another user needs root")
        os.chmod(self.folder, 0o755)
        os.chmod(self.channels, 0o755)
        # The build may lie where others cannot go (a clone in /root): they get a copy.
        for file in os.listdir(BUILD):
            if file == "tarn" or file.startswith("libtarn.so"):
                shutil.copy(os.path.join(BUILD, file), self.folder)
        self.program = self.path("tarn")
        self.environment["LD_LIBRARY_PATH"] = self.folder

    def nobody(self):
        os.chdir("/")
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
