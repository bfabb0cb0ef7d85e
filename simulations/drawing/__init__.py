"""Draws a model: `svg.Canvas` holds shapes, `graph` and `layout` place the topology, `blocks` the flows' steps."""

from simulations.drawing.picture import draw
from simulations.drawing.usage import Usage

__all__ = ["Usage", "draw"]
