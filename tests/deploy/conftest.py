"""The brokers as docs/deploy ships them: with its access files, passwords and TLS."""

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from geo.district import load_district
from roaddust.brokerusers import bring_up, users
from roaddust.embedded.broker import _broker_program
from roaddust.embedded.loopback import free_port, port_answers
from roaddust.guard import Guarded
from tests.services import Mosquitto, ServiceMissing
from tests.services.waiting import wait_until

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "docs" / "deploy"
DISTRICT = load_district(ROOT / "geo" / "data" / "xinghai")
PREFIX = "roaddust/v1/"
ALSO = ("drones/D1", "reports/12345")


@dataclass
class Authority:
    """A certificate authority of the test's own, and a broker's certificate by it."""

    ca: Path
    certificate: Path
    key: Path


@dataclass
class Guest:
    """A client that notes what it hears; by MQTT 5 also what became of what it says."""

    client: mqtt.Client
    refused: str | None = None
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    granted: int = 0
    connected: int = 0
    lost: int = 0

    def topics(self) -> list[str]:
        """What it has heard of, in order."""
        return [topic for topic, _ in self.heard]

    def say(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> int:
        """Publish below the prefix; return when it is answered, which may mean refused."""
        said = self.client.publish(f"{PREFIX}{topic}", payload, 1, retain=retain)
        wait_until(lambda: said.mid in self.answers, lambda: f"{topic} was not answered")
        return self.answers[said.mid]

    def try_to_say(self, topic: str) -> None:
        """Publish; return when the broker has decided: by an answer, or by closing."""
        said = self.client.publish(f"{PREFIX}{topic}", b"x", 1)
        wait_until(
            lambda: said.mid in self.answers or bool(self.lost),
            lambda: f"nothing became of {topic}",
        )

    def hear(self, *topics: str) -> None:
        """Subscribe at QoS 1; return when that is answered, whatever it says."""
        before = self.granted
        for topic in topics:
            self.client.subscribe(topic, 1)
        wait_until(lambda: self.granted == before + len(topics), lambda: f"no answer: {topics}")


@dataclass
class Locked:
    """A broker that asks who is there. tls_port: for devices; platform: the platform's URL."""

    kind: str
    tls_port: int
    platform: str
    authority: Authority
    passwords: dict[str, str]
    log: Callable[[], str]
    guests: ExitStack

    def url(self, user: str) -> str:
        """With the password, over TLS."""
        password = self.passwords[user]
        return f"mqtts://{quote(user, safe='')}:{password}@127.0.0.1:{self.tls_port}"

    def guest(
        self,
        user: str | None,
        *,
        password: str | None = None,
        client_id: str = "",
        version: int = mqtt.MQTTv311,
        tls: bool = True,
        persistent: bool = False,
    ) -> Guest:
        """Somebody at the door; `refused` says why not."""
        older = version != mqtt.MQTTv5
        made = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=not persistent if older else None,
            protocol=version,  # type: ignore[arg-type]
            reconnect_on_failure=False,
        )
        guest = Guest(made)
        if user is not None:
            made.username_pw_set(user, password or self.passwords.get(user, "guess"))
        if tls:
            made.tls_set(ca_certs=str(self.authority.ca))
        decided: list[bool] = []

        def on_connect(_c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
            guest.refused = str(reason) if reason.is_failure else None
            guest.connected += not reason.is_failure
            decided.append(True)

        def on_disconnect(_c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
            guest.lost += 1
            if not decided:
                guest.refused = str(reason)
                decided.append(True)

        def on_subscribe(_c: Any, _d: Any, _mid: Any, reasons: Any, _p: Any) -> None:
            guest.granted += len(reasons)

        def on_publish(_c: Any, _d: Any, mid: int, reason: Any, _p: Any) -> None:
            guest.answers[mid] = reason.value

        made.on_connect, made.on_disconnect = on_connect, on_disconnect
        made.on_subscribe, made.on_publish = on_subscribe, on_publish
        made.on_message = lambda _c, _d, m: guest.heard.append((m.topic, bytes(m.payload)))
        made.connect("127.0.0.1", self.tls_port)
        made.loop_start()
        self.guests.callback(lambda: (made.disconnect(), made.loop_stop()))
        wait_until(lambda: bool(decided), lambda: f"{user} got no answer; {self.log()}")
        return guest


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """As ../broker.md makes one."""
    folder = tmp_path_factory.mktemp("authority")
    now = dt.datetime.now(dt.UTC)

    def certificate(name: str, key: Any, by: str, signer: Any, *, ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, by)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
            )
        )
        if not ca:
            names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signer, hashes.SHA256())

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    pem = serialization.Encoding.PEM
    made = Authority(folder / "ca.pem", folder / "broker.pem", folder / "broker.key")
    made.ca.write_bytes(certificate("ca", ca_key, "ca", ca_key, ca=True).public_bytes(pem))
    made.certificate.write_bytes(
        certificate("broker", key, "ca", ca_key, ca=False).public_bytes(pem)
    )
    made.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


