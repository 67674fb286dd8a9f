"""Who did it? A probability per cause with the evidence that it rests on.

Every piece of evidence adds to the log-odds of a cause, and the causes share one. Weights are
judgement, not fitted; they are the table `WEIGHTS`. Where the model of the street says what the
street itself and each site bring, it divides their part of the probability among them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

WEIGHTS = {
    "road": 1.0,
    "road/mud": 1.5,
    "road/trucks": 0.5,
    "road/coarse": 0.5,
    "site": -1.0,
    "site/itself": 3.0,
    "site/gate": 1.2,
    "site/wind": 1.5,
    "site/flags": 1.5,
    "site/plume": 1.5,
    "site/per_km": -2.0,
    "site/failing": 6.0,
    "regional": -2.5,
    "regional/everywhere": 2.0,
    "regional/high": 1.5,
    "regional/share": 6.0,
    "treatment": 1.5,
    "sensor": -2.5,
    "sensor/flags": 4.0,
    "sensor/alone": 1.0,
}
SHARPNESS = 1.5
"""Of the model's division: who gives twice as much is this power of two as likely the first."""
ACCUSED = 1.5
"""The model leaves soil on the road longer to the street itself than it came from there: with this
factor on the sites both kinds are right about as often (0.84 and 0.87 of episodes on ordinary days;
0.62 and 1.00 with 0.8, 0.88 and 0.81 with 2)."""
FAILING = 0.5
LEAST_GIVEN = 0.5
"""µg/m³; less is nobody's."""
SHOWN = 0.03
"""Causes less likely than this are left out."""
NEAR_M = 1500.0
CALM_MS = 0.5
BUSY_TRUCKS = 60
EVERYWHERE = 0.8
COARSE = 0.6
GATE_FLAGS = ("unwashed_truck", "wash_bay_idle", "uncovered_truck")


@dataclass(frozen=True, slots=True)
class Exceedance:
    """The rule's own number: the mean of `quantity` over `window_min` minutes, and over the same
    minutes the increment over all of the background, and the background; µg/m³. cap: of the
    background that a capped increment subtracts. measured: by the place's own station, and not
    estimated with `confidence` 0 to 1."""

    quantity: str
    window_min: int
    value: float
    increment: float
    background: float
    cap: float
    measured: bool = True
    confidence: float = 1.0

    @property
    def regional_share(self) -> float:
        """The part of the value that is background after all: what lies above the cap, unless a
        notice of haze or sand dust has lifted it."""
        if self.quantity != "increment_capped" or self.value <= 0:
            return 0.0
        return min(max(self.value - self.increment, 0.0) / self.value, 1.0)


@dataclass(frozen=True, slots=True)
class SiteNearby:
    """A site as the place sees it. `bearing`: degrees from the place to the site; given: µg/m³
    that it brings, by the model; failing: probability that its wheel wash fails."""

    id: str
    name: str
    distance_m: float
    bearing: float
    gate_here: bool
    itself: bool
    gate_flags: int
    plume_flags: int
    given: float = 0.0
    failing: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What was known about a place when its episode changed. Shares are 0 to 1, PM in µg/m³;
    given: what the street itself brings by the model, None where that says nothing."""

    exceedance: Exceedance
    wind_speed: float
    wind_from: float
    trucks: int
    mud_flags: int
    coarse_share: float
    stations_high: float
    flagged_share: float
    neighbours_low: bool
    own_work: str | None
    sites: Sequence[SiteNearby]
    given: float | None = None


def causes(scene: Scene, language: str) -> list[dict[str, Any]]:
    """The contract's `causes`, most probable first, probabilities of those shown."""
    found = [_road(scene), _regional(scene), _sensor(scene)]
    found += [
        _site(scene, site)
        for site in scene.sites
        if site.distance_m <= NEAR_M or site.given > LEAST_GIVEN
    ]
    if scene.own_work:
        found.append(_treatment(scene))
    scores = np.array([score for _, _, score, _ in found])
    if scene.given is not None and scene.exceedance.quantity != "gate":
        scores = _divided(scene, found, scores)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    separator, stop = ("; ", ".") if language == "en" else ("；", "。")
    rows = [
        {
            "kind": kind,
            "site": site,
            "probability": round(float(p), 3),
            "evidence": separator.join(en if language == "en" else zh for zh, en in words) + stop,
        }
        for (kind, site, _, words), p in zip(found, share, strict=True)
        if p >= SHOWN
    ]
    return sorted(rows, key=lambda row: (-row["probability"], row["kind"], row["site"] or ""))


Words = list[tuple[str, str]]
Found = tuple[str, str | None, float, Words]


