#!/usr/bin/env python3
"""python_peers: Python's multiprocessing as a peer: its Queue, and SharedMemory with a few words of a program's own in it.

Takes the options of bench/compare.c and prints the same line of JSON. Both sides are started anew (the `spawn` method). Payload is read
by copying it out, which is the fastest way that Python has to look at every byte.

python_queue   multiprocessing.Queue, one for each reader; it sleeps.
python_shm     multiprocessing.shared_memory: a ring of slots between two counters, which the other side looks at (poll) or for which it
               waits at a Semaphore (block); for the newest value a sequence lock.
"""
import argparse
import json
import math
import multiprocessing
import os
import platform
import resource
import signal
import sys
import time
from multiprocessing import shared_memory

END = 2**64 - 1
WORKS = {"python_queue": {"round_trip", "one_way", "sleep", "first", "held"},
         "python_shm": {"round_trip", "one_way", "sleep", "newest", "first", "held"}}
TITLES = {"python_queue": "Python Queue", "python_shm": "Python SharedMemory"}
STARTS_ANEW = multiprocessing.get_context("spawn")


class QueueLink:
    def __init__(self, plan, readers):
        self.queues = [STARTS_ANEW.Queue(plan.most_waiting) for _ in range(readers)]

    def open(self, reader):
        self.mine = self.queues[reader]

    def send(self, payload):
        for queue in self.queues:
            queue.put(bytes(payload))

    def receive(self):
        return self.mine.get()

    def close(self, remove):
        del remove


