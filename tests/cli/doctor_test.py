#!/usr/bin/env python3
"""`tarn doctor` as people and scripts use it. What it finds: tests/unit/doctor_test.c, doctor_linux_test.c."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

TARN = os.path.join(os.environ["TARN_BUILD_DIR"], "tarn")
DONE, USAGE, UNFIT = 0, 2, 9


class Doctor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="tarn-doctor.")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = dict(os.environ, TARN_DIR=self.folder)

    def doctor(self, *arguments, expect):
        done = subprocess.run([TARN, "doctor", *arguments], capture_output=True, env=self.environment, timeout=60, text=True)
        self.assertEqual(expect, done.returncode, done)
        return done

    def test_fit(self):
        done = self.doctor(expect=DONE)
        self.assertRegex(done.stdout, rf"(?m)^ok +directory +files can be made in {self.folder}$")
        self.assertRegex(done.stdout, r"(?m)^ok +locks ")
        self.assertEqual("", done.stderr)
        self.assertEqual([], os.listdir(self.folder))
        self.assertNotRegex(self.doctor("-q", expect=DONE).stdout, r"(?m)^(ok|note|problem)")

    def test_json(self):
        findings = [json.loads(line) for line in self.doctor("--json", expect=DONE).stdout.splitlines()]
        self.assertGreater(len(findings), 10)
        for finding in findings:
            self.assertEqual(["schema", "level", "topic", "found", "advice"], list(finding))
            self.assertEqual(1, finding["schema"])
            self.assertIn(finding["level"], ("ok", "note", "warning", "problem"))
        topics = {finding["topic"]: finding["level"] for finding in findings}
        self.assertEqual(("ok", "ok"), (topics["locks"], topics["directory"]))

    def test_not_fit(self):
        os.chmod(self.folder, 0o777)  # without the sticky bit
        done = self.doctor("-q", expect=UNFIT)
        self.assertRegex(done.stdout, r"problem +rights .*\n +-> chmod \+t")
        self.assertEqual("tarn: doctor: 1 problem, the first with rights\n", done.stderr)
        nowhere = os.path.join(self.folder, "nowhere")
        done = self.doctor(nowhere, "--json", expect=UNFIT)
        self.assertIn(nowhere, json.loads(done.stdout.splitlines()[0])["found"])
        self.assertEqual(UNFIT, json.loads(done.stderr)["exit"])

    def test_names(self):
        subprocess.run([TARN, "put", "-q", "now"], input=b"x", env=self.environment, check=True)
        self.assertRegex(self.doctor("now", expect=DONE).stdout, r"(?m)^ok +name +now is a whole board$")
        self.assertRegex(self.doctor("later", expect=DONE).stdout, r"(?m)^note +name +there is nothing called later yet$")
        self.assertRegex(self.doctor(os.path.join(self.folder, "now.board"), expect=DONE).stdout, r"(?m)^ok +name ")
        with open(os.path.join(self.folder, "bad.board"), "wb") as file:
            file.write(b"noise")
        self.doctor("bad", expect=UNFIT)
        self.doctor("no:name", expect=USAGE)
        self.doctor("a", "b", expect=USAGE)


if __name__ == "__main__":
    unittest.main()
