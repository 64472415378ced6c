"""figures: what the tables of the report are made of: medians, tails, and ratios of neighbours, from the kept results."""
import json
import os
import statistics

import plan


class Missing(Exception):
    """Something the page needs is not there; the sentence says what, and how to get it."""


def load(path, how):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        raise Missing(f"{path} is not there: {how}") from None
    except ValueError as failure:
        raise Missing(f"{path} is no JSON ({failure}): {how}") from None


# What counts in each work, and whether more of it is better.
METRICS = {"round_trip": ("p50", False), "one_way": ("rate", True), "copy": ("rate", True), "readers": ("rate", True),
           "sleep": ("p50", False), "newest": ("p50", False), "first": ("first_ns", False)}


def cpu_a_message(run):
    """Of the writer and the first reader together."""
    return sum(side["cpu_ns"] / max(1, side["count"]) for side in run["sides"][:2])


class Figures:
    """All runs of a results file, by line and peer. Every line of the plan must be there for every peer, if only as skipped."""

    def __init__(self, path):
        data = load(path, "run `make bench`")
        self.sessions = data["sessions"]
        self.lines = plan.lines(quick=bool(self.sessions and self.sessions[-1].get("quick")))
        self.runs = {}
        for run in data["runs"]:
            self.runs.setdefault((run["line"], run["peer"]), []).append(run)
        for line in self.lines:
            for peer in line.peers:
                if (line.key(), peer) not in self.runs:
                    raise Missing(f"{os.path.basename(path)} has no run of {peer} at '{line.key()}': run bench/run.py --resume")

    def of(self, work, mode=None):
        return [line for line in self.lines if line.work == work and (mode is None or line.mode == mode)]

    def good(self, line, peer):
        return [run for run in self.runs.get((line.key(), peer), []) if "skipped" not in run and "failed" not in run]

    def why_not(self, line, peer):
        """Why there is no figure; None if there is one, or if nobody asked."""
        if self.good(line, peer):
            return None
        for run in self.runs.get((line.key(), peer), []):
            return run.get("skipped") or "failed: " + run["failed"]
        return None

    def value(self, line, peer, field=None):
        values = [run[field or METRICS[line.work][0]] for run in self.good(line, peer)]
        return statistics.median(values) if values else None

    def ratios(self, line, peer, other, what=None, more=False):
        """How many times better `other` is than `peer`, in each round of one session that has both: [median, least, most, pairs].
        `what` gives the figure of a run, if it is not the one that counts in this work."""
        if not what:
            field, more = METRICS[line.work]
            what = lambda run: run[field]  # noqa: E731
        of_other = {(run["session"], run["round"]): what(run) for run in self.good(line, other)}
        pairs = [(what(run), of_other[run["session"], run["round"]]) for run in self.good(line, peer)
                 if (run["session"], run["round"]) in of_other]
        found = sorted((b / a if more else a / b) for a, b in pairs if a > 0 and b > 0)
        return [statistics.median(found), found[0], found[-1], len(found)] if found else None

    def tail(self, line, peer):
        """{min, p50, p99, p99.9, p99.99, max} of all rounds together; a percentile only where a hundredth part more was seen."""
        runs = self.good(line, peer)
        if not runs:
            return None
        counts = {}
        for run in runs:
            numbers = run["histogram"]
            for value, count in zip(numbers[::2], numbers[1::2]):
                counts[value] = counts.get(value, 0) + count
        total = sum(counts.values())
        made = {"min": min(run["min"] for run in runs), "p50": self.value(line, peer, "p50"), "max": max(run["max"] for run in runs),
                "count": total}
        for name, share in (("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)):
            passed, made[name] = 0, None
            if total * (1 - share) < 1 - 1e-9:
                continue
            for value in sorted(counts):
                passed += counts[value]
                if passed > total * share:
                    made[name] = min(value, made["max"])
                    break
        return made

    def title(self, peer):
        for (_, of), runs in self.runs.items():
            for run in runs:
                if of == peer and "title" in run:
                    return run["title"]
        return peer.replace("_", " ")

    def is_limit(self, peer):
        return peer in plan.LIMITS

    def versions(self):
        """[title version], of all other peers that have a version of their own; Tarn's and Python's are said anyway."""
        made = []
        for peer in plan.OTHERS:
            if peer.startswith("python_"):
                continue
            for (_, of), runs in self.runs.items():
                version = next((run["version"] for run in runs if of == peer and run.get("version")), None)
                if version:
                    made.append(f"{self.title(peer)} {version}")
                    break
        return made

    def not_built(self):
        return [self.title(peer) for peer in plan.PEERS
                if any(of == peer and run.get("skipped") == "it was not built here" for (_, of), runs in self.runs.items() for run in runs)]

    def failures(self):
        return sorted({f"{self.title(peer)}, {line}: {run['failed']}" for (line, peer), runs in self.runs.items() for run in runs
                       if "failed" in run})

    def others(self, line, own, what=None):
        """How many times better each of the others is than `own` at a line, limits left out: [(peer, ratios)], the best first."""
        found = [(peer, self.ratios(line, own, peer, what)) for peer in line.peers if peer not in plan.TARN and not self.is_limit(peer)]
        return sorted(((peer, ratios) for peer, ratios in found if ratios), key=lambda entry: -entry[1][0])
