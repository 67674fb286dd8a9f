"""What should be done, and the reason against everything that is not."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from dispatch.facts import Ended, Episode, Facts, Flag, Street, Weather, Worth
from dispatch.settings import DispatchSettings
from dispatch.wants import Want, Wishes, wishes
from geo.district import District
from tests.dispatch.towns import NOON, block, crew

SETTINGS = DispatchSettings(language="en")
KINDS = ("water_truck", "sweeper", "fog_cannon", "heavy_cleaner", "hand_wash")


def fleet(*kinds: str) -> District:
    """The block with one crew of each kind."""
    return block([crew(kind, kind) for kind in kinds])


def wished(*kinds: str, **facts: Any) -> Wishes:
    """The wishes at noon with one crew of each kind."""
    district = fleet(*kinds)
    return wishes(Facts(NOON, **facts), district, SETTINGS, {kind: kind for kind in kinds})


def ago(minutes: float) -> dt.datetime:
    """So many minutes before noon."""
    return NOON - dt.timedelta(minutes=minutes)


def episode(level: int = 2, **changes: Any) -> Episode:
    """An active episode on street A since ten minutes."""
    values: dict[str, Any] = {
        "id": "E1", "segment": "A", "site": None, "rule": "inc15", "level": level,
        "state": "active", "started_at": ago(10), "cause": "road",
    }  # fmt: skip
    return Episode(**(values | changes))


def done(place: str, treatment: str, minutes: float, state: str = "done") -> Ended:
    """An order that ended so long ago."""
    return Ended("O1", treatment, treatment, place, state, ago(minutes))


def at(found: Wishes, place: str, treatment: str | None = None) -> list[Want]:
    """The wants at a place."""
    return [
        want for want in found.wants if want.place == place and treatment in (None, want.treatment)
    ]


def against(found: Wishes, **match: Any) -> list[str]:
    """The codes of the exclusions that match."""
    return [
        e.reason.code
        for e in found.exclusions
        if all(getattr(e, key) == value for key, value in match.items())
    ]


@pytest.mark.parametrize(("level", "priority", "due_min"), [(1, 3, 45), (2, 2, 30), (3, 1, 15)])
def test_episode_is_wanted_by_its_level(level: int, priority: int, due_min: float) -> None:
    """Levels 1, 2, 3 are priorities 3, 2, 1, due 45, 30, 15 minutes after the start."""
    found = wished("water_truck", episodes=(episode(level),))
    want = found.wants[0]
    assert (want.place, want.treatment, want.priority, want.episode) == (
        "A",
        "wash",
        priority,
        "E1",
    )
    assert want.due == ago(10) + dt.timedelta(minutes=due_min)
    assert "Street A" in want.reason


def test_severe_episode_gets_the_heavy_cleaner() -> None:
    """At level 3 heavy cleaning is wanted where there is a cleaner, and no wash beside it."""
    found = wished("water_truck", "heavy_cleaner", episodes=(episode(3),))
    assert [want.treatment for want in at(found, "A")] == ["heavy_clean"]


@pytest.mark.parametrize(
    ("cause", "code"), [("regional", "regional"), ("sensor", "sensor"), ("treatment", "own_work")]
)
def test_cause_that_water_does_not_help(cause: str, code: str) -> None:
    """Regional dust, a faulty station and our own work get a reason and no urgent order."""
    found = wished("water_truck", episodes=(episode(cause=cause),))
    assert against(found, episode="E1") == [code]
    assert all(want.priority == 4 for want in at(found, "A"))


def test_shelved_episode_waits_until_its_time() -> None:
    """While shelved there is a reason; when the time is up there is an order."""
    later = NOON + dt.timedelta(minutes=1)
    assert against(
        wished("water_truck", episodes=(episode(shelved_until=later),)), episode="E1"
    ) == ["shelved"]
    found = wished("water_truck", episodes=(episode(shelved_until=NOON),))
    assert found.wants[0].episode == "E1"


def test_an_early_warning_sends_nobody() -> None:
    """It is answered with a reason; once a limit is passed there, that episode has an order."""
    warned = episode(level=1, rule="cusum")
    assert against(wished("water_truck", episodes=(warned,)), episode="E1") == ["early"]
    both = wished("water_truck", episodes=(warned, episode(id="E2")))
    assert both.wants[0].episode == "E2"


def test_pending_episode_is_not_yet_one() -> None:
    """A pending episode asks for nothing."""
    found = wished("water_truck", episodes=(episode(state="pending"),))
    assert all(want.episode is None for want in found.wants)


@pytest.mark.parametrize(
    ("weather", "code"),
    [
        (Weather(rain_mm_30min=0.6), "rain"),
        (Weather(temp_c=2.9), "frost"),
        (Weather(sand_dust=True), "sand_dust"),
    ],
)
def test_weather_against_water(weather: Weather, code: str) -> None:
    """In rain, under 3 °C and in sand-dust nothing wet is wanted, and the episode says why."""
    found = wished(*KINDS, episodes=(episode(),), weather=weather)
    assert {want.treatment for want in found.wants} <= {"sweep", "inspect"}
    assert against(found, episode="E1") == [code]


def test_weather_at_the_limits_allows_water() -> None:
    """At 3 °C sharp and with a trace of rain streets are washed."""
    found = wished("water_truck", weather=Weather(temp_c=3.0, rain_mm_30min=0.2))
    assert at(found, "A", "wash")


def test_washing_in_rain_where_the_district_says_so() -> None:
    """With `wash_in_rain` rain is no reason against."""
    wet = Weather(rain_mm_30min=5.0)
    found = wishes(
        Facts(NOON, weather=wet),
        fleet("water_truck"),
        replace(SETTINGS, wash_in_rain=True),
        {"water_truck": "water_truck"},
    )
    assert at(found, "A", "wash")


def test_no_crew_of_the_kind() -> None:
    """With sweepers alone on shift the episode says that nobody can wash."""
    found = wished("sweeper", episodes=(episode(),))
    assert against(found, episode="E1") == ["no_crew"]


def test_just_treated_street_rests() -> None:
    """An episode treated 40 minutes ago rests, and says so."""
    found = wished("water_truck", episodes=(episode(),), ended=(done("A", "wash", 40),))
    assert against(found, episode="E1") == ["rested"]
    assert "40 minutes ago" in found.exclusions[0].reason.text
    assert not at(found, "A")


def test_washing_that_did_not_help_is_followed_by_the_cleaner() -> None:
    """An hour after a wash level 2 goes on: heavy cleaning; without a cleaner, washing again."""
    facts: dict[str, Any] = {
        "episodes": (episode(started_at=ago(90)),),
        "ended": (done("A", "wash", 60),),
    }
    found = wished("water_truck", "heavy_cleaner", **facts)
    assert [w.treatment for w in at(found, "A")] == ["heavy_clean"]
    assert "60 minutes ago" in found.wants[0].reason
    assert [w.treatment for w in at(wished("water_truck", **facts), "A")] == ["wash"]


def test_recovering_episode_that_was_treated_is_watched() -> None:
    """Once treated and falling, an episode gets a reason and no second order."""
    falling = episode(state="recovering", started_at=ago(90))
    found = wished("water_truck", episodes=(falling,), ended=(done("A", "wash", 60),))
    assert against(found, episode="E1") == ["recovering"]


def test_site_episode_gets_fog_or_an_inspection() -> None:
    """A failing site gets the fog cannon; without one somebody is sent to look."""
    at_site = episode(segment=None, site="X1", rule="tsp5")
    assert [w.treatment for w in at(wished("fog_cannon", episodes=(at_site,)), "X1")] == ["fog"]
    assert [w.treatment for w in at(wished("hand_wash", episodes=(at_site,)), "X1")] == ["inspect"]


def test_blamed_site_is_inspected() -> None:
    """An episode that a site has probably caused sends somebody there too."""
    blamed = episode(cause="site", cause_site="X1")
    found = wished("water_truck", "hand_wash", episodes=(blamed,))
    assert [w.treatment for w in at(found, "X1")] == ["inspect"]


@pytest.mark.parametrize(
    ("kind", "treatment", "priority"),
    [("mud_on_road", "heavy_clean", 2), ("dust_plume", "wash", 3), ("complaint", "wash", 3)],
)
def test_sighting_is_wanted(kind: str, treatment: str, priority: int) -> None:
    """Mud asks for the cleaner, a plume or a complaint for a wash."""
    found = wished("water_truck", "heavy_cleaner", flags=(Flag(ago(5), kind, "A", None),))
    first = at(found, "A")[0]
    assert (first.treatment, first.priority) == (treatment, priority)
    assert first.due is not None


def test_sighting_before_the_treatment_is_settled() -> None:
    """Mud seen before the street was cleaned asks for nothing more."""
    found = wished(
        "water_truck",
        "heavy_cleaner",
        flags=(Flag(ago(30), "mud_on_road", "A", None),),
        ended=(done("A", "heavy_clean", 20),),
    )
    assert not at(found, "A")


def test_failing_gate_is_inspected_from_the_third_flag() -> None:
    """Two unwashed trucks are not enough, three flags are; after an inspection it begins anew."""
    flags = tuple(Flag(ago(m), "unwashed_truck", None, "X1") for m in (30, 20, 10))
    assert not at(wished("hand_wash", flags=flags[:2]), "X1")
    assert at(wished("hand_wash", flags=flags), "X1")[0].treatment == "inspect"
    after = wished("hand_wash", flags=flags, ended=(done("X1", "inspect", 15),))
    assert not at(after, "X1")


def test_routine_is_due_after_its_interval() -> None:
    """Three treatments in sixteen hours are due every 320 minutes, and the street says so."""
    fresh = wished("water_truck", ended=(done("A", "wash", 250),))
    assert not at(fresh, "A")
    assert against(fresh, place="A") == ["clean"]
    due = wished("water_truck", ended=(done("A", "wash", 330),))
    assert at(due, "A")[0].priority == 4


def test_routine_on_the_way_is_worth_little_before_it_is_due() -> None:
    """At nine tenths of the interval a street is worth a ninth of one that is due."""
    early = at(wished("water_truck", ended=(done("A", "wash", 288),)), "A")[0].prize
    due = at(wished("water_truck", ended=(done("A", "wash", 320),)), "A")[0].prize
    assert early == pytest.approx(due / 9)


def test_heavy_cleaning_counts_as_a_wash() -> None:
    """A street that was heavily cleaned needs no routine wash."""
    assert not at(wished("water_truck", ended=(done("A", "heavy_clean", 250),)), "A")


def test_dusty_street_is_wanted_by_its_increment() -> None:
    """A street far over the background is washed between its rounds, more so the dustier."""
    ended = tuple(done(place, "wash", 200) for place in "ABCD")
    streets = {"A": Street(60.0, 1.0, "road"), "B": Street(90.0, 1.0, "road")}
    found = wished("water_truck", ended=ended, streets=streets)
    assert [want.place for want in found.wants] == ["B", "A"]
    hazy = {"A": Street(60.0, 1.0, "regional")}
    assert not wished("water_truck", ended=ended, streets=hazy).wants


@pytest.mark.parametrize(
    ("increment", "cause", "stays"),
    [
        (16.0, "road", True),  # below the limit, above half of it
        (14.0, "road", False),
        (40.0, "treatment", True),  # our own sweeper passes
        (40.0, "regional", False),
    ],
)
def test_order_against_dust_stands_until_the_dust_is_well_down(
    increment: float, cause: str, stays: bool
) -> None:
    """An increment that wavers about its limit does not take back the order it led to, and does
    not lead to one where there is none."""
    streets = {"A": Street(increment, 0.9, cause)}
    lately = (done("A", "wash", 130),)
    told = wished("water_truck", ended=lately, streets=streets, ordered=frozenset({("A", "wash")}))
    assert bool(at(told, "A", "wash")) == stays
    assert at(wished("water_truck", ended=lately, streets=streets), "A", "wash") == []


def test_crew_that_refused_is_named_until_others_are_asked() -> None:
    """The refuser is not asked again; when every crew has refused the want waits, with a reason."""
    refused = replace(done("A", "wash", 5, "refused"), crew="water_truck")
    found = wished("water_truck", episodes=(episode(),), ended=(refused,))
    assert against(found, episode="E1") == ["refused"]
    two = block([crew("W1"), crew("W2")])
    facts = Facts(NOON, episodes=(episode(),), ended=(replace(refused, crew="W1"),))
    want = wishes(facts, two, SETTINGS, {"W1": "water_truck", "W2": "water_truck"}).wants[0]
    assert want.refusers == {"W1"}
    long_ago = replace(refused, ended_at=ago(61))
    assert wished("water_truck", episodes=(episode(),), ended=(long_ago,)).wants[0].episode == "E1"


def test_every_treatable_street_has_a_want_or_a_reason() -> None:
    """No street is passed over in silence, whatever the weather and the crews."""
    for weather in (Weather(), Weather(temp_c=-5.0), Weather(sand_dust=True)):
        for kinds in ((), ("water_truck",), KINDS):
            found = wished(*kinds, weather=weather, ended=(done("B", "wash", 10),))
            named = {w.place for w in found.wants} | {e.place for e in found.exclusions}
            assert {"A", "B", "C", "D"} <= named


def test_the_more_urgent_reason_stands() -> None:
    """An episode on a street that was complained of is one want, the episode's."""
    found = wished(
        "water_truck", episodes=(episode(2),), flags=(Flag(ago(5), "complaint", "A", None),)
    )
    assert [(w.priority, w.episode) for w in at(found, "A", "wash")] == [(2, "E1")]


