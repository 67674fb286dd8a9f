"""The files that pages are made of: our own, and the browser's libraries."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from console.pages.common import HERE


def mount_files(app: FastAPI) -> None:
    """Serve our own files and, from the NiceGUI wheel, Vue, Leaflet and ECharts.

    NiceGUI's server code is never loaded; see the room's README for why.
    """
    spec = find_spec("nicegui")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the nicegui wheel is missing: it carries the browser libraries")
    wheel = Path(spec.submodule_search_locations[0])
    for name, folder in {
        "vue": wheel / "static",
        "leaflet": wheel / "elements" / "leaflet" / "dist",
        "echarts": wheel / "elements" / "echart" / "dist",
    }.items():
        app.mount(f"/lib/{name}", StaticFiles(directory=folder), name=name)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
