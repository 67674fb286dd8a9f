"""Worlds that are lived once and kept."""

from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from analytics.layout import Layout
from analytics.settings import AnalyticsSettings
from bench import recorded as room
from bench.recorded import Progress, Recorded, cached, effects, works_told
from evaluation.counterfactual import true_effects
from evaluation.trial import run_trial
from geo.district import District
from simulators.scenario import Scenario
from tests.bench.conftest import MINUTES

MINUTE_MS = 60_000


def same(one: Recorded, other: Recorded) -> None:
    """Every part of two recordings is equal."""
    for part in fields(Recorded):
        left, right = getattr(one, part.name), getattr(other, part.name)
        if part.name in ("truth", "faulty"):
            for each in fields(left):
                np.testing.assert_array_equal(getattr(left, each.name), getattr(right, each.name))
        elif isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
        else:
            assert left == right


def test_what_is_kept_is_what_a_trial_lives(
    district: District, scenario: Scenario, recorded: Recorded
) -> None:
    """The same policy and seed give the same truth, works and leading sources as a trial."""
    trial, kept = run_trial(district, scenario, 3, "timetable", MINUTES / 1440.0), recorded.record()
    np.testing.assert_array_equal(kept.increment, trial.increment)
    np.testing.assert_array_equal(kept.background, trial.background)
    np.testing.assert_allclose(kept.by_source, trial.by_source, rtol=1e-5, atol=1e-6)
    assert kept.works == trial.works
    assert kept.sources == trial.sources
    assert len(kept.works) > 0


def test_sources_add_up_to_the_increment(recorded: Recorded) -> None:
    """What the street and each site give is all there is."""
    truth = recorded.truth
    np.testing.assert_allclose(truth.by_source.sum(axis=2), truth.increment, rtol=1e-4, atol=1e-4)
    assert truth.by_source.shape[2] == len(recorded.sources)


