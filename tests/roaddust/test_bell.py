"""Who asks what a decision would change is answered at once, not at the next step by the clock."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

import roaddust.platform
from geo.district import load_district
from roaddust.platform import Platform
from roaddust.settings import settings
from store.database import Connection, connect
from store.statements import statements
from tests.services import Mosquitto
from tests.services.waiting import wait_until
from tests.street import write_street


def test_a_question_wakes_the_dispatcher(
    tmp_path: Path,
    mosquitto: Mosquitto,
    migrated_embedded_db: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two questions, one after the other, are answered though the next step is an hour away."""
    monkeypatch.setattr(roaddust.platform, "DISPATCH_EVERY_S", 3600.0)
    district = load_district(write_street(tmp_path / "street"))
    wanted = settings(given={"mqtt": mosquitto.url, "db": migrated_embedded_db})
    with Platform(district, wanted, ["dispatch"]) as platform:
        platform.start()
        with connect(migrated_embedded_db, name="test", autocommit=True) as conn:
            for _ in range(2):
                number = ask(conn)
                wait_until(
                    lambda number=number: answered(conn, number),  # type: ignore[misc]
                    lambda: "nobody has answered",
                )
        platform.check()


def ask(conn: Connection) -> int:
    values = {
        "at": datetime.now(UTC),
        "by": "boss",
        "wish": Jsonb({"kind": "withdraw", "override": 1}),
    }
    row = conn.execute(statements("previews").ask, values).fetchone()
    assert row is not None
    return int(row[0])


def answered(conn: Connection, number: int) -> bool:
    row = conn.execute("SELECT answered_at FROM previews WHERE id = %s", [number]).fetchone()
    return row is not None and row[0] is not None
