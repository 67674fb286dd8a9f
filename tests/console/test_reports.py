"""Figures of reports are what the rows say, worked out again another way; and reports are made,
kept and sent when they should be."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest
from psycopg.rows import dict_row

from console.models import District
from console.reports import estimate
from console.reports.avoided import avoided
from console.reports.change import Sample, change
from console.reports.estimate import Estimate
from console.reports.figures import Figures
from console.reports.kept import keep, kept, newest
from console.reports.making import Scope, make
from console.reports.period import newest_over, period
from console.reports.rows import Treatment
from geo.district import load_district
from roaddust.embedded import EmbeddedPostgres
from roaddust.reporting import Reporting, message
from roaddust.reportsettings import ReportSettings
from store.database import Connection, connect
from tests.console import fortnight, plausible
from tests.console.conftest import XINGHAI, Running, prepare_fortnight
from tests.services import fresh_database

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = period("week", fortnight.FIRST)
SINCE, UPTO = WEEK.since(ZONE), WEEK.until(ZONE)

Raw = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def raw(fortnight_db: str) -> Raw:
    """Every row of every table, as it is stored."""
    found: Raw = {}
    with connect(fortnight_db, name="test") as conn, conn.cursor(row_factory=dict_row) as cursor:
        for table in fortnight.TABLES:
            found[table] = cursor.execute(f"SELECT * FROM {table}".encode()).fetchall()
    return found


@pytest.fixture
def own_db(embedded_server: EmbeddedPostgres) -> Iterator[str]:
    """The same, for a test that changes it."""
    with fresh_database(embedded_server, prepare_fortnight) as dsn:
        yield dsn


def in_week(at: datetime) -> bool:
    return SINCE <= at < UPTO


def ended_in_week(at: datetime) -> bool:
    """Of what bears the time of its end."""
    return SINCE < at <= UPTO


# The figures, again -------------------------------------------------------------------------------


def test_minutes_over_limits(its: Figures, raw: Raw, facts: District) -> None:
    """Minutes at each level, of each segment and day, and residents' time over the limit."""
    minutes = [m for m in raw["segment_minutes"] if ended_in_week(m["ts"])]
    for level in its.levels:
        assert level.minutes == sum(m["level"] >= level.level for m in minutes)
    assert its.over_min == sum(m["level"] >= 2 for m in minutes)
    assert its.minutes == len(minutes)
    people = {s.id: s.residents for s in facts.segments}
    over = Counter(m["segment"] for m in minutes if m["level"] >= 2)
    expected = sum(people[segment] * n / 60 for segment, n in over.items())
    assert its.resident_h == pytest.approx(expected)
    worst = its.segments[0]
    assert worst.over[1] == over[worst.segment] == max(over.values())
    for day in its.days:
        assert day.over_min == sum(
            m["level"] >= 2 and m["ts"].astimezone(ZONE).date() == day.day for m in minutes
        )


def test_increment_and_background(its: Figures, raw: Raw) -> None:
    """The measured increment where there is one, else the model's; means over all minutes."""
    minutes = [m for m in raw["segment_minutes"] if ended_in_week(m["ts"])]
    told = [m["estimate"] if m["increment"] is None else m["increment"] for m in minutes]
    assert its.increment == pytest.approx(mean(told))
    assert its.background == pytest.approx(mean(m["background"] for m in minutes))


def works(raw: Raw) -> list[dict[str, Any]]:
    """Work that came to an end in the week, joined by hand."""
    services = {s["order_id"]: s for s in raw["services"]}
    verdicts = {v["order_id"]: v for v in raw["verdicts"]}
    return [
        order | {"service": services.get(order["id"]), "verdict": verdicts.get(order["id"])}
        for order in raw["orders"]
        if in_week(order["ended_at"]) and order["state"] != "withdrawn"
    ]