def test_cleaner_takes_over_the_episode_of_the_wash() -> None:
    """Mud on a street with a level 2 episode: one heavy cleaning, for the episode."""
    found = wished(
        "water_truck",
        "heavy_cleaner",
        episodes=(episode(2),),
        flags=(Flag(ago(5), "mud_on_road", "A", None),),
    )
    assert [(w.treatment, w.episode) for w in at(found, "A")] == [("heavy_clean", "E1")]


RESTED = tuple(done(place, "wash", minutes) for place in "ABCD" for minutes in (200, 210, 220))
"""No routine wash is due yet, and the day owes none."""


def spares(place: str, spared: float, treatment: str = "wash", minutes: float = 5) -> Worth:
    """What the model said so long ago."""
    return Worth(place, treatment, ago(minutes), spared)


def test_treatment_is_wanted_by_what_it_spares() -> None:
    """The more a wash spares the greater its prize, and the reason says how much it is."""
    worths = tuple(map(spares, "ABCD", (10.0, 40.0, 0.0, 20.0)))
    found = wished("water_truck", ended=RESTED, worths=worths)
    assert [want.place for want in found.wants] == ["B", "D", "A"]
    assert found.wants[0].prize == pytest.approx(4 * found.wants[2].prize)
    assert "40 person·h·µg/m³" in found.wants[0].reason
    assert against(found, place="C") == ["clean"]


