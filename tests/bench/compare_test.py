#!/usr/bin/env python3
"""compare_test: the comparison (bench/) measures what it says with the peers that need nothing but the system, a few milliseconds each,
and its page is refused when something is missing."""
import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = os.environ["TARN_SOURCE_DIR"]
BUILD = os.environ["TARN_BUILD_DIR"]
COMPARE = os.path.join(BUILD, "bench", "compare")
sys.path.insert(0, os.path.join(SOURCE, "bench"))
import held  # noqa: E402
import plan  # noqa: E402
import reasons  # noqa: E402
import run as driver  # noqa: E402
import report  # noqa: E402
from figures import Missing  # noqa: E402

PATIENCE = 60


def compare(*options, code=0):
    done = subprocess.run([COMPARE, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          timeout=PATIENCE, check=False)
    assert done.returncode == code, f"{options}: exit code {done.returncode}, not {code}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout else {}


def short(peer, work, mode, *more):
    return compare("--peer", peer, "--work", work, "--mode", mode, "--run-ms", "5", "--warm-ms", "1", *more)


class Works(unittest.TestCase):
    def check_latencies(self, made):
        self.assertGreater(made["count"], 0)
        self.assertGreater(made["min"], 0)
        self.assertEqual(sum(made["histogram"][1::2]), made["count"])
        order = [made[key] for key in ("p50", "p99", "p99.9", "p99.99")]
        self.assertEqual(order, sorted(order))
        self.assertLessEqual(made["min"], made["p50"] * 1.01)
        self.assertLessEqual(made["p50"], made["max"] * 1.01)

    def test_there_and_back(self):
        for peer, mode in (("bare", "poll"), ("cache_line", "poll"), ("futex", "block"), ("pipe", "poll"), ("pipe", "block"),
                           ("socket_stream", "block"), ("tarn_stream", "poll"), ("tarn_stream", "block"), ("tarn_board", "poll")):
            with self.subTest(peer=peer, mode=mode):
                self.check_latencies(short(peer, "round_trip", mode, "--bytes", "48"))

    def test_large_messages_arrive_whole(self):
        for peer, mode in (("bare", "poll"), ("pipe", "block"), ("socket_stream", "poll"), ("tarn_stream", "poll")):
            with self.subTest(peer=peer):
                self.check_latencies(short(peer, "round_trip", mode, "--bytes", str(1 << 20)))

    def test_one_way_to_one_and_several(self):
        for peer in ("futex", "pipe", "tarn_stream"):
            for readers in (1, 3):
                with self.subTest(peer=peer, readers=readers):
                    made = short(peer, "one_way", "block", "--readers", str(readers))
                    self.assertEqual(len(made["sides"]), readers + 1)
                    for side in made["sides"]:  # every reader saw all that the writer counted, and what came before
                        self.assertGreaterEqual(side["count"], made["count"])
                    self.assertGreater(made["rate"], 0)

    def test_a_sleeping_reader_sleeps(self):
        for peer in ("futex", "pipe", "tarn_stream"):
            with self.subTest(peer=peer):
                for count in (10, 100, 1000):  # a reader that is not let run between messages need not sleep; one that polls never does
                    made = compare("--peer", peer, "--work", "sleep", "--mode", "block", "--rate", "500", "--count", str(count))
                    self.assertEqual(made["count"], count)
                    if made["sides"][1]["slept"] > 0:
                        break
                self.assertGreater(made["sides"][1]["slept"], 0)
                self.check_latencies(made)

    def test_the_newest_is_whole(self):
        for peer in ("tarn_board", "seqlock"):
            with self.subTest(peer=peer):
                for run_ms in (20, 200, 2000):  # on a crowded machine the reader may not be let run while the writer is
                    made = compare("--peer", peer, "--work", "newest", "--mode", "poll", "--bytes", "4096", "--run-ms", str(run_ms))
                    if made["count"] > 0:
                        break
                self.assertEqual(made["torn"], 0)
                self.assertGreater(made["count"], 0)

    def test_the_first_message(self):
        self.assertGreater(short("tarn_stream", "first", "block")["first_ns"], 10000)

    def test_who_cannot_is_skipped_with_a_word(self):
        self.assertEqual(short("nobody", "round_trip", "poll")["skipped"], "it was not built here")
        self.assertEqual(short("futex", "round_trip", "poll")["skipped"], "it does not poll")
        self.assertEqual(short("pipe", "newest", "poll")["skipped"], "not for this work")
        self.assertEqual(short("mqueue", "round_trip", "poll", "--bytes", "65536")["skipped"], "larger than its messages may be")

    def test_wrong_use_is_refused(self):
        for options in (["--bytes", "12"], ["--readers", "17"], ["--work", "nothing"], ["--bytes", "x"]):
            with self.subTest(options=options):
                compare("--peer", "bare", *options, code=2)

    def test_a_side_that_dies_ends_the_run(self):
        with subprocess.Popen([COMPARE, "--peer", "tarn_stream", "--work", "sleep", "--mode", "block", "--run-ms", "60000"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            end = time.monotonic() + PATIENCE
            sides = []
            while len(sides) < 2 and time.monotonic() < end:
                sides = held.children(run.pid)
            os.kill(sides[0], signal.SIGKILL)
            self.assertEqual(run.wait(timeout=PATIENCE), 1)
            self.assertFalse(os.path.exists(f"/proc/{sides[1]}"))

    def test_what_is_held_and_left(self):
        line = next(line for line in plan.lines(quick=True) if line.work == "held")
        made = held.measure([COMPARE, "--peer", "tarn_stream"], line)
        if "skipped" in made:
            self.skipTest(made["skipped"])
        self.assertEqual(made["in_use"]["files"], 2)
        self.assertTrue(made["works_again"])
        self.assertEqual(made["left_at_last"]["files"], 0)


def run_of(line, peer, value):
    """A result as one run gives it."""
    sides = [{"count": 10, "cpu_ns": 1000, "slept": 1, "interrupted": 0, "memory": 4096, "descriptors": 1, "threads": 0, "mappings": 1}] * 2
    nothing = {"files": 0, "bytes": 0, "names": []}
    return {"title": peer, "version": "1", "limit": False, "count": 10, "min": value, "p50": value, "p99": value, "max": value,
            "rate": 1e9 / value, "histogram": [value, 10], "sides": sides, "first_ns": value, "read_rate": 1.0, "write_rate": 1.0, "torn": 0,
            "calls": [1, 1], "in_use": nothing, "left": nothing, "left_at_last": nothing, "others": [], "works_again": True,
            "line": line.key(), "peer": peer, "round": 0, "session": 0}


class Builds(unittest.TestCase):
    """build/bench/builds, for whoever changes Tarn."""

    def builds(self, *options):
        return subprocess.run([os.path.join(BUILD, "bench", "builds"), *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)

    def test_a_build_is_held_against_itself(self):
        library = os.path.join(BUILD, "libtarn.so")
        for kind, size in (("board", "64"), ("stream", "1000")):
            with self.subTest(kind=kind):
                done = self.builds("--kind", kind, "--bytes", size, "--times", "1", library, library)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                spread = r"[\d.]+ \([\d.]+ to [\d.]+\)"
                self.assertRegex(done.stdout, rf"4 of 4 turns; .*\n  mean {spread}    median {spread}  \ntimes that:\n")
                self.assertEqual(len(re.findall(rf"  mean {spread}    median {spread}  {re.escape(library)}", done.stdout)), 2)
        self.assertEqual([name for name in os.listdir("/dev/shm") if name.startswith("tarn-builds-")], [])

    def test_wrong_use_is_refused(self):
        self.assertEqual(self.builds().returncode, 2)
        self.assertEqual(self.builds("--kind", "map", "libtarn.so").returncode, 2)
        done = self.builds("no/such/library.so")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no/such/library.so", done.stderr)


class Page(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        shutil.copy(os.path.join(SOURCE, "docs", "performance.md"), self.directory)
        self.page = os.path.join(self.directory, "performance.md")
        seen = {"others": 0.0, "stolen": 0.0, "seconds": 1.0}
        about = {"model": "a processor", "processors": 2, "kernel": "6", "system": "glibc", "compiler": "cc", "python": "3", "rust": "",
                 "tarn": "0", "memory_bytes": 1 << 30, "virtual": False}
        runs = [run_of(line, peer, 500 if peer == "pipe" else 1000) for line in plan.lines(quick=False) for peer in line.peers]
        self.results = {"sessions": [{"machine": about, "rounds": 1, "quick": False, "disturbed_by": seen}], "runs": runs}
        line = {"work": "round_trip", "kind": "stream", "bytes": 8, "ring": 1 << 20, "readers": 1, "tarn": 1.0, "bare": 1.0, "unit": "ns",
                "ratio": 1.0, "ratio_min": 1.0, "ratio_max": 1.0, "better": "lower"}
        self.keep("tarn.json", {"about": {"machine": about, "rounds": 1, "disturbed_by": seen}, "lines": [line]})

    def keep(self, name, what):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            json.dump(what, file)

    def write(self):
        self.keep("compare.json", self.results)
        with contextlib.redirect_stdout(io.StringIO()):
            report.write(self.directory, self.directory, plots=False)
        with open(self.page, encoding="utf-8") as file:
            return file.read()

    def test_it_is_complete_and_stays_the_same(self):
        page = self.write()
        for part in re.findall(r"<!-- (.*): begin -->", page):
            self.assertGreater(len(page.split(f"<!-- {part}: begin -->")[1].split(f"<!-- {part}: end -->")[0]), 40, part)
        self.assertTrue(self.write() == page)

    def test_whoever_is_better_is_named(self):
        self.assertTrue("| there and back, 8 B, polling | pipe 2.00 (one pair) |" in self.write())

    def test_a_row_without_a_reason_says_so(self):
        with_reasons = self.write().count("*not yet explained*")
        self.addCleanup(reasons.RULES.extend, list(reasons.RULES))
        reasons.RULES.clear()
        self.assertGreater(self.write().count("*not yet explained*"), with_reasons)

    def test_a_quick_look_fits_a_terminal(self):
        for run in self.results["runs"]:
            if run["peer"] == "iceoryx2":
                run["skipped"] = "it was not built here"
        self.results["runs"][0]["failed"] = "it broke"
        self.keep("compare.json", self.results)
        said = "\n".join(report.quick_look(os.path.join(self.directory, "compare.json")))
        self.assertIn("Not built here, and so not compared: iceoryx2.\n", said)
        self.assertIn(": it broke\n", said)
        self.assertLess(said.count("\n"), 30)

    def test_the_processors_are_said(self):
        self.assertFalse("The writer ran on" in self.write())
        self.results["sessions"][0]["machine"].update(pinned=[0, 2, 3], apart="cores that share a cache", governor="powersave")
        page = self.write()
        self.assertTrue("The writer ran on processor 0, the readers on 2, 3 in turn; the first two are, as the system says, cores that share" in page)
        self.assertTrue("governed by `powersave`" in page)
        self.results["sessions"][0]["machine"].update(pinned=[0], processors=1)
        self.assertTrue("1 processor, 1024 MiB" in self.write())
        self.assertTrue("**One processor" in self.write())

    def test_a_disturbed_run_says_so(self):
        self.assertFalse("The run was disturbed" in self.write())
        self.results["sessions"][0]["disturbed_by"]["others"] = 0.25
        self.assertTrue("The run was disturbed: other processes took 25%" in self.write())
        self.results["sessions"][0]["disturbed_by"]["others"] = 0.02
        self.assertFalse("The run was disturbed" in self.write())
        self.results["sessions"][0]["disturbed_by"]["processors"] = 64  # that is more than one of them
        self.assertTrue("The run was disturbed: other processes took 2%" in self.write())

    def refused(self, word):
        with open(self.page, encoding="utf-8") as file:
            before = file.read()
        with self.assertRaises(Missing) as failure:
            self.write()
        self.assertIn(word, str(failure.exception))
        with open(self.page, encoding="utf-8") as file:
            self.assertTrue(file.read() == before)

    def test_a_missing_run_is_refused(self):
        gone = self.results["runs"].pop()
        self.refused(f"has no run of {gone['peer']} at '{gone['line']}'")

    def test_missing_results_are_refused(self):
        os.remove(os.path.join(self.directory, "tarn.json"))
        self.refused("tarn.json")

    def test_a_missing_place_is_refused(self):
        with open(self.page, "r+", encoding="utf-8") as file:
            text = file.read().replace("<!-- held: begin -->", "")
            file.seek(0)
            file.write(text)
            file.truncate()
        self.refused("held: begin")

    def test_the_summary_counts_the_rows(self):
        page = self.write()
        ranked = list(report.ranking(report.Figures(os.path.join(self.directory, "compare.json"))))
        rows = page.split("<!-- in short: begin -->")[1].split("<!-- in short: end -->")[0]
        first = sum(not better for _, better in ranked)
        self.assertGreater(first, 0)
        self.assertLess(first, len(ranked))
        self.assertIn(f"Tarn is first in {first} of {len(ranked)} rows", rows)
        self.assertIn("| there and back, 64 B, polling | 1.00 us | pipe 500 ns | 0.50 (one pair) | 500 ns |", rows)

    def test_what_costs_more_is_named(self):
        for run in self.results["runs"]:
            if run["peer"] == "tarn_stream" and run["line"].startswith(("calls", "held")):
                run.update(calls=[1, 3], left={"files": 2, "bytes": 0, "names": []})
        page = self.write()
        self.assertTrue("| system calls of both sides, 100 messages a second | 4 | boost 2; " in page)
        self.assertTrue("| files left when both are killed | 2 | boost 0; " in page)

    def test_reasons_are_words_only(self):
        for key, text in reasons.REASONS.items():
            self.assertIsNone(re.search(r"\d", text.replace("iceoryx2", "")), key)
        self.assertEqual({rule[-1] for rule in reasons.RULES}, set(reasons.REASONS))


class Words(unittest.TestCase):
    """Figures of speed stand between the markers that the report fills, and nowhere else."""

    UNIT = r"(?:ns|us|MB/s|GB/s|[kM]/s|%|percent|cycles|instructions|stores|times as|times faster|times slower)"
    WORD = r"twice as|half|halves|halved|thirds?|quarters?|fifths?|tenths?|dozens?|a thousand times|[a-z]+ percent"

    def test_performance(self):
        with open(os.path.join(SOURCE, "docs", "performance.md"), encoding="utf-8") as file:
            words = re.sub(r"<!-- ([\w ]+): begin -->.*<!-- \1: end -->", "", file.read(), flags=re.DOTALL)
        self.assertEqual(re.findall(rf"\b\d[\d.]*\s*{self.UNIT}(?!\w)|\b(?:{self.WORD})\b", words), [])
        self.assertEqual(re.findall(r"[\d.]+\s*(?:seconds|minutes)", words), [])

    def test_other_documents(self):
        files = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "src/README.md"]
        files += [os.path.join("docs", name) for name in os.listdir(os.path.join(SOURCE, "docs")) if name.endswith(".md")]
        files += [os.path.join("include", "tarn", name) for name in os.listdir(os.path.join(SOURCE, "include", "tarn"))]
        for name in files:
            if name != os.path.join("docs", "performance.md"):
                with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                    self.assertEqual(re.findall(rf"\b\d[\d.]*\s*{self.UNIT}(?!\w)", file.read()), [], name)


class Driver(unittest.TestCase):
    """bench/run.py: keeps each run, goes on where it stopped, measures one peer anew."""

    def run_it(self, results, *options):
        subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "bench", "run.py"), "--quick", "--system", "--work", "first", "--build",
                        BUILD, "--results", results, *options], check=True, stdout=subprocess.DEVNULL, timeout=PATIENCE)
        with open(results, encoding="utf-8") as file:
            return json.load(file)["runs"]

    def test_it_goes_on_and_replaces(self):
        with tempfile.TemporaryDirectory() as directory:
            results = os.path.join(directory, "quick.json")
            runs = self.run_it(results)
            self.assertEqual(sorted(run["peer"] for run in runs), sorted(set(plan.SYSTEM_PEERS) & set(plan.BLOCKING_PEERS)))
            self.assertEqual([run for run in runs if "failed" in run], [])
            self.assertEqual(self.run_it(results, "--resume"), runs)
            again = self.run_it(results, "--only", "pipe")
            self.assertEqual([run for run in again if run["peer"] != "pipe"], [run for run in runs if run["peer"] != "pipe"])
            self.assertEqual(len(again), len(runs))
            self.assertNotEqual(again, runs)


class Processors(unittest.TestCase):
    """Sides run where they were told to."""

    def where(self, asked):
        with subprocess.Popen([COMPARE, "--peer", "pipe", "--work", "held", "--mode", "block", "--readers", "1"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ, BENCH_PROCESSORS=asked)) as run:
            sides = json.loads(run.stdout.readline())["holding"]
            found = [sorted(os.sched_getaffinity(side)) for side in sides]
            run.stdin.write("\n\n")
            run.stdin.close()
            run.stdout.read()
        return found

    def test_in_the_order_that_was_asked_for(self):
        last = max(os.sched_getaffinity(0))
        first = min(os.sched_getaffinity(0))
        self.assertEqual(self.where(f"{first},{last}"), [[first], [last]])
        self.assertEqual(self.where(f"{last},{first}"), [[last], [first]])
        self.assertEqual(self.where(f"{last}"), [[last], [last]])

    def test_one_of_each_core_and_the_nearest_first(self):
        # Two packages of two cores of two threads; the caches are the packages'.
        def about(cpu, what):
            return {"topology/thread_siblings_list": f"{cpu % 4},{cpu % 4 + 4}", "topology/physical_package_id": str(cpu % 2),
                    "cache/index3/shared_cpu_list": str(cpu % 2)}.get(what, "")
        with unittest.mock.patch.object(driver, "about_processor", about), \
             unittest.mock.patch.object(os, "sched_getaffinity", lambda _: set(range(8))):
            self.assertEqual(driver.choose_processors(), [0, 2, 1, 3])
            self.assertEqual([driver.apart(pair) for pair in ([0, 4], [0, 2], [0, 1], [0])],
                             ["two threads of one core", "cores that share a cache", "cores that share nothing", "the only one"])


def main():
    if not os.path.exists(COMPARE):
        print("skipped: the comparison was not built here")
        return 77
    result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]))
    failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