def by_hand(raw: Raw, facts: District) -> dict[str, list[tuple[str, float, float, float]]]:
    """By kind of treatment, (segment, spared, low, high) of each verdict."""
    people = {s.id: s.residents for s in facts.segments}
    found = defaultdict(list)
    for work in works(raw):
        verdict = work["verdict"]
        if work["state"] != "done" or verdict is None:
            continue
        after = [
            m for m in raw["segment_minutes"]
            if m["segment"] == work["segment"]
            and timedelta(minutes=5) < m["ts"] - verdict["done_at"] <= timedelta(minutes=65)
        ]  # fmt: skip
        if len(after) < 30:
            continue
        middle, low, high = (
            mean(float(m[name]) for m in after) for name in ("estimate", "low", "high")
        )
        r, r_low, r_high = (
            p / 100 / (1 - p / 100)
            for p in (verdict["reduction_pct"], verdict["low"], verdict["high"])
        )
        people_here = people[work["segment"]]
        thin, thick = (middle - low), (high - middle)
        if r < 0:
            thin, thick = thick, thin
        below = people_here * math.hypot(middle * (r - r_low), thin * abs(r))
        above = people_here * math.hypot(middle * (r_high - r), thick * abs(r))
        value = people_here * middle * r
        found[work["treatment"]].append((work["segment"], value, value - below, value + above))
    return found


def test_exposure_avoided(its: Figures, raw: Raw, facts: District) -> None:
    """Residents, increment after the work and the verdict's reduction, with both errors."""
    kinds = by_hand(raw, facts)
    shared = (0.72 - 0.5) / (2 * 0.6)
    total = below = above = 0.0
    for kind in its.kinds:
        parts = kinds.get(kind.kind, [])
        value = sum(v for _, v, _, _ in parts)
        low = math.hypot(
            math.sqrt(sum((v - lo) ** 2 for _, v, lo, _ in parts)), shared * abs(value)
        )
        high = math.hypot(
            math.sqrt(sum((hi - v) ** 2 for _, v, _, hi in parts)), shared * abs(value)
        )
        total, below, above = total + value, math.hypot(below, low), math.hypot(above, high)
    assert its.avoided.value == pytest.approx(total)
    common = 1.645 * 0.15 * abs(total)
    assert its.avoided.low == pytest.approx(total - math.hypot(below, common), rel=1e-6)
    assert its.avoided.high == pytest.approx(total + math.hypot(above, common), rel=1e-6)
    assert its.avoided.low < its.avoided.value < its.avoided.high
    of_segments = sum(s.avoided.value for s in its.segments)
    assert of_segments == pytest.approx(total)
    assert sum(day.avoided.value for day in its.days) == pytest.approx(total)
    assert sum(crew.avoided.value for crew in its.crews) == pytest.approx(total)


def test_treatments_water_and_proof(its: Figures, raw: Raw) -> None:
    """What was done, not done, proven, and the water and metres of it."""
    done = [work for work in works(raw) if work["state"] == "done"]
    for kind in its.kinds:
        mine = [work for work in done if work["treatment"] == kind.kind]
        every = [work for work in works(raw) if work["treatment"] == kind.kind]
        assert (kind.done, kind.failed) == (len(mine), len(every) - len(mine))
        assert kind.seen == sum(w["service"]["proven"] is not None for w in mine)
        assert kind.proven == sum(w["service"]["proven"] is True for w in mine)
        judged = [w["verdict"] for w in mine if w["verdict"]]
        assert kind.judged == len(judged)
        if judged:
            assert kind.effect_pct is not None
            expected = mean(v["reduction_pct"] for v in judged)
            assert kind.effect_pct.value == pytest.approx(expected)
    assert its.water.litres == pytest.approx(
        sum(
            w["water_l"] if w["service"]["water_l"] is None else w["service"]["water_l"]
            for w in done
        )
    )
    street = [
        w["service"] for w in done
        if w["segment"] and w["service"]["water_l"] and w["service"]["worked_m"]
    ]  # fmt: skip
    assert its.water.litres_per_km == pytest.approx(
        1000 * sum(s["water_l"] for s in street) / sum(s["worked_m"] for s in street)
    )
    assert its.treatments == len(done)


