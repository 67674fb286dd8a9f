"""The files that pages are made of: our own, and the browser's libraries.

A page names each file with the digest of what it holds, so that a browser keeps it for good and
asks for it again only when it has changed. What modules import goes by an import map to the same
addresses; a browser without import maps asks for them plainly, and each time. So does the crew's
page, whose worker keeps them on the phone (`static/crew-worker.js`).
"""

import base64
import hashlib
import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles
from markupsafe import Markup
from starlette.types import Scope

from console.pages.common import HERE, templates

IMPORTS = re.compile(r'^(?:import|\}|export)[^"]*"(?:\.|(?=/lib/))(/[^"]+)";$', re.MULTILINE)
KEPT_FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def folders() -> dict[str, Path]:
    """Where files lie, by address: ours, and Vue, Leaflet and ECharts in the NiceGUI wheel.

    NiceGUI's server code is never loaded; see the room's README for why.
    """
    spec = find_spec("nicegui")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the nicegui wheel is missing: it carries the browser libraries")
    wheel = Path(spec.submodule_search_locations[0])
    return {
        "/static": HERE / "static",
        "/lib/vue": wheel / "static",
        "/lib/leaflet": wheel / "elements" / "leaflet" / "dist",
        "/lib/echarts": wheel / "elements" / "echart" / "dist",
    }


def _file(address: str) -> Path:
    under = next(under for under in folders() if address.startswith(f"{under}/"))
    return folders()[under] / address.removeprefix(f"{under}/")


@cache
def _digest(address: str) -> str:
    return hashlib.sha256(_file(address).read_bytes()).hexdigest()[:12]


def named(address: str) -> str:
    """The address with the digest of what lies there."""
    return f"{address}?v={_digest(address)}"


@cache
def modules(entry: str) -> tuple[str, ...]:
    """Addresses of all modules that one of ours imports when it loads, itself first."""
    found: dict[str, None] = {}
    waiting = [f"/static/{entry}"]
    while waiting:
        address = waiting.pop(0)
        if address in found:
            continue
        found[address] = None
        if address.startswith("/static/"):
            imported = IMPORTS.findall(_file(address).read_text(encoding="utf-8"))
            waiting += [name if name.startswith("/lib/") else f"/static{name}" for name in imported]
    return tuple(found)


@cache
def import_map() -> Markup:
    """What an import leads to, for all modules; the first script of a page."""
    ours = [f"/static/{path.name}" for path in folders()["/static"].glob("*.js")]
    everything = {address for one in ours for address in modules(Path(one).name)}
    imports = {address: named(address) for address in sorted(everything)}
    # Names of files of ours, nothing that anybody has written elsewhere.
    return Markup(json.dumps({"imports": imports}, separators=(",", ":")))  # noqa: S704


def import_map_hash() -> str:
    """How a Content-Security-Policy names the import map: the only script written into a page."""
    digest = hashlib.sha256(import_map().encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def script(entry: str) -> Markup:
    """The tags of a page's script: the browser asks for all its modules at once, where by itself it
    would find them import by import, four answers one after another."""
    first, *others = map(named, modules(entry))
    tags = [Markup('<link rel="modulepreload" href="{}">').format(other) for other in others]
    tags.append(Markup('<script type="module" src="{}"></script>').format(first))
    return Markup("\n").join(tags)


templates.env.globals |= {"file": named, "import_map": import_map, "script": script}


class Files(StaticFiles):
    """A folder of them, read-only; `under` is the address it lies at."""

    def __init__(self, under: str, folder: Path) -> None:
        super().__init__(directory=folder)
        self._under = under

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        query = scope["query_string"].decode("latin-1")
        if query.startswith("v=") and query == f"v={_digest(f'{self._under}/{path}')}":
            response.headers["Cache-Control"] = KEPT_FOR_GOOD
        return response


def mount_files(app: FastAPI) -> None:
    """Serve them. What they hold is looked at once: whoever changes one starts the console anew."""
    for under, folder in folders().items():
        app.mount(under, Files(under, folder), name=under.rsplit("/", 1)[-1])
