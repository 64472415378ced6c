"""report: writes docs/performance.md's tables and plots from bench/results/. The words between the tables are the page's own; between the
markers `<!-- NAME: begin -->` and `<!-- NAME: end -->` everything is made here, and no figure stands anywhere else."""
import json
import os
import re
import subprocess
import sys

import charts
import plan
import reasons
from figures import METRICS, Figures, Missing, cpu_a_message, load

TARN_TITLES = {"round_trip": "there and back", "one_way": "one way", "batch": "one way, batches of 64",
               "hand_over": "handed over in place, there and back", "fan_out": "publish with readers attached",
               "wake": "wake a sleeping reader", "writers": "several writers, one message at a time",
               "writer_runs": "several writers, runs of 16", "runs_beside": "runs of 16, every second writer beside the reader",
               "queue": "a queue", "redelivery": "to another reader after a kill"}


# ---- Words for numbers


def size(count):
    for unit, words in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit and count % unit == 0:
            return f"{count // unit} {words}"
    return f"{count} B"


def three(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def time(ns):
    if ns is None:
        return "–"
    if ns < 1000:
        return f"{ns:.0f} ns"
    return f"{three(ns / 1e3)} us" if ns < 1e6 else f"{three(ns / 1e6)} ms"


def rate(value, size_bytes):
    if value is None:
        return "–"
    if size_bytes >= 4096:
        return f"{three(value * size_bytes / 1e9)} GB/s"
    return f"{three(value / 1e6)} M/s" if value >= 1e6 else f"{three(value / 1e3)} k/s"


def share(of_all):
    return "never" if of_all == 0 else "< 0.1 %" if of_all < 0.001 else f"{of_all * 100:.1f} %" if of_all < 0.0995 else f"{of_all * 100:.0f} %"


def some(count, word):
    return f"{count} {word}{'s' if count != 1 else ''}"


def amount(count):
    return f"{three(count / (1 << 20))} MiB" if count >= 1 << 20 else f"{count / 1024:.0f} KiB"


def times(ratios):
    if not ratios:
        return "–"
    return f"{three(ratios[0])} (one pair)" if ratios[3] == 1 else f"{three(ratios[0])} ({three(ratios[1])} to {three(ratios[2])})"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)]


def in_order(peers):
    return [peer for peer in plan.PEERS if peer in peers]


# ---- The tables


def no_figure(of, line, peer):
    why = of.why_not(line, peer)
    return f"*{why}*" if why else "–"


def summary(of, works, show):
    """A row for each peer, a column for each line."""
    head = ["", *(size(line.bytes) for line in works)]
    rows = []
    for peer in in_order({peer for line in works for peer in line.peers}):
        rows.append([of.title(peer), *(show(line, peer) for line in works)])
    return table(head, rows)


def there_and_back(of):
    made = []
    for mode in ("poll", "block"):
        made += ["", f"Median there and back, both sides {'polling' if mode == 'poll' else 'sleeping'}:", ""]
        made += summary(of, of.of("round_trip", mode), lambda line, peer: time(of.value(line, peer)))
    for line in of.of("round_trip"):
        made += ["", f"<details><summary>{size(line.bytes)}, {'polling' if line.mode == 'poll' else 'sleeping'}: the tail</summary>", ""]
        rows, head = [], ["", "min", "p50", "p99", "p99.9", "p99.99", "max", "samples", "times the stream's median"]
        if line.mode == "block":
            head.append("went to sleep")
        for peer in in_order(line.peers):
            tail = of.tail(line, peer)
            if not tail:
                rows.append([of.title(peer), no_figure(of, line, peer), *[""] * (len(head) - 2)])
                continue
            ratios = None if peer == "tarn_stream" else of.ratios(line, peer, "tarn_stream")
            rows.append([of.title(peer), *(time(tail[key]) for key in ("min", "p50", "p99", "p99.9", "p99.99", "max")),
                         str(tail["count"]), times(ratios)])
            if line.mode == "block":
                rows[-1].append(share(min(1, sum(mean_of_sides(of, line, peer, "slept")) / 2)))
        made += table(head, rows)
        made += ["", "</details>"]
    return made[1:] + ["", *charts.shown("round_trip"), *charts.shown("tail")]


