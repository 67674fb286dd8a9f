"""What a report shows, and in which order: figures to blocks, in one language."""

from collections.abc import Callable, Sequence
from datetime import datetime

from console.models import District
from console.reports import pictures
from console.reports.blocks import (
    Big,
    Bigs,
    Block,
    Cell,
    Column,
    Document,
    Page,
    Pair,
    Picture,
    Stack,
    Table,
    Tone,
    Valued,
    Words,
)
from console.reports.change import Change
from console.reports.estimate import Estimate
from console.reports.figures import Figures, SegmentFigures
from console.reports.lead import lead
from console.reports.making import DISTRICT, Scope
from console.reports.said import UG, Said
from console.texts import Language

THOUSAND = 1000.0
OF_CREW = frozenset({"avoided", "treatments", "proven_share", "litres_per_km"})
OF_SEGMENT = OF_CREW | {
    "avoided_share", "over_min", "resident_h", "exceedances", "increment", "background",
    "answer_p50", "begun_p50", "kept_share",
}  # fmt: skip
WORST = 8
SHOWN_STATIONS = 30


def document(
    district: District,
    its: Figures,
    language: Language,
    *,
    scope: Scope = DISTRICT,
    version: int | None = None,
    made_at: datetime | None = None,
    why: str | None = None,
) -> Document:
    """The report of a period, of the district or of a part of it; version: of a kept one."""
    say = Said(district, language)
    if scope.segment is not None:
        of, pages = say.segment(scope.segment), _segment_pages(district, its, say, scope.segment)
    elif scope.crew is not None:
        of, pages = say.crew(scope.crew), _crew_pages(its, say)
    else:
        of, pages = say.district, _district_pages(district, its, say)
    facts = [
        (say("report.period"), say.period(its.kind, its.first, its.last)),
        (say("report.of"), of),
        (say("report.upto"), say.moment(its.upto)),
        (say("report.observed"), say("report.hours", n=f"{its.observed_h:,.1f}")),
    ]
    if made_at is not None:
        facts.append((say("report.made_at"), say.moment(made_at)))
    if version is not None:
        facts.append((say("report.version"), str(version)))
    if why is not None:
        facts.append((say("report.why"), say.word("report_why", why)))
    name = "-".join(
        part for part in (its.kind, f"{its.first}", scope.segment or scope.crew) if part
    )
    return Document(
        name=f"roaddust-{name}",
        title=say(f"report.title_{its.kind}"),
        subtitle=f"{of} · {say.period(its.kind, its.first, its.last)}",
        district=say.district,
        language=language,
        zone=say.zone,
        pages=tuple(pages),
        facts=tuple(facts),
        footer=" · ".join(
            part
            for part in (
                say("report.title_" + its.kind),
                f"{its.first}",
                say("report.version_n", n=version) if version else "",
            )
            if part
        ),
        extra=(_days(its, say), _definitions(say)),
    )


def _district_pages(district: District, its: Figures, say: Said) -> list[Page]:
    first: list[Block] = [
        Bigs(_bigs(its, say)),
        Words(lead(its, say), lead=True),
        Pair(_map(district, its, say), _changes(its, say), 0.42),
    ]
    if not its.complete:
        first.insert(2, Words((say("report.unfinished", at=say.moment(its.upto)),)))
    if not (its.minutes or its.treatments or its.promises.matters or its.completeness):
        # Empty axes on four more pages would say no more.
        return [Page(say("report.page_first"), tuple(first))]
    street: list[Block] = [
        _hours(its, say),
        Pair(_days_picture(its, say), _causes(its, say)),
        _segments(its, say),
        Pair(_levels(its, say), _effects(its, say), 0.42),
        _kinds(its, say),
    ]
    sites: list[Block] = [
        Pair(_site_shares(its, say), _site_days(its, say)),
        _sites(its, say),
        Words((say("report.sites_note"),)),
        _inspections(its, say),
    ]
    crews: list[Block] = [
        _crews(its, say),
        Pair(_promises(its, say), _responses(its, say)),
        _missed(its, say),
        Pair(_escalations(its, say), _decisions(its, say), 0.42),
    ]
    data: list[Block] = [
        Pair(_stations(its, say), Stack((_weather(its, say), _calibration(its, say))), 0.58),
        Words((say("report.fair"), say("report.chance_note"))),
    ]
    if its.changes_last_year:
        data.insert(0, _change_table(its.changes_last_year, say, "last_year"))
    return [
        Page(say("report.page_first"), tuple(first)),
        Page(say("report.page_street"), tuple(street)),
        Page(say("report.page_sites"), tuple(sites)),
        Page(say("report.page_crews"), tuple(crews)),
        Page(say("report.page_data"), tuple(data)),
    ]


