"""Notices to people, by Apprise: WeCom, DingTalk, SMS gateways, mail and many more.

They stand in the table `calls`, committed with what they tell of, and are tried until they arrive
or are too old to matter. One process at a time sends. Addresses hold secrets: they come from the
settings alone, and no log says them.
"""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, SecretStr

from store.database import Connection
from store.leadership import Leadership
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("calls")
BATCH = 50


def _read(contacts: object) -> object:
    """Out of an environment variable they come as JSON."""
    if not isinstance(contacts, str):
        return contacts
    try:
        return msgspec.json.decode(contacts)
    except msgspec.DecodeError:
        # Neither the text nor a piece of it: it holds secrets.
        raise ValueError('no JSON: write {"dispatcher": ["wecombot://..."]}') from None


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """Who is reached where.

    Attributes
    ----------
    contacts
        Addresses of Apprise by recipient: a role (`dispatcher`), the leader of one crew
        (`crew_leader:WATER-A`), or a crew itself (`crew:WATER-A`).
    retry_s
        After a failure it is tried again after so long, then twice as long, and so on.
    retry_most_min
        Never longer than this.
    expire_h
        What is older is given up.
    """

    contacts: Annotated[Mapping[str, tuple[SecretStr, ...]], BeforeValidator(_read)] = field(
        default_factory=dict
    )
    retry_s: float = 30.0
    retry_most_min: float = 15.0
    expire_h: float = 12.0

    def __post_init__(self) -> None:
        for name in ("retry_s", "retry_most_min", "expire_h"):
            if not getattr(self, name) > 0:
                raise ValueError(f"notices: {name} must be above 0, not {getattr(self, name)}")
        for recipient, addresses in self.contacts.items():
            for n, address in enumerate(addresses, start=1):
                if _library().Apprise.instantiate(address.get_secret_value()) is None:
                    # Not the address itself: it holds a secret.
                    raise ValueError(
                        f"notices: address {n} of {recipient} is none that Apprise knows; "
                        "see https://github.com/caronc/apprise/wiki"
                    )

    def addresses(self, recipient: str, crew: str | None) -> Sequence[str]:
        """Where a recipient is reached; the leader of one crew before leaders at large."""
        names = [f"{recipient}:{crew}", recipient] if crew else [recipient]
        for name in names:
            if name in self.contacts:
                return [address.get_secret_value() for address in self.contacts[name]]
        return []


Send = Callable[..., bool]
"""Addresses, title and body, and the path of a file if one goes along; whether it arrived."""


class Notifier:
    """Sends what waits in `calls`."""

    def __init__(self, settings: NoticeSettings, send: Send | None = None) -> None:
        self._settings = settings
        self._send = send or by_apprise
        self._leadership = Leadership("notices")

    def step(self, conn: Connection, now: datetime) -> int:
        """Send what is due at `now`, each committed by itself; gives how many arrived.

        A process that dies between sending and committing sends that one again.
        """
        if not self._leadership.take(conn):
            return 0
        rows = conn.execute(SQL.waiting, {"now": now, "limit": BATCH}).fetchall()
        conn.commit()
        arrived = 0
        for number, at, recipient, crew, title, body, attempts, attachment in rows:
            addresses = self._settings.addresses(recipient, crew)
            values = {"id": number, "now": now, "attempts": attempts}
            if not addresses:
                conn.execute(SQL.done, {**values, "outcome": "nobody"})
            elif now - at > timedelta(hours=self._settings.expire_h):
                log.warning("notice %d to %s is too old and is given up", number, recipient)
                conn.execute(SQL.done, {**values, "outcome": "given_up"})
            elif self._send(addresses, title, body, *([attachment] if attachment else [])):
                arrived += 1
                conn.execute(SQL.done, {**values, "attempts": attempts + 1, "outcome": "sent"})
            else:
                wait = timedelta(seconds=self._settings.retry_s) * 2 ** min(attempts, 16)
                wait = min(wait, timedelta(minutes=self._settings.retry_most_min))
                log.warning("notice %d to %s did not arrive; again in %s", number, recipient, wait)
                conn.execute(SQL.again, {**values, "attempts": attempts + 1, "next_at": now + wait})
            conn.commit()
        return arrived


def by_apprise(
    addresses: Sequence[str], title: str, body: str, attachment: str | None = None
) -> bool:
    """Whether it arrived at every address. A file that is not on this machine stays away.

    Of several addresses one that fails makes all be tried again: rather twice than never.
    """
    people = _library().Apprise()
    for address in addresses:
        people.add(address)
    there = attachment is not None and Path(attachment).is_file()
    return bool(people.notify(title=title, body=body, attach=attachment if there else None))


@cache
def _library() -> Any:
    """Apprise, silenced: when it fails it names addresses, and with them their secrets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        apprise.Apprise.instantiate("json://localhost")  # loads all its services
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise
