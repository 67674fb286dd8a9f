"""One site over a span, for its owner or for enforcement (一企一案): what it led, what was seen
there, what was ordered and answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from psycopg.rows import class_row

from console.models import District, Site
from console.reports import pictures
from console.reports.blocks import (
    Big,
    Bigs,
    Block,
    Cell,
    Column,
    Document,
    Page,
    Picture,
    Table,
    Words,
)
from console.reports.estimate import Estimate
from console.reports.figures import WARNINGS, shares
from console.reports.period import Period
from console.reports.rows import Episode, overlap_min
from console.reports.said import UG, Said
from console.texts import Language
from store.database import Connection
from store.statements import statements

SQL = statements("reports")
DAYS = 28
MOST_DAYS = 366
SHOWN = 24

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class SiteEvent:
    ts: datetime
    kind: str
    source: str
    source_kind: str
    confidence: float | None
    count: int | None
    plate: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class SiteOrder:
    """said: the crew's last word of it."""

    id: str
    crew: str
    treatment: str
    state: str
    issued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    outcome_also: str | None
    reason: str
    also: str | None
    said: str | None


@dataclass(frozen=True, slots=True)
class Led:
    """An episode with what of it is the site's; part: its probability among the causes."""

    id: str
    place: str | None
    rule: str
    level: int
    started_at: datetime
    ended_at: datetime | None
    minutes: float
    peak: float | None
    part: float
    first: bool
    evidence: str
    also: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """Figures of one site; share: of the minutes of all exceedances in the street."""

    site: str
    since: datetime
    upto: datetime
    share: Estimate | None
    street: int
    episodes: tuple[Led, ...]
    events: tuple[SiteEvent, ...]
    orders: tuple[SiteOrder, ...]

    @property
    def led(self) -> tuple[Led, ...]:
        return tuple(one for one in self.episodes if one.first and one.rule not in WARNINGS)

    @property
    def gate(self) -> tuple[Led, ...]:
        return tuple(one for one in self.episodes if one.rule == "gate")

    @property
    def flags(self) -> Mapping[str, int]:
        """By kind, the most first."""
        return dict(Counter(event.kind for event in self.events).most_common())

    @property
    def inspections(self) -> tuple[SiteOrder, ...]:
        return tuple(order for order in self.orders if order.treatment == "inspect")


def dossier(
    conn: Connection, district: District, site: str, span: Period, now: datetime
) -> Dossier:
    """Read and compute it. `conn` is idle."""
    zone = ZoneInfo(district.timezone)
    since = span.since(zone)
    upto = max(since, min(span.until(zone), now))
    values = {"site": site, "since": since, "upto": upto}

    def all_of(kind: type[Row], statement: bytes) -> list[Row]:
        with conn.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(statement, values).fetchall()

    with conn.transaction():
        conn.execute(SQL.at_one_moment)
        every = all_of(Episode, SQL.episodes)
        events = all_of(SiteEvent, SQL.site_events)
        orders = all_of(SiteOrder, SQL.site_orders)
    over = [episode for episode in every if episode.rule not in WARNINGS]
    share = shares(over, since, upto, [site], lambda kind, of: of or "" if kind == "site" else "")
    return Dossier(
        site=site,
        since=since,
        upto=upto,
        share=share[0] if share else None,
        street=len(over),
        episodes=tuple(
            led for episode in every if (led := _led(episode, site, since, upto)) is not None
        ),
        events=tuple(events),
        orders=tuple(orders),
    )


def _led(episode: Episode, site: str, since: datetime, upto: datetime) -> Led | None:
    """What of an episode is the site's; None where it has no part in it."""
    mine = [cause for cause in episode.causes if cause.get("site") == site]
    if not mine and episode.site != site:
        return None
    cause: Mapping[str, Any] = mine[0] if mine else {}
    first = bool(episode.causes) and episode.causes[0].get("site") == site
    return Led(
        id=episode.id,
        place=episode.segment or episode.site,
        rule=episode.rule,
        level=episode.level,
        started_at=episode.started_at,
        ended_at=episode.ended_at,
        minutes=overlap_min(episode.started_at, episode.ended_at, since, upto),
        peak=episode.peak,
        part=float(cause.get("probability") or 0.0),
        first=first,
        evidence=str(cause.get("evidence") or ""),
        also=cause.get("also"),
    )