def _segment_pages(district: District, its: Figures, say: Said, segment: str) -> list[Page]:
    blocks: list[Block] = [
        Bigs(_bigs(its, say)[:2]),
        Pair(_map(district, its, say, only=segment), _days_picture(its, say), 0.5),
        Pair(_levels(its, say), _causes(its, say), 0.42),
        _kinds(its, say),
        _missed(its, say),
        _changes(its, say, OF_SEGMENT),
        _stations(its, say),
    ]
    return [Page(say.segment(segment), tuple(blocks))]


def _crew_pages(its: Figures, say: Said) -> list[Page]:
    blocks: list[Block] = [
        _crews(its, say),
        _kinds(its, say),
        _effects(its, say),
        Pair(_escalations(its, say), _decisions(its, say), 0.42),
        _changes(its, say, OF_CREW),
    ]
    return [Page(say("report.page_crews"), tuple(blocks))]


# The first page ---------------------------------------------------------------------------------


def _bigs(its: Figures, say: Said) -> tuple[Big, ...]:
    changes = {one.name: one for one in its.changes}

    def big(name: str, column: Column, value: Cell, note: str) -> Big:
        one = changes.get(name)
        return Big(
            name=name,
            title=say(f"report_figure.{name}"),
            column=column,
            value=value,
            change=say.change(one, its.kind) if one else "",
            tone=_tone(one),
            note=note,
        )

    promises = its.promises
    return (
        big(
            "avoided_share",
            Column("", "share_estimate", decimals=1),
            its.avoided_share,
            say(
                "report.big_avoided",
                judged=say.number(its.judged),
                done=say.number(its.treatments),
            ),
        ),
        big(
            "over_min",
            Column("", "number", say("report_unit.segment_h"), 1),
            its.over_min / 60.0 if its.minutes else None,
            say("report.big_over", n=say.number(its.exceedances),
                share=say.share(its.over_min / its.minutes if its.minutes else None, 2)),
        ),
        big(
            "kept_share",
            Column("", "share", decimals=1),
            promises.kept / promises.counted if promises.counted else None,
            say(
                "report.big_kept",
                kept=say.number(promises.kept),
                counted=say.number(promises.counted),
                late=say.number(promises.late),
            ),
        ),
        big(
            "completeness",
            Column("", "share", decimals=1),
            its.completeness,
            say(
                "report.big_complete",
                stations=say.number(sum(s.received < 0.75 * s.expected for s in its.stations)),
                n=say.number(len(its.stations)),
            ),
        ),
    )  # fmt: skip


def _tone(one: Change | None) -> Tone:
    if one is None or one.good is None:
        return "plain"
    return "good" if one.good else "bad"


def _grade(segment: SegmentFigures) -> int:
    """0 to 3: how much of its time it was over the limit."""
    share = segment.over[1] / segment.minutes if segment.minutes else 0.0
    return 0 if share == 0 else 1 if share < 0.01 else 2 if share < 0.05 else 3


def _map(district: District, its: Figures, say: Said, only: str | None = None) -> Picture:
    grades = {s.segment: _grade(s) for s in its.segments}
    labels = [(s.segment, say.segment(s.segment)) for s in its.segments[:3] if s.over[1]]
    if only is None:
        labels += [
            (s.site, say.site(s.site)) for s in its.sites[:2] if s.share and s.share.value > 0.02
        ]
    title = say("report.map")
    return Picture(
        "map",
        title,
        pictures.street_map(district, grades, labels, title),
        title,
        say("report.map_note"),
    )


