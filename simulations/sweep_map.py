"""The map of a sweep over two numbers: the worst p99 over its SLO, and beside it the station that is the busiest."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from sdlab.palette import LIGHT
from simulations.grid import Axis
from simulations.results import place_of
from simulations.sweep_results import Rows
from simulations.sweep_scales import Floats, colours_of, edges, label, positions, value_axis

INK = LIGHT["ink"]
CELLS_WITH_NUMBERS_MAX = 110
PALEST = 0.12  # of a station that is hardly used
SPAN = 10.0  # the map's colours reach from a tenth of the SLO to ten times it


def heat_map(figure: Figure, axes: tuple[Axis, ...], rows: Rows) -> None:
    """Both maps, the first number down and the second across."""
    down, across = axes
    shape = len(down.values), len(across.values)
    slos = np.array([row["slos"] for row in rows]).reshape(shape)
    x, y = positions(across), positions(down)
    edges_x, edges_y = edges(x, across.logarithmic), edges(y, down.logarithmic)
    met, busiest = figure.subplots(1, 2, sharey=True, width_ratios=(1.2, 1))
    _ratios(figure, met, (x, y), (edges_x, edges_y), rows, slos)
    _busiest(busiest, (edges_x, edges_y), rows, shape)
    for panel in (met, busiest):
        panel.set_xlabel(label(across))
        value_axis(panel, across, x, "x")
        panel.add_collection(
            LineCollection(
                _boundary(slos == "met", edges_x, edges_y), colors=INK, linewidths=2.4, capstyle="projecting"
            )
        )
        panel.set_xlim(edges_x[0], edges_x[-1])
    met.set_ylabel(label(down))
    value_axis(met, down, y, "y")
    met.set_ylim(edges_y[0], edges_y[-1])


def _ratios(
    figure: Figure,
    panel: Axes,
    places: tuple[Floats, Floats],
    borders: tuple[Floats, Floats],
    rows: Rows,
    slos: NDArray[np.str_],
) -> None:
    x, y = places
    ratio = np.array([row["slo_ratio"]["mean"] for row in rows]).reshape(slos.shape)
    mesh = panel.pcolormesh(*borders, ratio, cmap="RdBu_r", norm=LogNorm(1 / SPAN, SPAN), rasterized=False, linewidth=0)
    panel.set_facecolor("#dddddd")
    if ratio.size <= CELLS_WITH_NUMBERS_MAX:
        for i, j in np.ndindex(*slos.shape):
            if np.isfinite(ratio[i, j]):
                strong = abs(np.log10(ratio[i, j])) > 0.6
                number = f"{ratio[i, j]:,.0f}" if ratio[i, j] >= 100 else f"{ratio[i, j]:.2g}"
                panel.text(float(x[j]), float(y[i]), number, ha="center", va="center", fontsize=7.5,
                           color="white" if strong else INK)  # fmt: skip
    unsure = np.argwhere(slos == "unsure")
    if unsure.size:
        off = (0, -9) if ratio.size <= CELLS_WITH_NUMBERS_MAX else (0, 0)
        for i, j in unsure:
            panel.annotate("?", (x[j], y[i]), xytext=off, textcoords="offset points", ha="center", va="center",
                           fontsize=8, fontweight="bold")  # fmt: skip
    bar = figure.colorbar(mesh, ax=panel, extend="both", pad=0.02)
    bar.set_label("worst p99 / SLO (log scale): blue meets, red misses")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    words = "Blue, up to the black line: all SLOs are met"
    panel.set_title(words + ("; ?: more replications would tell" if unsure.size else ""), fontweight="normal")


def _busiest(panel: Axes, borders: tuple[Floats, Floats], rows: Rows, shape: tuple[int, int]) -> None:
    """A colour for each station that is the busiest somewhere, the stronger the busier it is."""
    colours = colours_of(rows)
    busy = np.clip([row["utilisation"]["mean"] for row in rows], 0, 1)
    strength = np.array(PALEST + (1 - PALEST) * busy)[:, np.newaxis]
    full = np.array([to_rgb(colours[place_of(row["busiest"])]) for row in rows])
    shades = 1 - strength * (1 - full)
    panel.pcolormesh(*borders, shades.reshape(*shape, 3), rasterized=False, linewidth=0)
    panel.set_title("The busiest station; the stronger the colour, the busier", fontweight="normal")
    panel.legend(
        handles=[Patch(color=colour, label=name) for name, colour in colours.items()],
        loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8.5,
    )  # fmt: skip


def _boundary(met: NDArray[np.bool_], edges_x: Floats, edges_y: Floats) -> list[list[tuple[float, float]]]:
    """The sides of cells that part what meets the SLOs from what does not."""
    lines = []
    for i, j in np.argwhere(met[:, 1:] != met[:, :-1]):
        lines.append([(edges_x[j + 1], edges_y[i]), (edges_x[j + 1], edges_y[i + 1])])
    for i, j in np.argwhere(met[1:, :] != met[:-1, :]):
        lines.append([(edges_x[j], edges_y[i + 1]), (edges_x[j + 1], edges_y[i + 1])])
    return lines