def one_way(of):
    made = []
    for mode in ("poll", "block"):
        lines = of.of("one_way", mode)
        copies = {line.bytes: line for line in of.of("copy")}
        made += ["", f"Both sides {'polling' if mode == 'poll' else 'sleeping when there is nothing to do'}; behind the semicolon how many times the "
                 "stream's rate is this one's:", ""]
        rows = [["copying alone (limit)", *(rate(of.value(copies[line.bytes], "bare"), line.bytes) for line in lines)]]
        for peer in in_order({peer for line in lines for peer in line.peers}):
            cells = []
            for line in lines:
                ratios = of.ratios(line, peer, "tarn_stream") if peer != "tarn_stream" else None
                value = rate(of.value(line, peer), line.bytes) if of.good(line, peer) else no_figure(of, line, peer)
                cells.append(value + (f"; {times(ratios)}" if ratios else ""))
            rows.append([of.title(peer), *cells])
        made += table(["", *(size(line.bytes) for line in lines)], rows)
    return made[1:] + ["", *charts.shown("one_way")]


def readers(of):
    lines = of.of("readers")
    rows = []
    for peer in in_order({peer for line in lines for peer in line.peers}):
        cells = []
        for line in lines:
            ratios = of.ratios(line, peer, "tarn_stream") if peer != "tarn_stream" else None
            value = rate(of.value(line, peer), line.bytes) if of.good(line, peer) else no_figure(of, line, peer)
            cells.append(value + (f"; {times(ratios)}" if ratios else ""))
        rows.append([of.title(peer), *cells])
    return ["64 bytes, sleeping when there is nothing to do; behind the semicolon how many times the stream's rate is this one's:", ""] + table(
        ["", *(some(line.readers, "reader") for line in lines)], rows) + ["", *charts.shown("readers")]


def mean_of_sides(of, line, peer, field):
    """Of the writer and the reader, for each message."""
    made = []
    for side in range(2):
        values = [run["sides"][side][field] / max(1, run["sides"][side]["count"]) for run in of.good(line, peer)]
        made.append(sum(values) / len(values))
    return made


def sleeping(of):
    made = []
    calls = {line.rate: line for line in of.of("calls")}
    for line in of.of("sleep"):
        made += ["", f"{some(line.rate, 'message')} a second:", ""]
        head = ["", "p50", "p99", "max", "times the stream's median", "CPU time a message, writer", "reader"]
        if line.rate in calls:
            head += ["system calls a message, writer", "reader"]
        rows = []
        for peer in in_order(line.peers):
            tail = of.tail(line, peer)
            if not tail:
                rows.append([of.title(peer), no_figure(of, line, peer), *[""] * (len(head) - 2)])
                continue
            ratios = of.ratios(line, peer, "tarn_stream") if peer != "tarn_stream" else None
            row = [of.title(peer), time(tail["p50"]), time(tail["p99"]), time(tail["max"]), times(ratios)]
            row += map(time, mean_of_sides(of, line, peer, "cpu_ns"))
            if line.rate in calls:
                counted = of.good(calls[line.rate], peer)
                row += [f"{counted[-1]['calls'][side]:.1f}" for side in range(2)] if counted else ["–", "–"]
            rows.append(row)
        made += table(head, rows)
    return made[1:] + ["", *charts.shown("sleep")]


def newest(of):
    made = []
    for line in of.of("newest"):
        made += ["", f"{size(line.bytes)}, {'polling' if line.mode == 'poll' else 'sleeping when there is nothing newer'}:", ""]
        rows = []
        for peer in in_order(line.peers):
            tail = of.tail(line, peer)
            if not tail:
                rows.append([of.title(peer), no_figure(of, line, peer), *[""] * 6])
                continue
            ratios = of.ratios(line, peer, "tarn_board") if peer != "tarn_board" else None
            torn = sum(run["torn"] for run in of.good(line, peer))
            rows.append([of.title(peer), time(tail["p50"]), time(tail["p99"]), time(tail["max"]), times(ratios),
                         rate(of.value(line, peer, "read_rate"), 0), rate(of.value(line, peer, "write_rate"), 0), str(torn)])
        made += table(["", "age, p50", "p99", "max", "times the board's median", "values read", "values written", "torn"], rows)
    return made[1:]


def first(of):
    line = of.of("first")[0]
    rows = []
    for peer in in_order(line.peers):
        values = [run["first_ns"] for run in of.good(line, peer)]
        ratios = of.ratios(line, peer, "tarn_stream") if peer != "tarn_stream" else None
        rows.append([of.title(peer), time(of.value(line, peer)) if values else no_figure(of, line, peer),
                     f"{time(min(values))} to {time(max(values))}" if values else "", times(ratios)])
    return table(["", "first message", "least to most", "times the stream's"], rows)