def _changes(its: Figures, say: Said, only: frozenset[str] | None = None) -> Table:
    """only: figures that speak of the part of the district that the report is of."""
    changes = [one for one in its.changes if only is None or one.name in only]
    return _change_table(changes, say, "before")


SCALES: dict[str, tuple[str, float, str, int]] = {
    # name: kind of cell, divided by, unit, decimals
    "avoided": ("number", THOUSAND, "exposure", 0),
    "avoided_share": ("share", 1.0, "", 1),
    "over_min": ("number", 60.0, "segment_h", 1),
    "resident_h": ("number", THOUSAND, "resident_h", 1),
    "exceedances": ("number", 1.0, "", 0),
    "increment": ("number", 1.0, "ug", 1),
    "background": ("number", 1.0, "ug", 1),
    "treatments": ("number", 1.0, "", 0),
    "proven_share": ("share", 1.0, "", 1),
    "litres_per_km": ("number", 1.0, "l_per_km", 0),
    "answer_p50": ("number", 1.0, "min", 1),
    "begun_p50": ("number", 1.0, "min", 1),
    "kept_share": ("share", 1.0, "", 1),
    "site_flags": ("number", 1.0, "", 0),
    "complaints": ("number", 1.0, "", 0),
    "completeness": ("share", 1.0, "", 1),
}


def _change_table(changes: Sequence[Change], say: Said, name: str) -> Table:
    """Values of several units are in one column: each row says its own."""
    rows: list[tuple[Cell, ...]] = []
    for one in changes:
        kind, by, unit, decimals = SCALES[one.name]
        column = Column("", "share" if kind == "share" else "number", decimals=decimals)
        now, then = (
            Valued(column, None if value is None else value / by) for value in (one.now, one.then)
        )
        title = say(f"report_figure.{one.name}")
        rows.append(
            (
                f"{title} ({UG if unit == 'ug' else say('report_unit.' + unit)})"
                if unit
                else title,
                now,
                then,
                None if one.pct is None else one.pct / 100.0,
                say.beyond(one),
            )
        )
    return Table(
        name=f"changes_{name}",
        title=say(f"report_table.changes_{name}"),
        columns=(
            Column(say("report_column.figure"), wide=True),
            Column(say("report_column.now"), "number"),
            Column(say(f"report_column.{name}"), "number"),
            Column(say("report_column.change"), "share", decimals=0),
            Column(say("report_column.beyond")),
        ),
        rows=tuple(rows),
        empty=say("report.nothing_before"),
    )


# The street --------------------------------------------------------------------------------------


def _hours(its: Figures, say: Said) -> Picture:
    title = say("report.hours_title")
    return Picture(
        "hours",
        title,
        pictures.street_hours(
            [(h.hour, h.increment, h.background, h.over_min) for h in its.hours],
            say.zone,
            (
                say("report.hours_increment"),
                say("report.hours_background"),
                say("report.hours_over"),
            ),
            title,
        ),
        title,
    )


def _days_picture(its: Figures, say: Said) -> Picture:
    title = say("report.days_title")
    rows = [(day.day, day.over_min / 60.0 if day.measured else None) for day in its.days]
    return Picture("days", title, pictures.days(rows, lambda v: f"{v:,.1f}", title), title)


def _percent(value: float) -> str:
    return f"{100 * value:,.0f}%".replace("-", "−")


def _points(value: float) -> str:
    return f"{value:,.0f}%".replace("-", "−")


def _causes(its: Figures, say: Said) -> Picture:
    title = say("report.causes_title")
    rows = [(say.word("cause", one.kind), one.share) for one in its.causes]
    return Picture(
        "causes",
        title,
        pictures.intervals(rows, _percent, title, label=96),
        title,
        say("report.causes_note") if rows else say("report.no_exceedance"),
    )


def _exposure(say: Said, title: str) -> Column:
    return Column(title, "estimate", say("report_unit.exposure"), 0)


