"""Names in sentences."""

from dataclasses import replace

from dispatch.names import Names
from dispatch.words import Words
from geo.district import District
from tests.dispatch.towns import block, crew


def bilingual() -> District:
    """A block whose names are in both languages."""
    town = block([replace(crew("W1"), name="洒水一班 Water truck A")])
    street = replace(town.segments["B"], name="乙街", extra={"name_en": "Street B"})
    yard = replace(town.sites["X1"], name="砂石场", extra={"name_en": "Sand yard"})
    parking = replace(town.depots["D1"], extra={"name": "停车场", "name_en": "Depot"})
    return replace(
        town,
        segments=town.segments | {"B": street},
        sites=town.sites | {"X1": yard},
        depots=town.depots | {"D1": parking},
    )


def test_a_sentence_has_the_names_of_its_language() -> None:
    """A street, a site, a depot and a crew are called in English in the English sentence and in
    Chinese in the Chinese one, whichever of the two comes first."""
    town = bilingual()
    for language in ("zh-CN", "en"):
        words = Words(language, town.timezone)
        names = Names(town, words)
        told = {
            "Street B": words.say("unreachable", place=names.place("B")),
            "Sand yard": words.say("gate", place=names.place("X1"), count=2),
            "Depot": words.say("return", place=names.place("D1")),
            "Water truck A": words.say("crew_silent", crew=names.crew("W1")),
        }
        for name, said in told.items():
            english, chinese = (said, said.other) if language == "en" else (said.other, said)
            assert name in english
            assert english.isascii()
            assert name not in chinese


def test_what_is_not_known_is_called_by_its_id() -> None:
    """Neither a place nor a crew that left the district keeps a sentence from being said."""
    town = block()
    names = Names(town, Words("en", town.timezone))
    assert (names.place("GONE"), names.place(None), names.crew("W9")) == ("GONE", "?", "W9")
