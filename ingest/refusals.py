"""Why a message, or an item of one, is not stored as what it claims to be."""

from typing import Literal, get_args

Reason = Literal[
    "topic",  # no such topic in the contract
    "unknown_id",  # an id that the district does not have
    "size",  # payload or array too long
    "json",  # not JSON
    "missing",  # a key that is needed is not there
    "type",  # a value of the wrong type
    "kind",  # an event or report of an unknown kind
    "time",  # a time that cannot be read
    "ahead",  # a time ahead of the clock
    "empty",  # a reading without any value, an array without any item
    "place",  # a longitude or latitude that is not on Earth
    "unit",  # SenML: a unit that does not fit the quantity
    "frame",  # HJ 212: not to be taken apart
    "length",  # HJ 212: the length does not fit
    "crc",  # HJ 212: the checksum does not fit, or there is none
    "device",  # HJ 212: neither an air station nor a dust site
    "mn",  # HJ 212: another device's number
    "no_reading",  # HJ 212: a frame that brings no measurements
    "conflict",  # the same identity with other values: is stored, or came earlier in the pack
    "database",  # the database would not take it
    "error",  # we could not cope with it: a fault of ours
]
REASONS: tuple[Reason, ...] = get_args(Reason)


class Refusal(ValueError):
    """An item is refused: a word to count by and a sentence that says what was wrong."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason: Reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
