"""charts: which plots the page has, and what is in them; plots.py draws them."""
import plan
from figures import cpu_a_message

WORKS = {"round_trip": "there and back", "one_way": "one way", "readers": "one way to several readers", "sleep": "a sleeping reader",
         "newest": "the newest value", "first": "the first message", "copy": "copying alone"}
TEXTS = {"round_trip": "Median there and back by payload", "tail": "There and back with 64 bytes: the tail",
         "one_way": "Bandwidth one way by payload", "readers": "Messages a second by number of readers",
         "sleep": "A sleeping reader: median latency, and CPU time of both sides, by rate"}


def shown(name):
    return [f"![{TEXTS[name]}](performance/{name}.svg)", ""]


def curve(of, peer, points):
    return {"name": of.title(peer), "peer": peer, "order": plan.PEERS.index(peer), "x": [x for x, _ in points],
            "y": [y for _, y in points]}


def series(of, lines, along, value):
    """One curve for each peer that has at least one figure."""
    made = []
    for peer in plan.PEERS:
        points = [(along(line), value(line, peer)) for line in lines if peer in line.peers]
        points = [(x, y) for x, y in points if y is not None]
        if points:
            made.append(curve(of, peer, points))
    return made


def panel(title, x, y, curves):
    return {"title": title, "x": x, "y": y, "series": curves}


def bandwidth(of):
    return lambda line, peer: None if of.value(line, peer) is None else of.value(line, peer) * line.bytes / 1e9


def tail_curves(of, line):
    made = []
    for peer in plan.PEERS:
        tail = of.tail(line, peer) if peer in line.peers else None
        if tail:
            shares = [(name, tail[name]) for name in ("min", "p50", "p99", "p99.9", "p99.99", "max") if tail[name]]
            made.append(curve(of, peer, shares))
    return made


def cpu(of):
    def both(line, peer):
        runs = of.good(line, peer)
        each = [cpu_a_message(run) for run in runs]
        return sum(each) / len(each) if each else None
    return both


def all_of(of):
    modes = (("poll", "polling"), ("block", "sleeping"))
    tail = {mode: next(line for line in of.of("round_trip", mode) if line.bytes == 64) for mode, _ in modes}
    return {
        "round_trip": [panel(word, "payload, bytes", "ns", series(of, of.of("round_trip", mode), lambda line: line.bytes, of.value))
                       for mode, word in modes],
        "tail": [panel(word, "share of all", "ns", tail_curves(of, tail[mode])) for mode, word in modes],
        "one_way": [panel(word, "payload, bytes", "GB/s", series(of, of.of("one_way", mode), lambda line: line.bytes, bandwidth(of)))
                    for mode, word in modes],
        "readers": [panel("64 bytes", "readers", "messages a second", series(of, of.of("readers"), lambda line: line.readers, of.value))],
        "sleep": [panel("latency", "messages a second", "ns", series(of, of.of("sleep"), lambda line: line.rate, of.value)),
                  panel("CPU time a message", "messages a second", "ns", series(of, of.of("sleep"), lambda line: line.rate, cpu(of)))],
    }
