"""Districts that are drawn on demand, for scenarios that the one at hand will not do for."""

from collections.abc import Callable
from pathlib import Path

from geo.data import draw_tenfold

DRAWN: dict[str, Callable[[Path], None]] = {"tenfold": draw_tenfold.draw}


def drawn_district(name: str, data: Path) -> Path:
    """The folder of a drawn district under `data`, drawn anew.

    Raises ValueError when nobody knows how to draw it.
    """
    if name not in DRAWN:
        raise ValueError(
            f"no district {name!r} can be drawn; there is {', '.join(DRAWN)}, or give a folder "
            "with --district"
        )
    folder = data / "districts" / name
    folder.mkdir(parents=True, exist_ok=True)
    DRAWN[name](folder)
    return folder
