"""The figures that are compared between a simulated kerb and a real one."""

from pathlib import Path

import numpy as np
import pytest

from bench.marylebone import (
    BEGIN,
    END,
    Kerb,
    correlation,
    daily_medians,
    fine_share,
    lived,
    london,
    measured,
    put_into,
    street,
)


def kerb_of(pm10: list[float], start: str = "2001-01-01T00") -> Kerb:
    """Hours of PM10 from a start in UTC; the rest is a gap."""
    hours = np.array(pm10, float)
    gap = np.full(len(hours), np.nan)
    return Kerb(np.datetime64(start, "h") + np.arange(len(hours)), hours, gap, gap, gap)


def test_gaps_stay_gaps(tmp_path: Path) -> None:
    """An empty field is no number, and is not filled."""
    file = tmp_path / "hours.csv"
    rows = "2001-01-01T00:00:00Z,1.5,90,30,\n2001-01-01T01:00:00Z,,,,12\n"
    file.write_text(f"date,ws,wd,pm10,pm25\n{rows}")
    kerb = measured(file)
    np.testing.assert_array_equal(kerb.pm10, [30.0, np.nan])
    np.testing.assert_array_equal(kerb.pm25, [np.nan, 12.0])
    np.testing.assert_array_equal(kerb.wind_from_deg, [90.0, np.nan])


def test_hours_that_are_missing_are_refused(tmp_path: Path) -> None:
    """A file with a jump in time would shift every lag."""
    file = tmp_path / "hours.csv"
    rows = "2001-01-01T00:00:00Z,,,1,\n2001-01-01T02:00:00Z,,,1,\n"
    file.write_text(f"date,ws,wd,pm10,pm25\n{rows}")
    with pytest.raises(SystemExit, match="hour after hour"):
        measured(file)


def test_hours_are_by_the_clocks_of_london() -> None:
    """Midnight UTC is one in the morning in summer; 1 July 2001 was a Sunday."""
    hour, weekday = kerb_of([1.0], "2001-07-01T00").local()
    assert hour.tolist() == [1]
    assert weekday.tolist() == [6]


def test_a_day_needs_18_hours() -> None:
    """The median of a day with fewer hours is a gap."""
    nan = float("nan")
    medians, day = daily_medians(kerb_of([2.0] * 18 + [nan] * 6 + [3.0] * 17 + [nan] * 7))
    np.testing.assert_array_equal(medians, [2.0, np.nan])
    assert day.tolist() == [0] * 24 + [1] * 24


def test_correlation_leaves_gaps_out() -> None:
    """Pairs with a gap count for nothing: a wave is at one with itself a period later."""
    wave = np.sin(np.arange(240) * 2.0 * np.pi / 24.0)
    wave[[5, 100]] = np.nan
    assert correlation(wave, 24) == pytest.approx(1.0)
    assert correlation(wave, 12) == pytest.approx(-1.0)


def test_fine_share_needs_coarse_air() -> None:
    """Hours with hardly any PM10, or without PM2.5, say nothing of the share."""
    kerb = Kerb(
        np.datetime64("2001-01-01T00", "h") + np.arange(3),
        np.array([20.0, 5.0, 40.0]),
        np.array([10.0, 4.0, np.nan]),
        np.zeros(3),
        np.zeros(3),
    )
    assert fine_share(kerb).tolist() == [0.5]


def test_the_world_is_lived_hour_by_hour() -> None:
    """A day gives 24 hours, the street adds to the background, and chance repeats itself."""
    district, scenario = street(), london(0.5, 1)
    kerb, again = lived(district, scenario, 1), lived(district, scenario, 1)
    assert len(kerb.ts) == 12
    assert (kerb.pm10 > kerb.pm25).all()
    assert ((kerb.wind_from_deg >= 0.0) & (kerb.wind_from_deg < 360.0)).all()
    np.testing.assert_array_equal(kerb.pm10, again.pm10)


def test_only_the_table_of_a_page_is_replaced(tmp_path: Path) -> None:
    """What stands around the table stays; a page without a place for it is refused."""
    page = tmp_path / "calibration.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    put_into(page, "new")
    assert page.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    page.write_text("no place\n")
    with pytest.raises(SystemExit, match="no place"):
        put_into(page, "new")