def test_even_the_least_that_is_worthwhile_keeps_a_crew_from_standing_idle() -> None:
    """Its prize is well above the seconds that it takes, however small the numbers are."""
    for scale in (1e-3, 1e6):
        found = wished("water_truck", ended=RESTED, worths=(spares("A", scale),))
        work_s = 300 / (12 / 3.6)
        assert found.wants[0].prize > 2 * work_s


def test_no_more_is_asked_for_than_crews_can_do() -> None:
    """Ten minutes before the end of the shift the best streets are asked for; the others say what
    they would have been worth."""
    worths = tuple(map(spares, "ABCD", (10.0, 40.0, 30.0, 20.0)))
    late = replace(SETTINGS, worth_horizon_h=1 / 15, worth_choice=1.0)
    found = wishes(
        Facts(NOON, ended=RESTED, worths=worths),
        fleet("water_truck"),
        late,
        {"water_truck": "water_truck"},
    )
    assert [want.place for want in found.wants] == ["B", "C"]
    assert against(found, place="A") == against(found, place="D") == ["less_worth"]
    assert any("20 person·h·µg/m³" in e.reason.text for e in found.exclusions)


def test_a_street_gets_the_treatment_that_spares_most_for_the_time() -> None:
    """One of those that clean with water, not both: the model gave each as if it were alone."""
    worths = (spares("A", 40.0), spares("A", 50.0, "heavy_clean"))
    slow = fleet("water_truck", "heavy_cleaner")
    slow.crews["heavy_cleaner"] = crew("heavy_cleaner", "heavy_cleaner", work_speed_kmh=4.0)
    found = wishes(
        Facts(NOON, ended=RESTED, worths=worths), slow, SETTINGS, {c: c for c in slow.crews}
    )
    assert [want.treatment for want in at(found, "A")] == ["wash"]