def test_kilometres(its: Figures, raw: Raw) -> None:
    """Great circles between positions that are ten minutes apart at the most."""
    km = 0.0
    for crew in fortnight.CREWS:
        way = sorted(
            (p for p in raw["positions"] if p["crew"] == crew and in_week(p["ts"])),
            key=lambda p: p["ts"],
        )
        for a, b in pairwise(way):
            if b["ts"] - a["ts"] <= timedelta(minutes=10):
                p, q = (np.radians([x["lon"], x["lat"]]) for x in (a, b))
                cosine = math.sin(p[1]) * math.sin(q[1]) + math.cos(p[1]) * math.cos(
                    q[1]
                ) * math.cos(q[0] - p[0])
                km += 6371.0088 * math.acos(min(cosine, 1.0))
    assert km > 0.1
    assert its.water.driven_km == pytest.approx(km, rel=1e-4)


def exceedances(raw: Raw) -> list[dict[str, Any]]:
    return [
        e for e in raw["episodes"]
        if not e["withdrawn"] and e["rule"] not in ("gate", "cusum")
        and e["started_at"] < UPTO and e["ended_at"] > SINCE
    ]  # fmt: skip


def test_exceedances_causes_and_sites(its: Figures, raw: Raw) -> None:
    """Episodes by level; shares of causes and sites by minutes in the week; offences by site."""
    over = exceedances(raw)
    for level in its.levels:
        assert level.episodes == sum(e["level"] == level.level for e in over)
    blame: Counter[str] = Counter()
    of_site: Counter[str] = Counter()
    total = 0.0
    for e in over:
        minutes = (min(e["ended_at"], UPTO) - max(e["started_at"], SINCE)).total_seconds() / 60
        total += minutes
        left = 1.0
        for cause in e["causes"]:
            left -= cause["probability"]
            blame[cause["kind"]] += minutes * cause["probability"]
            if cause["site"]:
                of_site[cause["site"]] += minutes * cause["probability"]
        blame["unknown"] += minutes * left
    assert {c.kind: pytest.approx(c.share.value) for c in its.causes} == {
        kind: value / total for kind, value in blame.items()
    }
    assert sum(c.share.value for c in its.causes) == pytest.approx(1.0)
    for cause in its.causes:
        assert cause.share.low <= cause.share.value <= cause.share.high
    events = [e for e in raw["events"] if ended_in_week(e["ts"]) and e["kind"] != "truck_pass"]
    for site in its.sites:
        if site.share is not None:
            assert site.share.value == pytest.approx(of_site[site.site] / total)
        led = [e for e in over if e["causes"] and e["causes"][0]["site"] == site.site]
        gate = [
            e for e in raw["episodes"]
            if e["rule"] == "gate" and not e["withdrawn"] and e["started_at"] < UPTO
            and e["ended_at"] > SINCE and e["causes"][0]["site"] == site.site
        ]  # fmt: skip
        assert (site.led, site.gate) == (len(led), len(gate))
        assert site.offence_days == len(
            {max(e["started_at"], SINCE).astimezone(ZONE).date() for e in (*led, *gate)}
        )
        assert site.flags == sum(e["site"] == site.site for e in events)
        ordered = [
            w for w in works(raw) if w["treatment"] == "inspect" and w["site"] == site.site
        ]  # fmt: skip
        assert site.inspections == len(ordered)
        assert site.inspected == sum(w["state"] == "done" for w in ordered)


