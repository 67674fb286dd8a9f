"""Figures of records written by hand."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from evaluation.record import Cause, EpisodeSaid, OrderSaid, ProgressSaid
from evaluation.scoring import score
from geo.district import District
from simulators.scenario import DustSpell
from tests.evaluation.made_up import START, record_of

# A1 passes the limit in the minute that ends 2 h 31 min after the start, until 3 h 30 min.
DUSTY = np.zeros((360, 2))
DUSTY[120:180, 0] = 160.0
OVER_FROM = 151


def _at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def _order(
    name: str, segment: str, said: float, withdrawn: float | None = None, site: str | None = None
) -> OrderSaid:
    return OrderSaid(
        order=name,
        crew="W1",
        treatment="wash",
        segment=segment if site is None else None,
        site=site,
        priority=2,
        episode=None,
        said_at=_at(said),
        withdrawn_at=None if withdrawn is None else _at(withdrawn),
    )


def _says(order: str, **events: float) -> tuple[ProgressSaid, ...]:
    return tuple(
        ProgressSaid(_at(minutes), "W1", order, event, None) for event, minutes in events.items()
    )


def _episode(
    name: str,
    segment: str,
    at: float,
    *,
    state: str = "active",
    level: int = 2,
    cause: Cause | None = None,
) -> EpisodeSaid:
    return EpisodeSaid(
        heard_at=_at(at),
        episode=name,
        segment=segment,
        site=None,
        level=level,
        state=state,
        started_at=_at(at),
        ended_at=_at(at) if state == "closed" else None,
        causes=(cause,) if cause else (),
    )


def test_exposure_by_hand(district: District) -> None:
    """Minutes over the limit times people; increment times hours over all people."""
    figures = score(record_of(DUSTY), district)
    # The mean passes 80 in 59 minutes: from the 31st of dust to the 29th after it.
    assert figures["resident_minutes_over_80"] == 900 * 59
    assert figures["resident_dose_ug_m3_h"] == pytest.approx(160.0 * 900 / 1000)
    assert figures["exceedances"] == 1


@pytest.mark.parametrize(
    ("order", "minutes", "never"),
    [
        pytest.param(_order("o", "A1", OVER_FROM + 7), 7.0, 0.0, id="after the limit"),
        pytest.param(_order("o", "A1", 10), 0.0, 0.0, id="already in force"),
        pytest.param(_order("o", "A1", 10, 20), None, 1.0, id="withdrawn before"),
        pytest.param(_order("o", "C2", OVER_FROM + 7), None, 1.0, id="another segment"),
        pytest.param(_order("o", "A1", 300), None, 1.0, id="long after"),
        pytest.param(_order("o", "A1", OVER_FROM, site="Q1"), None, 1.0, id="a site without blame"),
    ],
)
def test_minutes_to_order(
    order: OrderSaid, minutes: float | None, never: float, district: District
) -> None:
    """The first order for the segment counts from the first minute over the limit."""
    figures = score(record_of(DUSTY, orders=(order,)), district)
    assert figures["minutes_to_order"] == minutes
    assert figures["never_order"] == never


def test_order_at_the_site_to_blame_counts(district: District) -> None:
    """An order at the site that gave most of the dust is about the spell."""
    order = _order("o", "A1", OVER_FROM + 3, site="Q1")
    figures = score(record_of(DUSTY, site_share=0.9, orders=(order,)), district)
    assert figures["minutes_to_order"] == 3.0


@pytest.mark.parametrize(
    ("events", "minutes"),
    [
        pytest.param({"started": OVER_FROM + 12.5, "done": OVER_FROM + 20}, 12.5, id="after"),
        pytest.param({"started": OVER_FROM - 5, "done": OVER_FROM + 2}, 0.0, id="at work already"),
        pytest.param({"started": 20, "done": 30}, None, id="done before"),
        pytest.param({"accepted": 20, "refused": OVER_FROM}, None, id="never begun"),
    ],
)
def test_minutes_to_work(
    events: dict[str, float], minutes: float | None, district: District
) -> None:
    """Work that holds in the spell, or begins in it, counts; work that was over does not."""
    record = record_of(DUSTY, orders=(_order("o", "A1", 15),), progress=_says("o", **events))
    assert score(record, district)["minutes_to_work"] == minutes


def test_the_slow_tail_of_answers(district: District) -> None:
    """Beside the median stands what one spell in twenty exceeds, and how long orders waited."""
    dusty = np.repeat(DUSTY[:, :1], 2, axis=1)
    record = record_of(
        dusty,
        orders=(_order("a", "A1", OVER_FROM + 4), _order("c", "C2", OVER_FROM + 24)),
        progress=(*_says("a", started=OVER_FROM + 10), *_says("c", started=OVER_FROM + 40)),
    )
    figures = score(record, district)
    assert (figures["minutes_to_order"], figures["minutes_to_order_95"]) == (14.0, 23.0)
    assert (figures["minutes_to_work"], figures["minutes_to_work_95"]) == (25.0, 38.5)
    assert figures["minutes_sent_to_work"] == 11.0
    assert figures["minutes_sent_to_work_95"] == 15.5


def test_work_before_the_limit_is_no_answer(district: District) -> None:
    """The wait of an order counts only if its work began while the spell lasted."""
    record = record_of(
        DUSTY, orders=(_order("o", "A1", 15),), progress=_says("o", started=OVER_FROM - 5)
    )
    assert score(record, district)["minutes_sent_to_work"] is None


def test_efforts_are_added_up(district: District) -> None:
    """Treatments done, orders, refusals, kilometres and water are those that crews reported."""
    orders = (_order("a", "A1", 5), _order("b", "C2", 5))
    record = record_of(
        DUSTY,
        orders=orders,
        progress=_says("a", started=6, done=9) + _says("b", refused=6),
    )
    figures = score(record, district)
    assert figures["treatments_done"] == 1
    assert figures["orders_refused"] == 1
    assert figures["orders_per_operator_hour"] == pytest.approx(2 / 6)
    assert (figures["km"], figures["water_m3"]) == (3.0, 2.0)


def test_episodes_against_truth(district: District) -> None:
    """Right are episodes of level 2 within 30 minutes of a spell on their segment."""
    episodes = (
        _episode("right", "A1", OVER_FROM - 20, state="pending"),
        _episode("right", "A1", OVER_FROM + 4),
        _episode("right", "A1", OVER_FROM + 40, state="closed"),
        _episode("elsewhere", "C2", OVER_FROM),
        _episode("faint", "C2", OVER_FROM, level=1),
        _episode("too soon", "A1", 20),
        _episode("too soon", "A1", 30, state="closed"),
    )
    figures = score(record_of(DUSTY, episodes=episodes), district)
    assert figures["minutes_to_episode"] == 4.0
    assert figures["episode_recall"] == 1.0
    assert figures["never_episode"] == 0.0
    assert figures["episode_precision"] == pytest.approx(1 / 3)


def test_an_episode_that_comes_back_lasts(district: District) -> None:
    """An episode that is active again after it was closed is open until it is closed again."""
    episodes = (
        _episode("again", "A1", 20),
        _episode("again", "A1", 30, state="closed"),
        _episode("again", "A1", 40),
    )
    figures = score(record_of(DUSTY, episodes=episodes), district)
    assert figures["episode_precision"] == 1.0
    assert figures["minutes_to_episode"] == 0.0


@pytest.mark.parametrize(
    ("cause", "share", "right"),
    [
        (Cause("road", None, 0.8), 0.1, 1.0),
        (Cause("site", "Q1", 0.8), 0.1, 0.0),
        (Cause("site", "Q1", 0.8), 0.9, 1.0),
        (Cause("site", "Q9", 0.8), 0.9, 0.0),
        (Cause("regional", None, 0.8), 0.1, 0.0),
        (None, 0.1, 0.0),
    ],
)
def test_causes(cause: Cause | None, share: float, right: float, district: District) -> None:
    """A cause is right if it is the source that gave most: road for the street, or that site."""
    episodes = (_episode("e", "A1", OVER_FROM, cause=cause),)
    figures = score(record_of(DUSTY, site_share=share, episodes=episodes), district)
    assert figures["causes_right"] == right


def test_false_episodes_on_haze(district: District) -> None:
    """In haze, an episode without a true spell on its segment within an hour is false."""
    haze = (DustSpell(start_h=1.0, hours=3.0, pm10=300.0, pm25_share=0.6),)
    episodes = (
        _episode("true", "A1", OVER_FROM),
        _episode("false", "C2", OVER_FROM),
        _episode("before the haze", "C2", 30),
    )
    assert (
        score(record_of(DUSTY, dust=haze, episodes=episodes), district)["false_episodes_on_haze"]
        == 1
    )
    assert score(record_of(DUSTY, episodes=episodes), district)["false_episodes_on_haze"] is None


def test_who_says_no_episodes_is_not_judged_by_them(district: District) -> None:
    """Of a policy without episodes those figures are None, of a silent platform they are 0."""
    figures = score(record_of(DUSTY, judges=False), district)
    assert figures["episode_recall"] is None
    assert figures["verdict_coverage"] is None
    assert score(record_of(DUSTY), district)["episode_recall"] == 0.0
