from pathlib import Path
from typing import Any

import pytest

from roaddust.settings import SettingsError, settings


def test_who_speaks_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line over the environment over the file over the district over the default."""
    config = tmp_path / "settings.toml"
    config.write_text('port = 3\nhost = "file"\nkeep_days = 30\n[analytics]\nhold_min = 7\n')
    monkeypatch.setenv("ROADDUST_PORT", "2")
    monkeypatch.setenv("ROADDUST_HOST", "environment")
    found = settings(
        given={"port": 1},
        config=config,
        district={"keep_days": 40, "analytics": {"hold_min": 8, "release_min": 20}},
    )
    assert (found.port, found.host, found.keep_days) == (1, "environment", 30)
    assert (found.analytics.hold_min, found.analytics.release_min) == (7, 20)
    assert found.analytics.blind_min == 60


def test_every_level_of_a_setting_is_an_environment_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`ROADDUST_ANALYTICS__QUALITY__SITE__PM_MAX` reaches the innermost value."""
    monkeypatch.setenv("ROADDUST_ANALYTICS__QUALITY__SITE__PM_MAX", "2000")
    quality = settings().analytics.quality
    assert quality.site.pm_max == 2000.0
    assert quality.site.spike_min == 500.0
    assert quality.road.pm_max == 5000.0


def test_a_district_may_override_one_rule() -> None:
    """A rule given by the district replaces that rule and leaves the others."""
    rule = {"quantity": "increment", "window_min": 60, "limits": [40, 70, 150]}
    rules = settings(district={"analytics": {"rules": {"inc60": rule}}}).analytics.rules
    assert rules["inc60"].limits == (40.0, 70.0, 150.0)
    assert rules["tsp5"].limits == (None, 800.0, 1000.0)


def test_sentences_are_in_the_language_of_the_district() -> None:
    """One setting turns the language of every stage."""
    found = settings(district={"language": "en"})
    assert (found.analytics.language, found.dispatch.language) == ("en", "en")


@pytest.mark.parametrize(
    ("district", "said"),
    [
        ({"prot": 8080}, "prot"),  # a key that nothing reads
        ({"analytics": {"hold_min": 0}}, "hold_min"),  # a value without sense
        ({"clock": "sundial"}, "clock"),  # not one of the choices
        ({"ingest": {"lateness_h": 3}}, "at the top"),  # analytics has to know it too
        ({"hold": 3, "analytics": {"hold_min": 4}}, "both hold and"),  # two words for one thing
        ({"db": "mysql://h/x"}, "postgresql://"),  # another database
    ],
)
def test_what_cannot_be_used_is_named(district: dict[str, Any], said: str) -> None:
    """The message names the setting."""
    with pytest.raises(SettingsError, match=said):
        settings(district=district)


def test_lateness_is_one_setting_for_all_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives it, ingest and analytics have the same; by the contract's name too."""
    found = settings(district={"lateness": 12})
    assert (found.lateness_h, found.ingest.lateness_h, found.analytics.lateness_h) == (12, 12, 12)
    monkeypatch.setenv("ROADDUST_LATENESS_H", "6")
    found = settings(district={"lateness": 12})
    assert (found.ingest.lateness_h, found.analytics.lateness_h) == (6, 6)


def test_the_contracts_names_are_understood() -> None:
    """`hold` and `release` are minutes of analytics, beside its other settings."""
    found = settings(district={"hold": 3, "release": 9, "analytics": {"blind_min": 30}}).analytics
    assert (found.hold_min, found.release_min, found.blind_min) == (3, 9, 30)


def test_a_misspelt_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would otherwise be passed over; those of the tests' own are left alone."""
    monkeypatch.setenv("ROADDUST_CACHE", "/tmp")
    settings()
    monkeypatch.setenv("ROADDUST_PROT", "1")
    with pytest.raises(SettingsError, match="ROADDUST_PROT"):
        settings()


def test_a_district_may_change_one_entry_of_a_table() -> None:
    """The useful life of a wash given by the district leaves that of the other treatments."""
    changed = settings(district={"dispatch": {"useful_life_min": {"wash": 60}}}).dispatch
    usual = settings().dispatch.useful_life_min
    assert changed.useful_life_min == {**usual, "wash": 60.0}