def _segments(its: Figures, say: Said) -> Table:
    return Table(
        name="segments",
        title=say("report_table.segments"),
        columns=(
            Column(say("report_column.segment"), wide=True),
            Column(say("report_column.over_2"), "number", say("report_unit.min")),
            Column(say("report_column.over_3"), "number", say("report_unit.min")),
            Column(say("report_column.increment"), "number", UG, 1),
            Column(say("report_column.episodes"), "number"),
            Column(say("report_column.treatments"), "number"),
            _exposure(say, say("report_column.avoided")),
            Column(say("report_column.resident_h"), "number", say("report_unit.person_h")),
            Column(say("report_column.measured"), "share"),
        ),
        rows=tuple(
            (
                say.segment(s.segment), s.over[1], s.over[2], s.increment, s.episodes, s.treatments,
                _spared(s.avoided, s.judged), s.resident_h, s.measured_share,
            )
            for s in its.segments
        ),
        most=WORST,
    )  # fmt: skip


def _spared(value: Estimate, judged: int) -> Estimate | None:
    """None where no verdict says anything."""
    return _thousand(value) if judged else None


def _thousand(value: Estimate) -> Estimate:
    return Estimate(value.value / THOUSAND, value.low / THOUSAND, value.high / THOUSAND)


def _levels(its: Figures, say: Said) -> Table:
    return Table(
        name="levels",
        title=say("report_table.levels"),
        columns=(
            Column(say("report_column.level")),
            Column(say("report_column.episodes"), "number"),
            Column(say("report_column.minutes"), "number", say("report_unit.min")),
        ),
        rows=(
            *((say.word("level", str(one.level)), one.episodes, one.minutes) for one in its.levels),
            (say("report.warnings"), its.warnings, None),
        ),
    )


def _effects(its: Figures, say: Said) -> Picture:
    title = say("report.effects_title")
    rows = [
        (say.word("treatment", kind.kind), kind.effect_pct)
        for kind in its.kinds
        if kind.effect_pct is not None
    ]
    return Picture(
        "effects",
        title,
        pictures.intervals(rows, _points, title, label=96, points=True, look="dot"),
        title,
        say("report.effects_note"),
    )


def _kinds(its: Figures, say: Said) -> Table:
    return Table(
        name="treatments",
        title=say("report_table.treatments"),
        columns=(
            Column(say("report_column.treatment"), wide=True),
            Column(say("report_column.done"), "number"),
            Column(say("report_column.failed"), "number"),
            Column(say("report_column.judged"), "number"),
            Column(say("report_column.effect"), "estimate", "%", 1),
            Column(say("report_column.effective"), "number"),
            _exposure(say, say("report_column.avoided")),
            Column(say("report_column.proven"), "share", decimals=1),
            Column(say("report_column.water"), "number", say("report_unit.m3"), 1),
            Column(say("report_column.treated_km"), "number", say("report_unit.km"), 1),
        ),
        rows=tuple(
            (
                say.word("treatment", k.kind), k.done, k.failed, k.judged, k.effect_pct,
                k.effective, _spared(k.avoided, k.judged),
                k.proven / k.seen if k.seen else None,
                k.water_l / THOUSAND, k.treated_km,
            )
            for k in its.kinds
        ),
        empty=say("report.no_work"),
    )  # fmt: skip


# Sites --------------------------------------------------------------------------------------------


def _label(say: Said) -> float:
    """Room for the names of sites."""
    return 168.0 if say.language == "en" else 120.0


def _site_shares(its: Figures, say: Said) -> Picture:
    title = say("report.site_shares")
    rows = [(say.site(s.site), s.share) for s in its.sites if s.share is not None]
    return Picture(
        "site_shares",
        title,
        pictures.intervals(rows, _percent, title, label=_label(say), look="bar-2"),
        title,
        "" if rows else say("report.no_exceedance"),
    )


def _site_days(its: Figures, say: Said) -> Picture:
    title = say("report.site_days")
    return Picture(
        "site_days",
        title,
        pictures.calendar(
            [(say.site(s.site), [(d.day, d.led, d.gate) for d in s.days]) for s in its.sites],
            title,
            label=_label(say),
        ),
        title,
        say("report.site_days_note"),
    )


