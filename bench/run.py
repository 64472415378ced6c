#!/usr/bin/env python3
"""run: Tarn beside what could be used instead: measures, keeps every result, writes docs/performance.md.

  bench/run.py                       all of it, from the beginning; docs/performance.md says how long that took
  bench/run.py --quick               less of everything, to see that all works; prints the head of the page and writes none
  bench/run.py --resume              go on with a run that was broken off
  bench/run.py --only tarn_stream    these peers only, anew, beside what is there (--only pipe,nng; --work sleep,newest the same way;
                                     --work tarn: only what `tarn bench` measures)
  bench/run.py --page                only write the page again from bench/results/
  --rounds N                         so many rounds (5); each has all peers of a line, in another order
  --system                           only what needs no library of others
  --processors 0,2                   the writer runs on the first of these, the readers on the others in turn; otherwise one thread of
                                     each core is taken, those first that share the most with the first
  --build DIR, --results FILE, --no-page

Ends with 1 if a run of Tarn's, or of what the system has, failed; the failures of others are told, here and on the page.
The results are bench/results/compare.json and bench/results/tarn.json (from `tarn bench --json`).
"""
import argparse
import json
import os
import platform
import random
import re
import resource
import shutil
import subprocess
import sys
import time

import held
import plan
import report
from figures import Missing

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def command(build, peer):
    if peer.startswith("python_"):
        return [sys.executable, "-B", os.path.join(HERE, "peers", "python_peers.py"), "--peer", peer]
    return [os.path.join(build, "bench", "compare"), "--peer", peer]


def measure(build, line, peer, extra=(), work=None):
    """One run: the line of JSON that it printed, or why there is none."""
    asked = command(build, peer) + ["--work", work or line.work, "--mode", line.mode, "--bytes", str(line.bytes), "--readers",
                                    str(line.readers), "--run-ms", str(line.run_ms), "--warm-ms", str(line.warm_ms), *extra]
    if line.rate:
        asked += ["--rate", str(line.rate)]
    try:
        done = subprocess.run(asked, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=90,
                              check=False)
    except subprocess.TimeoutExpired:
        return {"failed": "not done in time"}
    if done.returncode != 0:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}
    made = json.loads(done.stdout)
    if made.get("count") == 0 and "skipped" not in made:
        return {"title": made["title"], "skipped": "nothing came through in the time"}
    return made