def _divided(scene: Scene, found: list[Found], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores of the street and the sites as the model has them; together they weigh the same
    against the other causes as by the plain evidence."""
    given = {site.id: site.given for site in scene.sites}
    dust = np.array([kind in ("road", "site") for kind, *_ in found])
    brings = np.array(
        [
            scene.given if kind == "road" else ACCUSED * given.get(site or "", 0.0)
            for kind, site, *_ in found
        ],
        np.float64,
    )
    logs = SHARPNESS * np.log(np.maximum(brings, 0.0) + LEAST_GIVEN)
    divided = scores.copy()
    divided[dust] = logs[dust] - logsumexp(logs[dust]) + logsumexp(scores[dust])
    return divided


def _road(scene: Scene) -> Found:
    score, of = WEIGHTS["road"], scene.exceedance
    increment, background = f"{of.increment:.0f}", f"{of.background:.0f}"
    words: Words = [
        (
            f"{of.window_min} 分钟均值：增量 {increment} µg/m³，背景 {background}",
            f"{of.window_min} min mean: increment {increment}, background {background}",
        )
    ]
    if not of.measured:
        words.append(
            (
                f"本路段无监测，为推算值（置信度 {of.confidence:.0%}）",
                f"not measured here but estimated (confidence {of.confidence:.0%})",
            )
        )
    if of.quantity == "gate":
        words.append(
            (
                f"提前预警：出入口洗车设施疑似失效（{of.value:.0f}%）",
                f"early warning: a wheel wash here seems to fail ({of.value:.0f}% sure)",
            )
        )
    if of.quantity == "cusum":
        words.append(
            (
                f"早期预警：增量持续高于本处近期水平（累积和 {of.value:.0f}）",
                f"early warning: the increment stays above its recent level (sum {of.value:.0f})",
            )
        )
    if scene.given is not None:
        words.append(
            (
                f"模型：路面自身积尘带来 {scene.given:.0f} µg/m³",
                f"model: the street's own silt brings {scene.given:.0f} µg/m³",
            )
        )
    if scene.mud_flags:
        score += WEIGHTS["road/mud"]
        words.append(
            (f"路面积泥报告 {scene.mud_flags} 次", f"mud on the road seen {scene.mud_flags} times")
        )
    if scene.trucks >= BUSY_TRUCKS:
        score += WEIGHTS["road/trucks"]
    if scene.trucks:
        words.append(
            (
                f"近一小时重车 {scene.trucks} 辆",
                f"{scene.trucks} heavy trucks in the last hour",
            )
        )
    if scene.coarse_share >= COARSE:
        score += WEIGHTS["road/coarse"]
        words.append(
            (
                f"粗颗粒占 {scene.coarse_share:.0%}",
                f"coarse particles are {scene.coarse_share:.0%}",
            )
        )
    return "road", None, score, words


def _site(scene: Scene, site: SiteNearby) -> Found:
    score = WEIGHTS["site"] + WEIGHTS["site/per_km"] * site.distance_m / 1000
    words: Words = [
        (
            f"{site.name}，距离 {site.distance_m:.0f} 米",
            f"{site.name}, {site.distance_m:.0f} m away",
        )
    ]
    if site.given > LEAST_GIVEN:
        words.append(
            (
                f"模型：其带泥与扬尘带来 {site.given:.0f} µg/m³",
                f"model: soil from it and dust off it bring {site.given:.0f} µg/m³",
            )
        )
    if site.failing > FAILING:
        words.append(
            (
                f"洗车设施疑似失效（概率 {site.failing:.0%}）",
                f"its wheel wash seems to fail ({site.failing:.0%})",
            )
        )
        if scene.exceedance.quantity == "gate" and site.gate_here:
            score += WEIGHTS["site/failing"]
    if site.itself:
        score += WEIGHTS["site/itself"]
        words.append(("监测站就在场界", "the station stands at its boundary"))
    if site.gate_here:
        score += WEIGHTS["site/gate"]
        words.append(("出入口在本路段", "its gate opens on this segment"))
    if scene.wind_speed >= CALM_MS and not site.itself:
        along = float(np.cos(np.radians(scene.wind_from - site.bearing)))
        score += WEIGHTS["site/wind"] * along
        if along > 0.5:
            words.append(
                (
                    f"处于上风向（{scene.wind_speed:.1f} m/s，{scene.wind_from:.0f}°）",
                    f"upwind ({scene.wind_speed:.1f} m/s from {scene.wind_from:.0f}°)",
                )
            )
    if site.gate_flags:
        score += WEIGHTS["site/flags"] * min(1.0, site.gate_flags / 2)
        words.append(
            (
                f"近一小时车辆未冲洗、未覆盖等抓拍 {site.gate_flags} 次",
                f"{site.gate_flags} unwashed or uncovered trucks flagged in the last hour",
            )
        )
    if site.plume_flags:
        score += WEIGHTS["site/plume"]
        words.append(
            (f"可见扬尘 {site.plume_flags} 次", f"visible dust seen {site.plume_flags} times")
        )
    return "site", site.id, score, words


def _regional(scene: Scene) -> Found:
    score = WEIGHTS["regional"]
    words: Words = [
        (
            f"{scene.stations_high:.0%} 的监测站同时偏高",
            f"{scene.stations_high:.0%} of the stations are high together",
        )
    ]
    if scene.stations_high >= EVERYWHERE:
        score += WEIGHTS["regional/everywhere"]
    of = scene.exceedance
    if of.background >= of.cap:
        score += WEIGHTS["regional/high"]
        words.append(
            (f"背景达 {of.background:.0f} µg/m³", f"background of {of.background:.0f} µg/m³")
        )
    if of.regional_share > 0:
        score += WEIGHTS["regional/share"] * of.regional_share
        words.append(
            (
                f"超出量的 {of.regional_share:.0%} 是高于 {of.cap:.0f} 的背景",
                f"{of.regional_share:.0%} of the excess is background above {of.cap:.0f}",
            )
        )
    return "regional", None, score, words


def _sensor(scene: Scene) -> Found:
    score = WEIGHTS["sensor"] + WEIGHTS["sensor/flags"] * scene.flagged_share
    words: Words = [
        (
            f"近期 {scene.flagged_share:.0%} 的读数被质控标记",
            f"{scene.flagged_share:.0%} of recent readings failed quality control",
        )
    ]
    if scene.neighbours_low:
        score += WEIGHTS["sensor/alone"]
        words.append(("邻近监测站均不高", "no station near it is high"))
    return "sensor", None, score, words


def _treatment(scene: Scene) -> Found:
    return (
        "treatment",
        None,
        WEIGHTS["treatment"],
        [(f"当时正在作业：{scene.own_work}", f"our own work at the time: {scene.own_work}")],
    )
