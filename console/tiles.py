"""The base map, where one is set: whose pictures, in which datum, and which hosts may send them."""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_BLANK = re.compile(r"\{(\w+)\}")
_KNOWN = frozenset({"z", "x", "y", "s"})
_NEEDED = frozenset({"z", "x", "y"})
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Tiles:
    """A layer of map tiles, off until somebody switches it on.

    url: https://host/{z}/{x}/{y}.png, or http://; {s} takes one letter of `subdomains`. A path on
        this server (/tiles/{z}/{x}/{y}.png) where a proxy gives them.
    attribution: what their maker wants said beside them, as plain text.
    crs: datum that the tiles are drawn in. With gcj02 the streets are moved to fit them.
    """

    url: str
    attribution: str = ""
    crs: Literal["wgs84", "gcj02"] = "wgs84"
    subdomains: str = ""

    def __post_init__(self) -> None:
        blanks = set(_BLANK.findall(self.url))
        if blanks - _KNOWN or not blanks >= _NEEDED:
            raise ValueError(
                f"console.tiles.url is {self.url!r}: it needs {{z}}, {{x}} and {{y}}, and may have "
                "{s}"
            )
        if ("s" in blanks) != bool(self.subdomains):
            raise ValueError(
                "console.tiles: {s} in the url and `subdomains` go together; give both or neither"
            )
        if not re.fullmatch(r"[a-z0-9]*", self.subdomains):
            raise ValueError(
                f"console.tiles.subdomains is {self.subdomains!r}: give letters like abc"
            )
        for source in self.sources():
            host = source.partition("://")[2]
            if not _HOST.fullmatch(host):
                raise ValueError(f"console.tiles.url is {self.url!r}: its host cannot be read")

    def sources(self) -> tuple[str, ...]:
        """The hosts that pictures may come from beside this one, as a content policy names them."""
        if self.url.startswith("/") and not self.url.startswith("//"):
            return ()
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or "@" in parts.netloc:
            raise ValueError(
                f"console.tiles.url is {self.url!r}: begin it with https://, http:// or /"
            )
        letters = self.subdomains or [""]
        return tuple(f"{parts.scheme}://{parts.netloc.replace('{s}', one)}" for one in letters)
