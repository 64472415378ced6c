#!/usr/bin/env python3
"""plots DIRECTORY: draws the charts described on stdin (charts.py) as SVG files there, the same bytes for the same description."""
import json
import os
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402  (after the choice of what draws)
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: E402

matplotlib.rcParams.update({"svg.hashsalt": "tarn", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
                            "lines.linewidth": 1.2, "lines.markersize": 4.5})
COLOURS = ["#1f77b4", "#2ca02c", "#8c564b", "#17becf", "#9467bd", "#7f7f7f", "#e377c2", "#bcbd22", "#005f60", "#4b2e83", "#a0522d", "#556b2f"]
MARKERS = "s^vDP<>*hXdp"
TARN = {"tarn_stream": "#c00000", "tarn_board": "#e07000"}
LIMITS = {"cache_line": ":", "bare": "--", "futex": "-."}
SHARES = ["min", "p50", "p99", "p99.9", "p99.99", "max"]
UNITS = {"ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns")), "GB/s": ((1, "GB/s"), (1e-3, "MB/s"), (1e-6, "kB/s")),
         "messages a second": ((1e6, "M/s"), (1e3, "k/s"), (1, "/s")), "payload, bytes": ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))}


def style(curve):
    """The same for a peer in every plot, in colour and in shape."""
    peer, order = curve["peer"], curve["order"]
    if peer in TARN:
        return {"color": TARN[peer], "linewidth": 2.6, "zorder": 5, "marker": "o"}
    if peer in LIMITS:
        return {"color": "black", "linestyle": LIMITS[peer], "marker": "x"}
    return {"color": COLOURS[order % len(COLOURS)], "marker": MARKERS[order % len(MARKERS)]}


def words(unit):
    """Numbers on an axis as people say them: 1 us, 64 KiB."""
    def word(value, _):
        for factor, name in UNITS.get(unit, ((1, ""),)):
            if value >= factor * 0.999:
                return f"{value / factor:.6g} {name}".strip()
        return f"{value:.6g}"
    return FuncFormatter(word)


def draw(panels, path):
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5.2 * len(panels) + 2.2, 5), squeeze=False, sharey=False)
    known = {}
    for axis, panel in zip(axes[0], panels):
        for curve in panel["series"]:
            x = [SHARES.index(share) for share in curve["x"]] if isinstance(curve["x"][0], str) else curve["x"]
            (line,) = axis.plot(x, curve["y"], label=curve["name"], **style(curve))
            known.setdefault((curve["order"], curve["name"]), line)
        along = sorted({x for curve in panel["series"] for x in curve["x"] if not isinstance(x, str)})
        axis.set(title=panel["title"], xlabel=panel["x"], ylabel="time" if panel["y"] == "ns" else panel["y"], yscale="log")
        lowest, highest = axis.get_ylim()
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if highest < 200 * lowest else (1,)))
        axis.yaxis.set_major_formatter(words(panel["y"]))
        axis.yaxis.set_minor_formatter("")
        if not along:
            axis.set_xticks(range(len(SHARES)), SHARES)
        else:
            axis.set_xscale("log", base=2)
            axis.set_xticks(along)
            axis.xaxis.set_minor_locator(NullLocator())
            axis.xaxis.set_major_formatter(words(panel["x"] if panel["x"] == "payload, bytes" else ""))
    order = sorted(known)
    figure.legend([known[key] for key in order], [name for _, name in order], loc="center right", frameon=False)
    figure.tight_layout(rect=(0, 0, 1 - 1.9 / figure.get_size_inches()[0], 1))
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, panels in json.load(sys.stdin).items():
        draw(panels, os.path.join(sys.argv[1], name + ".svg"))


main()
