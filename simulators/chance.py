"""Luck that does not depend on what was asked before: a number for each numbered occasion."""

import hashlib

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Chance:
    """Uniform numbers from 0 to 1 for a seed and a purpose, one for each occasion.

    Where a stream gives its numbers in the order in which they are asked for, this gives the
    n-th order of a crew its own number whatever came of the others.
    """

    def __init__(self, seed: int, *names: str) -> None:
        said = "\x1f".join((str(seed), *names)).encode()
        self._key = int.from_bytes(hashlib.sha256(said).digest()[:8], "little")

    def at(self, *occasion: int) -> float:
        """The number of an occasion; whole numbers of at most 64 bits name it."""
        word = self._key
        for part in occasion:
            word = _mixed((word + _GOLDEN * (part + 1)) & _MASK)
        return (word >> 11) * 2.0**-53

    def pick(self, count: int, *occasion: int) -> int:
        """One of so many, 0 to `count` - 1."""
        return int(self.at(*occasion) * count)


def _mixed(word: int) -> int:
    """The finishing function of SplitMix64 (Steele, Lea and Flood 2014)."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
    return word ^ (word >> 31)
