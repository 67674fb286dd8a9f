"""axe-core, the accessibility engine, from the npm registry: one file, its hash pinned, kept in the
cache folder."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from tests.services.missing import ServiceMissing
from tests.services.trixie import cache_folder

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
REGISTRY = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
WITHIN_S = 60


def axe_script() -> Path:
    """Give the script to put into a page; fetch it when it is not there yet.

    Raises
    ------
    ServiceMissing
        When the registry cannot be reached.
    ValueError
        When what came is not what was pinned.
    """
    kept = cache_folder() / f"axe-core-{VERSION}.min.js"
    if kept.exists():
        return kept
    address = f"{REGISTRY}/axe-core/-/axe-core-{VERSION}.tgz"
    try:
        with urllib.request.urlopen(address, timeout=WITHIN_S) as answer:
            archive = answer.read()
    except (urllib.error.URLError, TimeoutError) as error:
        raise ServiceMissing(f"axe-core cannot be had from the npm registry ({error})") from error
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != SHA512:
        raise ValueError(f"{address} has the hash {found}: expected {SHA512}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_bytes(script.read())
    new.replace(kept)
    return kept