# The document -------------------------------------------------------------------------------------


def dossier_document(
    district: District, its: Dossier, span: Period, language: Language
) -> Document:
    """The dossier in one language."""
    say = Said(district, language)
    site = next(one for one in district.sites if one.id == its.site)
    name = say.site(site.id)
    said = say.period("span", span.first, span.last)
    blocks: list[Block] = [
        Bigs(_bigs(its, say)),
        Words(_lead(its, say, span), lead=True),
        _facts(district, site, say),
        _timeline(its, say),
        _episodes(its, say),
        _orders(its, say),
        _flags(its, say),
        Words((say("report_dossier.legal"),)),
    ]
    return Document(
        name=f"roaddust-dossier-{site.id}-{span.first}",
        title=f"{name} · {say('report.dossier')}",
        subtitle=said,
        district=say.district,
        language=language,
        zone=say.zone,
        pages=(Page(name, tuple(blocks)),),
        facts=(
            (say("report.period"), said),
            (say("report.upto"), say.moment(its.upto)),
        ),
        footer=f"{say('report.dossier')} · {name}",
        sign=tuple(say(f"report_dossier.sign_{who}") for who in ("owner", "officer", "date")),
    )


def _bigs(its: Dossier, say: Said) -> tuple[Big, ...]:
    number = Column("", "number")
    made = sum(order.state == "done" for order in its.inspections)
    days = {event.ts.astimezone(say.zone).date() for event in its.events}
    led_days = {one.started_at.astimezone(say.zone).date() for one in (*its.led, *its.gate)}

    def big(name: str, column: Column, value: Cell, note: str) -> Big:
        return Big(name, say(f"report_dossier.{name}"), column, value, note=note)

    return (
        big("share", Column("", "share_estimate", decimals=1), its.share,
            say("report_dossier.of_street", n=say.number(its.street))),
        big("led", number, len(its.led), say("report_dossier.days_n", n=len(led_days))),
        big("flags", number, len(its.events), say("report_dossier.by_days", n=len(days))),
        big("inspections", number, len(its.inspections),
            say("report_dossier.inspected", n=made)),
    )  # fmt: skip


def _lead(its: Dossier, say: Said, span: Period) -> tuple[str, ...]:
    ends = {"first": f"{span.first}", "last": say.last_day(span.last), "site": say.site(its.site)}
    if not its.led and not its.events and not its.gate:
        return (say("report_dossier.lead_clean", **ends),)
    kinds = say("report_lead.comma").join(
        f"{say.word('report_flag', kind)} {n}" for kind, n in its.flags.items()
    )
    lines = [
        say(
            "report_dossier.lead",
            **ends,
            led=len(its.led),
            gate=len(its.gate),
            flags=len(its.events),
            kinds=kinds or "0",
            inspections=len(its.inspections),
            inspected=sum(order.state == "done" for order in its.inspections),
        )
    ]
    if its.share is not None:
        column = Column("", "share_estimate", decimals=1)
        lines.append(
            say(
                "report_dossier.lead_share",
                share=say.share(its.share.value),
                interval=say.interval(column, its.share),
            )
        )
    return tuple(lines)


def _facts(district: District, site: Site, say: Said) -> Table:
    stations = [one.id for one in district.stations if one.site == site.id]
    comma = say("report_lead.comma")
    return Table(
        name="site",
        title=say("report_dossier.facts"),
        columns=(
            Column(say("report_dossier.operator"), wide=True),
            Column(say("report_dossier.kind")),
            Column(say("report_dossier.gates"), wide=True),
            Column(say("report_dossier.stations")),
        ),
        rows=(
            (
                site.operator or say("report_dossier.unknown"),
                say.word("site_kind", site.kind),
                comma.join(say.segment(gate) for gate in site.gates) or None,
                comma.join(stations) or None,
            ),
        ),
    )


