"""A message that came in several packets, put together again."""

from collections import OrderedDict
from dataclasses import dataclass, field

from ingest.hj212 import Frame

MOST_PACKETS = 64
FINISHED = 16
"""Messages that are known to be through, for a packet that comes again."""


@dataclass(slots=True)
class Message:
    """What has come of one. packets: frames by PNO."""

    number: int
    began_s: float
    packets: dict[int, bytes] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.packets) == self.number

    @property
    def size(self) -> int:
        return sum(map(len, self.packets.values()))

    def payload(self) -> bytes:
        """Its packets in order, each with its line end."""
        return b"".join(frame + b"\r\n" for _, frame in sorted(self.packets.items()))


Key = tuple[str | None, int]
"""QN and CN: what the packets of a message share."""


def key_of(frame: Frame) -> Key:
    return frame.qn, frame.cn


class Packets:
    """The unfinished messages of one device: few, of bounded size."""

    def __init__(self, most_messages: int = 4, most_bytes: int = 200 * 1024) -> None:
        self._most_messages, self._most_bytes = most_messages, most_bytes
        self._messages: OrderedDict[Key, Message] = OrderedDict()
        self._finished: OrderedDict[Key, frozenset[bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._messages)

    def is_finished(self, frame: Frame, raw: bytes) -> bool:
        """Whether this very packet belongs to a message that is safe already."""
        return raw in self._finished.get(key_of(frame), ())

    def finished(self, frame: Frame, message: Message) -> None:
        """A whole message is safe."""
        self._finished[key_of(frame)] = frozenset(message.packets.values())
        while len(self._finished) > FINISHED:
            self._finished.popitem(last=False)

    def add(self, frame: Frame, raw: bytes, now_s: float) -> tuple[Message | None, list[Message]]:
        """Add a packet. The message where it is whole now; and those that there is no room for
        any more, which must go as they are."""
        number, place = frame.pnum or 1, 1 if frame.pno is None else frame.pno
        if not 1 <= place <= number <= MOST_PACKETS:
            return Message(1, now_s, {1: raw}), []
        key = key_of(frame)
        message = self._messages.get(key)
        overdue = []
        if message is not None and message.number != number:
            overdue.append(self._messages.pop(key))
            message = None
        if message is None:
            message = self._messages[key] = Message(number, now_s)
        message.packets[place] = raw
        if message.whole:
            return self._messages.pop(key), overdue
        while len(self._messages) > self._most_messages or self._size() > self._most_bytes:
            overdue.append(self._messages.popitem(last=False)[1])
        return None, overdue

    def overdue(self, began_before_s: float) -> list[Message]:
        """Take out those that began before that and are not whole yet."""
        late = [key for key, said in self._messages.items() if said.began_s < began_before_s]
        return [self._messages.pop(key) for key in late]

    def _size(self) -> int:
        return sum(message.size for message in self._messages.values())
