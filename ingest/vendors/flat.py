"""Nested messages as flat facts, of bounded size: JSON, and XML that cannot explode.

XML with a document type is refused: entities are how a hundred bytes become a gigabyte, or a file
of ours. No protocol of a camera needs one.
"""

from typing import Any
from xml.parsers import expat

import msgspec

from ingest.items import read
from ingest.refusals import Refusal
from ingest.vendors.sighting import Facts

MOST_FACTS = 2000
MOST_DEPTH = 24
MOST_TEXT = 4096

_ANY = msgspec.json.Decoder(dict[str, Any])


def flat_json(payload: bytes) -> Facts:
    """Leaves of a JSON object; of a list each by its place. Raises Refusal."""
    facts: Facts = {}
    todo: list[tuple[str, Any, int]] = [("", read(_ANY.decode, payload), 0)]
    while todo:
        path, value, depth = todo.pop()
        if depth > MOST_DEPTH or len(facts) > MOST_FACTS:
            raise Refusal("size", "the message is nested too deeply, or has too many values")
        if isinstance(value, dict | list):
            named = value.items() if isinstance(value, dict) else enumerate(value)
            inner = [(f"{path}.{name}" if path else str(name), v, depth + 1) for name, v in named]
            todo += reversed(inner)
        elif value is not None:
            facts[path] = (str(value).lower() if isinstance(value, bool) else str(value))[
                :MOST_TEXT
            ]
    return facts


def flat_xml(payload: bytes) -> tuple[str, Facts]:
    """The name of the root and the leaves below it, namespaces left out; of elements of the same
    path the first. Raises Refusal."""
    facts: Facts = {}
    path: list[str] = []
    texts: list[list[str]] = []
    root: list[str] = []

    def begin(name: str, _attributes: object) -> None:
        local = name.rpartition("}")[2].rpartition(":")[2]
        if not root:
            root.append(local)
        elif len(path) >= MOST_DEPTH or len(facts) >= MOST_FACTS:
            raise Refusal("size", "the XML is nested too deeply, or has too many elements")
        path.append(local)
        texts.append([])

    def text(data: str) -> None:
        if texts:
            texts[-1].append(data)

    def end(_name: str) -> None:
        said = "".join(texts.pop()).strip()[:MOST_TEXT]
        where = ".".join(path[1:])
        path.pop()
        if where and said:
            facts.setdefault(where, said)

    def refuse(*_: object) -> int:
        raise Refusal("type", "the XML has a document type: send it without")

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(payload, True)
    except expat.ExpatError as error:
        raise Refusal("type", f"the payload is no XML: {error}") from None
    except (ValueError, LookupError) as error:
        # An encoding that Python does not have, say.
        if isinstance(error, Refusal):
            raise
        raise Refusal("type", f"the payload is no XML that can be read: {error}") from None
    return root[0], facts
