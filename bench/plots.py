#!/usr/bin/env python3
"""plots DIRECTORY: draws the charts described on stdin (charts.py) as SVG files there, the same bytes for the same description."""
import json
import os
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot  # noqa: E402  (after the choice of what draws)

matplotlib.rcParams.update({"svg.hashsalt": "tarn", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3,
                            "lines.linewidth": 1.2, "lines.markersize": 4})
COLOURS = pyplot.get_cmap("tab20").colors


def style(curve):
    """The same for a peer in every plot."""
    peer, order = curve["peer"], curve["order"]
    if peer in ("tarn_stream", "tarn_board"):
        return {"color": "#c00000" if peer == "tarn_stream" else "#e07000", "linewidth": 2.6, "zorder": 5, "marker": "o"}
    if peer in ("cache_line", "bare", "futex"):
        return {"color": "black", "linestyle": "--" if peer != "cache_line" else ":", "marker": "x"}
    return {"color": COLOURS[order * 2 % 20 + order * 2 // 20 % 2], "marker": "."}


def draw(panels, path):
    figure, axes = pyplot.subplots(1, len(panels), figsize=(5.2 * len(panels) + 2.2, 4.6), squeeze=False, sharey=False)
    known = {}
    for axis, panel in zip(axes[0], panels):
        for curve in panel["series"]:
            (line,) = axis.plot(curve["x"], curve["y"], label=curve["name"], **style(curve))
            known.setdefault(curve["name"], line)
        axis.set(title=panel["title"], xlabel=panel["x"], ylabel=panel["y"], yscale="log")
        if not panel["series"] or not isinstance(panel["series"][0]["x"][0], str):
            axis.set_xscale("log", base=2 if panel["x"] != "messages a second" else 10)
    figure.legend(known.values(), known.keys(), loc="center right", frameon=False)
    figure.tight_layout(rect=(0, 0, 1 - 1.9 / figure.get_size_inches()[0], 1))
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, panels in json.load(sys.stdin).items():
        draw(panels, os.path.join(sys.argv[1], name + ".svg"))


main()
