"""HJ 212 frames in a stream of bytes, however TCP has cut it."""

import re

from ingest.hj212 import DIGITS, HEAD

_START = len(HEAD) + DIGITS
_CRC_DIGITS = 4
_LENGTH = re.compile(rb"\d{4}\Z")
_CRC = re.compile(rb"[0-9A-Fa-f]{4}\Z")
_BETWEEN = b"\r\n "


class FrameStream:
    """Takes bytes in, gives frames out; holds no more than one unfinished frame.

    A frame ends where its length says. One whose length makes no sense ends at the next line end
    or ``##``, and is given out for what it is: the codec says what is wrong with it.
    """

    def __init__(self, most_bytes: int) -> None:
        """most_bytes: a segment that says more than this is not waited for."""
        self._most = most_bytes
        self._buffer = bytearray()
        self.junk = 0
        "Bytes outside of frames since the last one, but for line ends and blanks."

    @property
    def pending(self) -> int:
        """Bytes of an unfinished frame."""
        return len(self._buffer)

    @property
    def ended(self) -> bool:
        """Whether the unfinished frame has a line end all the same: its length is wrong."""
        return self._buffer.endswith(b"\n")

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete, without CR LF."""
        self._buffer += data
        frames = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    def give_up(self) -> bytes | None:
        """What is left of a frame that never ended, if anything, and begin anew."""
        left = bytes(self._buffer).strip(_BETWEEN)
        self._buffer.clear()
        return left or None

    def _next(self) -> bytes | None:
        buffer = self._buffer
        self._drop_junk()
        if len(buffer) < _START:
            return None
        digits = bytes(buffer[len(HEAD) : _START])
        if not _LENGTH.match(digits) or int(digits) > self._most:
            return self._cut_badly()
        end = _START + int(digits) + _CRC_DIGITS
        if len(buffer) < end:
            # The next frame has begun before this one is through: it said too much.
            following = buffer.find(b"\r\n" + HEAD, _START)
            return None if following < 0 else self._cut(following)
        ends_well = _CRC.match(bytes(buffer[end - _CRC_DIGITS : end]))
        follows = bytes(buffer[end : end + 1])
        if ends_well and (not follows or follows in _BETWEEN or follows == HEAD[:1]):
            self.junk = 0
            return self._cut(end)
        return self._cut_badly()

    def _drop_junk(self) -> None:
        buffer = self._buffer
        at = buffer.find(HEAD)
        if at < 0:
            at = len(buffer) - buffer.endswith(HEAD[:1])
        while buffer[at : at + 3] == b"###":
            at += 1
        self.junk += len(bytes(buffer[:at]).translate(None, _BETWEEN))
        del buffer[:at]

    def _cut_badly(self) -> bytes | None:
        """Up to the next sign of a frame; None where it has not come yet."""
        buffer = self._buffer
        signs = [at for sign in (b"\n", HEAD) if (at := buffer.find(sign, len(HEAD))) >= 0]
        if signs:
            return self._cut(min(signs))
        return self._cut(len(buffer)) if len(buffer) > self._most + _START else None

    def _cut(self, end: int) -> bytes:
        frame = bytes(self._buffer[:end]).rstrip(_BETWEEN)
        del self._buffer[:end]
        return frame