def test_promises_and_response(its: Figures, raw: Raw) -> None:
    """Kept and missed, late, and from the limit to an order and to work begun."""
    matters = [m for m in raw["matters"] if WEEK.first <= m["day"] < WEEK.last]
    promises = its.promises
    assert promises.outcomes == Counter(m["outcome"] for m in matters)
    assert promises.kept == sum(m["outcome"] in ("treated", "subsided", "reason") for m in matters)
    assert promises.counted - promises.kept == promises.outcomes["not_made"]
    answers = [(m["answered_at"] - m["opened_at"]).total_seconds() / 60 for m in matters]
    assert promises.answered_in_time == sum(a <= 5 for a in answers)
    assert promises.answer.p50 == pytest.approx(median(answers))
    assert promises.answer.p95 == pytest.approx(float(np.percentile(answers, 95)))
    begun = [m for m in matters if m["begun_at"]]
    assert promises.late == sum(m["begun_at"] > m["due"] for m in begun)
    waits = [(m["begun_at"] - m["opened_at"]).total_seconds() / 60 for m in begun]
    assert promises.begun.p50 == pytest.approx(median(waits))
    assert len(promises.missed) == sum(
        m["outcome"] == "not_made" or bool(m["begun_at"] and m["begun_at"] > m["due"])
        for m in matters
    )


def test_data_conditions_and_calibration(its: Figures, raw: Raw) -> None:
    """Readings of expected, doubted share; haze, sand, rain; forecasts inside their interval."""
    doubted = {(f["station"], f["ts"]) for f in raw["flags"] if ended_in_week(f["ts"])}
    for station in its.stations:
        mine = [
            r for r in raw["readings"]
            if r["station"] == station.station and ended_in_week(r["ts"])
        ]  # fmt: skip
        assert station.readings == len(mine)
        assert station.expected == pytest.approx(7 * 96)
        assert station.doubted == sum(name == station.station for name, _ in doubted)
        assert station.late == sum(r["late"] for r in mine)
    assert its.completeness == pytest.approx(
        sum(s.readings for s in its.stations) / (7 * 96 * len(its.stations))
    )
    assert its.weather.haze_h == pytest.approx(9.5)
    assert its.weather.sand_h == pytest.approx(2.0)
    rainy = {
        (r["ts"] - timedelta(milliseconds=1)).replace(minute=0, second=0, microsecond=0)
        for r in raw["readings"] if r["rain"] and ended_in_week(r["ts"])
    }  # fmt: skip
    assert its.weather.rain_h == len(rainy)
    hours = defaultdict(list)
    for m in raw["segment_minutes"]:
        if m["confidence"] >= 1:
            start = (m["ts"] - timedelta(minutes=1)).replace(minute=0)
            hours[m["segment"], start].append(m["estimate"])
    judged = [
        mean(hours[f["segment"], f["ts"]]) for f in raw["segment_forecasts"]
        if in_week(f["ts"]) and len(hours.get((f["segment"], f["ts"]), ())) >= 45
    ]  # fmt: skip
    assert its.calibration.forecasts == len(judged) > 0
    assert its.calibration.inside == sum(5 <= value <= 34 for value in judged)
    pairs = [
        w["verdict"]["disagree"] for w in works(raw)
        if w["state"] == "done" and w["verdict"] and w["verdict"]["disagree"] is not None
    ]  # fmt: skip
    assert (its.calibration.pairs, its.calibration.agree) == (len(pairs), pairs.count(False))


def test_escalations_complaints_and_decisions(its: Figures, raw: Raw) -> None:
    """Concerns by kind, calls by role, complaints, and what people decided."""
    assert its.concerns == Counter(c["kind"] for c in raw["concerns"] if in_week(c["opened_at"]))
    assert its.calls == {
        "dispatcher": sum(
            line["event"] == "called" and in_week(line["at"]) for line in raw["escalation_log"]
        )
    }
    assert its.complaints == sum(r["kind"] == "dust" and in_week(r["ts"]) for r in raw["reports"])
    assert [d.by for d in its.decisions] == ["=wang"]


def test_a_week_that_is_worse_is_told_beyond_chance(its: Figures) -> None:
    """The increment rose every day by more than its days differ; the weeks' work did not change."""
    changes = {one.name: one for one in its.changes}
    assert changes["increment"].beyond is True
    assert changes["increment"].good is False
    assert changes["treatments"].beyond is False
    assert its.changes_last_year == ()