class ShippedMosquitto(Mosquitto):
    """Mosquitto with the configuration and the access file of docs/deploy, as they are: only
    folders and ports are this test's."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self._authority = authority
        self.tls_port = free_port()
        self.passwords: dict[str, str] = {}

    def _configure(self) -> None:
        here = self._seen(self.folder)
        text = (SHIPPED / "mosquitto" / "roaddust.conf").read_text()
        for there, ours in (
            ("/etc/mosquitto/certs/", f"{here}/"),
            ("/etc/mosquitto/", f"{here}/"),
            ("/var/lib/mosquitto/", f"{here}/"),
            ("listener 8883", f"listener {self.tls_port} 127.0.0.1"),
            ("listener 1883 127.0.0.1", f"listener {self.port} 127.0.0.1"),
            ("log_dest syslog", "log_dest stderr"),
        ):
            assert there in text, f"{there} is not in the configuration any more"
            text = text.replace(there, ours)
        # Who starts the tests is root, and the files are root's.
        (self.folder / "mosquitto.conf").write_text(f"user root\n{text}")
        acl = SHIPPED / "mosquitto" / "roaddust.acl"
        (self.folder / "roaddust.acl").write_bytes(acl.read_bytes())
        made = bring_up("mosquitto", self.folder / "roaddust.passwd", users(DISTRICT, ALSO), PREFIX)
        self.passwords = dict(made.fresh)
        (self.folder / "broker.pem").write_bytes(self._authority.certificate.read_bytes())
        (self.folder / "broker.key").write_bytes(self._authority.key.read_bytes())
        for file in ("roaddust.acl", "broker.key"):
            (self.folder / file).chmod(0o600)


def _mosquitto(authority: Authority, running: ExitStack) -> Locked:
    try:
        broker = running.enter_context(ShippedMosquitto(authority))
    except ServiceMissing as missing:
        pytest.skip(f"service missing: {missing}")
    platform = f"mqtt://platform:{broker.passwords['platform']}@127.0.0.1:{broker.port}"
    return Locked(
        "mosquitto",
        broker.tls_port,
        platform,
        authority,
        broker.passwords,
        broker._log_tail,
        running.enter_context(ExitStack()),
    )


def _nats(authority: Authority, running: ExitStack, folder: Path) -> Locked:
    """nats-server with the shipped configuration: only folders and ports are this test's."""
    port = free_port()
    text = (SHIPPED / "nats" / "roaddust.conf").read_text()
    for there, ours in (
        ("/etc/nats/", f"{folder}/"),
        ("/var/lib/nats", f"{folder}/jetstream"),
        ("host: 0.0.0.0", "host: 127.0.0.1"),
        ("port: 8883", f"port: {port}"),
        ("port: 4222", f"port: {free_port()}"),
    ):
        assert there in text, f"{there} is not in the configuration any more"
        text = text.replace(there, ours)
    (folder / "roaddust.conf").write_text(text)
    (folder / "broker.pem").write_bytes(authority.certificate.read_bytes())
    (folder / "broker.key").write_bytes(authority.key.read_bytes())
    made = bring_up("nats", folder / "users.conf", users(DISTRICT, ALSO), PREFIX)
    server = Guarded(
        [str(_broker_program()), "--config", str(folder / "roaddust.conf")],
        log=folder / "broker.log",
    )
    running.callback(server.stop)
    wait_until(lambda: port_answers("127.0.0.1", port) or not server.running(), server.log_tail)
    assert server.running(), server.log_tail()
    passwords = dict(made.fresh)
    platform = f"mqtts://platform:{passwords['platform']}@127.0.0.1:{port}"
    return Locked(
        "nats",
        port,
        platform,
        authority,
        passwords,
        server.log_tail,
        running.enter_context(ExitStack()),
    )


@pytest.fixture
def locked_mosquitto(authority: Authority) -> Iterator[Locked]:
    """Mosquitto as shipped."""
    with ExitStack() as running:
        yield _mosquitto(authority, running)


@pytest.fixture(params=["mosquitto", "nats"])
def locked(
    request: pytest.FixtureRequest, authority: Authority, tmp_path: Path
) -> Iterator[Locked]:
    """Each broker as shipped."""
    with ExitStack() as running:
        if request.param == "mosquitto":
            yield _mosquitto(authority, running)
        else:
            yield _nats(authority, running, tmp_path)
