"""A paho client from a URL: credentials, TLS, and no waiting for Nagle's algorithm."""

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORTS = {"mqtt": 1883, "mqtts": 8883}
FOREVER_S = 0xFFFF_FFFF
"""The session expiry of MQTT 5 that means never."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is: `mqtt://user:password@host:port`, or `mqtts://` for TLS."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: bool = False

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises ValueError that says how a broker is written."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(
                f"{_without_password(url)!r} is no broker: write mqtt://host:port, "
                "mqtts://host:port for TLS, and user:password@ before the host where needed"
            )
        return cls(
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            tls=parts.scheme == "mqtts",
        )

    def __str__(self) -> str:
        """The address as it may be logged: without the password."""
        user = f"{self.username}@" if self.username else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{self.host}:{self.port}"


def client(
    address: Address,
    client_id: str,
    *,
    persistent: bool,
    five: bool = False,
    kind: type[mqtt.Client] = mqtt.Client,
    **options: Any,
) -> mqtt.Client:
    """A paho client, configured but not yet connected; `connect` does that.

    persistent: the broker keeps subscriptions and unacknowledged messages while it is away. With
    MQTT 5 it is for `connect` to say so, see `session`.
    five: speak MQTT 5, otherwise 3.1.1. kind: a class of clients.
    options: passed on to `paho.mqtt.client.Client` (`manual_ack=True`, say).
    """
    made = kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else not persistent,
        protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
        **options,
    )
    if address.username:
        made.username_pw_set(address.username, address.password)
    if address.tls:
        made.tls_set()
    # Small messages that wait for an answer met delayed acknowledgements: 84 ms a tick, 4 ms so.
    made.on_socket_open = _send_at_once
    made.max_inflight_messages_set(1000)
    made.reconnect_delay_set(min_delay=1, max_delay=30)
    return made


def session(keep_s: int, in_flight: int) -> Properties:
    """What MQTT 5 asks for at `connect`, beside `clean_start=False`.

    keep_s: how long the broker keeps the session after the connection has ended. in_flight: how
    many messages it may send before it has an acknowledgement; 65,535 at most.
    """
    asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    asked.SessionExpiryInterval = min(keep_s, FOREVER_S)
    asked.ReceiveMaximum = max(1, min(in_flight, 65_535))
    return asked


def _send_at_once(_client: mqtt.Client, _userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _without_password(url: str) -> str:
    before, at, after = url.rpartition("@")
    return f"…@{after}" if at and before else url
