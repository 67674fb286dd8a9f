"""Why this and why not that, for any segment at any time, in both languages."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import pytest

from dispatch.runner import Dispatcher
from dispatch.settings import DispatchSettings
from store.database import Connection, connect
from store.why import why
from tests.dispatch.test_overnight import decide
from tests.dispatch.test_runner import HAZE, later, open_episode, say, sent
from tests.dispatch.towns import NOON, block

QUICK = DispatchSettings(iterations=40, language="en", answer_min=600.0)


@pytest.fixture
def conn(migrated_embedded_db: str) -> Iterator[Connection]:
    """The dispatcher's connection to a fresh database."""
    with connect(migrated_embedded_db, name="dispatch") as connection:
        yield connection


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_why_this(conn: Connection, language: str) -> None:
    """The order's reason, in both languages whichever the settings have, with its story."""
    dispatcher = Dispatcher(block(), replace(QUICK, language=language))  # type: ignore[arg-type]
    open_episode(conn, "E1", "B", level=3)
    dispatcher.step(conn, NOON)
    mine = next(o for o in sent(conn)["down/crews/W1/orders"]["orders"] if o["episode"] == "E1")
    say(conn, "W1", mine["order"], "accepted", later(1))
    dispatcher.step(conn, later(1))
    found = why(conn, "B", later(2))
    assert (found.chosen, found.treatment) == (True, "wash")
    assert "over the dust limit (level 3)" in str(found.reason["en"])
    assert "扬尘3级" in str(found.reason["zh-CN"])
    assert [line["event"] for line in found.orders[0]["story"]] == ["sent", "accepted"]
    assert found.matters[0]["answer"] == mine["order"]


def test_why_not_that(conn: Connection) -> None:
    """A street whose dust blows in says so; before any plan nothing was decided."""
    open_episode(conn, "E1", "B", causes=HAZE)
    town = block()
    town.segments["B"] = replace(town.segments["B"], min_treatments_per_day=0.0)
    Dispatcher(town, QUICK).step(conn, NOON)
    found = why(conn, "B", later(1))
    assert found.decision is not None
    assert (found.chosen, found.decision["code"]) == (False, "regional")
    assert "区域传输" in str(found.reason["zh-CN"])
    assert "elsewhere" in str(found.reason["en"])
    before = why(conn, "B", NOON - dt.timedelta(minutes=1))
    assert (before.chosen, before.reason, before.orders) == (None, {}, [])


def test_an_answer_is_that_of_its_time(conn: Connection) -> None:
    """What was decided later does not change the answer for before."""
    town = block()
    dispatcher = Dispatcher(town, QUICK)
    dispatcher.step(conn, NOON)
    decide(conn, town, later(5), kind="forbid", place="B", why="road works")
    dispatcher.step(conn, later(5))
    first, then = why(conn, "B", later(4)), why(conn, "B", later(6))
    assert (first.chosen, first.overrides) == (True, [])
    assert then.chosen is False
    assert [one["why"] for one in then.overrides] == ["road works"]
    assert "wang" in str(then.reason["en"])
    assert "wang已禁止" in str(then.reason["zh-CN"])


def test_work_that_goes_on_keeps_both_languages(conn: Connection) -> None:
    """An order of an older plan, read back from the store, still has its reason in both."""
    dispatcher = Dispatcher(block(), QUICK)
    for minute in (0, 12, 24):
        dispatcher.step(conn, later(minute))
    found = why(conn, "A", later(25))
    assert found.decision is not None
    assert found.decision["issued_at"] == later(24)
    assert "每日频次" in str(found.reason["zh-CN"])
    assert "daily round" in str(found.reason["en"])