# Parts of it --------------------------------------------------------------------------------------


def treatment(**said: Any) -> Treatment:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    plain: dict[str, Any] = dict.fromkeys(Treatment.__slots__) | {
        "id": "O", "crew": "C", "treatment": "wash", "segment": "S", "priority": 1,
        "state": "done", "issued_at": at, "ended_at": at, "planned_l": 0.0,
        "reduction_pct": 20.0, "low_pct": 10.0, "high_pct": 30.0, "minutes_after": 60,
        "increment_after": 40.0,
    }  # fmt: skip
    return Treatment(**plain | said)


def test_what_one_wash_spares() -> None:
    """40 µg/m³ is what is left of 50: a hundred residents were spared 10 each for an hour."""
    spared = avoided(treatment(), 100.0)
    assert spared is not None
    assert spared.value == pytest.approx(1000.0)
    assert spared.low == pytest.approx(100 * 40 / 9)
    assert spared.high == pytest.approx(100 * 40 * 3 / 7)


@pytest.mark.parametrize(
    "said", [{"reduction_pct": None}, {"minutes_after": 29}, {"increment_after": None}]
)
def test_nothing_is_claimed_without_a_verdict(said: dict[str, Any]) -> None:
    """Where the effect or the street is not known nothing is counted."""
    assert avoided(treatment(**said), 100.0) is None


def test_what_made_it_worse_counts_against(facts: District) -> None:
    """A negative effect is a negative gain, with its ends in order."""
    spared = avoided(
        treatment(reduction_pct=-20.0, low_pct=-30.0, high_pct=-5.0, low_after=30, high_after=60),
        100.0,
    )
    assert spared is not None
    assert spared.low < spared.value < spared.high < 0


def test_what_is_shared_does_not_average_out() -> None:
    """Own errors of many add up as squares, what they have in common in full."""
    parts = [Estimate(10.0, 8.0, 12.0)] * 100
    alone, common = estimate.total(parts), estimate.total(parts, 0.5)
    assert (alone.value, alone.high) == (pytest.approx(1000), pytest.approx(1020))
    assert common.high == pytest.approx(1000 + math.hypot(20, 500))


def test_changes_are_judged_by_what_is_known_of_them() -> None:
    """Intervals, shares, days and counts each have their test; a bare number has none."""
    wide = Sample(10.0, interval=Estimate(10.0, 0.0, 20.0))
    narrow = Sample(30.0, interval=Estimate(30.0, 28.0, 32.0))
    assert change("x", "lower", narrow, wide).beyond is True
    assert change("x", "lower", Sample(12.0, interval=Estimate(12, 2, 22)), wide).beyond is False
    assert change("x", "higher", Sample(0.9, hits=90, of=100), Sample(0.5, hits=50, of=100)).good
    days = Sample(70.0, values=(10.0, 11.0, 9.0, 10.5))
    assert change("x", "lower", days, Sample(8.0, values=(1.0, 2.0, 3.0, 2.5))).beyond is True
    assert change("x", "lower", days, Sample(8.0, values=(1.0, 2.0))).beyond is None
    assert change("x", "lower", Sample(40, days=7), Sample(10, days=7)).beyond is True
    assert change("x", "lower", Sample(12, days=7), Sample(10, days=7)).beyond is False
    assert change("x", "lower", Sample(1.0), Sample(2.0)).beyond is None
    assert change("x", "lower", Sample(None), Sample(2.0)).pct is None