def _sites(its: Figures, say: Said) -> Table:
    return Table(
        name="sites",
        title=say("report_table.sites"),
        columns=(
            Column(say("report_column.site"), wide=True),
            Column(say("report_column.share"), "share_estimate", decimals=1),
            Column(say("report_column.led"), "number"),
            Column(say("report_column.gate"), "number"),
            Column(say("report_column.offence_days"), "number"),
            Column(say("report_column.flags"), "number"),
            Column(say("report_column.unwashed"), "number"),
            Column(say("report_column.idle"), "number"),
            Column(say("report_column.inspections"), "number"),
            Column(say("report_column.inspected"), "number"),
        ),
        rows=tuple(
            (
                say.site(s.site), s.share, s.led, s.gate, s.offence_days, s.flags,
                s.flag_kinds.get("unwashed_truck", 0), s.flag_kinds.get("wash_bay_idle", 0),
                s.inspections, s.inspected,
            )
            for s in its.sites
        ),
    )  # fmt: skip


def _inspections(its: Figures, say: Said) -> Table:
    """Those without an answer first, then the newest."""
    rows = sorted(its.inspections, key=lambda one: one.ordered_at, reverse=True)
    return Table(
        name="inspections",
        title=say("report_table.inspections"),
        columns=(
            Column(say("report_column.site"), wide=True),
            Column(say("report_column.at"), "time"),
            Column(say("report_column.crew")),
            Column(say("report_column.state")),
            Column(say("report_column.answered_min"), "number", say("report_unit.min")),
            Column(say("report_column.answer"), wide=True),
        ),
        rows=tuple(
            (
                say.site(one.site), one.ordered_at, say.crew(one.crew),
                say.word("order_state", one.state), one.minutes,
                say.told(one.outcome, one.outcome_also),
            )
            for one in sorted(rows, key=lambda one: one.state == "done")
        ),
        empty=say("report_dossier.none"),
        most=16,
    )  # fmt: skip


# Crews and promises -------------------------------------------------------------------------------


def _crews(its: Figures, say: Said) -> Table:
    water = its.water
    rows: list[tuple[Cell, ...]] = [
        (
            say.crew(c.crew), c.done, c.failed, c.driven_km, c.treated_km, c.water_l / THOUSAND,
            c.proven / c.seen if c.seen else None, c.effect_pct, _spared(c.avoided, c.judged),
        )
        for c in its.crews
    ]  # fmt: skip
    rows.append(
        (
            say("report.all"), its.treatments, sum(k.failed for k in its.kinds), water.driven_km,
            water.treated_km, water.litres / THOUSAND,
            its.proven / its.seen if its.seen else None, None, _thousand(its.avoided),
        )
    )  # fmt: skip
    per_km = Column("", "number", say("report_unit.l_per_km"), 0)
    return Table(
        name="crews",
        title=say("report_table.crews"),
        columns=(
            Column(say("report_column.crew"), wide=True),
            Column(say("report_column.done"), "number"),
            Column(say("report_column.failed"), "number"),
            Column(say("report_column.driven_km"), "number", say("report_unit.km"), 1),
            Column(say("report_column.treated_km"), "number", say("report_unit.km"), 1),
            Column(say("report_column.water"), "number", say("report_unit.m3"), 1),
            Column(say("report_column.proven"), "share", decimals=1),
            Column(say("report_column.effect"), "estimate", "%", 1),
            _exposure(say, say("report_column.avoided")),
        ),
        rows=tuple(rows),
        note=say("report.per_km", n=say.cell(per_km, water.litres_per_km)),
    )


def _promises(its: Figures, say: Said) -> Table:
    promises = its.promises
    rows: list[tuple[Cell, ...]] = [
        (say.word("report_outcome", outcome), n) for outcome, n in promises.outcomes.items()
    ]
    rows += [
        (say("report.answered_in_time"), promises.answered_in_time),
        (say("report.begun_late"), promises.late),
        (say("report.complaints"), its.complaints),
    ]
    return Table(
        name="promises",
        title=say("report_table.promises"),
        columns=(
            Column(say("report_column.outcome"), wide=True),
            Column(say("report_column.matters"), "number"),
        ),
        rows=tuple(rows),
        note=say("report.matters_note", n=say.number(promises.matters)),
    )