def counted_calls(path):
    """System calls of all threads of a side between its marks (bench/measure.c), as strace wrote them."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = file.readlines()
    begin = max(number for number, text in enumerate(lines) if "/tarn-bench/begin" in text)
    end = next(number for number, text in enumerate(lines) if number > begin and "/tarn-bench/end" in text)
    return sum(1 for text in lines[begin + 1:end] if " resumed>" not in text and not text.split(None, 1)[1].startswith(("---", "+++")))


def measure_calls(build, line, peer):
    """System calls a message of both sides, in a run of its own under strace."""
    if not shutil.which("strace"):
        return {"skipped": "strace is not there"}
    count = 4 * line.rate if line.rate <= 10 else 40  # four seconds at most
    with held.scratch() as directory:
        prefix = os.path.join(directory, "calls")
        made = measure(build, line, peer, ["--count", str(count), "--strace", prefix], "sleep")
        if "sides" not in made:
            return made
        try:
            calls = [counted_calls(f"{prefix}.{side}") for side in range(2)]
        except (OSError, ValueError, StopIteration):
            return {"failed": "strace wrote no marks"}
    usage, pause, last = 2, 1, 1  # asking for the usage at both ends; the writer's own sleep; the message that says it was the last
    made["calls"] = [round((calls[0] - usage) / count - pause, 2), round((calls[1] - usage) / (count + last), 2)]
    made.pop("histogram", None)
    return made


def measure_one(build, line, peer):
    if line.work == "calls":
        return measure_calls(build, line, peer)
    if line.work == "held":
        return held.measure(command(build, peer), line)
    return measure(build, line, peer, work="one_way" if line.work == "readers" else None)


# ---- The machine, and what disturbed it


def about_processor(cpu, what):
    try:
        with open(f"/sys/devices/system/cpu/cpu{cpu}/{what}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def choose_processors():
    """What the sides are pinned to: one thread of each core, those first that share the most with the first."""
    allowed, cores = sorted(os.sched_getaffinity(0)), {}
    for cpu in allowed:
        cores.setdefault(about_processor(cpu, "topology/thread_siblings_list") or str(cpu), cpu)
    found = list(cores.values()) if len(cores) > 1 else allowed

    def distance(cpu):
        return [about_processor(cpu, what) != about_processor(found[0], what)
                for what in ("cache/index3/shared_cpu_list", "topology/physical_package_id")] + [cpu]
    return found[:1] + sorted(found[1:], key=distance)


def apart(processors):
    """What the first two have in common, as far as the system knows."""
    if len(processors) == 1:
        return "the only one"
    for what, words in (("topology/thread_siblings_list", "two threads of one core"), ("cache/index3/shared_cpu_list", "cores that share a cache"),
                        ("topology/physical_package_id", "cores of one package")):
        first, second = (about_processor(cpu, what) for cpu in processors[:2])
        if first and first == second:
            return words
    return "cores that share nothing"


def first_line(*asked):
    try:
        done = subprocess.run(asked, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, cwd=ROOT)
    except OSError:
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def machine(build, processors):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((text.split(":")[1].strip() for text in file if text.startswith("model name")), platform.machine())
    cache = {}
    try:
        with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
            cache = {text.split(":")[0]: text.split("=", 1)[1].strip() for text in file if re.match(r"\w+:\w+=", text)}
    except OSError:
        pass
    compiler = cache.get("CMAKE_C_COMPILER", "cc")
    flags = " ".join(filter(None, (cache.get("CMAKE_C_FLAGS"), cache.get("CMAKE_C_FLAGS_" + cache.get("CMAKE_BUILD_TYPE", "").upper()))))
    dirty = first_line("git", "status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/bench/results", ":!/docs/performance*")
    governor = about_processor(processors[0], "cpufreq/scaling_governor")
    return {"model": model, "processors": len(os.sched_getaffinity(0)), "pinned": processors, "apart": apart(processors),
            "governor": governor, "kernel": platform.release(),
            "system": " ".join(platform.libc_ver()), "compiler": first_line(compiler, "--version"), "flags": flags, "python": platform.python_version(),
            "rust": first_line("rustc", "--version"), "tarn": first_line("git", "rev-parse", "--short=12", "HEAD") + ("*" if dirty else ""),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "virtual": "hypervisor" in open("/proc/cpuinfo", encoding="utf-8").read()}


def processor_times():
    """Seconds of all processors together: busy, stolen by the hypervisor."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupt, soft, steal = (int(word) for word in file.readline().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + interrupt + soft) / tick, steal / tick


