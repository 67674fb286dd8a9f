from dataclasses import replace

import pytest

from analytics.causes import Exceedance, Scene, SiteNearby, causes

EXCEEDANCE = Exceedance(
    quantity="increment_capped",
    window_min=60,
    value=95.0,
    increment=95.0,
    background=45.0,
    cap=150.0,
)
SCENE = Scene(
    exceedance=EXCEEDANCE,
    wind_speed=2.0,
    wind_from=90.0,
    trucks=80,
    mud_flags=0,
    coarse_share=0.7,
    stations_high=0.2,
    flagged_share=0.0,
    neighbours_low=False,
    own_work=None,
    sites=(),
)
SPOIL = SiteNearby(
    id="SPOIL",
    name="Spoil site",
    distance_m=150.0,
    bearing=80.0,
    gate_here=True,
    itself=False,
    gate_flags=6,
    plume_flags=0,
)


def first(scene, language="en"):
    return causes(scene, language)[0]


@pytest.mark.parametrize(
    ("scene", "kind"),
    [
        (SCENE, "road"),  # trucks and coarse dust, nothing else near
        (replace(SCENE, sites=(SPOIL,)), "site"),  # upwind, its gate here, unwashed trucks seen
        (replace(SCENE, stations_high=1.0, trucks=0, coarse_share=0.2,
                 exceedance=replace(EXCEEDANCE, background=160.0)), "regional"),
        (replace(SCENE, exceedance=replace(EXCEEDANCE, value=135.0, increment=5.0,
                                           background=280.0)), "regional"),  # haze over the cap
        (replace(SCENE, flagged_share=1.0, neighbours_low=True, trucks=0,
                 coarse_share=0.2), "sensor"),
        (replace(SCENE, own_work="sweep S1", trucks=0, coarse_share=0.2), "treatment"),
    ],
)  # fmt: skip
def test_the_evidence_decides(scene, kind):
    """Each piece of evidence leads to its cause."""
    assert first(scene)["kind"] == kind


def test_a_site_downwind_is_hardly_suspected():
    """The same site on the other side of the wind loses most of its share."""
    upwind, downwind = (
        next(c["probability"] for c in causes(replace(SCENE, sites=(site,)), "en")
             if c["kind"] == "site")
        for site in (SPOIL, replace(SPOIL, bearing=270.0))
    )  # fmt: skip
    assert downwind < upwind / 3


def test_evidence_says_the_rules_own_number():
    """The sentence carries the numbers that an operator can check, in the asked language."""
    assert "60 min mean: increment 95, background 45" in first(SCENE)["evidence"]
    assert "60 分钟均值：增量 95" in first(SCENE, "zh-CN")["evidence"]
    hazy = replace(
        SCENE, exceedance=replace(EXCEEDANCE, value=135.0, increment=5.0, background=280.0)
    )
    assert "96% of the excess is background above 150" in first(hazy)["evidence"]


def test_probabilities_are_shares():
    """They fall from the first on and make up no more than one."""
    found = [c["probability"] for c in causes(replace(SCENE, sites=(SPOIL,)), "en")]
    assert found == sorted(found, reverse=True)
    assert 0.9 < sum(found) <= 1.001
