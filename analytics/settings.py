"""What analytics may be told: the contract's rules as data, and the numbers of each step."""

from dataclasses import dataclass, field
from typing import Literal

from analytics.street.settings import StreetSettings
from analytics.street.watches import UPTO_MIN

Quantity = Literal["increment_capped", "increment", "pm10", "tsp", "cusum", "gate"]
QUANTITIES: tuple[Quantity, ...] = (
    "increment_capped", "increment", "pm10", "tsp", "cusum", "gate",
)  # fmt: skip
"""What a rule may judge: PM10 over a background of at most `background_cap`, PM10 over all of the
background, PM10 that the background does not explain, TSP, and the early warning's sum (see
`analytics.early`), which has no unit."""
WARNINGS = frozenset({"cusum", "gate"})
"""Those that tell of something before any limit is passed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A trailing mean of `quantity` over `window_min` minutes against three limits in µg/m³.

    A limit of None means that the rule has no such level.
    """

    quantity: Quantity
    window_min: int
    limits: tuple[float | None, float | None, float | None]

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise ValueError(f"rule on {self.quantity!r}: the quantities are {QUANTITIES}")
        if not 1 <= self.window_min <= 60:
            raise ValueError(f"rule window of {self.window_min} min: 1 to 60 are kept in memory")
        there = [limit for limit in self.limits if limit is not None]
        if not there or there != sorted(there) or there[0] <= 0:
            raise ValueError(f"rule limits {self.limits}: must be positive and rise with the level")
        if self.quantity in WARNINGS and self.limits[1:] != (None, None):
            raise ValueError(
                f"rule limits {self.limits} on {self.quantity}: a warning has level 1 only"
            )