def held(of):
    line = of.of("held")[0]
    rows = []
    for peer in in_order(line.peers):
        runs = [run for run in of.good(line, peer) if "in_use" in run]
        if not runs:
            rows.append([of.title(peer), no_figure(of, line, peer), *[""] * 8])
            continue
        run = runs[-1]
        sides = [sum(side[key] for side in run["sides"][:2]) for key in ("memory", "descriptors", "threads", "mappings")]
        others = ", ".join(f"{other['name']}: {amount(other['memory'])}, {other['descriptors']} descriptors, {other['threads']} threads"
                           for other in run["others"]) or "none"
        files = [f"{run[when]['files']} ({amount(run[when]['bytes'])})" if run[when]["files"] else "none"
                 for when in ("in_use", "left", "left_at_last")]
        rows.append([of.title(peer), amount(sides[0]), *map(str, sides[1:]), others, files[0], files[1],
                     "yes" if run["works_again"] else "no", files[2]])
    return table(["", "memory", "descriptors", "threads", "mappings", "other processes", "files in use", "files left when both are killed",
                  "works again", "files left after that"], rows)


def against_bare(lines):
    rows = []
    for line in lines:
        unit = line["unit"]

        def figure(value, unit=unit):
            return time(value) if unit == "ns" else f"{value:.2f} GB/s" if unit == "GB/s" else f"{value / 1e6:.2f} M/s"
        tail = " / ".join(time(line[key]) for key in ("p99", "p99.9", "max")) if "p99" in line else ""
        rows.append([f"{line['kind']}, {TARN_TITLES.get(line['work'], line['work'])}", size(line["bytes"]),
                     size(line["ring"]) if line["kind"] == "stream" else "", str(line.get("writers", 1)), str(line["readers"]),
                     figure(line["tarn"]), figure(line["bare"]) if line["bare"] else "",
                     f"{line['ratio']:.2f} ({line['ratio_min']:.2f} to {line['ratio_max']:.2f})" if line["bare"] else "", line["better"], tail])
    return table(["work", "payload", "ring", "writers", "readers", "Tarn", "limit", "ratio (smallest to largest)", "better", "p99 / p99.9 / max"],
                 rows)


# ---- What is said about the run itself


def disturbance(seen):
    if not seen:
        return "Nothing is known of what else ran."
    found = []
    if seen["others"] > min(0.03, 0.1 / seen.get("processors", 1)):  # of many processors a small part may be one of the two that count
        found.append(f"other processes took {seen['others']:.{0 if seen['others'] >= 0.01 else 1}%} of the processors")
    if seen["stolen"] > 0.01:
        found.append(f"the hypervisor took {seen['stolen']:.0%}")
    if found:
        return f"**The run was disturbed: {'; '.join(found)}. Read the ratios with care.**"
    return f"Undisturbed as far as can be seen: other processes took {seen['others']:.1%} of the processors, the hypervisor {seen['stolen']:.1%}."


def machine(of, about):
    session = of.sessions[-1]
    its = session["machine"]
    flags = " " + its["flags"] if its.get("flags") else ""
    made = [f"{its['model']}, {some(its['processors'], 'processor')}{' of a virtual machine' if its['virtual'] else ''}, "
            f"{amount(its['memory_bytes'])} of memory; Linux {its['kernel']}, {its['system']}; {its['compiler']}{flags}; Python {its['python']}"
            f"{'; ' + its['rust'] if its['rust'] else ''}; Tarn at {its['tarn'] or 'no known commit'}. {'; '.join(of.versions())}."]
    if its["tarn"].endswith("*") or about["machine"]["tarn"].endswith("*"):
        made[0] += " (A star: with changes that were not committed.)"
    if len(its.get("pinned", [])) > 1:
        made.append(f"The writer ran on processor {its['pinned'][0]}, the readers on {', '.join(map(str, its['pinned'][1:]))} in turn; "
                    f"the first two are, as the system says, {its['apart']}."
                    + (f" The frequency is governed by `{its['governor']}`." if its["governor"] else ""))
    if its["processors"] == 1:
        made.append("**One processor: who polls looks on while the other cannot run. Polling says nothing here but how the system takes turns.**")
    if of.not_built():
        made.append(f"Not built on this machine, and so not compared: {', '.join(of.not_built())}.")
    if len(of.sessions) > 1:
        made.append(f"The comparison was made in {len(of.sessions)} parts; ratios are of runs of one part only.")
    for number, each in enumerate(of.sessions, 1):
        seconds = each.get("disturbed_by", {}).get("seconds")
        made.append(f"Comparison{f', part {number}' if len(of.sessions) > 1 else ''}: {some(each['rounds'], 'round')}"
                    f"{f' in {seconds:.0f} s' if seconds else ''}. {disturbance(each.get('disturbed_by'))}")
    made.append(f"Streams and boards against the bare loop: {some(about['rounds'], 'pair')} a line, Tarn at {about['machine']['tarn']}. "
                f"{disturbance(about['disturbed_by'])}")
    made += [f"Failed: {text}." for text in of.failures()]
    return [text for line in made for text in (line, "")][:-1]


