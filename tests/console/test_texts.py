"""Both languages say everything, and say it with the same blanks to fill."""

import re
from pathlib import Path

import pytest

import console
from console.texts import DEFAULT, LANGUAGES, in_both, language_of, name_in, texts

STATIC = Path(console.__file__).parent / "static"
BLANK = re.compile(r"\{(\w+)\}")


def flat(language: str) -> dict[str, str]:
    return {
        f"{section}.{key}": text
        for section, words in texts(language_of(language)).items()
        for key, text in words.items()
    }


def test_both_languages_are_complete() -> None:
    """Each text exists in both languages with the same blanks, and none is empty."""
    chinese, english = flat("zh-CN"), flat("en")
    assert chinese.keys() == english.keys()
    for key in chinese:
        assert chinese[key].strip(), key
        assert english[key].strip(), key
        assert set(BLANK.findall(chinese[key])) == set(BLANK.findall(english[key])), key


def test_chinese_is_chinese_and_english_is_english() -> None:
    """No Chinese text was left in English, nor the other way round."""
    han = re.compile(r"[\u4e00-\u9fff]")
    neutral = {"app.language", "chart.pm10", "chart.unit", "rule.over", "verdict.interval"}
    for key, text in flat("zh-CN").items():
        filled = BLANK.sub("", text)
        assert key in neutral or han.search(text) or not re.search(r"[A-Za-z]", filled), key
    for key, text in flat("en").items():
        assert key in neutral or not han.search(text), key


@pytest.mark.parametrize("file", sorted(STATIC.glob("*.js")), ids=lambda file: file.name)
def test_every_text_that_the_pages_ask_for_exists(file: Path) -> None:
    """Literal keys exist; computed keys name a section that exists."""
    source = file.read_text("utf-8")
    known = flat(DEFAULT)
    for key in re.findall(r'\bt\("([\w.]+)"', source):
        assert key in known, key
    for section in re.findall(r"\bt\(`(\w+)\.\$\{", source):
        assert section in texts(DEFAULT), section


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        # The words of the contract that the pages must be able to say.
        ("state", {"pending", "active", "recovering", "closed"}),
        ("rule", {"inc60", "inc15", "pm10_60", "tsp5"}),
        ("cause", {"road", "site", "regional", "treatment", "sensor"}),
        ("level", {"0", "1", "2", "3"}),
        ("priority", {"1", "2", "3", "4"}),
        ("crew_state", {"idle", "driving", "working", "refilling", "off", "broken"}),
        ("crew_kind", {"water_truck", "sweeper", "fog_cannon", "heavy_cleaner", "hand_wash"}),
        ("station_kind", {"road", "site", "background"}),
        (
            "site_kind",
            {"spoil_site", "sand_yard", "mixing_plant", "construction_site", "port_yard"},
        ),
        (
            "treatment",
            {"wash", "sweep", "fog", "heavy_clean", "hand_wash", "inspect", "refill", "return"},
        ),
        (
            "order_state",
            {"sent", "accepted", "started", "done", "failed", "refused", "withdrawn", "silent"},
        ),
    ],
)
def test_words_of_the_contract(section: str, keys: set[str]) -> None:
    """Every value of an enumeration of the contract has its word."""
    for language in LANGUAGES:
        assert keys <= texts(language)[section].keys()


@pytest.mark.parametrize(
    ("name", "chinese", "english"),
    [
        ("赤湾兴海大道 Xinghai Avenue, Chiwan", "赤湾兴海大道", "Xinghai Avenue, Chiwan"),
        ("赤湾兴海大道", "赤湾兴海大道", "赤湾兴海大道"),
        ("Chiwan", "Chiwan", "Chiwan"),
        ("S1 工地 North gate", "S1 工地 North gate", "S1 工地 North gate"),  # which half is whose?
    ],
)
def test_name_in_both_languages(name: str, chinese: str, english: str) -> None:
    """A name written twice shows the half of the language, any other stays whole."""
    assert name_in("zh-CN", name) == chinese
    assert name_in("en", name) == english


def test_a_sentence_is_told_apart_by_its_letters() -> None:
    """Whichever was stored first, and though the English one names a place in Chinese."""
    chinese, english = "兴海大道扬尘，请清扫。", "Dust on 兴海大道: sweep."
    both = {"zh-CN": chinese, "en": english}
    assert in_both(chinese, english) == in_both(english, chinese) == both


def test_chinese_unless_asked_otherwise() -> None:
    """An unknown language gets Chinese."""
    assert language_of(None) == language_of("fr") == "zh-CN"
    assert language_of("en") == "en"
