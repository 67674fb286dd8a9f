"""The files of pages: asked for at once, kept for good, and no other script allowed."""

import base64
import hashlib
import json
import re

import pytest

from console.pages.files import folders, import_map, modules, named
from tests.console.conftest import PASSWORD, Running

PAGES = ("/", "/wall", "/board", "/alarms", "/reports", "/me")


def test_a_file_is_kept_for_good_only_by_its_own_digest(still_console: Running) -> None:
    """Named by what it holds it never changes; by anything else it is asked for each time."""
    with still_console.as_(None) as client:
        for address in ("/static/main.js", "/static/style.css", "/lib/leaflet/leaflet/leaflet.css"):
            kept = client.get(named(address))
            assert kept.status_code == 200
            assert "immutable" in kept.headers["cache-control"]
            tag = kept.headers["etag"]
            same = client.get(named(address), headers={"If-None-Match": tag})
            assert (same.status_code, same.headers["cache-control"]) == (
                304,
                kept.headers["cache-control"],
            )
            for other in (address, f"{address}?v=0", f"{named(address)}&x=1"):
                assert client.get(other).headers["cache-control"] == "no-cache", other
        assert client.get("/static/nothing.js?v=0").status_code == 404
        assert client.get("/static/..%2Fapp.py?v=0").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_pages_ask_at_once_and_run_nothing_else(still_console: Running, path: str) -> None:
    """All modules of a page are named in its head; the import map is the one script inside it, and
    the policy names exactly that."""
    with still_console.as_(None) as client:
        client.post("/login", data={"name": "operator", "password": PASSWORD})
        answer = client.get(path)
    page = answer.text
    entries = re.findall(r'<script type="module" src="/static/([^?"]+)\?v=[0-9a-f]{12}">', page)
    asked = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', page))
    for entry in entries:
        assert {named(other) for other in modules(entry)[1:]} <= asked
    assert entries
    (inside,) = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_every_import_is_found() -> None:
    """What our modules import stands in the import map, however it is written."""
    mapped = json.loads(import_map())["imports"]
    written = re.compile(r'(?:from|^import)\s*"([^"\s]+)"|import\("([^"]+)"\)', re.MULTILINE)
    for file in folders()["/static"].glob("*.js"):
        for found in written.findall(file.read_text(encoding="utf-8")):
            name = next(filter(None, found))
            address = name if name.startswith("/") else f"/static/{name.removeprefix('./')}"
            assert mapped[address] == named(address), (file.name, name)
