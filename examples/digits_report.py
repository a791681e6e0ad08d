"""Read the latest run of `digits.py` back, print its results and draw them.

    python digits.py run
    python digits_report.py [PLOT.png]

Nothing here runs a flow. The client finds what a run left behind, from any program or
notebook started where the runs were: `run.data` holds the artifacts of the end step, and each
task of `run["fit"]` still has the model that it trained.
"""

import sys

import matplotlib as mpl

mpl.use("agg")  # draws into files, also where there is no screen

import matplotlib.pyplot as plt
from rich.console import Console
from rich.table import Table

from metaflow import Flow
from metaflow.exception import MetaflowNamespaceMismatch, MetaflowNotFound

COLOURS = {
    "nearest neighbours": "#4c78a8",
    "support vectors": "#e08214",
    "random forest": "#54a24b",
}
INK = "#333333"
LOOK = {
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#bbbbbb",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def describe(settings):
    """Write the settings of a model on one line, without the seed that all share."""
    shown = {name: value for name, value in settings.items() if name != "random_state"}
    return ", ".join(f"{name}={value:g}" for name, value in shown.items())


def print_results(run):
    """Print one line for each model, best first."""
    table = Table(title=f"{run.pathspec}, finished {run.finished_at:%d %B %Y, %H:%M}")
    table.add_column("Model")
    table.add_column("Settings")
    table.add_column("Accuracy", justify="right")
    table.add_column("Training", justify="right")
    for place, result in enumerate(run.data.results):
        table.add_row(
            result["family"],
            describe(result["settings"]),
            f"{result['accuracy']:.2%}",
            f"{result['fit_seconds'] * 1000:.0f} ms",
            style="bold" if place == 0 else None,
        )
    Console().print(table)


def draw_mistakes(axes, results):
    """Draw one bar for each model, best on top: the shorter, the better."""
    labels = [describe(result["settings"]) for result in results]
    shares = [100 * (1 - result["accuracy"]) for result in results]
    colours = [COLOURS[result["family"]] for result in results]
    bars = axes.barh(range(len(results)), shares, color=colours, height=0.72)
    axes.bar_label(bars, [f"{share:.1f} %" for share in shares], padding=4)
    axes.set_yticks(range(len(results)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.02)
    axes.set_xlabel("test images misread, in %")
    axes.tick_params(axis="y", length=0)
    axes.set_title("How often each model is wrong")


def draw_confusion(axes, confusion):
    """Draw how often each digit was taken for which."""
    count = len(confusion)
    axes.imshow(confusion, cmap="Blues")
    for truth in range(count):
        for answer in range(count):
            images = int(confusion[truth][answer])
            if images:
                ink = "white" if truth == answer else "#c03020"
                weight = "normal" if truth == answer else "bold"
                axes.text(answer, truth, images, ha="center", va="center", color=ink, weight=weight)
    axes.set_xticks(range(count))
    axes.set_yticks(range(count))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("read as")
    axes.set_ylabel("is")
    axes.set_title("What the best model takes for what")


def draw(run, path):
    """Write both plots into one image."""
    results = run.data.results
    with mpl.rc_context(LOOK):
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(13, 5.6), width_ratios=(1.25, 1), layout="constrained"
        )
        draw_mistakes(left, results)
        draw_confusion(right, run.data.confusion)
        handles = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
        figure.legend(
            handles, list(COLOURS), loc="outside lower left", ncols=len(COLOURS), frameon=False
        )
        figure.savefig(path, dpi=150)
        plt.close(figure)


def latest_run():
    """Find your latest run that reached its end; None if there is none yet."""
    try:
        return Flow("DigitsFlow").latest_successful_run
    except (MetaflowNotFound, MetaflowNamespaceMismatch):
        return None


def main():
    """Report on the latest run."""
    path = sys.argv[1] if len(sys.argv) > 1 else "digits.png"
    run = latest_run()
    if run is None:
        sys.exit("You have no successful run of DigitsFlow here: python digits.py run")
    print_results(run)
    draw(run, path)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