def test_periods() -> None:
    """A week begins on Monday, a month has its own length, last year's week has the same days."""
    assert period("week", date(2026, 3, 8)).first == date(2026, 3, 2)
    month = period("month", date(2026, 2, 14))
    assert (month.first, month.last, month.days) == (date(2026, 2, 1), date(2026, 3, 1), 28)
    assert month.before.first == date(2026, 1, 1)
    assert month.last_year.first == date(2025, 2, 1)
    assert period("week", date(2026, 3, 2)).last_year.first.weekday() == 0
    assert newest_over("month", date(2026, 3, 1)).first == date(2026, 2, 1)
    assert period("day", date(2026, 3, 2)).since(ZONE) == datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_a_day_of_nothing_has_figures(facts: District, fortnight_db: str) -> None:
    """Long before the first reading nothing is claimed, and nothing fails."""
    with connect(fortnight_db, name="test", autocommit=True) as conn:
        empty = make(conn, facts, period("day", date(2020, 1, 1)), fortnight.NOW)
    assert empty.minutes == empty.treatments == empty.observed_h == 0
    assert empty.completeness is None
    assert empty.changes == ()


def test_of_one_segment_and_one_crew(facts: District, fortnight_db: str, its: Figures) -> None:
    """What is of a part is the part of the whole."""
    with connect(fortnight_db, name="test", autocommit=True) as conn:
        street = make(conn, facts, WEEK, fortnight.NOW, Scope(segment="XH07N"))
        crew = make(conn, facts, WEEK, fortnight.NOW, Scope(crew="WATER-A"))
    whole = next(s for s in its.segments if s.segment == "XH07N")
    assert [s.segment for s in street.segments] == ["XH07N"]
    assert street.over_min == whole.over[1]
    assert street.treatments == whole.treatments
    assert street.avoided.value == pytest.approx(whole.avoided.value)
    [mine] = [c for c in its.crews if c.crew == "WATER-A"]
    assert [c.crew for c in crew.crews] == ["WATER-A"]
    assert crew.crews[0] == mine
    assert {s.station for s in street.stations} == {
        s.id for s in facts.stations if s.segment == "XH07N"
    }
    assert crew.stations == ()
    assert {one.name for one in crew.changes} >= {"treatments", "proven_share"}


# Kept and sent ------------------------------------------------------------------------------------


def reporting(dsn: str, folder: Path, **said: Any) -> Reporting:
    return Reporting(load_district(XINGHAI), dsn, ReportSettings(**said), "en", folder)


def calls(conn: Connection) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT recipient, title, body, attachment FROM calls ORDER BY id"
    ).fetchall()


def test_kept_once_until_something_changes(own_db: str, facts: District) -> None:
    """The same figures are one version; others are the next, and both can be read."""
    with connect(own_db, name="test", autocommit=True) as conn:
        first = make(conn, facts, WEEK, fortnight.NOW)
        assert keep(conn, first, fortnight.NOW, "wang", "asked") == 1
        assert keep(conn, first, fortnight.NOW, "wang", "asked") == 1
        conn.execute("UPDATE verdicts SET reduction_pct = reduction_pct + 1")
        second = make(conn, facts, WEEK, fortnight.NOW)
        assert keep(conn, second, fortnight.NOW, "schedule", "late") == 2
        old, new = (kept(conn, "week", WEEK.first, version) for version in (1, None))
        assert old is not None
        assert new is not None
        assert (old.figures, old.newest) == (first, 2)
        assert (new.figures, new.version, new.why) == (second, 2, "late")
        assert kept(conn, "week", WEEK.first, 3) is None


def test_made_on_schedule_and_sent_with_the_file(own_db: str, tmp_path: Path) -> None:
    """The week that is over is kept, lies in the folder, and is on its way with link and file."""
    maker = reporting(own_db, tmp_path, address="https://dust.example.org/")
    assert maker.report("week", fortnight.NOW) == 1
    with connect(own_db, name="test") as conn:
        [(recipient, title, body, attachment)] = calls(conn)
        last = newest(conn, "week", WEEK.first)
    assert recipient == "reports"
    assert "2026-03-02" in title
    assert body.endswith("https://dust.example.org/reports/week/2026-03-02")
    assert "%" in body
    assert Path(attachment).read_bytes().startswith(b"%PDF")
    assert last is not None
    assert last.sent_at == fortnight.NOW


