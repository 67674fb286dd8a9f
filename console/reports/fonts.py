"""Where the letters of a PDF come from: Noto Sans SC and Inter out of their wheels, so that nothing
of the system is needed; what the system has is taken where a wheel is missing."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

WHEELS = {
    "justmytype_intl_cjk": "fonts/ofl/notosanssc",
    "fontpkg_inter": "files",
}
FAMILIES = (
    "Inter",
    "Noto Sans SC",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
)
"""In the order in which they are asked for a sign."""


def folders() -> list[Path]:
    """Folders of the wheels that are there."""
    found = []
    for package, folder in WHEELS.items():
        if find_spec(package) is not None:
            path = Path(str(files(package))) / folder
            if path.is_dir():
                found.append(path)
    return found


def whole() -> bool:
    """Whether the wheels alone hold every letter."""
    return len(folders()) == len(WHEELS)
