"""The colours of every figure, drawing and page, in a light and a dark theme.

After Okabe and Ito 2008 (told apart by colour-blind readers), darkened or lightened until text in them has a contrast
of 4.5 to 1 on its ground.
"""

from __future__ import annotations

LIGHT = {
    "ink": "#1c2126", "muted": "#59626b", "grid": "#dfe3e7", "paper": "#ffffff", "tint": "#f3f5f7",
    "blue": "#0069a6", "orange": "#bf4c00", "green": "#00755a", "purple": "#95408a", "amber": "#836000",
    "grey": "#68717a", "red": "#b3261e", "teal": "#00707d",
}  # fmt: skip
DARK = {
    "ink": "#e8ebee", "muted": "#a3acb5", "grid": "#363d45", "paper": "#15191d", "tint": "#1e2429",
    "blue": "#62b5ef", "orange": "#ff9b57", "green": "#42cfa7", "purple": "#e29ccf", "amber": "#e0bf50",
    "grey": "#a0a9b2", "red": "#ff8a80", "teal": "#5fd0dc",
}  # fmt: skip
