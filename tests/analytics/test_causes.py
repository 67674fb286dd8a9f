import re
import string
from dataclasses import replace

import pytest

from analytics import words
from analytics.causes import Exceedance, OwnWork, Scene, SiteNearby, causes
from geo.names import Named

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
    name=Named("消纳场", "Spoil site"),
    distance_m=150.0,
    bearing=80.0,
    gate_here=True,
    itself=False,
    gate_flags=6,
    plume_flags=0,
)
SWEEPING = OwnWork("sweep", Named("清扫一班", "Sweeper A"))
HAN = re.compile(r"[\u4e00-\u9fff]")


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
        (replace(SCENE, own_work=SWEEPING, trucks=0, coarse_share=0.2), "treatment"),
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
    assert "60 min mean: increment 95 µg/m³, background 45" in first(SCENE)["evidence"]
    assert "60 分钟均值：增量 95" in first(SCENE, "zh-CN")["evidence"]
    hazy = replace(
        SCENE, exceedance=replace(EXCEEDANCE, value=135.0, increment=5.0, background=280.0)
    )
    assert "96% of the excess is background above 150" in first(hazy)["evidence"]


EVERYTHING = replace(
    SCENE,
    mud_flags=2,
    neighbours_low=True,
    flagged_share=0.4,
    stations_high=0.9,
    own_work=SWEEPING,
    given=30.0,
    sites=(
        replace(SPOIL, plume_flags=1, given=20.0, failing=0.9),
        replace(SPOIL, id="YARD", itself=True),
    ),
)


@pytest.mark.parametrize(
    "exceedance",
    [
        replace(EXCEEDANCE, value=135.0, increment=60.0, background=280.0),
        replace(EXCEEDANCE, measured=False, confidence=0.4),
        replace(EXCEEDANCE, quantity="gate", value=90.0),
        replace(EXCEEDANCE, quantity="cusum", value=6.0),
    ],
    ids=["over the cap", "estimated", "gate", "cusum"],
)
def test_evidence_is_told_in_both_languages(monkeypatch, exceedance):
    """Every cause has its evidence in the language of the settings and, with the same numbers, in
    the other; the English holds no Chinese, not for the names of sites and crews either."""
    monkeypatch.setattr("analytics.causes.SHOWN", 0.0)
    scene = replace(EVERYTHING, exceedance=exceedance)
    english, chinese = causes(scene, "en"), causes(scene, "zh-CN")
    kinds = [cause["kind"] for cause in english]
    assert sorted(kinds) == ["regional", "road", "sensor", "site", "site", "treatment"]
    for en, zh in zip(english, chinese, strict=True):
        assert (en["evidence"], en["also"]) == (zh["also"], zh["evidence"])
        assert not HAN.search(en["evidence"])
        assert HAN.search(en["also"])
        numbers = [sorted(re.findall(r"\d[\d.]*\d|\d", en[name])) for name in ("evidence", "also")]
        assert numbers[0] == numbers[1]
    told = {cause["kind"]: cause["evidence"] for cause in english}
    assert told["treatment"] == "Our own work at the time: sweep, Sweeper A."


@pytest.mark.parametrize("key", words._EVIDENCE)
def test_both_languages_have_the_same_blanks(key):
    """No number is said in one language only, or with other decimals."""
    chinese, english = (
        sorted((name, form) for _, name, form, _ in string.Formatter().parse(text) if name)
        for text in words._EVIDENCE[key]
    )
    assert chinese == english


def test_a_name_in_one_language_stands_in_both():
    """A district that names its sites in Chinese only is told of by those names."""
    site = replace(SPOIL, name=Named("消纳场", "消纳场"))
    (cause,) = (c for c in causes(replace(SCENE, sites=(site,)), "en") if c["kind"] == "site")
    assert cause["evidence"].startswith("消纳场, 150 m away")
    assert cause["also"].startswith("消纳场，距离 150 米")


def test_probabilities_are_shares():
    """They fall from the first on and make up no more than one."""
    found = [c["probability"] for c in causes(replace(SCENE, sites=(SPOIL,)), "en")]
    assert found == sorted(found, reverse=True)
    assert 0.9 < sum(found) <= 1.001