def test_a_crew_that_does_little_leaves_the_street_to_one_that_does_much() -> None:
    """However fast a fog cannon passes, the truck still washes where a wash spares most."""
    worths = (
        spares("A", 40.0),
        spares("A", 39.0, "fog"),
        spares("B", 1.0),
        spares("B", 1.0, "fog"),
    )
    town = fleet("water_truck", "fog_cannon")
    town.crews["fog_cannon"] = crew("fog_cannon", "fog_cannon", work_speed_kmh=40.0)
    ended = (*RESTED, *(done(place, "fog", 200) for place in "ABCD"))
    found = wishes(
        Facts(NOON, ended=ended, worths=worths), town, SETTINGS, {c: c for c in town.crews}
    )
    assert {want.treatment for want in at(found, "A")} == {"wash", "fog"}
    assert at(found, "A", "wash")[0].prize > 10 * at(found, "B", "wash")[0].prize


def test_musts_come_before_what_is_worthwhile() -> None:
    """However much a wash spares, an episode's priority and prize are above it, and its street is
    asked for once."""
    worths = (spares("A", 9e9), spares("B", 9e9), spares("D", 1.0))
    found = wished("water_truck", episodes=(episode(2),), ended=RESTED[3:], worths=worths)
    assert [(want.place, want.priority) for want in found.wants] == [("A", 2), ("B", 4), ("D", 4)]
    assert found.wants[0].episode == "E1"