def own_time():
    return sum(of.ru_utime + of.ru_stime for of in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


class Watch:
    """How much of the processors others used meanwhile."""

    def __init__(self):
        self.begin, self.times, self.own = time.monotonic(), processor_times(), own_time()

    def seen(self):
        wall = max(1e-9, time.monotonic() - self.begin) * (os.cpu_count() or 1)
        busy, stolen = (now - then for now, then in zip(processor_times(), self.times))
        return {"seconds": round(time.monotonic() - self.begin, 1), "processors": os.cpu_count(),
                "others": round(max(0.0, busy - (own_time() - self.own)) / wall, 4), "stolen": round(max(0.0, stolen) / wall, 4)}


# ---- All runs


class Results:
    def __init__(self, path, keep):
        self.path, self.saved = path, time.monotonic()
        self.data = {"sessions": [], "runs": []}
        if keep and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.data = json.load(file)

    def begin(self, about):
        self.data["sessions"].append(about)
        return len(self.data["sessions"]) - 1

    def drop(self, wanted):
        self.data["runs"] = [run for run in self.data["runs"] if not wanted(run)]

    def has(self, line, peer, number):
        return any(run["line"] == line.key() and run["peer"] == peer and run["round"] == number for run in self.data["runs"])

    def save_now_and_then(self):
        if time.monotonic() - self.saved > 5:
            self.save()

    def save(self):
        self.saved = time.monotonic()
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            head = json.dumps({"sessions": self.data["sessions"]}, indent=1)[:-2]
            runs = ",\n".join(json.dumps(run, separators=(",", ":")) for run in self.data["runs"])
            file.write(f'{head},\n "runs": [\n{runs}\n]}}\n')
        os.replace(self.path + ".new", self.path)


def wanted_lines(options):
    only = options.only.split(",") if options.only else None
    works = options.work.split(",") if options.work else None
    for line in plan.lines(options.quick):
        peers = [peer for peer in line.peers if (not only or peer in only) and (not options.system or peer in plan.SYSTEM_PEERS)]
        if peers and (not works or line.work in works):
            yield line, peers


def jobs_of_round(number, options):
    """All runs of a round, the lines in another order each time, and the peers within a line."""
    lines = [(line, peers) for line, peers in wanted_lines(options) if number < line.rounds]
    random.shuffle(lines)
    for line, peers in lines:
        random.shuffle(peers)
        for peer in peers:
            yield line, peer


def run_all(results, options):
    chosen = {(line.key(), peer) for line, peers in wanted_lines(options) for peer in peers}
    if not options.resume:
        results.drop(lambda run: (run["line"], run["peer"]) in chosen)
    seed = random.randrange(1 << 32)
    random.seed(seed)
    watch = Watch()
    session = results.begin({"machine": machine(options.build, options.processors), "seed": seed, "rounds": options.rounds, "quick": options.quick})
    failed = 0
    for number in range(options.rounds):
        for line, peer in jobs_of_round(number, options):
            if options.resume and results.has(line, peer, number):
                continue
            made = measure_one(options.build, line, peer)
            made.update(line=line.key(), peer=peer, round=number, session=session)
            results.data["runs"].append(made)
            results.save_now_and_then()
            if "failed" in made:  # somebody else's library may fail: the page says so, and the rest is still worth having
                failed += peer in plan.LIMITS + plan.TARN + plan.SYSTEM_PEERS
                print(f"{peer}, {line.key()}: {made['failed']}", file=sys.stderr)
        results.data["sessions"][session]["disturbed_by"] = watch.seen()
        results.save()
        print(f"round {number + 1} of {options.rounds}: {watch.seen()['seconds']:.0f} s", flush=True)
    return failed


def run_tarn_bench(options):
    """Streams and boards against the bare limit, by the command itself."""
    lines, watch = [], Watch()
    for kind in ("stream", "board"):
        asked = [os.path.join(options.build, "tarn"), "bench", kind, "--json", "--rounds", str(options.rounds)]
        made = subprocess.run(asked, check=True, text=True, stdout=subprocess.PIPE,
                              preexec_fn=lambda: os.sched_setaffinity(0, options.processors)).stdout
        lines += [json.loads(text) for text in made.splitlines()]
    with open(os.path.join(os.path.dirname(options.results), "tarn.json"), "w", encoding="utf-8") as file:
        about = {"machine": machine(options.build, options.processors), "rounds": options.rounds, "disturbed_by": watch.seen()}
        text = ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
        file.write(f'{{"about": {json.dumps(about)},\n "lines": [\n{text}\n]}}\n')


def options_of(arguments):
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("quick", "resume", "page", "no-page", "system"):
        options.add_argument("--" + name, action="store_true")
    options.add_argument("--only", default="")
    options.add_argument("--work", default="")
    options.add_argument("--rounds", type=int, default=0)
    options.add_argument("--build", default=os.path.join(ROOT, "build-bench"))
    options.add_argument("--results", default="")
    options.add_argument("--processors", default="")
    made = options.parse_args(arguments)
    for peer in filter(None, made.only.split(",")):
        if peer not in plan.PEERS:
            options.error(f"--only: {peer} is none of {', '.join(plan.PEERS)}")
    made.rounds = made.rounds or (1 if made.quick else 5)
    made.build = os.path.abspath(made.build)
    made.results = made.results or (os.path.join(made.build, "bench", "quick.json") if made.quick
                                    else os.path.join(HERE, "results", "compare.json"))
    try:
        made.processors = [int(word) for word in made.processors.split(",") if word] or choose_processors()
    except ValueError:
        options.error("--processors: numbers, as in 0,2")
    if not set(made.processors) <= os.sched_getaffinity(0):
        options.error("--processors: not all of these may be used")
    os.environ["BENCH_PROCESSORS"] = ",".join(map(str, made.processors))
    return made


def main():
    options = options_of(sys.argv[1:])
    failed = 0
    if not options.page and not os.path.exists(os.path.join(options.build, "bench", "compare")):
        sys.exit(f"run: {options.build}/bench/compare is not there: run `make bench`, or cmake --preset bench && cmake --build --preset bench")
    if not options.page:
        partial = options.only or options.work or options.resume
        results = Results(options.results, keep=partial)
        if options.work != "tarn":
            failed = run_all(results, options)
        if options.work == "tarn" or not (options.quick or options.only or options.work):
            run_tarn_bench(options)
    if options.quick and not (options.only or options.work or options.system):
        print("\n".join(report.quick_look(options.results)))
    if not options.quick and not options.no_page:
        try:
            report.write(os.path.join(ROOT, "docs"), os.path.dirname(options.results))
        except Missing as failure:
            sys.exit(f"run: the page is not written: {failure}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