class SharedLink:
    """Words 0 and 16: messages written and read; from byte 256 on the slots, or the one value."""

    def __init__(self, plan, readers):
        self.bytes, self.polls, self.newest = plan.bytes, plan.mode == "poll", plan.work == "newest"
        self.slots = 1 if self.newest else max(4, min(1024, (1 << 20) // plan.bytes))
        self.memory = shared_memory.SharedMemory(create=True, size=256 + self.slots * plan.bytes)
        self.messages, self.room = STARTS_ANEW.Semaphore(0), STARTS_ANEW.Semaphore(self.slots)
        self.done = 0

    def __getstate__(self):  # the other process opens it by its name
        state = dict(self.__dict__, memory=self.memory.name)
        state.pop("words", None)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state, memory=shared_memory.SharedMemory(name=state["memory"]))

    def open(self, reader):
        del reader
        self.words = self.memory.buf[:256].cast("Q")

    def slot(self):
        start = 256 + self.done % self.slots * self.bytes
        return self.memory.buf[start:start + self.bytes]

    def send(self, payload):
        if self.newest:
            self.words[0] += 1
            self.memory.buf[256:256 + self.bytes] = payload
            self.words[0] += 1
            return
        if not self.polls:
            self.room.acquire()
        else:
            while self.done - self.words[16] >= self.slots:
                pass
        self.slot()[:] = payload
        self.done += 1
        self.words[0] = self.done
        if not self.polls:
            self.messages.release()

    def receive_newest(self):
        while True:
            before = self.words[0]
            if before % 2 or before == self.done:
                continue
            data = bytes(self.memory.buf[256:256 + self.bytes])
            if self.words[0] == before:
                self.done = before
                return data

    def receive(self):
        if self.newest:
            return self.receive_newest()
        if not self.polls:
            self.messages.acquire()
        else:
            while self.words[0] == self.done:
                pass
        data = bytes(self.slot())
        self.done += 1
        self.words[16] = self.done
        if not self.polls:
            self.room.release()
        return data

    def close(self, remove):
        if hasattr(self, "words"):
            self.words.release()
            del self.words
        self.memory.close()
        if remove:
            self.memory.unlink()


class Side:
    def __init__(self, plan, number, out, into):
        self.plan, self.number, self.out, self.into = plan, number, out, into
        self.payload = bytearray((7).to_bytes(8, "little") * (plan.bytes // 8))
        self.times = []
        self.figures = {"count": 0}

    def send(self, word):
        self.payload[:8] = word.to_bytes(8, "little")
        self.out.send(self.payload)

    def receive(self):
        data = self.into.receive()
        return int.from_bytes(data[:8], "little"), data

    def begin(self):
        self.times.clear()
        self.usage = resource.getrusage(resource.RUSAGE_SELF)
        self.figures.update(count=0, begin_ns=time.monotonic_ns())

    def end(self):
        self.figures["end_ns"] = time.monotonic_ns()
        now, then = resource.getrusage(resource.RUSAGE_SELF), self.usage
        self.figures.update(cpu_ns=round((now.ru_utime + now.ru_stime - then.ru_utime - then.ru_stime) * 1e9),
                            slept=now.ru_nvcsw - then.ru_nvcsw, interrupted=now.ru_nivcsw - then.ru_nivcsw)

    def warm_then_run(self, step):
        """step() again and again; counts from the end of warming up on."""
        for run_ns in (self.plan.warm_ms * 1000000, self.plan.run_ms * 1000000):
            self.begin()
            while time.monotonic_ns() < self.figures["begin_ns"] + run_ns:
                step()
                self.figures["count"] += 1
        self.end()
        self.send(END)

    # ---- the writer's works

    def write_round_trip(self):
        def once():
            start = time.monotonic_ns()
            self.send(self.figures["count"])
            self.receive()
            self.times.append(time.monotonic_ns() - start)
        self.warm_then_run(once)

    def write_one_way(self):
        self.warm_then_run(lambda: self.send(1))

    def write_newest(self):
        number = 0

        def once():
            nonlocal number
            number += 1
            self.payload[:] = number.to_bytes(8, "little") * (self.plan.bytes // 8)
            self.send(time.monotonic_ns())
        self.warm_then_run(once)

    def write_sleep(self):
        for _ in range(4):  # what is done once for the first messages is not of interest here
            self.send(0)
            time.sleep(0.005)
        period = 10**9 // self.plan.rate
        following = time.monotonic_ns() + period
        last = following + self.plan.run_ms * 1000000
        self.begin()
        while self.figures["count"] < self.plan.count if self.plan.count else following <= last:
            time.sleep(max(0, following - time.monotonic_ns()) / 1e9)
            self.send(time.monotonic_ns())
            self.figures["count"] += 1
            following += period
        self.end()
        self.send(END)

    def write_first(self):
        self.begin()
        self.send(1)
        self.end()

    # ---- the readers' works

    def read_round_trip(self):
        self.begin()
        while (word := self.receive()[0]) != END:
            self.send(word)
            self.figures["count"] += 1
        self.end()

    def read_one_way(self):
        self.begin()
        while self.receive()[0] != END:
            self.figures["count"] += 1
        self.end()

    def read_sleep(self):
        self.begin()
        while (word := self.receive()[0]) != END:
            if word == 0:
                self.begin()
                continue
            self.times.append(time.monotonic_ns() - word)
            self.figures["count"] += 1
        self.end()

    def read_newest(self):
        torn = passed = last = 0
        warm_until = time.monotonic_ns() + self.plan.warm_ms * 1000000
        warm = False
        self.begin()
        while True:
            word, data = self.receive()
            if word == END:
                break
            now = time.monotonic_ns()
            number = int.from_bytes(data[8:16], "little")
            if not warm and now >= warm_until:
                warm = True
                self.begin()
            elif warm:
                self.times.append(now - word)
                self.figures["count"] += 1
                torn += data[8:16] != data[-8:]
                passed += max(0, number - last - 1)
            last = number
        self.end()
        self.figures.update(torn=torn, passed=passed)

    def read_first(self):
        self.begin()
        self.receive()
        self.figures.update(first_ns=time.monotonic_ns(), count=1)
        self.end()

    def hold(self, before):
        for i in range(1000):
            if self.number == 0:
                self.send(i)
            word, _ = self.receive()
            if self.number != 0:
                self.send(word)
        after = holds_now()
        self.figures.update({key: after[key] - before[key] for key in after}, cpu_ns=0, slept=0, interrupted=0)


def holds_now():
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        memory = sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
    with open("/proc/self/maps", encoding="utf-8") as file:
        mappings = len(file.readlines())
    return {"memory": memory, "descriptors": len(os.listdir("/proc/self/fd")) - 1, "threads": len(os.listdir("/proc/self/task")),
            "mappings": mappings}


def pin_side(number):
    """As bench/measure.c does it."""
    listed = [int(word) for word in os.environ.get("BENCH_PROCESSORS", "").split(",") if word] or sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {listed[0 if number == 0 or len(listed) == 1 else 1 + (number - 1) % (len(listed) - 1)]})


def side_main(plan, number, there, back, arrived, results):
    before = holds_now()
    there.open(max(0, number - 1))
    if back:
        back.open(0)
    side = Side(plan, number, there if number == 0 else back, back if number == 0 else there)
    pin_side(number)
    if plan.work != "first":
        arrived.wait()
    if plan.work == "held":
        side.hold(before)
    else:
        getattr(side, ("write_" if number == 0 else "read_") + plan.work)()
    results.put((number, side.figures, side.times))
    if plan.work == "held":
        signal.pause()
    for link in (there, back):
        if link:
            link.close(remove=False)


def histogram(times):
    """As bench/compare.c prints it: sixteen steps to each doubling, the middle of a step and how many."""
    counts = {}
    for ns in times:
        shift = max(0, ns.bit_length() - 5)
        middle = ((ns >> shift) << shift) + (1 << shift >> 1)
        counts[middle] = counts.get(middle, 0) + 1
    return [number for pair in sorted(counts.items()) for number in pair]


def latencies(times):
    times.sort()
    of = {"count": len(times), "min": times[0] if times else 0, "max": times[-1] if times else 0, "histogram": histogram(times)}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)):
        of[name] = times[min(len(times) - 1, math.floor(len(times) * share))] if times else 0
    return of


def report(plan, started, results):
    sides = [figures for _, figures, _ in results]
    writer, reader = sides[0], sides[1]
    made = {"title": TITLES[plan.peer], "version": platform.python_version(), "limit": False}
    if plan.work == "round_trip":
        made.update(latencies(results[0][2]))
    elif plan.work in ("sleep", "newest"):
        made.update(latencies(results[1][2]))
    elif plan.work == "one_way":
        last = max(side["end_ns"] for side in sides[1:])
        made.update(count=writer["count"], rate=writer["count"] * 1e9 / (last - writer["begin_ns"]))
    elif plan.work == "first":
        made["first_ns"] = reader["first_ns"] - started
    if plan.work == "newest":
        made.update(read_rate=reader["count"] * 1e9 / (reader["end_ns"] - reader["begin_ns"]),
                    write_rate=writer["count"] * 1e9 / (writer["end_ns"] - writer["begin_ns"]), torn=reader["torn"],
                    passed=reader["passed"])
    made["sides"] = [{key: value for key, value in side.items() if not key.endswith("_ns") or key == "cpu_ns"} for side in sides]
    return made


def let_look(where, processes):
    print(json.dumps({where: [process.pid for process in processes]}), flush=True)
    sys.stdin.readline()


def main():
    options = argparse.ArgumentParser()
    for name, default in (("peer", None), ("work", None), ("mode", None), ("name", ""), ("directory", ""), ("strace", "")):
        options.add_argument("--" + name, default=default)
    for name, default in (("bytes", 64), ("readers", 1), ("rate", 1000), ("run-ms", 200), ("warm-ms", 20), ("count", 0)):
        options.add_argument("--" + name, type=int, default=default)
    plan = options.parse_args()
    plan.most_waiting = max(4, min(1000, (4 << 20) // plan.bytes))
    why = None
    if plan.work not in WORKS[plan.peer]:
        why = "not for this work"
    elif plan.peer == "python_queue" and plan.mode == "poll":
        why = "it does not poll"
    elif plan.work == "newest" and plan.mode == "block":
        why = "it does not sleep"
    elif plan.readers > 1 and plan.peer == "python_shm":
        why = "one reader only"
    if why:
        print(json.dumps({"title": TITLES[plan.peer], "skipped": why}))
        return 0
    started = time.monotonic_ns()
    kind = QueueLink if plan.peer == "python_queue" else SharedLink
    there = kind(plan, plan.readers)
    back = kind(plan, 1) if plan.work in ("round_trip", "held") else None
    arrived, results = STARTS_ANEW.Barrier(plan.readers + 1), STARTS_ANEW.Queue()
    processes = [STARTS_ANEW.Process(target=side_main, args=(plan, number, there, back, arrived, results))
                 for number in range(plan.readers + 1)]
    for process in processes:
        process.start()
    measured = sorted((results.get(timeout=60) for _ in processes), key=lambda result: result[0])
    if plan.work == "held":
        let_look("holding", processes)
        for process in processes:
            process.kill()
    for process in processes:
        process.join()
    if plan.work == "held":
        let_look("killed", processes)
    for link in (there, back):
        if link:
            link.close(remove=True)
    print(json.dumps(report(plan, started, measured)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