RANKED = ("round_trip", "one_way", "readers", "sleep", "newest", "first")


def own_of(line):
    return "tarn_board" if line.work == "newest" else "tarn_stream"


def name_of(line):
    of_readers = f", {some(line.readers, 'reader')}" if line.work == "readers" else ""
    at_a_rate = f", {line.rate} a second" if line.rate else ""
    return f"{charts.WORKS[line.work]}, {size(line.bytes)}, {'polling' if line.mode == 'poll' else 'sleeping'}{of_readers}{at_a_rate}"


def ranking(of):
    """(line, those who are better than Tarn) for every row in which there is somebody to be better."""
    for line in of.lines:
        others = of.others(line, own_of(line)) if line.work in RANKED else []
        if others:
            yield line, [(peer, ratios) for peer, ratios in others if ratios[0] > 1]


def explained(of, work, line, better, used):
    """Names of the reasons, each with its peers where they are not all the same; what has none is put into `used` as None."""
    by_name = {}
    for peer in better:
        by_name.setdefault(reasons.reason(work, line.mode, line.bytes, peer), []).append(peer)
    used += by_name
    words = {None: "*not yet explained*"}
    if len(by_name) == 1:
        return "".join(words.get(name, f"*{name}*") for name in by_name)
    return "; ".join(f"{', '.join(map(of.title, peers))}: {words.get(name, f'*{name}*')}" for name, peers in by_name.items())


def costs(of):
    """(work, line, what it is, Tarn's figure, [(peer, figure)] of those who need less), in the rows about what is used and left."""
    for line in of.of("sleep"):
        better = [(peer, times(ratios)) for peer, ratios in of.others(line, "tarn_stream", cpu_a_message) if ratios[0] > 1]
        own = time(sum(mean_of_sides(of, line, "tarn_stream", "cpu_ns"))) if of.good(line, "tarn_stream") else "–"
        yield "cpu", line, f"CPU time of both sides, {some(line.rate, 'message')} a second", own, better
    held_line = of.of("held")[0]
    counts = [("calls", line, f"system calls of both sides, {some(line.rate, 'message')} a second", lambda run: round(sum(run["calls"]), 1), str)
              for line in of.of("calls")]
    counts += [(key, held_line, f"{key} held", lambda run, key=key: sum(side[key] for side in run["sides"][:2]), words)
               for key, words in (("memory", amount), ("descriptors", str), ("mappings", str))]
    counts.append(("left", held_line, "files left when both are killed", lambda run: run["left"]["files"] if "left" in run else 0, str))
    for work, line, what, count, words in counts:
        found = {peer: count(of.good(line, peer)[-1]) for peer in line.peers if of.good(line, peer) and not of.is_limit(peer)}
        own = found.get("tarn_stream")
        better = sorted((value, peer) for peer, value in found.items() if own is not None and value < own and peer not in plan.TARN)
        yield work, line, what, "–" if own is None else words(own), [(peer, words(value)) for value, peer in better]


def not_first(of):
    """Every row in which somebody is better, who, by how much, and why; and the rows nobody has explained yet."""
    speed, cost, used, unexplained = [], [], [], []
    for line, better in ranking(of):
        if not better:
            continue
        who = "; ".join(f"{of.title(peer)} {times(ratios)}" for peer, ratios in better)
        speed.append([name_of(line), who, explained(of, line.work, line, [peer for peer, _ in better], used)])
    for work, line, what, own, better in costs(of):
        if better:
            who = "; ".join(f"{of.title(peer)} {figure}" for peer, figure in better)
            cost.append([what, own, who, explained(of, work, line, [peer for peer, _ in better], used)])
    unexplained += [row[0] for row in speed + cost if "*not yet explained*" in row[-1]]
    made = table(["row", "better by this factor (smallest to largest)", "why"], speed) if speed else ["Tarn is first in every row."]
    if cost:
        made += ["", "What a stream needs that others need less of (CPU time: by this factor; all else: theirs):", ""]
        made += table(["row", "Tarn stream", "who needs less", "why"], cost)
    made += [""] + [f"- *{name}*: {text}" for name, text in reasons.REASONS.items() if name in used]
    return made, unexplained