def test_made_again_only_when_data_came_late(own_db: str, tmp_path: Path) -> None:
    """Nothing new: no version more. Late data that change a main figure: one more, sent anew."""
    maker = reporting(own_db, tmp_path, attach=False)
    maker.report("week", fortnight.NOW)
    later = fortnight.NOW + timedelta(hours=6)
    assert maker.look_again(later) == []
    with connect(own_db, name="test", autocommit=True) as conn:
        conn.execute("UPDATE segment_minutes SET level = 3 WHERE segment = 'MW03'")
        assert maker.look_again(later) == [], "nobody has said that data came"
        conn.execute(
            "INSERT INTO batches (kind, stored_at, min_ts, rows) VALUES ('readings', %s, %s, 9)",
            (later, SINCE),
        )
        assert maker.look_again(later) == [WEEK]
        last = newest(conn, "week", WEEK.first)
        assert last is not None
        assert (last.version, last.why) == (2, "late")
        told = calls(conn)
    assert len(told) == 2
    assert told[1][2].startswith("version 2")
    assert told[1][3] is None


def test_a_folder_that_cannot_be_written_stops_nothing(own_db: str, tmp_path: Path) -> None:
    """The report is kept and told of without its file."""
    (tmp_path / "taken").write_text("a file where the folder should be")
    reporting(own_db, tmp_path / "taken").report("day", fortnight.NOW)
    with connect(own_db, name="test") as conn:
        assert [row[3] for row in calls(conn)] == [None]
        assert newest(conn, "day", date(2026, 3, 8)) is not None


def test_duties_fall_due_at_their_local_times(tmp_path: Path) -> None:
    """Day at half past midnight, week on Monday, month on the first, all by the local clock."""
    start = datetime(2026, 2, 27, 17, 0, tzinfo=UTC)
    due = {}
    for duty in reporting("", tmp_path, at="00:30").duties():
        at = duty.trigger.get_next_fire_time(start, start)
        assert at is not None
        due[duty.name] = at.astimezone(ZONE).strftime("%a %d %H:%M")
    assert due == {
        "day report": "Sun 01 00:30",
        "week report": "Mon 02 00:30",
        "month report": "Sun 01 00:30",
        "reports again": "Sat 28 06:30",
    }


@pytest.mark.parametrize("said", [{"at": "24:00"}, {"again_at": "6"}, {"address": "javascript:1"}])
def test_settings_that_cannot_be_used(said: dict[str, str]) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match=f"reports.{next(iter(said))}"):
        ReportSettings(**said)


def test_the_message_is_the_first_page(its: Figures, facts: District) -> None:
    """Three sentences, and no link without an address."""
    from console.reports.document import document

    said = message(document(facts, its, "en"), WEEK, 1, "")
    assert len(said.splitlines()) == 3


# Over the API -------------------------------------------------------------------------------------


WEEK_PATH = "/api/v1/reports/week/2026-03-02"


