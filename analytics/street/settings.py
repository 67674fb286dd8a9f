"""What the street model may be told. Means are from the literature; the filter learns the rest."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StreetSettings:
    """Standard deviations are of logarithms unless said otherwise."""

    members: int = 100
    seed: int = 20260302
    light_per_lane_day: float = 2000.0
    "Light vehicles on a lane of a town's main street."
    silt_g_m2: float = 0.4
    "Silt on paved streets with heavy trucks (AP-42 13.2.1, between its public and works roads)."
    silt_spread: float = 0.45
    silt_wander: float = 0.02
    "Of the silt, in a minute."
    usual_memory_min: float = 1440.0
    "What is usual on a segment is forgotten over this time ..."
    speaks_m: float = 400.0
    soil_clean_g: float = 60.0
    "Soil that a washed truck still carries out of a gate."
    soil_dirty_g: float = 1200.0
    "And one that nobody washed."
    soil_paved_g: float = 5.0
    "A truck out of a paved yard."
    soil_spread: float = 0.5
    haul_spread: float = 0.5
    soil_memory_min: float = 15.0
    fails_per_day: float = 1.0
    "How often a wheel wash fails ..."
    fails_min: float = 120.0
    "... and for how long, before anything is seen ..."
    mended_min: float = 360.0
    "... and yet to come, once it is known to fail: what cameras have seen was not mended at once."
    recall: float = 0.8
    "Share of unwashed trucks that a gate camera flags."
    camera_trust: float = 0.7
    mud_g_m2: float = 1.5
    "The least that people and cameras call mud ..."
    mud_error: float = 0.6
    "... give or take."
    plume_g_s: float = 0.012
    binding_mm: float = 0.07
    "A film so deep lets 1/e of the dust go up."
    removes: dict[str, float] = field(
        default_factory=lambda: {
            "wash": 0.65, "sweep": 0.45, "fog": 0.05, "heavy_clean": 0.8, "hand_wash": 0.7,
        }
    )  # fmt: skip
    "Share of the silt that a treatment takes off a soiled street."
    background_ug_m3: float = 45.0
    background_wander: float = 0.03
    plain_error: float = 0.6
    "Of the plain background, as one minute's word: it is a low quantile and lags."
    reading_error: float = 0.1
    "Of a minute's reading, and of what the model's minute misses."
    background_error: float = 0.04
    "Of a background station's: no street is near, so there is less to miss."
    gain_reach: float = 0.05
    "How much a minute's word teaches about the instrument itself."
    gain_spread: float = 0.06
    swell: float = 0.025
    swell_spread: float = 0.02
    local_spread: float = 0.18
    local_memory_min: float = 120.0
    site_error: float = 0.25
    "Of readings at a site's fence: the plume is narrower than the model's."
    theta_reach: float = 0.15
    "How much a station's word teaches about what all streets share."
    effect_error: float = 0.42
    "Of an order's effect as the model has it, relative: one wash is not like another."
    turn_deg: float = 14.0
    "How far the wind turns in an hour, and the square root of that in others."
    gust: float = 0.25
    "And how much its speed changes."
    kerb_error: float = 0.3
    "What the model's air misses at a kerb that nobody measures."