@pytest.mark.parametrize(
    ("lately", "left"),
    [("fog", {"wash"}), ("inspect", {"wash", "fog"}), ("wash", set()), ("sweep", set())],
)
def test_mist_does_not_stand_in_for_a_wash(lately: str, left: set[str]) -> None:
    """What was done since the model spoke rules out the same again, and all if it took the dust
    away; mist leaves the dust where it is, and the wash that was ordered stands."""
    worths = (spares("A", 40.0), spares("A", 50.0, "fog"))
    ended = (*RESTED, done("A", lately, 2))
    crews = ("water_truck", "fog_cannon")
    found = wishes(
        Facts(NOON, ended=ended, worths=worths),
        fleet(*crews),
        SETTINGS,
        dict(zip(crews, crews, strict=False)),
    )
    assert {want.treatment for want in at(found, "A") if want.priority == 4} == left


def test_a_first_level_is_worth_what_the_model_says() -> None:
    """It is no must: its prize is what a treatment spares there, and where that is more elsewhere
    the episode gets that as the reason."""
    worths = (spares("A", 20.0), spares("B", 40.0))
    found = wished("water_truck", episodes=(episode(1),), ended=RESTED, worths=worths)
    first, second = at(found, "A")[0], at(found, "B")[0]
    assert (first.priority, first.episode, second.priority) == (3, "E1", 4)
    assert first.prize == pytest.approx(second.prize / 2)
    assert "level 1" in first.reason
    four = tuple(map(spares, "ABCD", (10.0, 40.0, 30.0, 20.0)))
    found = wishes(
        Facts(NOON, episodes=(episode(1),), ended=RESTED, worths=four),
        fleet("water_truck"),
        replace(SETTINGS, worth_horizon_h=1 / 15, worth_choice=1.0),
        {"water_truck": "water_truck"},
    )
    assert ("less_worth", "E1") in {(e.reason.code, e.episode) for e in found.exclusions}