def test_forms_by_suffix_and_by_accept(reader: httpx.Client) -> None:
    """A suffix asks for a form, else the header does; what there is not is refused."""
    for suffix, start in ((".pdf", b"%PDF"), (".xlsx", b"PK")):
        answer = reader.get(WEEK_PATH + suffix)
        assert answer.status_code == 200
        assert answer.content.startswith(start)
        assert answer.headers["content-disposition"].endswith(f'zh-CN{suffix}"')
    answer = reader.get(WEEK_PATH, headers={"Accept": "text/html;q=0.9, application/pdf;q=0.5"})
    assert answer.headers["content-type"] == "application/pdf"
    assert reader.get(WEEK_PATH).json()["figures"]["first"] == "2026-03-02"
    assert reader.get(WEEK_PATH, headers={"Accept": "image/png"}).status_code == 406


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/reports/week/2026-02-30", 422),
        ("/api/v1/reports/year/2026-03-02", 422),
        ("/api/v1/reports/week/0001-01-01", 422),
        (WEEK_PATH + "?version=9", 404),
        (WEEK_PATH + "?segment=NOWHERE", 404),
        (WEEK_PATH + "?crew=NOBODY", 404),
        (WEEK_PATH + "?segment=XH07N&crew=WATER-A", 422),
        ("/api/v1/sites/NOWHERE/dossier", 404),
        ("/api/v1/sites/SITE-SPOIL-1/dossier?from=2026-03-02&to=2026-03-01", 422),
        ("/api/v1/reports?after=x", 422),
    ],
)
def test_what_there_is_not(reader: httpx.Client, path: str, status: int) -> None:
    """Refused with a sentence that says what to do."""
    answer = reader.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_making_is_for_operators_and_stands_in_the_audit(console: Running) -> None:
    """A viewer may read; an operator's request keeps a version, once for the same figures."""
    with console.as_("watcher") as watcher, console.as_("operator") as operator:
        wish = {"kind": "day", "day": "2026-03-02"}
        assert watcher.post("/api/v1/reports", json=wish).status_code == 403
        made = operator.post("/api/v1/reports", json=wish)
        assert made.status_code == 201
        assert (made.json()["version"], made.json()["made_by"]) == (1, "operator")
        assert operator.post("/api/v1/reports", json=wish).json()["version"] == 1
        listed = watcher.get("/api/v1/reports").json()
        assert [row["day"] for row in listed["items"]] == ["2026-03-02"]
        future = {"kind": "day", "day": "2026-04-02"}
        assert operator.post("/api/v1/reports", json=future).status_code == 422
    with console.as_("driver") as driver:
        assert driver.get("/api/v1/reports").status_code == 403
    with connect(console.dsn, name="test") as conn:
        found = conn.execute("SELECT actor FROM audit WHERE action = 'report'").fetchall()
    assert found == [("operator",), ("operator",)]


def test_the_list_is_paged(console: Running, facts: District) -> None:
    """Each report once, the newest version, the latest periods first."""
    with connect(console.dsn, name="test", autocommit=True) as conn:
        for kind in ("day", "week", "month"):
            its = make(conn, facts, period(kind, date(2026, 3, 2)), plausible.NOW)  # type: ignore[arg-type]
            keep(conn, its, plausible.NOW, "schedule", "schedule")
    with console.as_("watcher") as watcher:
        seen, after = [], ""
        for _ in range(3):
            page = watcher.get(f"/api/v1/reports?limit=1{after}").json()
            seen += [(row["day"], row["kind"]) for row in page["items"]]
            after = f"&after={page['next']}"
    assert page["next"] is None
    assert seen == [("2026-03-02", "week"), ("2026-03-02", "day"), ("2026-03-01", "month")]


def test_a_dossier_holds_what_was_seen_at_the_site(reader: httpx.Client) -> None:
    """The episode that the site leads, with its evidence as recorded, and the order sent there."""
    its = reader.get("/api/v1/sites/SITE-SPOIL-1/dossier").json()
    [episode] = its["episodes"]
    assert episode["first"] is True
    assert "小南山消纳场" in episode["evidence"]
    assert its["share"]["low"] <= its["share"]["value"] <= its["share"]["high"]
    assert reader.get("/api/v1/sites/SITE-SPOIL-1/dossier.pdf").content.startswith(b"%PDF")


@pytest.mark.parametrize(
    "path",
    ["/reports", "/reports/week/2026-03-02", "/reports/day/2026-03-02?segment=XH07N",
     "/reports/day/2026-03-02?crew=WATER-A", "/sites/SITE-SPOIL-1/dossier"],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_pages_are_served_to_who_may_look(still_console: Running, path: str, lang: str) -> None:
    """With a session each page is whole; without one it leads to the login."""
    from tests.console.conftest import PASSWORD

    with httpx.Client(base_url=still_console.address, timeout=60) as browser:
        assert browser.get(path).headers["location"] == "/login"
        browser.post("/login", data={"name": "watcher", "password": PASSWORD})
        answer = browser.get(path, params={**httpx.URL(path).params, "lang": lang})
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text
    assert "</main>" in answer.text
