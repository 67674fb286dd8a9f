"""paho, hearing and acknowledging many messages at a time.

paho calls the system four times for each message, twice for a single byte, and in MQTT 5 builds a
table of all properties for each, of which ingest uses none. What is overridden here are those three
places; connecting, subscribing and keeping alive stay paho's.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

READ_AHEAD = 65_536
_PUBACK = struct.Struct("!BBH")
_LENGTH_BYTES = 4


class Hearing(mqtt.Client):
    """A client with manual acknowledgement, run by the caller's own loop.

    `heard` takes each message of QoS 0 and 1 as (topic, payload, qos, mid, again), the topic as the
    bytes that came; `on_message` is not called for them.
    """

    heard: Callable[[bytes, bytes, int, int, bool], None]
    _ahead = b""
    _at = 0

    def is_ahead(self) -> bool:
        """Whether there is more to read, whatever the socket says."""
        return self._at < len(self._ahead)

    def acknowledge(self, mids: Iterable[int]) -> None:
        """Send PUBACK for each of these, in one piece."""
        acks = b"".join([_PUBACK.pack(mqtt.PUBACK, 2, mid) for mid in mids])
        if acks:
            self._packet_queue(mqtt.PUBACK, acks, 0, 1)

    def reconnect(self) -> MQTTErrorCode:
        """As paho's; what was read of the old connection is forgotten."""
        self._ahead, self._at = b"", 0
        return super().reconnect()

    # Called by paho ------------------------------------------------------------------------------

    def _sock_recv(self, bufsize: int) -> bytes:
        at = self._at
        if at == len(self._ahead):
            self._ahead, at = super()._sock_recv(max(bufsize, READ_AHEAD)), 0
        data = self._ahead[at : at + bufsize]
        self._at = at + len(data)
        return data

    def _handle_publish(self) -> MQTTErrorCode:
        packet: Any = self._in_packet["packet"]
        flags = self._in_packet["command"]
        qos = flags >> 1 & 3
        if qos > 1:
            return super()._handle_publish()
        try:
            end = 2 + (packet[0] << 8 | packet[1])
            topic, mid, at = bytes(packet[2:end]), 0, end
            if qos:
                mid, at = packet[end] << 8 | packet[end + 1], end + 2
            if self._protocol == mqtt.MQTTv5:
                at = _after_properties(packet, at)
        except IndexError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if at > len(packet):
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.heard(topic, bytes(packet[at:]), qos, mid, bool(flags & 8))
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def _after_properties(packet: Any, at: int) -> int:
    """Where the payload begins. Raises IndexError for a length that does not end."""
    length = 0
    for shift in range(_LENGTH_BYTES):
        byte = packet[at + shift]
        length |= (byte & 127) << 7 * shift
        if byte < 128:
            return int(at + shift + 1 + length)
    raise IndexError("the length of the properties has more than four bytes")
