"""Within what time things must happen, who is called when they do not, and what proves work."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields

KINDS = ("unanswered", "obstacle", "unmade", "overnight", "order", "crew", "unproven")
"""What somebody is called for; see `dispatch/concerns.py`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the life of orders, and of everything that must not stay overnight.

    Attributes
    ----------
    overnight_level
        Episodes from this level on have a clock, as every complaint has.
    answer_within_min
        Within so long each has an order or a stated reason.
    warn_h
        What has no outcome so long before the end of the local day is told of.
    remind_min
        A crew is told its order again when it has not answered for so long.
    no_terminal
        Crews that hear of their orders by a notice, because they have no terminal.
    roles
        Who is called, one after the other.
    role_min
        How long each has before the next is called; the last is called again.
    first_role
        Per kind of trouble, who is called first.
    patience_min
        Per kind, how long the platform has to help itself before anybody is called.
    reminder_share
        At this share of a role's time it is reminded.
    taken_min
        Who has said that they see to it has so long before the limits run on.
    roll_call_min
        A crew of which nothing is heard so long after its shift began is absent.
    off_route_m, off_route_min
        Further from its way than this, for so long, a crew is off its route.
    standing_min, standing_m
        A crew that should drive or work and has moved less than so far in so long stands still.
    late_min
        A crew has not begun so long after its arrival was announced.
    dry_share
        Below this share of its tank a crew at wet work is dry.
    near_m
        A position counts for a segment if it is no further away than this.
    work_speed_over
        Up to so many times its working speed a vehicle is taken to work.
    water_share
        Where less than this share of the water that the work takes has gone, only as many metres
        count as that water is enough for.
    stand_near_m
        So near to its place a crew that is to stand there is taken to be there.
    proof_share
        Work is proven from this share of the segment, or of the minutes to stand, on.
    proof_wait_min
        How long a late position is waited for.
    unproven_h
        How long an unproven treatment is worth a word.
    """

    overnight_level: int = 2
    answer_within_min: float = 5.0
    warn_h: float = 3.0
    remind_min: float = 5.0
    no_terminal: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("crew_leader", "dispatcher", "duty_manager")
    role_min: Mapping[str, float] = field(
        default_factory=lambda: {"crew_leader": 10.0, "dispatcher": 15.0, "duty_manager": 30.0}
    )
    first_role: Mapping[str, str] = field(
        default_factory=lambda: {
            "unanswered": "dispatcher",
            "obstacle": "dispatcher",
            "unmade": "dispatcher",
            "overnight": "dispatcher",
            "order": "crew_leader",
            "crew": "crew_leader",
            "unproven": "crew_leader",
        }
    )
    patience_min: Mapping[str, float] = field(
        default_factory=lambda: {
            "unanswered": 0.0,
            "obstacle": 5.0,
            "unmade": 0.0,
            "overnight": 0.0,
            "order": 5.0,
            "crew": 0.0,
            "unproven": 0.0,
        }
    )
    reminder_share: float = 0.5
    taken_min: float = 60.0
    roll_call_min: float = 10.0
    off_route_m: float = 150.0
    off_route_min: float = 3.0
    standing_min: float = 10.0
    standing_m: float = 50.0
    late_min: float = 15.0
    dry_share: float = 0.02
    near_m: float = 25.0
    work_speed_over: float = 1.5
    water_share: float = 0.7
    stand_near_m: float = 150.0
    proof_share: float = 0.8
    proof_wait_min: float = 3.0
    unproven_h: float = 2.0

    def __post_init__(self) -> None:
        # A district that changes one entry of a table keeps the others.
        for item in fields(self):
            if item.default_factory is not MISSING:
                whole = {**item.default_factory(), **getattr(self, item.name)}
                object.__setattr__(self, item.name, whole)
        if not self.roles or len(set(self.roles)) != len(self.roles):
            raise ValueError(f"limits: roles must be named once each, not {self.roles}")
        for role in self.roles:
            if not self.role_min.get(role, 0) > 0:
                raise ValueError(f"limits: role_min needs minutes above 0 for {role}")
        for name, table in (("first_role", self.first_role), ("patience_min", self.patience_min)):
            if strange := sorted(table.keys() - set(KINDS)):
                raise ValueError(
                    f"limits: {name} names {strange[0]!r}; choose from {', '.join(KINDS)}"
                )
        for kind, role in self.first_role.items():
            if role not in self.roles:
                raise ValueError(
                    f"limits: first_role.{kind} is {role!r}, which is none of {self.roles}"
                )
        if self.overnight_level not in (1, 2, 3):
            raise ValueError(f"limits: overnight_level must be 1 to 3, not {self.overnight_level}")
        for name in ("reminder_share", "water_share", "proof_share", "dry_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(
                    f"limits: {name} must be above 0 and at most 1, not {getattr(self, name)}"
                )
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, float) and not value > 0:
                raise ValueError(f"limits: {item.name} must be above 0, not {value}")
        if min(self.patience_min.values()) < 0:
            raise ValueError("limits: patience_min must not be negative")
