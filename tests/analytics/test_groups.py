from hypothesis import given
from hypothesis import strategies as st

from analytics.groups import OpenEpisode, regroup

ROAD = "road"


def one(place, started, *, cause=ROAD, site=None, level=2, rule="inc60"):
    return OpenEpisode(
        f"E-{started:04}-S{place}-{rule}", place, f"S{place}", level, started, cause, site
    )


def in_line(p, q):
    """Places along one street: neighbours touch, and each touches itself."""
    return abs(p - q) <= 1


def parts(groups):
    """The episodes of each group."""
    found = {}
    for episode, group in groups.items():
        found.setdefault(group, set()).add(episode)
    return sorted(map(sorted, found.values()))


def test_a_gate_that_fails_is_one_thing():
    """Nine streets that blame one site are one group, near or far, and another site is another."""
    nine = [one(3 * i, i, cause="site", site="Q1") for i in range(9)]
    other = one(1, 20, cause="site", site="Q2")
    groups = regroup({}, [*nine, other], in_line)
    assert parts(groups) == sorted([sorted(e.id for e in nine), [other.id]])
    assert groups[nine[0].id] == "G-19700101T0000Z-Q1"


def test_a_stretch_of_road_is_one_thing():
    """Dust of the road itself hangs together along the street, and not across a clean segment."""
    left, right = [one(0, 5), one(1, 3)], [one(3, 1)]
    assert len(set(regroup({}, left + right, in_line).values())) == 2
    assert len(set(regroup({}, [*left, *right, one(2, 9)], in_line).values())) == 1


def test_two_faulty_sensors_are_two_things():
    """A station's fault is its own, even next to another one."""
    assert (
        len(
            set(
                regroup(
                    {}, [one(0, 1, cause="sensor"), one(1, 1, cause="sensor")], in_line
                ).values()
            )
        )
        == 2
    )


def test_a_place_goes_with_its_worst_episode():
    """Two rules at one place are in one group, by the cause of the worse."""
    worse = one(0, 5, cause="site", site="Q1", level=3)
    road = one(0, 1, level=1, rule="inc15")
    neighbour = one(1, 2)
    groups = regroup({}, [worse, road, neighbour], in_line)
    assert groups[worse.id] == groups[road.id] != groups[neighbour.id]


def test_a_group_keeps_its_name_while_members_come_and_go():
    """The eldest closes, another joins: the name stays as long as one member has lived on."""
    a, b, c = one(0, 1), one(1, 2), one(2, 3)
    first = regroup({}, [a, b], in_line)
    name = first[a.id]
    second = regroup(first, [b], in_line)
    assert second == {b.id: name}
    assert regroup(second, [b, c], in_line) == {b.id: name, c.id: name}


def test_of_two_that_grow_together_the_older_name_stays():
    """And when they fall apart again the part with the oldest episode keeps it."""
    a, b, c = one(0, 1), one(1, 3), one(2, 2)
    apart = regroup({}, [a, c], in_line)
    assert apart[a.id] != apart[c.id]
    joined = regroup(apart, [a, b, c], in_line)
    assert set(joined.values()) == {apart[a.id]}
    again = regroup(joined, [a, c], in_line)
    assert again[a.id] == apart[a.id] != again[c.id]


@given(
    st.lists(
        st.lists(
            st.builds(
                one,
                st.integers(0, 6),
                st.integers(0, 30),
                cause=st.sampled_from(["road", "site", "regional", "sensor"]),
                site=st.sampled_from(["Q1", "Q2"]),
                level=st.integers(1, 3),
                rule=st.sampled_from(["inc15", "inc60"]),
            ),
            unique_by=lambda episode: episode.id,
            max_size=12,
        ),
        max_size=4,
    ),
    st.randoms(),
)
def test_groups_are_parts_of_what_is_open(steps, random):
    """Each open episode is in exactly one group, a place is in one group, names are ids and differ,
    and the order in which episodes are told does not matter."""
    named = {}
    for episodes in steps:
        groups = regroup(named, episodes, in_line)
        assert groups.keys() == {episode.id for episode in episodes}
        shuffled = random.sample(episodes, len(episodes))
        assert regroup(named, shuffled, in_line) == groups
        of_place = {}
        for episode in episodes:
            assert of_place.setdefault(episode.place, groups[episode.id]) == groups[episode.id]
        assert all(len(name) <= 64 for name in groups.values())
        named = groups