def test_readings_come_with_the_minute_in_which_they_came(recorded: Recorded) -> None:
    """None comes before its time but by a wrong clock, and lines that fail make some late."""
    minute = -(-recorded.ts_ms // MINUTE_MS)
    wrong = recorded.faulty.kind == "clock"
    off = set(zip(recorded.faulty.station[wrong], recorded.faulty.ts_ms[wrong], strict=True))
    early = [
        (station, ts_ms)
        for station, ts_ms, due, came in zip(
            recorded.station, recorded.ts_ms, minute, recorded.arrived, strict=True
        )
        if came < due
    ]
    assert set(early) <= off
    assert ((recorded.arrived - minute) > 1).any()
    assert set(recorded.faulty.kind) >= {"outage", "duplicate", "clock"}


def test_of_two_readings_for_one_time_one_is_kept(recorded: Recorded) -> None:
    """Readings are sorted by station and time and no key is there twice."""
    keys = list(zip(recorded.station.tolist(), recorded.ts_ms.tolist(), strict=True))
    assert keys == sorted(set(keys))


def test_readings_are_given_by_their_own_time_and_station(
    district: District, recorded: Recorded
) -> None:
    """Blocks of a layout with other rows hold each reading once, under its station's name."""
    layout = Layout.of(district, AnalyticsSettings())
    turned = replace(layout, stations=layout.stations[::-1])
    after, upto = recorded.first - 1, recorded.first - 1 + MINUTES
    whole = recorded.readings(layout, after, upto)
    parts = [recorded.readings(turned, at, at + 30) for at in range(after, upto, 30)]
    assert sum(len(part) for part in parts) == len(whole) > 0
    values = {
        (layout.stations[station], ts_ms): row.tobytes()
        for station, ts_ms, row in zip(whole.station, whole.ts_ms, whole.values, strict=True)
    }
    for part in parts:
        for station, ts_ms, row in zip(part.station, part.ts_ms, part.values, strict=True):
            assert values[turned.stations[station], ts_ms] == row.tobytes()
    assert (np.diff(whole.station) >= 0).all()


def test_happenings_reach_an_hour_back_and_no_further_than_asked(recorded: Recorded) -> None:
    """Events of the hour before are there, later ones are not; works know no later end."""
    at = recorded.first + 90
    found = recorded.happenings(at - 1, at)
    minutes = [event.minute for event in found.events]
    assert minutes == sorted(minutes)
    assert min(minutes) >= at - 60
    assert max(minutes) <= at
    assert found.works
    assert all(work.end is None or work.end <= at for work in found.works)


def said(minute: int, event: str, order: str = "O1", treatment: str = "wash") -> Progress:
    """What crew W1 says of an order at the end of a minute."""
    return Progress(minute * MINUTE_MS, order, "W1", event, treatment, "S1", None)


def test_works_are_told_as_the_crews_tell_them() -> None:
    """A work lasts until it is told done; what is told later is not known yet."""
    told = [said(10, "accepted"), said(12, "started"), said(20, "done")]
    (work,) = works_told(told, 0, 30)
    assert (work.start, work.end, work.done) == (12, 20, True)
    (work,) = works_told(told, 0, 19)
    assert (work.start, work.end, work.done) == (12, None, False)
    (work,) = works_told(told, 15, 30)
    assert (work.start, work.end, work.done) == (12, 20, True)
    assert works_told(told, 20, 30) == []
    assert works_told(told, 0, 11) == []
    assert works_told([said(12, "started", treatment="refill")], 0, 30) == []
    (work,) = works_told([said(12, "started"), said(14, "failed")], 0, 30)
    assert (work.end, work.done) == (14, False)


def test_a_recording_is_lived_once(
    district: District,
    scenario: Scenario,
    recorded: Recorded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It comes out of the folder as it went in, and nothing is lived for it."""
    monkeypatch.setattr(room, "record", lambda *_, **__: recorded)
    days = MINUTES / 1440.0
    same(cached(tmp_path, district, scenario, 3, days), recorded)

    def never(*_: object, **__: object) -> Recorded:
        raise AssertionError("it is there already")

    monkeypatch.setattr(room, "record", never)
    same(cached(tmp_path, district, scenario, 3, days), recorded)


def test_another_world_is_another_recording(
    district: District, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seed, days, policy, scenario and the shape of a street each make a world of its own."""
    lived: list[str] = []

    def never(_: District, scenario: Scenario, *__: object, **___: object) -> Recorded:
        lived.append(scenario.name)
        raise InterruptedError

    monkeypatch.setattr(room, "record", never)
    names = {room._name(district, scenario, 1, 1.0, "timetable")}
    segment = next(iter(district.segments.values()))
    moved = replace(
        district,
        segments={
            **district.segments,
            segment.id: replace(segment, line=segment.line.segmentize(1e-5)),
        },
    )
    for other in (
        (district, scenario, 2, 1.0, "timetable"),
        (district, scenario, 1, 2.0, "timetable"),
        (district, scenario, 1, 1.0, "nothing"),
        (district, replace(scenario, wind_ms=3.0), 1, 1.0, "timetable"),
        (district, replace(scenario, start=scenario.start + timedelta(1)), 1, 1.0, "timetable"),
        (moved, scenario, 1, 1.0, "timetable"),
    ):
        names.add(room._name(*other))
    assert len(names) == 7
    with pytest.raises(InterruptedError):
        cached(tmp_path, district, scenario, 9, 1.0)
    assert lived == ["morning"]


def test_effects_are_those_of_the_counterfactual_and_are_kept(
    district: District, recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order's true effect is worked out once and read again after that."""
    orders = [
        done.work.order
        for done in recorded.works
        if done.work.segment is not None and done.minute < MINUTES - 90
    ][:1]
    assert orders
    expected = true_effects(district, recorded.record(), orders)
    assert expected
    assert effects(tmp_path, district, recorded, orders) == expected
    monkeypatch.setattr(room, "true_effects", None)
    assert effects(tmp_path, district, recorded, orders) == expected
