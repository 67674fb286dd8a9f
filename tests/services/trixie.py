"""Debian 13's TimescaleDB and Mosquitto, unpacked into a cache folder and run from there.

``python -m tests.services`` prepares the folder: about 30 s and 650 MB, once. Nothing
is installed on the machine itself. The packages are unpacked and not configured, because
their set-up scripts would make clusters and services that no test uses.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.services.missing import ServiceMissing

SUITE = "trixie"
PACKAGES = ("mosquitto", "postgresql-17", "postgresql-17-timescaledb")
# The ids of Debian's account nobody, which Debian's own set-up would have entered.
NOBODY_ID = 65534
UNPRIVILEGED = (
    "setpriv",
    f"--reuid={NOBODY_ID}",
    f"--regid={NOBODY_ID}",
    "--clear-groups",
    "--pdeathsig=INT",
)


def cache_folder() -> Path:
    """Give ``$ROADDUST_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("ROADDUST_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "roaddust"


def trixie_root() -> Path:
    """Give the unpacked system; make it when it is not there yet.

    Raises
    ------
    ServiceMissing
        When this machine cannot have it.
    """
    recipe = " ".join((SUITE, *PACKAGES, "unpacked-2"))
    root = cache_folder() / f"{SUITE}-{hashlib.sha256(recipe.encode()).hexdigest()[:8]}"
    if os.geteuid() != 0:
        raise ServiceMissing("Debian's TimescaleDB runs in a chroot, which only root can enter")
    if root.exists():
        return root
    if shutil.which("debootstrap") is None:
        raise ServiceMissing("debootstrap is not installed; `make services` installs it")
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "trixie.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack(root)
    return root


@contextmanager
def workplace(root: Path) -> Iterator[Path]:
    """Give a folder inside the unpacked system that its servers may write; removed at the end."""
    _sweep(root)
    with tempfile.TemporaryDirectory(prefix=f"run-{os.getpid()}-", dir=root / "tmp") as folder:
        os.chown(folder, NOBODY_ID, NOBODY_ID)
        yield Path(folder)


def inside(root: Path, path: Path) -> str:
    """Give the name that a path has for a program that runs in the chroot."""
    return f"/{path.relative_to(root)}"


def _sweep(root: Path) -> None:
    """Remove what killed test runs left."""
    for folder in (root / "tmp").glob("run-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _unpack(root: Path) -> None:
    new = root.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    wanted = f"--include={','.join(PACKAGES)}"
    done = subprocess.run(
        ["debootstrap", "--foreign", "--variant=minbase", wanted, SUITE, str(new)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-5:])
        raise ServiceMissing(f"debootstrap failed: {done.stderr.strip()}\n{end}")
    archives = new / "var" / "cache" / "apt" / "archives"
    for package in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(new)], check=True)
        package.unlink()
    (new / "etc" / "passwd").write_text(
        f"root:x:0:0:root:/:/bin/sh\nnobody:x:{NOBODY_ID}:{NOBODY_ID}:nobody:/:/bin/false\n"
    )
    (new / "etc" / "group").write_text(f"root:x:0:\nnogroup:x:{NOBODY_ID}:\n")
    (new / "dev" / "shm").chmod(0o1777)
    new.rename(root)