@pytest.mark.parametrize(
    ("weather", "code", "left"),
    [
        (Weather(rain_mm_30min=0.6), "rain", set()),
        (Weather(temp_c=2.9), "frost", {"sweep"}),
        (Weather(sand_dust=True), "sand_dust", {"sweep"}),
    ],
)
def test_weather_against_what_is_worthwhile(weather: Weather, code: str, left: set[str]) -> None:
    """In rain nothing is asked for because it spares much, in frost nothing wet, and it says so."""
    worths = (spares("A", 40.0), spares("B", 40.0, "sweep"))
    ended = (*RESTED, *(done(place, "sweep", 250) for place in "ABCD"))
    found = wished("water_truck", "sweeper", ended=ended, weather=weather, worths=worths)
    assert {want.treatment for want in found.wants} == left
    assert against(found, place="A") == [code]


@pytest.mark.parametrize("cause", ["regional", "sensor"])
def test_dust_that_is_not_the_streets_own_is_not_washed_for(cause: str) -> None:
    """Where the cause lies elsewhere the model's number asks for nothing; the reason is said."""
    streets = {"A": Street(60.0, 1.0, cause)}
    found = wished("water_truck", ended=RESTED, streets=streets, worths=(spares("A", 40.0),))
    assert not at(found, "A")
    assert against(found, place="A") == [cause]


def test_what_was_done_since_the_model_spoke_counts() -> None:
    """A street washed after the model's last word waits for its next one."""
    ended = (done("A", "wash", 4), *RESTED[1:])
    found = wished("water_truck", ended=ended, worths=(spares("A", 40.0, minutes=5),))
    assert not at(found, "A")
    assert against(found, place="A") == ["rested"]


def test_again_within_the_useful_life_only_if_it_is_worth_more() -> None:
    """Where the district asks for it, a street washed half an hour ago stands behind one that
    spares a little less, and before one that spares much less; else the model's word holds."""
    ended = (done("A", "wash", 30), *RESTED[1:])
    worths = tuple(map(spares, "ABD", (40.0, 30.0, 20.0)))
    places = {}
    for again in (1.0, 1.5):
        found = wishes(
            Facts(NOON, ended=ended, worths=worths),
            fleet("water_truck"),
            replace(SETTINGS, worth_again=again),
            {"water_truck": "water_truck"},
        )
        places[again] = [want.place for want in found.wants]
    assert places == {1.0: ["A", "B", "D"], 1.5: ["B", "A", "D"]}


def test_what_a_crew_has_been_told_counts_for_more() -> None:
    """Numbers that waver do not take an order back."""
    worths = (spares("A", 40.0), spares("B", 36.0))
    told = frozenset({("B", "wash")})
    found = wished("water_truck", ended=RESTED, ordered=told, worths=worths)
    assert [want.place for want in found.wants] == ["B", "A"]


LONG_AGO = NOON - dt.timedelta(days=9)


def owing(treatments: float) -> District:
    """One water truck, and street A alone is owed so many treatments a day."""
    town = fleet("water_truck")
    streets = {
        name: replace(street, min_treatments_per_day=treatments if name == "A" else 0.0)
        for name, street in town.segments.items()
    }
    return replace(town, segments=streets)


def prize_of_a(town: District, now: dt.datetime, **facts: Any) -> float:
    """What a wash of street A is worth then, in seconds; 0 where it is not asked for."""
    found = wishes(Facts(now, **facts), town, SETTINGS, {"water_truck": "water_truck"})
    return sum(want.prize for want in at(found, "A", "wash"))