# ---- In short


HEADLINES = (("round_trip", "poll", 64, 1, 0), ("round_trip", "block", 64, 1, 0), ("round_trip", "poll", 64 << 10, 1, 0),
             ("round_trip", "poll", 8 << 20, 1, 0), ("one_way", "block", 64, 1, 0), ("one_way", "block", 1 << 20, 1, 0),
             ("readers", "block", 64, 16, 0), ("sleep", "block", 64, 1, 1000), ("newest", "poll", 64, 1, 0), ("newest", "poll", 64 << 10, 1, 0),
             ("first", "block", 64, 1, 0))


def figure(of, line, peer):
    value = of.value(line, peer)
    return rate(value, line.bytes) if line.work in ("one_way", "readers") else time(value)


def in_short(of):
    """A few rows for who has a minute: Tarn, the best of the others, the pipe that everybody knows, and how often Tarn is first."""
    lines = {(line.work, line.mode, line.bytes, line.readers, line.rate): line for line in of.lines}
    rows = []
    for line in (lines[key] for key in HEADLINES if key in lines):
        own, more_is_better = own_of(line), METRICS[line.work][1]
        others = [peer for peer, _ in of.others(line, own)]
        best = sorted(others, key=lambda peer: of.value(line, peer) * (-1 if more_is_better else 1))[:1]
        cells = [f"{of.title(peer)} {figure(of, line, peer)}" for peer in best] or ["–"]
        pipe = figure(of, line, "pipe") if "pipe" in line.peers else "–"
        rows.append([name_of(line), figure(of, line, own), *cells, times(of.ratios(line, best[0], own)) if best else "–", pipe])
    all_rows = list(ranking(of))
    first = sum(not better for _, better in all_rows)
    return [f"Tarn is first in {first} of {len(all_rows)} rows of the comparison; [the others](#where-tarn-is-not-first) are listed with their "
            "reasons.", ""] + table(["", "Tarn", "the best of the others", "how many times better Tarn was (smallest to largest)", "a pipe"], rows)


def quick_look(path):
    """What a quick run has to say, for a terminal."""
    of = Figures(path)
    missing = [f"Not built here, and so not compared: {', '.join(of.not_built())}."] if of.not_built() else []
    return [*in_short(of), "", disturbance(of.sessions[-1].get("disturbed_by")), *missing, *(f"Failed: {text}" for text in of.failures()),
            f"All results: {path}"]


# ---- The page


def put(text, name, lines):
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1:
        raise Missing(f"the page has not exactly one '{begin}' and one '{end}'")
    before, rest = text.split(begin)
    return before + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1]


def draw(of, directory):
    """The plots, by matplotlib, with whichever Python has it; False if none has."""
    described = json.dumps(charts.all_of(of))
    for interpreter in (sys.executable, "/usr/bin/python3"):
        there = subprocess.run([interpreter, "-c", "import matplotlib"], stderr=subprocess.DEVNULL, check=False).returncode == 0
        if there:
            plots = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plots.py")
            subprocess.run([interpreter, "-B", plots, directory], input=described, text=True, check=True)
            return True
    return False


def write(docs, results, plots=True):
    of = Figures(os.path.join(results, "compare.json"))
    tarn = load(os.path.join(results, "tarn.json"), "run `make bench`")
    path = os.path.join(docs, "performance.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    rows, unexplained = not_first(of)
    for name, lines in (("in short", in_short(of)), ("machine", machine(of, tarn["about"])), ("against bare", against_bare(tarn["lines"])),
                        ("there and back", there_and_back(of)), ("one way", one_way(of)), ("readers", readers(of)),
                        ("sleeping", sleeping(of)), ("newest", newest(of)), ("first", first(of)), ("held", held(of)),
                        ("not first", rows)):
        text = put(text, name, lines)
    if plots and not draw(of, os.path.join(docs, "performance")):  # those of another run would mislead
        text = re.sub(r"!\[.*\]\(performance/.*\)", "*Not drawn: no Python has matplotlib here.*", text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(re.sub(r"[ \t]+\n", "\n", text))
    print(f"{path} is written; {len(unexplained)} rows in which Tarn is not first are not explained yet")
    for name in unexplained:
        print("  " + name)
