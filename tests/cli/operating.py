"""What the tests of the command as an operator uses it share: channels in memory, and the processes that have them."""
import json
import os
import signal
import subprocess
import tempfile

from command import BUILD, TARN, Command, json_lines

SCOPED_WRITER = os.path.join(BUILD, "tests", "cli", "scoped_writer")


class Operator(Command):
    def setUp(self):
        super().setUp()
        if os.path.isdir("/dev/shm"):  # in memory, as channels mostly are
            self.channels = tempfile.mkdtemp(prefix="tarn-operator.", dir="/dev/shm")
            self.addCleanup(subprocess.run, ["rm", "-rf", self.channels])
            self.environment["TARN_DIR"] = self.channels

    def in_channels(self, name):
        return os.path.join(self.channels, name)

    def make(self, name, data=b"x"):
        with open(self.in_channels(name), "wb") as file:
            file.write(data)

    def ls(self, *arguments):
        return {entry["name"]: entry for entry in json_lines(self.out("ls", "--json", *arguments))}

    def stat(self, name):
        return json.loads(self.out("stat", name, "--json"))

    def role(self, name, role):
        return [p for p in self.stat(name)["participants"] if p["role"] == role]

    def start_reader(self, name):
        """A receiver that has its place."""
        reader = self.start("recv", name, "--raw")
        self.wait_until(lambda: self.takes_part(name, 1), "the reader did not come")
        return reader

    def start_foreign(self, name):
        """A program that knows nothing of Tarn and has the file open."""
        with open(self.in_channels(name), "rb") as file:
            program = subprocess.Popen(["sleep", "60"], stdin=file)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def start_flood(self, name):
        """A writer that sends for ever: it blocks as soon as a reader does."""
        flood = subprocess.Popen(["sh", "-c", 'yes | exec "$0" send -q "$1"', TARN, name], env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

        def stop():
            os.killpg(flood.pid, signal.SIGKILL)
            flood.wait()

        self.addCleanup(stop)
        return flood
