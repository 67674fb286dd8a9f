"""The figures of an evaluation as people read them: names, units, and which way is better."""

from dataclasses import dataclass
from typing import Literal

from evaluation.statistics import Interval

__all__ = ["CATALOGUE", "Entry", "number", "spread"]

Better = Literal["less", "more"] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A figure: ``scale`` turns its value into the unit that is shown."""

    name: str
    group: tuple[str, str]
    zh: str
    en: str
    unit: str = ""
    better: Better = None
    scale: float = 1.0


_PEOPLE = ("居民", "Residents")
_EFFORT = ("投入", "Effort")
_ANSWER = ("响应", "Answer")
_EPISODES = ("判断", "Judgement")

CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "resident_minutes_over_80",
        _PEOPLE,
        "超 80 µg/m³ 的居民时间",
        "Residents' time over 80 µg/m³",
        "1,000 person-h",
        "less",
        1.0 / 60_000.0,
    ),
    Entry(
        "resident_dose_ug_m3_h",
        _PEOPLE,
        "人均扬尘剂量",
        "Street dust per resident",
        "µg/m³·h",
        "less",
    ),
    Entry("exceedances", _PEOPLE, "真实超标次数", "True exceedances", "", "less"),
    Entry("water_m3", _EFFORT, "用水", "Water", "m³", "less"),
    Entry("km", _EFFORT, "行驶里程", "Driven", "km", "less"),
    Entry("treatments_done", _EFFORT, "完成作业", "Treatments done"),
    Entry("orders", _EFFORT, "下达任务", "Orders"),
    Entry("orders_refused", _EFFORT, "被拒任务", "Orders refused"),
    Entry("orders_per_operator_hour", _EFFORT, "每调度员小时任务", "Orders per operator-hour"),
    Entry("minutes_to_episode", _ANSWER, "超标到报警", "From limit to episode", "min", "less"),
    Entry("never_episode", _ANSWER, "未报警", "Never an episode", "%", "less", 100.0),
    Entry("minutes_to_order", _ANSWER, "超标到派单", "From limit to order", "min", "less"),
    Entry(
        "minutes_to_order_95",
        _ANSWER,
        "超标到派单（95%）",
        "From limit to order, p95",
        "min",
        "less",
    ),
    Entry("never_order", _ANSWER, "未派单", "Never an order", "%", "less", 100.0),
    Entry("minutes_to_work", _ANSWER, "超标到开工", "From limit to work begun", "min", "less"),
    Entry(
        "minutes_to_work_95",
        _ANSWER,
        "超标到开工（95%）",
        "From limit to work begun, p95",
        "min",
        "less",
    ),
    Entry("never_work", _ANSWER, "未开工", "Never any work", "%", "less", 100.0),
    Entry("minutes_sent_to_work", _ANSWER, "派单到开工", "From order to work begun", "min", "less"),
    Entry(
        "minutes_sent_to_work_95",
        _ANSWER,
        "派单到开工（95%）",
        "From order to work begun, p95",
        "min",
        "less",
    ),
    Entry("episode_precision", _EPISODES, "报警准确率", "Episode precision", "%", "more", 100.0),
    Entry("episode_recall", _EPISODES, "报警召回率", "Episode recall", "%", "more", 100.0),
    Entry("causes_right", _EPISODES, "成因判断正确", "Causes right", "%", "more", 100.0),
    Entry(
        "false_episodes_on_haze",
        _EPISODES,
        "霾天误报",
        "False episodes on haze days",
        "",
        "less",
    ),
    Entry(
        "verdict_coverage",
        _EPISODES,
        "效果区间覆盖真值",
        "Verdict interval covers the truth",
        "%",
        "more",
        100.0,
    ),
    Entry("verdict_error_pct", _EPISODES, "效果偏差", "Verdict less truth", "% points"),
    Entry("verdict_width_pct", _EPISODES, "效果区间宽度", "Verdict interval's width", "% points"),
    Entry("verdicts_checked", _EPISODES, "核对的效果评定", "Verdicts checked"),
)


def number(value: float) -> str:
    """A number with three digits that count, and all of those before the point."""
    size = abs(value)
    digits = 0 if size >= 100.0 or value == 0.0 else 1 if size >= 10.0 else 2
    return f"{value:,.{digits}f}".replace("-", "−")


def spread(found: Interval, scale: float = 1.0) -> str:
    """Half the width of an interval, with its sign; empty where one seed cannot tell."""
    return "" if found.half is None else f"± {number(scale * found.half)}"
