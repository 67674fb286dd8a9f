"""A bridge on the broker: from the topics of DJI's docks to those of the contract.

A dock's message is acknowledged, and replied to, once the broker has the event that it became.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, tzinfo
from secrets import token_hex

import msgspec
import paho.mqtt.client as mqtt

from broker.connection import Address, client
from ingest.arrivals import Arrival, InHand
from ingest.gateway.hikvision import encoded
from ingest.gateway.vendorcounters import VendorCounters
from ingest.gateway.vendorsettings import VendorSettings
from ingest.instants import microseconds
from ingest.refusals import Refusal
from ingest.subscription import Subscription
from ingest.vendors import dji
from ingest.vendors.repeats import Repeats
from ingest.vendors.table import Table

log = logging.getLogger(__name__)

IDLE_S = 0.5
LOOK_S = 0.2
DRAIN_S = 2.0
REMEMBERED = 1000
PLACE_S = 30.0
"""A drone that has said nothing for so long may be anywhere."""
IN_HAND_MIB = 16


class DjiBridge:
    """Runs in threads of its own between `start` and `stop`. now: the platform's time."""

    def __init__(
        self,
        address: Address,
        prefix: str,
        table: Table,
        zone: tzinfo,
        settings: VendorSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._prefix, self._table, self._zone = prefix, table, zone
        self._settings, self._now = settings, now
        self._in_hand = InHand(settings.in_hand, IN_HAND_MIB * 2**20)
        self._subscription = Subscription(
            address, settings.client_id, "", self._in_hand, dji.TOPICS
        )
        self._address = address
        self._out = client(address, f"{settings.client_id}-out-{token_hex(6)}", persistent=False)
        self._out.max_queued_messages_set(0)
        self._places: OrderedDict[str, tuple[dji.Place, float]] = OrderedDict()
        self._aboard: OrderedDict[str, list[str]] = OrderedDict()
        self._repeats = Repeats()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dji-bridge", daemon=True)
        self.counters = VendorCounters()
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Raises ConnectionError for a broker that is away or refuses."""
        try:
            self._out.connect(self._address.host, self._address.port)
        except OSError as error:
            self._subscription.end()
            raise ConnectionError(
                f"no broker at {self._address}: {error}. Start it, or give its address with --mqtt"
            ) from error
        self._out.loop_start()
        self._thread.start()
        try:
            self._subscription.start()
        except ConnectionError:
            self.stop()
            raise

    def stop(self) -> None:
        """What is under way is acknowledged, or comes again at the next start. Within 5 s."""
        self._subscription.stop_reading()
        self._stopping.set()
        self._in_hand.wake()
        self._thread.join(DRAIN_S)
        self._subscription.end()
        self._out.disconnect()
        self._out.loop_stop()

    # In the bridge's thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                arrival = self._in_hand.take(IDLE_S)
                if arrival is not None and not self._pass_on(arrival):
                    return
        except BaseException as error:
            log.exception("the bridge has stopped")
            self.failure = error
            self._subscription.stop_reading()

    def _pass_on(self, arrival: Arrival) -> bool:
        """False when told to stop before the broker had it: it stays unacknowledged."""
        self.counters.messages += 1
        realm, _, device, what = ("", "", "", "")
        parts = arrival.topic.split("/")
        if len(parts) == 4:
            realm, _, device, what = parts
        try:
            match (realm, what):
                case ("thing", "events"):
                    sent = self._events(device, arrival.payload)
                case ("thing", "osd"):
                    self._remember_place(device, arrival.payload)
                    sent = []
                case ("sys", "status"):
                    self._remember_aboard(device, arrival.payload)
                    sent = []
                case _:
                    sent = []
            if what != "osd" and self._settings.replies:
                reply = dji.reply_to(arrival.payload, microseconds(self._now()) // 1000)
            else:
                reply = None
        except Refusal as refusal:
            self.counters.unreadable[refusal.reason] += 1
            name = self._table.name((device,))
            sent = [self._say(f"{self._prefix}up/drones/{name}/events", arrival.payload)]
            reply = None
        if not self._wait(sent):
            return False
        if reply is not None:
            self._say(f"{arrival.topic}_reply", msgspec.json.encode(reply))
            self.counters.replies += 1
        self._subscription.settle([arrival])
        return True

    def _events(self, gateway: str, payload: bytes) -> list[mqtt.MQTTMessageInfo]:
        sent = []
        seen = dji.sightings(payload, self._zone)
        self.counters.passed_over += not seen
        for one in seen:
            meant = self._table.meaning(one)
            if meant is None:
                self.counters.passed_over += 1
                continue
            event, sender = meant.event, self._table.name((gateway,))
            if self._repeats.is_again(sender, event.kind, meant.again_s, time.monotonic()):
                self.counters.again += 1
                continue
            if event.lon is None:
                place = self._place_of(gateway)
                if place is not None:
                    event.lon, event.lat = place
            sent.append(self._say(f"{self._prefix}up/drones/{sender}/events", encoded(meant)))
            self.counters.events[event.kind] += 1
            # A message that comes again, unacknowledged, is judged anew only by another bridge.
            self._repeats.seen(sender, event.kind, time.monotonic())
        return sent

    def _remember_place(self, device: str, payload: bytes) -> None:
        self.counters.passed_over += 1
        try:
            place = dji.place(payload)
        except Refusal:
            return
        if place is not None:
            self._places[device] = place, time.monotonic()
            self._places.move_to_end(device)
            if len(self._places) > REMEMBERED:
                self._places.popitem(last=False)

    def _remember_aboard(self, gateway: str, payload: bytes) -> None:
        self.counters.passed_over += 1
        self._aboard[gateway] = dji.aboard(payload)
        self._aboard.move_to_end(gateway)
        if len(self._aboard) > REMEMBERED:
            self._aboard.popitem(last=False)

    def _place_of(self, gateway: str) -> dji.Place | None:
        """Where the drone of a dock is, else the dock itself."""
        for device in [*self._aboard.get(gateway, []), gateway]:
            place, at_s = self._places.get(device, (None, 0.0))
            if place is not None and time.monotonic() - at_s < PLACE_S:
                return place
        return None

    def _say(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        info = self._out.publish(topic, payload, qos=1)
        if info.rc in (mqtt.MQTT_ERR_NO_CONN, mqtt.MQTT_ERR_CONN_LOST):
            # paho has queued it and sends it once connected, and yet calls this a failure.
            info.rc = mqtt.MQTT_ERR_SUCCESS
        return info

    def _wait(self, sent: list[mqtt.MQTTMessageInfo]) -> bool:
        for info in sent:
            while not info.is_published():
                if self._stopping.is_set():
                    return False
                info.wait_for_publish(LOOK_S)
        return True
