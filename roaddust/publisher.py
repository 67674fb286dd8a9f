"""From the outbox to the broker: in order, on one connection, deleted once acknowledged.

A process killed between publishing and deleting says the same thing again, which the retained,
self-contained messages of the contract bear; it never leaves something unsaid.
"""

import logging
import threading
from datetime import datetime
from secrets import token_hex
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import psycopg

from broker.connection import Address, client
from store.database import Connection, connect
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("outbox")
BATCH = 1000
PATIENCE_S = 30.0


class BrokerSilent(ConnectionError):
    """The broker does not acknowledge what is published."""


class Publisher:
    """One publishing connection; with `status`, `down/status` says whether it stands."""

    def __init__(self, address: Address, prefix: str, *, status: bool = True) -> None:
        self._prefix = prefix
        self._address = address
        self._connected = threading.Event()
        self._serving = False
        # A name of its own: a broker throws out the one that another connects under.
        self._client = client(address, f"roaddust-out-{token_hex(6)}", persistent=False)
        self._client.max_queued_messages_set(0)
        self._status = status
        if status:
            self._client.will_set(f"{prefix}down/status", _status("offline"), qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect

    def start(self) -> None:
        """Connect; raises ConnectionError when the broker cannot be reached."""
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise ConnectionError(
                f"no broker at {self._address}: {error}. Start it, or give its address with --mqtt"
            ) from error
        self._client.loop_start()
        if not self._connected.wait(PATIENCE_S):
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
        return self._client.publish(self._prefix + topic, payload, qos=1, retain=retain)

    def done(self, now: datetime) -> None:
        """Tell a lockstep world that everything up to `now` has been worked out."""
        _wait([self.say("down/clock", msgspec.json.encode({"done": now}))])

    def drain(self, conn: Connection) -> int:
        """Publish all that is in the outbox and delete what the broker has; commits.

        Returns the number of messages; raises BrokerSilent when the broker does not acknowledge.
        """
        count = 0
        while rows := conn.execute(SQL.next, {"limit": BATCH}).fetchall():
            _wait([self.say(topic, payload, retain=retain) for _, topic, payload, retain in rows])
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
            except (psycopg.OperationalError, BrokerSilent) as error:
                log.warning("outbox: %s; trying again", error)
                stop.wait(1.0)

    def _publish_while_leading(
        self, listening: Connection, conn: Connection, stop: threading.Event
    ) -> None:
        leading = False
        while not stop.is_set():
            if not leading:
                row = listening.execute(SQL.lead).fetchone()
                leading = bool(row and row[0])
            if leading:
                self.drain(conn)
            for _ in listening.notifies(timeout=0.5, stop_after=1):
                pass

    def _on_connect(self, *_: Any) -> None:
        self._connected.set()
        if self._serving:
            self.say("down/status", _status("online"), retain=True)

    def _on_disconnect(self, *_: Any) -> None:
        self._connected.clear()


def _status(word: str) -> bytes:
    return msgspec.json.encode({"status": word})


def _wait(said: list[mqtt.MQTTMessageInfo]) -> None:
    for info in said:
        info.wait_for_publish(timeout=PATIENCE_S)
        if not info.is_published():
            raise BrokerSilent("the broker does not acknowledge; is it still there?")
