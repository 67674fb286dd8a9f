"""From the outbox to the broker: in order, on one connection, deleted once acknowledged.

A process killed between publishing and deleting says the same thing again, which the retained,
self-contained messages of the contract bear; it never leaves something unsaid.
"""

import logging
import threading
import time
from datetime import datetime
from secrets import token_hex
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import psycopg

from broker.connection import Address, client
from store.database import Connection, connect
from store.leadership import Leadership
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("outbox")
BATCH = 1000
PATIENCE_S = 30.0
LOOK_S = 0.2
# What psycopg raises while a server stops, is away or comes back.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)


class BrokerSilent(ConnectionError):
    """The broker is away, or does not acknowledge what is published."""


class Publisher:
    """One publishing connection; with `status`, `down/status` says whether it stands."""

    def __init__(self, address: Address, prefix: str, *, status: bool = True) -> None:
        self._prefix = prefix
        self._address = address
        self._connected = threading.Event()
        self._refusal: str | None = None
        self._serving = False
        # What paho has and the broker has not acknowledged: said once, waited for again.
        self._under_way: dict[int, mqtt.MQTTMessageInfo] = {}
        self._answer: tuple[datetime, mqtt.MQTTMessageInfo] | None = None
        # A name of its own: a broker throws out the one that another connects under.
        self._client = client(address, f"roaddust-out-{token_hex(6)}", persistent=False)
        self._client.max_queued_messages_set(0)
        self._status = status
        if status:
            self._client.will_set(f"{prefix}down/status", _status("offline"), qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Connect; raises ConnectionError when the broker cannot be reached or refuses."""
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise ConnectionError(
                f"no broker at {self._address}: {error}. Start it, or give its address with --mqtt"
            ) from error
        self._client.loop_start()
        began = time.monotonic()
        while not self._connected.wait(LOOK_S):
            if self._refusal is not None:
                self.stop()
                raise ConnectionError(
                    f"the broker at {self._address} refuses the connection: {self._refusal}"
                )
            if time.monotonic() - began > PATIENCE_S:
                self.stop()
                raise BrokerSilent(f"the broker at {self._address} does not answer to a connection")

    def online(self) -> None:
        """From here on `down/status` says that whoever publishes to us is heard."""
        self._serving = True
        self.say("down/status", _status("online"), retain=True)

    def stop(self) -> None:
        """Say goodbye and disconnect."""
        if self._status and self._connected.is_set():
            self._client.publish(
                f"{self._prefix}down/status", _status("offline"), qos=1, retain=True
            ).wait_for_publish(timeout=2)
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> mqtt.MQTTMessageInfo:
        """Publish one message at QoS 1; the answer can be waited for."""
        info = self._client.publish(self._prefix + topic, payload, qos=1, retain=retain)
        if info.rc in (mqtt.MQTT_ERR_NO_CONN, mqtt.MQTT_ERR_CONN_LOST):
            # paho has queued it and sends it once connected, and yet calls this a failure.
            info.rc = mqtt.MQTT_ERR_SUCCESS
        return info

    def done(self, now: datetime) -> None:
        """Tell a lockstep world that everything up to `now` has been worked out.

        Raises BrokerSilent when the broker is away; called again it waits on.
        """
        if self._answer is None or self._answer[0] != now:
            self._need_broker()
            payload = msgspec.json.encode({"done": now})
            self._answer = now, self.say("down/clock", payload)
        self._wait([self._answer[1]])
        self._answer = None

    def drain(self, conn: Connection) -> int:
        """Publish all that is in the outbox and delete what the broker has; commits.

        Returns the number of messages; raises BrokerSilent when the broker is away or does not
        acknowledge. Called again it waits for what is under way instead of saying it twice.
        """
        count = 0
        while rows := conn.execute(SQL.next, {"limit": BATCH}).fetchall():
            self._need_broker()
            self._under_way = {
                number: self._under_way.get(number) or self.say(topic, payload, retain=retain)
                for number, topic, payload, retain in rows
            }
            self._wait(list(self._under_way.values()))
            conn.execute(SQL.acknowledged, {"ids": [row[0] for row in rows]})
            conn.commit()
            count += len(rows)
            if len(rows) < BATCH:
                break
        conn.commit()
        return count

    def run(self, dsn: str, stop: threading.Event) -> None:
        """Publish as the outbox fills, until `stop`. One publisher at a time: the others wait."""
        while not stop.is_set():
            try:
                with (
                    connect(dsn, name="outbox", autocommit=True) as listening,
                    connect(dsn, name="outbox") as conn,
                ):
                    listening.execute(SQL.listen)
                    self._publish_while_leading(listening, conn, stop)
            except (*AWAY, BrokerSilent) as error:
                log.warning("outbox: %s; trying again", error)
                stop.wait(1.0)

    def _publish_while_leading(
        self, listening: Connection, conn: Connection, stop: threading.Event
    ) -> None:
        leadership = Leadership("outbox")
        while not stop.is_set():
            if leadership.take(listening) and self._connected.is_set():
                self.drain(conn)
            for _ in listening.notifies(timeout=0.5, stop_after=1):
                pass

    def _need_broker(self) -> None:
        if not self._connected.is_set():
            raise BrokerSilent(f"the broker at {self._address} is away")

    def _wait(self, said: list[mqtt.MQTTMessageInfo]) -> None:
        """Until the broker has acknowledged all; raises BrokerSilent when it goes away."""
        until = time.monotonic() + PATIENCE_S
        for info in said:
            while not info.is_published():
                self._need_broker()
                if time.monotonic() > until:
                    raise BrokerSilent(f"the broker at {self._address} does not acknowledge")
                info.wait_for_publish(timeout=LOOK_S)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if code.is_failure:
            self._refusal = str(code)
            log.warning("the broker at %s refuses the connection: %s", self._address, code)
            return
        self._connected.set()
        if self._serving:
            self.say("down/status", _status("online"), retain=True)

    def _on_disconnect(self, *_: Any) -> None:
        if self._connected.is_set():
            log.warning("the connection for publishing to %s has ended", self._address)
        self._connected.clear()


def _status(word: str) -> bytes:
    return msgspec.json.encode({"status": word})
