"""Random numbers: one independent stream for each purpose and device."""

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(seed: int, *names: str) -> np.random.Generator:
    """Give the generator that belongs to a seed and a purpose, such as ("station", "ST04").

    The same seed and names give the same numbers in every run and on every machine; another
    name gives a stream that is independent of it, so a device more or less changes no other.
    """
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *map(int, words)])))