def _responses(its: Figures, say: Said) -> Table:
    return Table(
        name="responses",
        title=say("report_table.responses"),
        columns=(
            Column(say("report_column.from_limit"), wide=True),
            Column(say("report_column.cases"), "number"),
            Column(say("report_column.p50"), "number", say("report_unit.min"), 1),
            Column(say("report_column.p95"), "number", say("report_unit.min"), 1),
        ),
        rows=(
            (say("report.to_order"), *_spread(its.promises.answer)),
            (say("report.to_work"), *_spread(its.promises.begun)),
        ),
    )


def _spread(its: object) -> tuple[Cell, Cell, Cell]:
    n, p50, p95 = (getattr(its, name) for name in ("n", "p50", "p95"))
    return n, p50, p95


def _missed(its: Figures, say: Said) -> Table:
    return Table(
        name="missed",
        title=say("report_table.missed"),
        columns=(
            Column(say("report_column.place"), wide=True),
            Column(say("report_column.matter")),
            Column(say("report_column.opened"), "time"),
            Column(say("report_column.outcome")),
            Column(say("report_column.late_min"), "number", say("report_unit.min"), 0),
            Column(say("report_column.reason"), wide=True),
        ),
        rows=tuple(
            (
                say.place(one.place), say.word("report_matter", one.kind), one.opened_at,
                say.word("report_outcome", one.outcome), one.minutes_late,
                # A promise that was broken without a word is said to be so.
                say.told(one.reason, one.also)
                or (say("report.unsaid") if one.outcome == "not_made" else None),
            )
            for one in its.promises.missed
        ),
        empty=say("report.none_missed"),
        most=10,
    )  # fmt: skip


def _escalations(its: Figures, say: Said) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (say.word("report_concern", kind), n) for kind, n in its.concerns.items()
    ]
    rows += [
        (say("report.calls_to", role=say.word("report_role", role)), n)
        for role, n in its.calls.items()
    ]
    return Table(
        name="escalations",
        title=say("report_table.escalations"),
        columns=(
            Column(say("report_column.concern"), wide=True),
            Column(say("report_column.times"), "number"),
        ),
        rows=tuple(rows),
        empty=say("report.no_concern"),
    )


def _decisions(its: Figures, say: Said) -> Table:
    return Table(
        name="overrides",
        title=say("report_table.overrides"),
        columns=(
            Column(say("report_column.at"), "time"),
            Column(say("report_column.decision")),
            Column(say("report_column.place"), wide=True),
            Column(say("report_column.by")),
            Column(say("report_column.reason"), wide=True),
        ),
        rows=tuple(
            (
                one.at, say.word("report_override", one.kind),
                say.place(one.place) if one.place else say.crew(one.crew) if one.crew else None,
                one.by, say.told(one.why),
            )
            for one in its.decisions
        ),
        empty=say("report.no_decision"),
        most=8,
    )  # fmt: skip


# Data ---------------------------------------------------------------------------------------------


def _weather(its: Figures, say: Said) -> Table:
    weather = its.weather
    unit: Callable[[str], str] = lambda name: say(f"report_unit.{name}")  # noqa: E731
    facts: list[tuple[str, str, float | None, int]] = [
        ("haze", unit("h"), weather.haze_h, 1),
        ("sand", unit("h"), weather.sand_h, 1),
        ("rain", unit("h"), weather.rain_h, 0),
        ("rain_mm", unit("mm"), weather.rain_mm, 1),
        ("temp", "°C", weather.temp, 1),
        ("rh", "%", weather.rh, 0),
        ("wind", "m/s", weather.wind_speed, 1),
        ("background", "µg/m³", its.background, 1),
        ("trucks", "", weather.trucks, 0),
    ]
    return Table(
        name="weather",
        title=say("report_table.weather"),
        columns=(
            Column(say("report_column.what"), wide=True),
            Column(say("report_column.value"), "number", decimals=1),
        ),
        rows=tuple(
            (
                f"{say('report_weather.' + name)} ({its_unit})"
                if its_unit
                else say("report_weather." + name),
                Valued(Column("", "number", decimals=decimals), value),
            )
            for name, its_unit, value, decimals in facts
        ),
    )


