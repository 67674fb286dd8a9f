"""From the outbox to the broker: in order, on one connection, deleted once acknowledged.

A process killed between publishing and deleting says the same thing again, which the retained,
self-contained messages of the contract bear; it never leaves something unsaid. A broker of MQTT 5
says which messages it will not have: each is logged with the reason and not tried again. One of
3.1.1 drops them without a word.
"""

import logging
import threading
import time
from collections import Counter
from datetime import datetime
from secrets import token_hex
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import psycopg

from broker.connection import Address, client
from broker.reasons import QUOTA_EXCEEDED, UNSUPPORTED_VERSION, said
from store.database import Connection, connect
from store.leadership import Leadership
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("outbox")
BATCH = 1000
PATIENCE_S = 30.0
LOOK_S = 0.2
TELL_EVERY_S = 60.0
# paho does not heed how many unacknowledged messages a broker of MQTT 5 allows; Mosquitto, as it
# comes, ends the connection after 20. A broker that allows fewer is spoken to in 3.1.1.
IN_FLIGHT = 20
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
        self._too_new = False
        self._serving = False
        # What paho has and the broker has not acknowledged: said once, waited for again.
        self._under_way: dict[int, mqtt.MQTTMessageInfo] = {}
        self._answer: tuple[datetime, mqtt.MQTTMessageInfo] | None = None
        # By paho's number of the message; the one that comes later, topic or refusal, reports it.
        self._topics: dict[int, str] = {}
        self._refusals: dict[int, str] = {}
        self._told_at: dict[tuple[str, str], float] = {}
        self._put_off = False
        self.refused: Counter[str] = Counter()
        "Messages that the broker would not have, by the first two levels of their topic."
        # A name of its own: a broker throws out the one that another connects under.
        self._name = f"roaddust-out-{token_hex(6)}"
        self._status = status
        self._client = self._new_client(five=True)

    def _new_client(self, *, five: bool) -> mqtt.Client:
        made = client(self._address, self._name, persistent=False, five=five)
        made.max_queued_messages_set(0)
        if five:
            made.max_inflight_messages_set(IN_FLIGHT)
        if self._status:
            made.will_set(f"{self._prefix}down/status", _status("offline"), qos=1, retain=True)
        made.on_connect = self._on_connect
        made.on_disconnect = self._on_disconnect
        made.on_publish = self._on_publish
        return made

    def start(self) -> None:
        """Connect, by MQTT 5 where the broker has it; raises ConnectionError when it cannot be
        reached or refuses."""
        if not self._connects(five=True):
            self._client = self._new_client(five=False)
            self._connects(five=False)

    def _connects(self, *, five: bool) -> bool:
        """False where the broker does not speak MQTT 5 as we need it."""
        self._begin()
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise ConnectionError(
                f"no broker at {self._address}: {error}. Start it, or give its address with --mqtt"
            ) from error
        self._client.loop_start()
        began = time.monotonic()
        while not self._connected.wait(LOOK_S):
            if self._too_new and five:
                self._client.disconnect()
                self._client.loop_stop()
                return False
            if self._refusal is not None:
                self.stop()
                raise ConnectionError(
                    f"the broker at {self._address} refuses the connection: {self._refusal}"
                )
            if time.monotonic() - began > PATIENCE_S:
                self.stop()
                raise BrokerSilent(f"the broker at {self._address} does not answer to a connection")
        return True

    def _begin(self) -> None:
        self._refusal, self._too_new = None, False

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
        self._topics[info.mid] = topic
        self._report(info.mid)
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
            self._put_off = False
            self._wait(list(self._under_way.values()))
            if self._put_off:
                # All of it is said again, so that the last word on a topic stays the last.
                self._under_way = {}
                raise BrokerSilent(f"the broker at {self._address} takes no more for now")
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

    def _wait(self, published: list[mqtt.MQTTMessageInfo]) -> None:
        """Until the broker has acknowledged all; raises BrokerSilent when it goes away."""
        until = time.monotonic() + PATIENCE_S
        for info in published:
            while not info.is_published():
                self._need_broker()
                if time.monotonic() > until:
                    raise BrokerSilent(f"the broker at {self._address} does not acknowledge")
                info.wait_for_publish(timeout=LOOK_S)

    # In paho's thread ---------------------------------------------------------------------------

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, more: Any) -> None:
        if code.value == UNSUPPORTED_VERSION:
            self._too_new = True
        if code.is_failure:
            self._refusal = said(code, more)
            if not self._too_new:
                log.warning(
                    "the broker at %s refuses the connection: %s", self._address, self._refusal
                )
            return
        if getattr(more, "ReceiveMaximum", IN_FLIGHT) < IN_FLIGHT:
            self._too_new = True
            return
        self._connected.set()
        if self._serving:
            self.say("down/status", _status("online"), retain=True)

    def _on_disconnect(self, _client: Any, _data: Any, flags: Any, code: Any, more: Any) -> None:
        if self._connected.is_set():
            why = f": {said(code, more)}" if flags.is_disconnect_packet_from_server else ""
            log.warning("the connection for publishing to %s has ended%s", self._address, why)
        elif self._refusal is None:
            # Some brokers close the connection at a version that they do not know.
            self._too_new = True
        self._connected.clear()

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: Any, more: Any) -> None:
        if not code.is_failure:
            self._topics.pop(mid, None)
        elif code.value == QUOTA_EXCEEDED:
            self._put_off = True
        else:
            self._refusals[mid] = said(code, more)
            self._report(mid)

    def _report(self, mid: int) -> None:
        """Say that a message was refused: each kind of topic and reason once a minute."""
        if mid not in self._topics or mid not in self._refusals:
            return
        topic, why = self._topics.pop(mid), self._refusals.pop(mid)
        kind = "/".join(topic.split("/")[:2])
        self.refused[kind] += 1
        now = time.monotonic()
        if now - self._told_at.get((kind, why), -TELL_EVERY_S) >= TELL_EVERY_S:
            self._told_at[kind, why] = now
            log.error(
                "the broker at %s refuses what we publish on %s%s: %s; nobody gets it (%d below %s "
                "since the start)",
                self._address,
                self._prefix,
                topic,
                why,
                self.refused[kind],
                kind,
            )


def _status(word: str) -> bytes:
    return msgspec.json.encode({"status": word})