def test_what_a_day_owes_a_street_is_a_floor_under_what_is_worthwhile() -> None:
    """A street that is owed a treatment by the end of the shift is worth nothing more in the
    morning, and more than what spares next to nothing in the last hours; what was done today, by
    whatever crew, counts."""
    worths = (spares("A", 0.001), spares("B", 1000.0))
    town = owing(1.0)

    def prize(now: dt.datetime, *ended: Ended) -> float:
        return prize_of_a(town, now, worths=worths, ended=ended, begun=LONG_AGO)

    evening = NOON.astimezone(town.timezone).replace(hour=21, minute=50)
    morning = evening - dt.timedelta(hours=12)
    assert prize(morning) == prize(morning, Ended("O", "C", "sweep", "A", "done", morning)) > 0
    swept = Ended("O", "C", "sweep", "A", "done", evening - dt.timedelta(hours=3))
    yesterday = Ended("O", "C", "sweep", "A", "done", evening - dt.timedelta(hours=30))
    assert prize(evening) > 2 * prize(evening, swept)
    assert prize(evening, yesterday) == prize(evening)


def test_what_is_owed_is_done_where_time_is_cheap() -> None:
    """While a second spares less than it usually does the round is made; while it spares more it
    waits, until it is due, and longer where it spares much more; a crew is told that it is one."""
    worths = tuple(map(spares, "BCD", (40.0, 40.0, 40.0)))
    town = owing(1.0)
    now = (
        40.0 / 168
    )  # µg/m³ person-h that a second spares: 90 s of work, 60 of driving, 18 of water
    evening = NOON.astimezone(town.timezone).replace(hour=21, minute=50)
    for time, usual, asked in (
        (NOON, 2 * now, True),
        (NOON, now / 2, False),
        (evening, now, True),
        (evening, now / 8, False),
    ):
        found = wishes(
            Facts(time, worths=worths, usual_price=usual, begun=LONG_AGO),
            town,
            replace(SETTINGS, worth_horizon_h=0.14, worth_choice=1.0),
            {"water_truck": "water_truck"},
        )
        assert found.price == pytest.approx(now)
        assert bool(at(found, "A")) == asked, (time, usual)
        assert all("daily round" in want.reason for want in at(found, "A"))


def test_parts_of_a_day_owe_in_turn() -> None:
    """Of three a day the second is not owed before a third of the day's work is over; an order that
    a crew has been sent counts for more."""
    first = Ended("O", "C", "wash", "A", "done", NOON - dt.timedelta(hours=4))
    known: dict[str, Any] = {"worths": (spares("B", 40.0),), "begun": LONG_AGO}
    town = owing(3.0)
    morning = NOON - dt.timedelta(hours=1)  # five of sixteen hours
    assert prize_of_a(town, morning, ended=(first,), **known) == 0
    waiting = prize_of_a(town, NOON, ended=(first,), **known)
    assert waiting > 0
    told = frozenset({("A", "wash")})
    assert prize_of_a(town, NOON, ended=(first,), ordered=told, **known) > waiting
    assert prize_of_a(town, morning, **known) > 0
    refused = Ended("O", "water_truck", "wash", "A", "refused", NOON - dt.timedelta(minutes=5))
    found = wishes(
        Facts(NOON, ended=(first, refused), **known), town, SETTINGS, {"water_truck": "water_truck"}
    )
    assert against(found, place="A") == ["refused"]


def test_a_first_day_owes_what_is_left_of_it() -> None:
    """Nothing is made up for that was due before anybody planned; the next day owes all."""
    worths = (spares("B", 40.0),)
    town = owing(3.0)
    begun = NOON - dt.timedelta(minutes=70)  # nearly a third of the day's work
    assert prize_of_a(town, begun, worths=worths, begun=begun) == 0
    assert prize_of_a(town, begun, worths=worths, begun=LONG_AGO) > 0
    assert prize_of_a(town, NOON, worths=worths, begun=begun) > 0
    tomorrow = begun + dt.timedelta(days=1)
    assert prize_of_a(town, tomorrow, worths=worths, begun=begun) > 0


def test_without_the_models_word_the_increment_decides() -> None:
    """As it was: a street far over the background is washed between its rounds."""
    streets = {"A": Street(60.0, 1.0, "road")}
    found = wished("water_truck", ended=RESTED, streets=streets)
    assert [want.place for want in found.wants] == ["A"]
    assert not wished(
        "water_truck", ended=RESTED, streets=streets, worths=(spares("A", 0.0),)
    ).wants
