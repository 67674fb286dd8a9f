"""Reports on schedule: made by the one process that leads, kept, put into a folder and sent.

What is made at half past midnight lacks the last verdicts of the day, and readings that come late.
So reports of the last days, the last week and the last month are looked at again in the morning;
where something has changed a new version is kept, and sent where one of its main figures differs.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.triggers.cron import CronTrigger

from console.layers import layers
from console.limits import DEFAULTS
from console.reports.blocks import Bigs, Document, Words, shown
from console.reports.document import document
from console.reports.excel import excel
from console.reports.figures import Figures
from console.reports.kept import Version, keep, kept, newest
from console.reports.making import make
from console.reports.page import page
from console.reports.pdf import pdf
from console.reports.period import KINDS, Kind, Period, newest_over, period
from console.texts import Language, texts
from geo.district import District
from roaddust.reportsettings import ReportSettings, clock_time
from roaddust.routine import Duty
from store.database import Connection, connect
from store.statements import statements

log = logging.getLogger(__name__)

SQL = statements("reports")
AUTHOR = "schedule"
LOOKED_BACK = 3
"""Days whose reports are looked at again: readings later than two days change nothing any more."""
FILES_KEPT = 60


class Reporting:
    """Makes what is due. `folder` is where the newest files lie."""

    def __init__(
        self,
        district: District,
        dsn: str,
        settings: ReportSettings,
        language: Language,
        folder: Path,
    ) -> None:
        self._district = layers(district, DEFAULTS)
        self._zone = district.timezone
        self._dsn, self._settings, self._language = dsn, settings, language
        self._folder = folder

    def duties(self) -> list[Duty]:
        """One for each kind, and one that looks at what was made again."""
        hour, minute = clock_time(self._settings.at, "reports.at")
        due: dict[Kind, dict[str, Any]] = {
            "day": {},
            "week": {"day_of_week": "mon"},
            "month": {"day": 1},
        }

        def making(kind: Kind) -> Duty:
            trigger = CronTrigger(hour=hour, minute=minute, timezone=self._zone, **due[kind])
            return Duty(f"{kind} report", trigger, lambda _conn, now: self.report(kind, now))

        again = CronTrigger(
            **dict(zip(("hour", "minute"), clock_time(self._settings.again_at, ""), strict=True)),
            timezone=self._zone,
        )
        return [
            *(making(kind) for kind in KINDS),
            Duty("reports again", again, lambda _conn, now: self.look_again(now)),
        ]

    def report(self, kind: Kind, now: datetime) -> int:
        """Make, keep and send the newest one that is over; its version."""
        today = now.astimezone(self._zone).date()
        with self._connection() as conn:
            return self._make(conn, newest_over(kind, today), now, AUTHOR)

    def look_again(self, now: datetime) -> list[Period]:
        """Make those anew whose data have changed since; gives them."""
        made = []
        with self._connection() as conn:
            for wanted in self._recent(now.astimezone(self._zone).date()):
                last = newest(conn, wanted.kind, wanted.first)
                if last is not None and self._changed(conn, wanted, last):
                    version = self._make(conn, wanted, now, "late", last)
                    if version != last.version:
                        made.append(wanted)
        return made

    def _recent(self, today: date) -> Iterator[Period]:
        for back in range(1, LOOKED_BACK + 1):
            yield period("day", today - timedelta(days=back))
        yield newest_over("week", today)
        yield newest_over("month", today)

    def _changed(self, conn: Connection, wanted: Period, last: Version) -> bool:
        values = {
            "made_at": last.made_at,
            "since": wanted.since(self._zone),
            "until": wanted.until(self._zone),
            "first": wanted.first,
            "last": wanted.last,
        }
        row = conn.execute(SQL.changed_since, values).fetchone()
        return bool(row and row[0])

    def _make(
        self, conn: Connection, wanted: Period, now: datetime, why: str, last: Version | None = None
    ) -> int:
        figures = make(conn, self._district, wanted, now)
        before = None if last is None else kept(conn, wanted.kind, wanted.first)
        with conn.transaction():
            version = keep(conn, figures, now, AUTHOR, why)
            if last is not None and version == last.version:
                return version
            made = document(
                self._district, figures, self._language, version=version, made_at=now, why=why
            )
            file = self._write(made)
            if before is None or self._differs(before.figures, figures):
                self._send(conn, made, wanted, now, version, file)
        log.info("the %s report of %s is made, version %d", wanted.kind, wanted.first, version)
        return version

    def _differs(self, then: Figures, now: Figures) -> bool:
        """Whether a figure of the first page is shown otherwise."""

        def main(figures: Figures) -> list[str]:
            made = document(self._district, figures, self._language)
            return [
                shown(big.column, big.value, made.zone)
                for block in made.pages[0].blocks
                if isinstance(block, Bigs)
                for big in block.figures
            ]

        return main(then) != main(now)

    def _write(self, made: Document) -> Path | None:
        """The PDF into the folder; where that fails the report is kept and told of without it."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = (self._folder / f"{made.name}-{made.language}.pdf").absolute()
            file.write_bytes(pdf(made))
            old = sorted(self._folder.glob("roaddust-*.pdf"), key=lambda one: one.stat().st_mtime)
            for one in old[:-FILES_KEPT]:
                one.unlink(missing_ok=True)
        except (OSError, RuntimeError) as error:
            # What Typst refuses is a RuntimeError.
            log.warning("the report's file cannot be written: %s", error)
            return None
        return file

    def _send(
        self,
        conn: Connection,
        made: Document,
        wanted: Period,
        now: datetime,
        version: int,
        file: Path | None,
    ) -> None:
        attach = file is not None and self._settings.attach
        values = {
            "at": now,
            "recipient": self._settings.recipient,
            "title": f"{made.title} · {made.subtitle}",
            "body": message(made, wanted, version, self._settings.address),
            "attachment": str(file) if attach else None,
        }
        conn.execute(SQL.send, values)
        key = {"kind": wanted.kind, "day": wanted.first, "version": version, "at": now}
        conn.execute(SQL.sent, key)

    def _connection(self) -> Connection:
        return connect(self._dsn, name="reports", autocommit=True)


def message(made: Document, wanted: Period, version: int, address: str) -> str:
    """What is sent: the sentences of the first page, and where the rest is."""
    lines = [
        line
        for block in made.pages[0].blocks
        if isinstance(block, Words) and block.lead
        for line in block.lines
    ]
    if version > 1:
        again = texts(made.language)["report"]["version_n"].replace("{n}", str(version))
        lines.insert(0, again)
    if address:
        lines.append(f"{address.rstrip('/')}/reports/{wanted.kind}/{wanted.first}")
    return "\n".join(lines)


def write_report(
    conn: Connection,
    district: District,
    kind: Kind,
    day: date,
    now: datetime,
    languages: Sequence[Language],
    folder: Path,
) -> list[Path]:
    """A report into a folder as page, PDF, workbook and figures; the files. `conn` is idle."""
    import msgspec

    facts = layers(district, DEFAULTS)
    figures = make(conn, facts, period(kind, day), now)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for language in languages:
        made = document(facts, figures, language, made_at=now)
        for suffix, body in (
            ("html", page(made).encode()),
            ("pdf", pdf(made)),
            ("xlsx", excel(made)),
        ):
            file = folder / f"{made.name}-{language}.{suffix}"
            file.write_bytes(body)
            written.append(file)
    file = folder / f"roaddust-{kind}-{figures.first}.json"
    file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1))
    return [*written, file]
