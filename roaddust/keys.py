"""The key that signs the console's sessions: made once, kept in a file only its owner reads."""

import os
import secrets
from pathlib import Path


def console_key(data: Path) -> str:
    """The key in `data`, made on the first call."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "console.key"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        key = secrets.token_hex(32)
        file.write(key)
    return key