RULES: dict[str, Rule] = {
    # Level 2: Hebei DB13/2934-2019, site minus county value; 1 and 3 are ours.
    "inc60": Rule("increment_capped", 60, (50.0, 80.0, 160.0)),
    # Ours: the quick one.
    "inc15": Rule("increment", 15, (80.0, 160.0, 320.0)),
    # HJ 633-2026, where IAQI passes 150 and 300.
    "pm10_60": Rule("pm10", 60, (None, 250.0, 420.0)),
    # Liaoning, urban and rural.
    "tsp5": Rule("tsp", 5, (None, 800.0, 1000.0)),
    # Ours: the early warning, before the contract's rules; see EarlySettings.
    "cusum": Rule("cusum", 1, (15.0, None, None)),
    # Ours: percent sure that the wheel wash of a gate on the segment fails, before the air tells.
    "gate": Rule("gate", 1, (80.0, None, None)),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is too much for a station beside a road; PM in µg/m³."""

    pm_max: float = 5000.0
    "At this a light-scattering monitor is at the end of its range."
    spike_min: float = 300.0
    "A jump over the median of the last five readings below this is never a spike ..."
    spike_factor: float = 5.0
    "... and it must be this many times that median."
    alone_min: float = 120.0
    "A jump as large is a spike if the finer fraction, which every dust has, does not move."
    rate_max: float = 1500.0
    "A change a minute beyond this is too fast for air."

    def __post_init__(self) -> None:
        for name in ("pm_max", "spike_min", "alone_min", "rate_max"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} = {getattr(self, name)}: a number above 0 is needed")
        if not self.spike_factor > 1:
            raise ValueError(f"spike_factor = {self.spike_factor}: a number above 1 is needed")


@dataclass(frozen=True, slots=True)
class SiteThresholds(Thresholds):
    """The same at a site, where loaders work beside the inlet."""

    spike_min: float = 500.0
    rate_max: float = 2500.0


@dataclass(frozen=True, slots=True)
class BackgroundThresholds(Thresholds):
    """The same away from streets and sites, where the air changes slowly."""

    spike_min: float = 150.0
    spike_factor: float = 4.0
    rate_max: float = 400.0


STATION_KINDS = ("road", "site", "background")


@dataclass(frozen=True, slots=True)
class GainSettings:
    """When a station's gain has drifted from what it was."""

    off: float = 1.12
    "By this factor, up or down ..."
    release: float = 0.7
    "... until its logarithm is back under this share of that."
    fine_share: float = 0.22
    "Of PM2.5 in the PM10 of fresh road and soil dust; AP-42 13.2.1 has 0.15 / 0.62 = 0.24."
    street_share: float = 0.7
    "Minutes with more of the street's dust, relative to what blows in, are passed over."
    least: float = 10.0
    "And those with less µg/m³ of PM10 blowing in."
    learn_min: int = 90
    "Minutes from which a station's own gain is learned first ..."
    usual_min: int = 7200
    "... and that it remembers later."
    recent_min: int = 30
    "Minutes over which it is judged."

    def __post_init__(self) -> None:
        if not self.off > 1 or not 0 < self.release <= 1:
            raise ValueError("off is a factor above 1, release a share")
        if not 0 <= self.fine_share < 0.5:
            raise ValueError(f"fine_share = {self.fine_share}: of coarse dust; below 0.5")
        if not 10 <= self.recent_min <= self.learn_min <= self.usual_min:
            raise ValueError("10 <= recent_min <= learn_min <= usual_min is needed")


@dataclass(frozen=True, slots=True)
class NeighbourSettings:
    """When a reading contradicts the model of the street."""

    below_share: float = 0.5
    "Below this share of what blows in ..."
    below_min: int = 10
    "... for so many minutes, no street explains a reading."
    leap_spreads: float = 6.0
    "One reading so many standard deviations over a calm stretch is a leap ..."
    leap_min: float = 200.0
    "... if it is this much, in µg/m³."

    def __post_init__(self) -> None:
        if not 0 < self.below_share < 1 or self.below_min < 1:
            raise ValueError("below_share is a share, below_min at least one minute")


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """Thresholds of the quality tests, after IOOS QARTOD; PM in µg/m³."""

    road: Thresholds = field(default_factory=Thresholds)
    site: SiteThresholds = field(default_factory=SiteThresholds)
    background: BackgroundThresholds = field(default_factory=BackgroundThresholds)
    sentinels: tuple[float, ...] = (9999.0, 999.0)
    "Values that loggers write when they have none."
    order_tolerance: float = 1.05
    "PM2.5 may exceed PM10, and PM10 TSP, by this factor before it is disbelieved ..."
    order_margin: float = 2.0
    "... and by this much: two instruments have two errors."
    fine_share: float = 0.03
    "Of a rise of PM10 so much at least is PM2.5, and of TSP PM10."
    flat_chance: float = 1e-6
    "Equal values running are a stuck sensor once chance explains them no better than this."
    flat_h: float = 12.0
    "And after so many hours whatever their resolution."
    low_share: float = 0.35
    "Below this share of what blows in, no working channel reads for long ..."
    low_min: int = 10
    "... that is, for so many readings and minutes."
    low_floor: float = 8.0
    "Where less blows in there is nothing to compare with."
    repeat_readings: int = 8
    "So many moving readings that are those of a day before are no chance."
    gain: GainSettings = field(default_factory=GainSettings)
    neighbour: NeighbourSettings = field(default_factory=NeighbourSettings)

    def __post_init__(self) -> None:
        if not 0 < self.flat_chance < 0.1:
            raise ValueError(f"flat_chance = {self.flat_chance}: between 0 and 0.1 is needed")
        if not 0 < self.low_share < 1 or not 0 <= self.fine_share < 1:
            raise ValueError("low_share and fine_share are shares: between 0 and 1")
        if self.low_min < 2 or self.repeat_readings < 4:
            raise ValueError("low_min needs at least 2, repeat_readings at least 4")


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """How a treatment is judged by difference in differences of the log increment; together with
    the model, that is, not after it."""

    before_min: int = 60
    after_min: int = 60
    skip_min: int = 5
    "Minutes after the work that are left out: its own spray and dust."
    floor: float = 5.0
    "µg/m³; increments below this are noise, and logarithms need a floor."
    min_share: float = 0.35
    "Share of the minutes that must be there on either side."
    min_controls: int = 3
    "Fewer untreated segments give no interval, hence no verdict."
    apart_m: float = 150.0
    "A control this near the judged segment may share its air."
    near_m: float = 60.0
    "Another treatment changes what is so near its segment, too."
    trend_max: float = 0.4
    "A control that the treated segment was already moving away from by so much before the work, as"
    "a logarithm, from the first to the second half of that time, is none."
    level: float = 0.90
    "Of the interval."

    def __post_init__(self) -> None:
        if self.skip_min + self.after_min > UPTO_MIN:
            raise ValueError(
                f"verdict.skip_min + after_min = {self.skip_min + self.after_min}: a work is "
                f"judged {UPTO_MIN} minutes after its end"
            )


@dataclass(frozen=True, slots=True)
class EarlySettings:
    """The early warning: a one-sided CUSUM (Page 1954) of the log increment of a measured place,
    standardised by the place's own recent level and scatter. Its threshold is the limit of the
    rule `cusum`."""

    enabled: bool = True
    drift: float = 1.5
    "Scatters above the recent level that are no news."
    half_life_min: float = 360.0
    "Of what is recent."
    floor: float = 10.0
    "µg/m³; increments below this are noise, and logarithms need a floor."
    least: float = 50.0
    "µg/m³; a rise that ends below this warns nobody."
    least_scatter: float = 0.25
    "Of the logarithm: a calm night must not make a breath of wind remarkable."
    most: float = 4.0
    "Scatters that one minute may count for."
    settle_min: int = 120
    "Minutes that a place is watched before its level is known."

    def __post_init__(self) -> None:
        for name in ("half_life_min", "floor", "least", "least_scatter"):
            if getattr(self, name) <= 0:
                raise ValueError(f"early.{name} = {getattr(self, name)}: must be above 0")
        if not 0 <= self.drift < self.most:
            raise ValueError(
                f"early.drift = {self.drift}: from 0 to below early.most ({self.most})"
            )


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """What blows in and is told once for the whole district. µg/m³ of hourly background."""

    dust_min: float = 150.0
    "Sand-dust weather is over this ..."
    dust_rise: float = 2.0
    "... and at least so many times the mean of the six hours before (the contract's rule)."
    haze_min: float = 150.0
    "Haze is at or over this ..."
    haze_hours: int = 3
    "... for so many hours on end ..."
    haze_release_share: float = 0.80
    "... until it has been below this share of it for as long."
    fine_share: float = 0.50
    "PM2.5 is at least this share of PM10 in haze; where nobody measures it, it is not asked for."


@dataclass(frozen=True, slots=True)
class AnalyticsSettings:
    """All that analytics may be told."""

    rules: dict[str, Rule] = field(default_factory=lambda: dict(RULES))
    hold_min: int = 5
    "A level is entered when its rule has held so long."
    release_min: int = 15
    "And left when the value has been low so long ..."
    release_share: float = 0.80
    "... below this share of the limit."
    mean_share: float = 0.75
    "A mean needs this share of its minutes."
    background_cap: float = 150.0
    "µg/m³; the first rule subtracts no more than this (DB13/2934-2019)."
    blind_min: int = 60
    "An open episode of which nothing is known for so long is closed: nobody can tell."
    gap_min: int = 3
    "Minutes without data that a hold or a release may run over; after more it starts anew."
    join_min: int = 30
    "An episode that comes back so soon after it was closed is the same one."
    estimate_confidence: float = 0.5
    "An estimate below this confidence is not judged."
    gain_share: float = 0.06
    "Of the background above `gain_from`: what two instruments may differ by without any dust."
    gain_from: float = 100.0
    "µg/m³; below this that difference is small beside the limits."
    regional_explains: bool = True
    """Whether what blows in is told by a notice alone: while one holds, and where the background
    above the cap is the larger part of a capped increment, the street's own increment is judged.
    False judges the capped increment to the letter of DB13/2934: everywhere on every hazy day."""
    lateness_h: float = 48.0
    reach_m: float = 250.0
    "Distance over which a station's increment speaks for a segment: weight exp(-(d/reach)²)."
    min_confidence: float = 0.1
    "Below this nobody is measuring a segment."
    settle_s: float = 15.0
    "On the wall clock a minute is worked out so long after its end; in lockstep at once."
    quality: QualitySettings = field(default_factory=QualitySettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    street: StreetSettings = field(default_factory=StreetSettings)
    sees_share: float = 0.0
    "Where the wind lets a station feel less than this share of what its street's kerbs do, the"
    "model may judge the street higher than it measures; 0: where somebody measures, that counts."
    early: EarlySettings = field(default_factory=EarlySettings)
    notices: NoticeSettings = field(default_factory=NoticeSettings)
    language: Literal["zh-CN", "en"] = "zh-CN"

    def __post_init__(self) -> None:
        # A district that changes one rule keeps the others.
        rules = RULES | self.rules
        if not self.early.enabled:
            rules = {name: rule for name, rule in rules.items() if rule.quantity not in WARNINGS}
        object.__setattr__(self, "rules", rules)
        if not 0 < self.release_share <= 1 or not 0 < self.mean_share <= 1:
            raise ValueError("release_share and mean_share are shares: above 0 and at most 1")
        if self.hold_min < 1 or self.release_min < 1:
            raise ValueError("hold_min and release_min: at least one minute")
        if self.gap_min < 0 or self.join_min < 0:
            raise ValueError("gap_min and join_min: minutes, 0 or more")
