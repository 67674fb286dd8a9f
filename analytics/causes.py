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

from analytics.words import Fact, evidence, fact, treatment
from geo.names import Named

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
    name: Named
    distance_m: float
    bearing: float
    gate_here: bool
    itself: bool
    gate_flags: int
    plume_flags: int
    given: float = 0.0
    failing: float = 0.0


@dataclass(frozen=True, slots=True)
class OwnWork:
    """A treatment of our own, and the crew that was at it."""

    treatment: str
    crew: Named


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
    own_work: OwnWork | None
    sites: Sequence[SiteNearby]
    given: float | None = None


def causes(scene: Scene, language: str) -> list[dict[str, Any]]:
    """The contract's `causes`, most probable first, probabilities of those shown. `evidence` is in
    the language of the settings; `also`, which the contract does not have, in the other."""
    found = [_road(scene), _regional(scene), _sensor(scene)]
    found += [
        _site(scene, site)
        for site in scene.sites
        if site.distance_m <= NEAR_M or site.given > LEAST_GIVEN
    ]
    if scene.own_work:
        found.append(_treatment(scene.own_work))
    scores = np.array([score for _, _, score, _ in found])
    if scene.given is not None and scene.exceedance.quantity != "gate":
        scores = _divided(scene, found, scores)
    share = np.exp(scores - scores.max())
    share /= share.sum()
    rows: list[dict[str, Any]] = []
    for (kind, site, _, facts), p in zip(found, share, strict=True):
        if p >= SHOWN:
            text, also = evidence(facts, language)
            told = {"probability": round(float(p), 3), "evidence": text, "also": also}
            rows.append({"kind": kind, "site": site} | told)
    return sorted(rows, key=lambda row: (-row["probability"], row["kind"], row["site"] or ""))


Found = tuple[str, str | None, float, list[Fact]]


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
    facts = [fact("mean", minutes=of.window_min, increment=of.increment, background=of.background)]
    if not of.measured:
        facts.append(fact("estimated", confidence=of.confidence))
    if of.quantity == "gate":
        facts.append(fact("gate", sure=of.value))
    if of.quantity == "cusum":
        facts.append(fact("cusum", sum=of.value))
    if scene.given is not None:
        facts.append(fact("silt", given=scene.given))
    if scene.mud_flags:
        score += WEIGHTS["road/mud"]
        facts.append(fact("mud", count=scene.mud_flags))
    if scene.trucks >= BUSY_TRUCKS:
        score += WEIGHTS["road/trucks"]
    if scene.trucks:
        facts.append(fact("trucks", count=scene.trucks))
    if scene.coarse_share >= COARSE:
        score += WEIGHTS["road/coarse"]
        facts.append(fact("coarse", share=scene.coarse_share))
    return "road", None, score, facts


def _site(scene: Scene, site: SiteNearby) -> Found:
    score = WEIGHTS["site"] + WEIGHTS["site/per_km"] * site.distance_m / 1000
    facts = [fact("near", site=site.name, metres=site.distance_m)]
    if site.given > LEAST_GIVEN:
        facts.append(fact("soil", given=site.given))
    if site.failing > FAILING:
        facts.append(fact("failing", probability=site.failing))
        if scene.exceedance.quantity == "gate" and site.gate_here:
            score += WEIGHTS["site/failing"]
    if site.itself:
        score += WEIGHTS["site/itself"]
        facts.append(fact("boundary"))
    if site.gate_here:
        score += WEIGHTS["site/gate"]
        facts.append(fact("gate_here"))
    if scene.wind_speed >= CALM_MS and not site.itself:
        along = float(np.cos(np.radians(scene.wind_from - site.bearing)))
        score += WEIGHTS["site/wind"] * along
        if along > 0.5:
            facts.append(fact("upwind", speed=scene.wind_speed, wind_from=scene.wind_from))
    if site.gate_flags:
        score += WEIGHTS["site/flags"] * min(1.0, site.gate_flags / 2)
        facts.append(fact("gate_flags", count=site.gate_flags))
    if site.plume_flags:
        score += WEIGHTS["site/plume"]
        facts.append(fact("plumes", count=site.plume_flags))
    return "site", site.id, score, facts


def _regional(scene: Scene) -> Found:
    score, of = WEIGHTS["regional"], scene.exceedance
    facts = [fact("together", share=scene.stations_high)]
    if scene.stations_high >= EVERYWHERE:
        score += WEIGHTS["regional/everywhere"]
    if of.background >= of.cap:
        score += WEIGHTS["regional/high"]
        facts.append(fact("background", background=of.background))
    if of.regional_share > 0:
        score += WEIGHTS["regional/share"] * of.regional_share
        facts.append(fact("above_cap", share=of.regional_share, cap=of.cap))
    return "regional", None, score, facts


def _sensor(scene: Scene) -> Found:
    score = WEIGHTS["sensor"] + WEIGHTS["sensor/flags"] * scene.flagged_share
    facts = [fact("flagged", share=scene.flagged_share)]
    if scene.neighbours_low:
        score += WEIGHTS["sensor/alone"]
        facts.append(fact("alone"))
    return "sensor", None, score, facts


def _treatment(work: OwnWork) -> Found:
    facts = [fact("own_work", treatment=treatment(work.treatment), crew=work.crew)]
    return "treatment", None, WEIGHTS["treatment"], facts
