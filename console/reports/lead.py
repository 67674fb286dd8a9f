"""The three sentences of the first page, made of the figures, no surer than they are."""

from console.reports.blocks import Column, interval
from console.reports.change import Change
from console.reports.figures import Figures
from console.reports.said import Said

FULL_ENOUGH = 0.95


def lead(its: Figures, say: Said) -> tuple[str, ...]:
    """What the work achieved, how the street was, and what asks for somebody."""
    if not its.minutes:
        return (say("report_lead.nothing"),)
    return (_work(its, say), _street(its, say), _asks(its, say))


def _work(its: Figures, say: Said) -> str:
    share = its.avoided_share
    if share is None or not its.judged:
        return say("report_lead.work_unknown", done=say.number(its.treatments))
    column = Column("", "share_estimate", decimals=1)
    key = "work_helped" if share.low > 0 else "work_unsure"
    return say(
        f"report_lead.{key}",
        share=say.share(share.value),
        interval=interval(column, share),
        done=say.number(its.treatments),
        proven=say.share(its.proven / its.seen if its.seen else None),
    )


def _street(its: Figures, say: Said) -> str:
    if not its.over_min:
        text = say("report_lead.street_clean")
    else:
        worst = its.segments[0]
        text = say(
            "report_lead.street_over",
            n=say.number(its.exceedances),
            hours=say.number(its.over_min / 60.0, 1),
            worst=say.segment(worst.segment),
            worst_hours=say.number(worst.over[1] / 60.0, 1),
        )
    one = next((one for one in its.changes if one.name == "over_min"), None)
    return f"{text}{_against(one, say)}{_weather(its, say)}"


def _against(one: Change | None, say: Said) -> str:
    if one is None or one.pct is None:
        return say("report_lead.no_before")
    if one.beyond is None:
        return say("report_lead.change_unknown", by=say.number(abs(one.pct)), way=_way(one, say))
    key = "change_real" if one.beyond else "change_chance"
    return say(f"report_lead.{key}", by=say.number(abs(one.pct)), way=_way(one, say))


def _way(one: Change, say: Said) -> str:
    return say("report_lead.more" if (one.pct or 0.0) >= 0 else "report_lead.less")


def _weather(its: Figures, say: Said) -> str:
    hours = {
        "haze": its.weather.haze_h,
        "sand": its.weather.sand_h,
        "rain": float(its.weather.rain_h),
    }
    said = [
        say(f"report_lead.{name}", n=say.number(value, 0 if name == "rain" else 1))
        for name, value in hours.items()
        if value > 0
    ]
    return say("report_lead.weather", what=say("report_lead.comma").join(said)) if said else ""


def _asks(its: Figures, say: Said) -> str:
    parts = []
    site = its.sites[0] if its.sites else None
    if site is not None and site.share is not None and site.share.value > 0:
        column = Column("", "share_estimate", decimals=0)
        parts.append(
            say(
                "report_lead.site",
                site=say.site(site.site),
                share=say.share(site.share.value, 0),
                interval=interval(column, site.share),
                days=say.number(site.offence_days),
            )
        )
    missed = its.promises.counted - its.promises.kept
    parts.append(
        say(
            "report_lead.promises_missed" if missed else "report_lead.promises_kept",
            missed=say.number(missed),
            counted=say.number(its.promises.counted),
            late=say.number(its.promises.late),
        )
    )
    if its.completeness is not None:
        key = "data_full" if its.completeness >= FULL_ENOUGH else "data_gaps"
        parts.append(say(f"report_lead.{key}", share=say.share(its.completeness)))
    return "".join(parts)