def _calibration(its: Figures, say: Said) -> Table:
    c = its.calibration
    return Table(
        name="calibration",
        title=say("report_table.calibration"),
        columns=(
            Column(say("report_column.what"), wide=True),
            Column(say("report_column.cases"), "number"),
            Column(say("report_column.held"), "share", decimals=1),
            Column(say("report_column.should"), "share"),
        ),
        rows=(
            (
                say("report.forecasts"), c.forecasts,
                c.inside / c.forecasts if c.forecasts else None, 0.8,
            ),
            (say("report.pairs"), c.pairs, c.agree / c.pairs if c.pairs else None, 0.9),
        ),
        note=say("report.calibration_note"),
    )  # fmt: skip


def _stations(its: Figures, say: Said) -> Table:
    return Table(
        name="stations",
        title=say("report_table.stations"),
        columns=(
            Column(say("report_column.station"), wide=True),
            Column(say("report_column.expected"), "number"),
            Column(say("report_column.received"), "number"),
            Column(say("report_column.complete"), "share", decimals=1),
            Column(say("report_column.doubted"), "share", decimals=1),
            Column(say("report_column.late"), "number"),
        ),
        rows=tuple(
            (
                s.station, s.expected, s.readings, s.received / s.expected if s.expected else None,
                s.doubted / s.readings if s.readings else None, s.late,
            )
            for s in its.stations
        ),
        empty=say("report.no_station"),
        most=SHOWN_STATIONS,
    )  # fmt: skip


def _days(its: Figures, say: Said) -> Table:
    return Table(
        name="days",
        title=say("report_table.days"),
        columns=(
            Column(say("report_column.day"), "date"),
            Column(say("report_column.increment"), "number", UG, 1),
            Column(say("report_column.background"), "number", UG, 1),
            Column(say("report_column.over_2"), "number", say("report_unit.min")),
            Column(say("report_column.resident_h"), "number", say("report_unit.person_h")),
            Column(say("report_column.treatments"), "number"),
            _exposure(say, say("report_column.avoided")),
            Column(say("report_column.flags"), "number"),
            Column(say("report_column.episodes"), "number"),
        ),
        rows=tuple(
            (
                day.day, day.increment, day.background, day.over_min if day.measured else None,
                day.resident_h if day.measured else None, day.treatments,
                _thousand(day.avoided), day.flags, day.episodes,
            )
            for day in its.days
        ),
    )  # fmt: skip


def _definitions(say: Said) -> Table:
    return Table(
        name="definitions",
        title=say("report_table.definitions"),
        columns=(
            Column(say("report_column.figure"), wide=True),
            Column(say("report_column.definition"), wide=True),
            Column(say("report_column.query")),
        ),
        rows=tuple(
            (say(f"report_figure.{name}"), say(f"report_definition.{name}"), query)
            for name, query in QUERIES.items()
        ),
    )


QUERIES = {
    "avoided": "treatments, learned",
    "avoided_share": "treatments, learned, segment_days",
    "over_min": "segment_days",
    "resident_h": "segment_days",
    "exceedances": "episodes",
    "increment": "segment_days",
    "background": "segment_days",
    "treatments": "treatments",
    "effect": "treatments, learned",
    "proven_share": "treatments",
    "litres_per_km": "treatments",
    "driven_km": "drives",
    "answer_p50": "matters",
    "begun_p50": "matters",
    "kept_share": "matters",
    "causes": "episodes",
    "site_share": "episodes",
    "offence_days": "episodes",
    "site_flags": "site_flags",
    "inspections": "treatments",
    "complaints": "complaints",
    "escalations": "concerns, calls_by_role",
    "completeness": "station_days, stored_since",
    "doubted": "station_days",
    "calibration": "foreseen, treatments",
    "weather": "notices, rain_hours, weather, trucks",
    "beyond": "",
}
"""Which statement of `store/sql/reports.sql` each figure comes from."""