def _timeline(its: Dossier, say: Said) -> Picture:
    title = say("report_dossier.picture")
    names = tuple(say(f"report_dossier.picture_names_{n}") for n in ("led", "flags", "work"))
    return Picture(
        "timeline",
        title,
        pictures.timeline(
            [(one.started_at, one.ended_at or its.upto) for one in (*its.led, *its.gate)],
            [event.ts for event in its.events],
            [order.issued_at for order in its.orders],
            (its.since, its.upto),
            (names[0], names[1], names[2]),
            say.zone,
            title,
        ),
        title,
    )


def _grade(one: Led, say: Said) -> str:
    """Its level in a word, or that the wheel wash failed."""
    gate = one.rule == "gate"
    return say("report_dossier.gate") if gate else say.word("level", str(one.level))


def _weight(one: Led) -> tuple[bool, int, float, datetime, str]:
    return not one.first, -one.level, -one.part * one.minutes, one.started_at, one.id


def _episodes(its: Dossier, say: Said) -> Table:
    """What it led first, the worst of it before the rest."""
    return Table(
        name="timeline",
        title=say("report_table.timeline"),
        columns=(
            Column(say("report_column.opened"), "time"),
            Column(say("report_column.place")),
            Column(say("report_column.level")),
            Column(say("report_column.minutes_n"), "number", say("report_unit.min")),
            Column(say("report_column.peak"), "number", UG),
            Column(say("report_column.blame"), "share"),
            Column(say("report_column.evidence"), wide=True),
        ),
        rows=tuple(
            (
                one.started_at, say.place(one.place),
                _grade(one, say), one.minutes, one.peak, one.part,
                say.told(one.evidence or None, one.also),
            )
            for one in sorted(its.episodes, key=_weight)
        ),
        empty=say("report_dossier.none"),
        most=SHOWN,
    )  # fmt: skip


def _orders(its: Dossier, say: Said) -> Table:
    rows: Sequence[SiteOrder] = sorted(its.orders, key=lambda one: one.issued_at, reverse=True)
    return Table(
        name="orders",
        title=say("report_table.orders"),
        columns=(
            Column(say("report_column.at"), "time"),
            Column(say("report_column.treatment")),
            Column(say("report_column.crew")),
            Column(say("report_column.state")),
            Column(say("report_column.ended"), "time"),
            Column(say("report_column.answer"), wide=True),
            Column(say("report_column.reason"), wide=True),
        ),
        rows=tuple(
            (
                one.issued_at, say.word("treatment", one.treatment), say.crew(one.crew),
                say.word("order_state", one.state), one.ended_at,
                (say.told(one.said) if one.said else say.told(one.outcome, one.outcome_also))
                or (None if one.ended_at else say("report_dossier.no_answer")),
                say.told(one.reason, one.also),
            )
            for one in rows
        ),
        empty=say("report_dossier.none"),
        most=SHOWN,
    )  # fmt: skip


def _flags(its: Dossier, say: Said) -> Table:
    rows = sorted(its.events, key=lambda one: (one.ts, one.source), reverse=True)
    return Table(
        name="flags",
        title=say("report_table.flags"),
        columns=(
            Column(say("report_column.at"), "time"),
            Column(say("report_column.kind")),
            Column(say("report_column.source")),
            Column(say("report_column.confidence"), "share"),
            Column(say("report_column.plate")),
            Column(say("report_column.note"), wide=True),
        ),
        rows=tuple(
            (
                one.ts, say.word("report_flag", one.kind), one.source, one.confidence, one.plate,
                one.note,
            )
            for one in rows
        ),
        empty=say("report_dossier.none"),
        most=SHOWN,
    )  # fmt: skip
