"""Segment ends that meet."""

import numpy as np

from geo.junctions import join_ends, reachable_junctions

# Three segments in a row, then one that lies apart.
START = np.array([[0.0, 0.0], [100.0, 0.6], [200.0, 0.0], [900.0, 900.0]])
END = np.array([[100.0, 0.0], [200.0, 0.0], [300.0, 0.0], [900.0, 800.0]])


def test_ends_within_a_metre_are_one_junction() -> None:
    """Ends up to 1 m apart share a junction between them; numbers follow the drawing."""
    junctions = join_ends(START, END)
    assert junctions.start.tolist() == [0, 1, 2, 4]
    assert junctions.end.tolist() == [1, 2, 3, 5]
    assert np.allclose(junctions.xy[1], [100.0, 0.3])
    assert junctions.degree().tolist() == [1, 2, 2, 1, 1, 1]


def test_ends_farther_apart_are_two_junctions() -> None:
    """An end 1.01 m away from another does not meet it."""
    junctions = join_ends(START, END + np.array([0.0, 1.61]))
    assert junctions.end[0] != junctions.start[1]


def test_reachable_part_is_the_largest() -> None:
    """Of two-way segments the connected three count, the one apart does not."""
    reachable = reachable_junctions(join_ends(START, END), np.zeros(4, dtype=bool))
    assert reachable.tolist() == [True, True, True, True, False, False]


def test_a_one_way_dead_end_is_not_reachable_both_ways() -> None:
    """A one-way segment into a dead end leaves its end outside the part that counts."""
    reachable = reachable_junctions(join_ends(START, END), np.array([False, False, True, False]))
    assert reachable.tolist() == [True, True, True, False, False, False]
