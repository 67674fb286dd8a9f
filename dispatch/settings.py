"""What a district may decide about its dispatching, with defaults."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise
from typing import Literal

from dispatch.limits import Limits

Language = Literal["zh-CN", "en"]

TREATS: Mapping[str, tuple[str, ...]] = {
    "water_truck": ("wash",),
    "sweeper": ("sweep",),
    "fog_cannon": ("fog",),
    "heavy_cleaner": ("heavy_clean",),
    "hand_wash": ("hand_wash", "inspect"),
}
"""Which treatments a crew of each kind carries out."""

WET = frozenset({"wash", "heavy_clean", "hand_wash", "fog"})
"""Treatments that put water on the street."""


@dataclass(frozen=True, slots=True)
class DispatchSettings:
    """Settings of the dispatcher.

    Attributes
    ----------
    seed, iterations
        Of the route search. It stops after `iterations`, never after seconds, so that the same
        input gives the same plan on any machine.
    language
        In which reasons for people are written.
    answer_min
        A crew that has not answered its next order after so long is silent.
    start_grace_min
        An order accepted but not begun so long after its `eta` counts as unanswered; so does
        one begun and not ended so long after it should have been.
    unheard_min
        A crew with work whose newest message is older than this is not counted on.
    silent_rest_min
        A silent crew that goes on sending positions is asked again after so long.
    replan_min
        The plan is made anew after so long even if nothing has happened.
    horizon_h
        A plan reaches to the end of the shift, and never further than this.
    pause_min
        The least time between two plans, unless what happened is urgent.
    publish_shift_min
        A crew gets its plan again when an arrival moves by more than this.
    max_wash_kmh
        Nothing wet is done faster than this.
    min_wash_temp_c
        Below it no water goes on the street.
    wash_in_rain, rain_limit_mm
        Whether the street is washed in rain; rain is more than the limit in 30 minutes.
    wash_in_sand_dust
        Whether the street is washed while sand dust comes in. The rule says no; once it no longer
        grows the trucks' own dust beneath it is worth washing (`docs/world.md`).
    rain_over_share, thaw_c
        Rain is over at or below this share of `rain_limit_mm`, frost so much above
        `min_wash_temp_c`.
    useful_life_min
        Per treatment, how long a street so treated is left alone.
    episode_rest_min
        The same for a street whose episode goes on after a treatment; after that a stronger
        one is tried where there is one.
    due_min
        Minutes from the start of an episode to when work should begin, per level 1 to 3.
    at_once_min
        Work of priority 1 or 2 that begins within this is at once.
    flag_life_min
        How long a camera's flag or a complaint asks for work.
    gate_flags
        So many flags at the gate of a site within `flag_life_min` ask for an inspection.
    refusal_rest_min
        A crew that refused or failed an order is not asked for the same again so soon.
    stand_min
        How long a fog cannon stands at a site, an inspection takes, and hand washing at a site.
    fog_l_per_min
        What a standing fog cannon uses: a tank of 8 to 15 m³ lasts about an hour.
    routine_share
        Per treatment, the share of a segment's `min_treatments_per_day` that it should get.
    routine_early
        From this share of the interval between two routine treatments on, a street on the way
        is treated along with others.
    routine_patience
        Where the model weighs treatments, a second of what a day owes a street counts so many
        times less than a second of a crew usually does when the time for it begins, and so many
        times more when it is due.
    increment_limit_ug_m3, increment_over_share
        A street that adds more than this to the background is worth a treatment in itself. An
        order given for that stands until the street adds less than this share of it.
    must_prize_s
        Worth of an order for an episode or a flag by priority 1 to 3, in seconds of a crew's
        time. So high that only the impossible is left out.
    routine_prize_s
        Worth of one routine treatment that is just due, in seconds of a crew's time.
    worth_fresh_min
        What the model says a treatment is worth is gone by while it is not older than this;
        else by what streets add to the background.
    worth_horizon_h
        As many of the most worthwhile treatments are asked for as fill the crews' next hours:
        what they are worth is known as of now, and changes.
    worth_choice
        So many times what fills them, for the search to choose from.
    worth_most
        Never more than so many of one treatment, to keep the search short.
    worth_gain
        The last treatment that fills the crews' hours is worth so many times the seconds that
        it takes, so that a crew goes there rather than stand idle; the others more in proportion
        to what they spare per second.
    worth_drive_s
        Seconds that the way from one treatment to the next usually takes.
    worth_again
        Within its useful life a treatment is only done again if it spares so many times as much
        as would be enough otherwise; 1 leaves it to the model, which knows what was done.
    worth_hold
        Share by which a treatment that a crew has been sent to counts for more.
    worth_fades, worth_fades_min
        Shares of a treatment's worth that are left when it is begun within the first number of
        minutes, within the next, and later. They fall faster than what residents would still be
        spared: the worthiest street is then gone to first, while the plan can still be kept.
    top_up_below
        A crew that has done its work fills up at home if its tank is below this share.
    move_cost_s
        What it costs to give an order that a crew has been sent to another crew.
    drop_cost_s
        What it costs to take back an order that a crew has been sent, in seconds of its time.
    replan_gain_s
        A plan that nothing urgent asks for must be better by more than this, in seconds of the
        crews' time; else they go on as they were told, with what is new behind.
    snap_m
        A crew so close to a junction is taken to be at it.
    limits
        Of the life of orders, and who is called when one is passed.
    """

    seed: int = 1
    iterations: int = 300
    language: Language = "zh-CN"
    answer_min: float = 10.0
    start_grace_min: float = 30.0
    unheard_min: float = 15.0
    silent_rest_min: float = 30.0
    replan_min: float = 10.0
    horizon_h: float = 12.0
    pause_min: float = 2.0
    publish_shift_min: float = 5.0
    max_wash_kmh: float = 15.0
    min_wash_temp_c: float = 3.0
    wash_in_rain: bool = False
    wash_in_sand_dust: bool = False
    rain_limit_mm: float = 0.2
    rain_over_share: float = 0.5
    thaw_c: float = 1.0
    useful_life_min: Mapping[str, float] = field(
        default_factory=lambda: {
            "wash": 120.0,
            "sweep": 240.0,
            "fog": 30.0,
            "heavy_clean": 360.0,
            "hand_wash": 720.0,
            "inspect": 240.0,
        }
    )
    episode_rest_min: float = 45.0
    due_min: tuple[float, float, float] = (45.0, 30.0, 15.0)
    at_once_min: float = 10.0
    flag_life_min: float = 120.0
    gate_flags: int = 3
    refusal_rest_min: float = 60.0
    stand_min: Mapping[str, float] = field(
        default_factory=lambda: {"fog": 20.0, "inspect": 15.0, "hand_wash": 30.0}
    )
    fog_l_per_min: float = 150.0
    routine_share: Mapping[str, float] = field(
        default_factory=lambda: {"wash": 1.0, "sweep": 0.5, "hand_wash": 0.125}
    )
    routine_early: float = 0.85
    routine_patience: float = 4.0
    increment_limit_ug_m3: float = 30.0
    increment_over_share: float = 0.5
    must_prize_s: tuple[float, float, float] = (400_000.0, 200_000.0, 100_000.0)
    routine_prize_s: float = 1_800.0
    worth_fresh_min: float = 60.0
    worth_horizon_h: float = 0.5
    worth_choice: float = 1.3
    worth_most: int = 40
    worth_gain: float = 3.0
    worth_drive_s: float = 60.0
    worth_again: float = 1.0
    worth_hold: float = 0.3
    worth_fades: tuple[float, ...] = (1.0, 0.6, 0.3)
    worth_fades_min: tuple[float, ...] = (15.0, 40.0)
    top_up_below: float = 0.8
    move_cost_s: float = 300.0
    drop_cost_s: float = 1_800.0
    replan_gain_s: float = 300.0
    snap_m: float = 10.0
    limits: Limits = Limits()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        # A district that changes one entry of a table keeps the others.
        for item in fields(self):
            if item.default_factory is not MISSING:
                whole = {**item.default_factory(), **getattr(self, item.name)}
                object.__setattr__(self, item.name, whole)
        if self.iterations < 1:
            raise ValueError(f"dispatch: iterations must be at least 1, not {self.iterations}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"dispatch: seed must be in 0 to 2^32 - 1, not {self.seed}")
        if self.language not in ("zh-CN", "en"):
            raise ValueError(f"dispatch: language must be zh-CN or en, not {self.language!r}")
        for name in (
            "answer_min", "unheard_min", "replan_min", "horizon_h", "max_wash_kmh", "flag_life_min",
            "routine_prize_s", "fog_l_per_min", "at_once_min", "worth_horizon_h", "worth_gain",
            "worth_most",
        ):  # fmt: skip
            if not getattr(self, name) > 0:
                raise ValueError(f"dispatch: {name} must be above 0, not {getattr(self, name)}")
        for name in (
            "start_grace_min", "pause_min", "publish_shift_min", "rain_limit_mm", "gate_flags",
            "episode_rest_min", "refusal_rest_min", "silent_rest_min", "move_cost_s", "snap_m",
            "increment_limit_ug_m3", "thaw_c", "drop_cost_s", "replan_gain_s", "worth_fresh_min",
            "worth_drive_s", "worth_hold",
        ):  # fmt: skip
            if not getattr(self, name) >= 0:
                raise ValueError(f"dispatch: {name} must not be negative")
        for name in ("rain_over_share", "increment_over_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"dispatch: {name} must be from 0 to 1, not {getattr(self, name)}")
        if not 0 < self.routine_early < 1:
            raise ValueError(
                f"dispatch: routine_early must be between 0 and 1, not {self.routine_early}"
            )
        for name in ("worth_choice", "worth_again", "routine_patience"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"dispatch: {name} must be at least 1, not {getattr(self, name)}")
        fades = (1.0, *self.worth_fades)
        if min(fades) <= 0 or any(after > before for before, after in pairwise(fades)):
            raise ValueError(
                "dispatch: worth_fades must be falling numbers above 0 and at most 1, "
                f"not {self.worth_fades}"
            )
        minutes = (0.0, *self.worth_fades_min)
        if len(minutes) != len(self.worth_fades) or any(b <= a for a, b in pairwise(minutes)):
            raise ValueError(
                "dispatch: worth_fades_min must be rising numbers above 0, one fewer than "
                f"worth_fades, not {self.worth_fades_min}"
            )
        for name, values in (("due_min", self.due_min), ("must_prize_s", self.must_prize_s)):
            if len(tuple(values)) < 3 or min(values) <= 0:
                raise ValueError(f"dispatch: {name} must be three numbers above 0, not {values}")
        known = {treatment for kinds in TREATS.values() for treatment in kinds}
        for name, table in (
            ("useful_life_min", self.useful_life_min),
            ("stand_min", self.stand_min),
            ("routine_share", self.routine_share),
        ):
            for treatment, value in table.items():
                if treatment not in known:
                    raise ValueError(
                        f"dispatch: {name} names {treatment!r}, which is no treatment; "
                        f"choose from {', '.join(sorted(known))}"
                    )
                if not value >= 0:
                    raise ValueError(f"dispatch: {name}.{treatment} must not be negative")
