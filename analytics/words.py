"""The evidence of causes in sentences, in both languages at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from geo.names import Named

_EVIDENCE: dict[str, tuple[str, str]] = {
    # The road.
    "mean": (
        "{minutes} 分钟均值：增量 {increment:.0f} µg/m³，背景 {background:.0f}",
        "{minutes} min mean: increment {increment:.0f} µg/m³, background {background:.0f}",
    ),
    "estimated": (
        "本路段无监测，为推算值（置信度 {confidence:.0%}）",
        "not measured here but estimated (confidence {confidence:.0%})",
    ),
    "gate": (
        "提前预警：出入口洗车设施疑似失效（{sure:.0f}%）",
        "early warning: a wheel wash here seems to fail ({sure:.0f}% sure)",
    ),
    "cusum": (
        "早期预警：增量持续高于本处近期水平（累积和 {sum:.0f}）",
        "early warning: the increment stays above its recent level (sum {sum:.0f})",
    ),
    "silt": (
        "模型：路面自身积尘带来 {given:.0f} µg/m³",
        "model: the street's own silt brings {given:.0f} µg/m³",
    ),
    "mud": ("路面积泥报告 {count} 次", "mud seen on the road {count}×"),
    "trucks": ("近一小时重车 {count} 辆", "heavy trucks in the last hour: {count}"),
    "coarse": ("粗颗粒占 {share:.0%}", "coarse particles are {share:.0%}"),
    # A site.
    "near": ("{site}，距离 {metres:.0f} 米", "{site}, {metres:.0f} m away"),
    "soil": (
        "模型：其带泥与扬尘带来 {given:.0f} µg/m³",
        "model: soil from it and dust off it bring {given:.0f} µg/m³",
    ),
    "failing": (
        "洗车设施疑似失效（概率 {probability:.0%}）",
        "its wheel wash seems to fail ({probability:.0%})",
    ),
    "boundary": ("监测站就在场界", "the station stands at its boundary"),
    "gate_here": ("出入口在本路段", "its gate opens on this segment"),
    "upwind": (
        "处于上风向（{speed:.1f} m/s，{wind_from:.0f}°）",
        "upwind ({speed:.1f} m/s from {wind_from:.0f}°)",
    ),
    "gate_flags": (
        "近一小时车辆未冲洗、未覆盖等抓拍 {count} 次",
        "unwashed or uncovered trucks flagged in the last hour: {count}",
    ),
    "plumes": ("可见扬尘 {count} 次", "visible dust seen {count}×"),
    # The region.
    "together": (
        "{share:.0%} 的监测站同时偏高",
        "{share:.0%} of the stations are high together",
    ),
    "background": (
        "背景达 {background:.0f} µg/m³",
        "background of {background:.0f} µg/m³",
    ),
    "above_cap": (
        "超出量的 {share:.0%} 是高于 {cap:.0f} 的背景",
        "{share:.0%} of the excess is background above {cap:.0f}",
    ),
    # The instrument.
    "flagged": (
        "近期 {share:.0%} 的读数被质控标记",
        "{share:.0%} of recent readings failed quality control",
    ),
    "alone": ("邻近监测站均不高", "no station near it is high"),
    # Our own crew.
    "own_work": (
        "当时{crew}正在作业：{treatment}",
        "our own work at the time: {treatment}, {crew}",
    ),
}
_TREATMENTS = {
    "wash": Named("洒水冲洗", "wash"),
    "sweep": Named("清扫", "sweep"),
    "fog": Named("雾炮抑尘", "fog"),
    "heavy_clean": Named("重污染清洗", "heavy cleaning"),
    "hand_wash": Named("人工冲洗", "hand washing"),
    "inspect": Named("现场检查", "inspection"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence: a key of `_EVIDENCE`, and what fills its blanks. A `Named` fills one
    with the half of the sentence's language."""

    key: str
    blanks: dict[str, object]


def fact(key: str, **blanks: object) -> Fact:
    """A piece of evidence, not yet in words."""
    return Fact(key, blanks)


def treatment(name: str) -> Named:
    """What a treatment is called; one that has no word, by its own name."""
    return _TREATMENTS.get(name, Named(name, name))


def evidence(facts: Iterable[Fact], language: str) -> tuple[str, str]:
    """The sentence of the facts in the language of the settings, and the same in the other one.

    KeyError for a key or a blank that is not there.
    """
    pairs = [_filled(one) for one in facts]
    zh = "；".join(pair[0] for pair in pairs) + "。"
    en = "; ".join(pair[1] for pair in pairs) + "."
    en = en[0].upper() + en[1:]
    return (en, zh) if language == "en" else (zh, en)


def _filled(one: Fact) -> tuple[str, str]:
    zh, en = _EVIDENCE[one.key]
    halves = [
        {
            name: value[i] if isinstance(value, Named) else value
            for name, value in one.blanks.items()
        }
        for i in (0, 1)
    ]
    return zh.format(**halves[0]), en.format(**halves[1])
