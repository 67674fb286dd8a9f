"""District folders: what loads, what is refused, and what is said about it."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from geo.datum import wgs84_to_gcj02
from geo.district import DistrictError, Problem, Shift, check_district, load_district


def test_a_sound_folder_has_no_problem(draft) -> None:  # type: ignore[no-untyped-def]
    """The sound folder that the other tests spoil has nothing wrong with it."""
    assert check_district(draft.write()) == []


def test_what_is_read(draft) -> None:  # type: ignore[no-untyped-def]
    """Everything of the folder is in the district, in the order of the files."""
    draft.texts["district.toml"] += "[rules]\nhold_minutes = 7\n"
    draft.properties("segments", 1)["surface"] = "asphalt"
    folder = draft.write()
    district = load_district(folder)
    assert (district.id, district.name) == ("square", "Square")
    assert district.timezone == ZoneInfo("Asia/Shanghai")
    assert district.overrides == {"rules": {"hold_minutes": 7}}
    assert district.folder == folder
    assert list(district.segments) == ["A", "B", "C", "D"]
    assert district.segments["A"].length_m == pytest.approx(300, abs=1e-3)
    assert district.segments["A"].extra == {"surface": "asphalt"}
    assert [one.treat for one in district.segments.values()] == [True, True, False, True]
    assert [one.oneway for one in district.segments.values()] == [False, False, False, True]
    assert district.sites["S1"].gates == ("A",)
    middle = district.projection.to_lonlat(
        district.projection.to_xy([district.sites["S1"].centre])
    )[0]
    assert district.sites["S1"].centre == pytest.approx(middle)
    assert list(district.depots) == ["D1", "F1"]


def test_defaults(draft) -> None:  # type: ignore[no-untyped-def]
    """What a file leaves out, or gives as null, is what the contract says."""
    draft.properties("segments", 1).update(speed_kmh=None, lanes=None, width_m=None)
    draft.properties("segments", 2).update(lanes=3)
    draft.properties("segments", 3).update(lanes=3, width_m=9.0)
    district = load_district(draft.write())
    one = district.segments["A"]
    assert (one.speed_kmh, one.lanes, one.width_m, one.treat, one.oneway) == (
        40.0, 2, 7.0, True, False,
    )  # fmt: skip
    assert district.segments["B"].width_m == pytest.approx(10.5)
    assert district.segments["C"].width_m == 9.0
    assert district.depots["D1"].refill_minutes == 10.0
    assert district.stations["R1"].pm_unit == "ug/m3"
    crew = district.crews["W1"]
    assert crew.tank_m3 > 0
    assert crew.work_speed_kmh <= 15


def test_nearest_names(draft) -> None:  # type: ignore[no-untyped-def]
    """A road station is for the nearest treated segment, a site station for the nearest site,
    a background station for neither, a camera for the nearest segment of any kind."""
    district = load_district(draft.write())
    named = {one.id: (one.segment, one.site) for one in district.stations.values()}
    # R2 stands beside C, which is only driven on; D and B are 150 m away, A 290 m.
    assert named["R1"] == ("A", None)
    assert named["R2"] == ("B", None)
    assert named["T1"] == (None, "S1")
    assert named["B1"] == (None, None)
    assert (district.cameras["K1"].segment, district.cameras["K1"].site) == ("C", None)


def test_given_names_stay(draft) -> None:  # type: ignore[no-untyped-def]
    """A segment or site that a feature names is kept, however far away."""
    draft.properties("stations", 1)["segment"] = "C"
    draft.properties("cameras", 1)["site"] = "S1"
    district = load_district(draft.write())
    assert district.stations["R1"].segment == "C"
    assert (district.cameras["K1"].segment, district.cameras["K1"].site) == (None, "S1")


def test_shifts(draft) -> None:  # type: ignore[no-untyped-def]
    """Shifts may pass midnight, and 24:00 is the midnight that ends the day."""
    draft.texts["crews.toml"] = draft.texts["crews.toml"].replace(
        '"06:00-14:00"', '"22:00-06:00", "18:30-22:00", "07:00-07:30"'
    )
    shifts = load_district(draft.write()).crews["W1"].shifts
    assert shifts[0] == Shift(dt.time(22), dt.time(6))
    draft.texts["crews.toml"] = draft.texts["crews.toml"].replace("22:00-06:00", "22:00-24:00")
    assert load_district(draft.write()).crews["W1"].shifts[0] == Shift(dt.time(22), dt.time(0))


def test_gcj02_layers_are_converted(draft, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A folder drawn in GCJ-02 gives the same district as one in WGS 84, to a centimetre."""
    plain = load_district(draft.write())

    def shift(nested: Any) -> Any:
        if isinstance(nested[0], float):
            return [float(value) for value in wgs84_to_gcj02(*nested)]
        return [shift(one) for one in nested]

    for features in draft.layers.values():
        for row in features:
            row["geometry"]["coordinates"] = shift(row["geometry"]["coordinates"])
    draft.texts["district.toml"] += 'datum = "gcj02"\n'
    draft.path = tmp_path / "gcj02"
    converted = load_district(draft.write())
    for name, segment in plain.segments.items():
        there, here = (
            plain.projection.to_xy(np.array(one.line.coords))
            for one in (segment, converted.segments[name])
        )
        assert np.abs(there - here).max() < 0.01
    for name, station in plain.stations.items():
        assert converted.stations[name].lon == pytest.approx(station.lon, abs=1e-7)
        assert converted.stations[name].segment == station.segment


def set_in(layer: str, number: int, **values: object) -> Callable[..., None]:
    """Set properties of a feature."""
    return lambda draft: draft.properties(layer, number).update(values)


def drop(layer: str, number: int, name: str) -> Callable[..., None]:
    """Remove a property of a feature."""
    return lambda draft: draft.properties(layer, number).pop(name)


def text(file: str, old: str, new: str) -> Callable[..., None]:
    """Replace text in a TOML file."""

    def change(draft) -> None:  # type: ignore[no-untyped-def]
        assert old in draft.texts[file]
        draft.texts[file] = draft.texts[file].replace(old, new)

    return change


def shape(layer: str, number: int, kind: str, metres: object) -> Callable[..., None]:
    """Give a feature another geometry."""
    return lambda draft: draft.move(layer, number, kind, metres)


def raw(layer: str, number: int, geometry: object) -> Callable[..., None]:
    """Give a feature a geometry as it stands in the file."""
    return lambda draft: draft.layers[f"{layer}.geojson"][number - 1].update(geometry=geometry)


BOWTIE = [[[0, 0], [100, 100], [100, 0], [0, 100], [0, 0]]]

# What is spoilt, the file and feature that are blamed, and words of the message or remedy.
ERRORS = [
    # Numbers, texts and choices.
    (set_in("segments", 2, speed_kmh=-5), "segments.geojson", 2, "`speed_kmh` is -5"),
    (set_in("segments", 2, speed_kmh=500), "segments.geojson", 2, "up to 120"),
    (set_in("segments", 2, speed_kmh="40"), "segments.geojson", 2, "Give a number"),
    (set_in("segments", 2, lanes=0), "segments.geojson", 2, "of at least 1"),
    (set_in("segments", 2, lanes=2.5), "segments.geojson", 2, "a whole number"),
    (set_in("segments", 2, width_m=0), "segments.geojson", 2, "above 0"),
    (set_in("segments", 2, residents=-1), "segments.geojson", 2, "`residents`"),
    (set_in("segments", 2, heavy_trucks_per_day=-1), "segments.geojson", 2, "`heavy_trucks"),
    (set_in("segments", 2, min_treatments_per_day=99), "segments.geojson", 2, "up to 24"),
    (set_in("segments", 2, oneway="yes"), "segments.geojson", 2, "true or false"),
    (set_in("segments", 2, name=""), "segments.geojson", 2, "`name` is ''"),
    (drop("segments", 2, "name"), "segments.geojson", 2, "`name` is missing"),
    (drop("sites", 1, "kind"), "sites.geojson", 1, "`kind` is missing"),
    (set_in("sites", 1, kind="zoo"), "sites.geojson", 1, "mixing_plant"),
    (set_in("sites", 1, gates="A"), "sites.geojson", 1, "list of segment ids"),
    (set_in("stations", 1, kind="mast"), "stations.geojson", 1, "background"),
    (set_in("stations", 1, pm_unit="ppm"), "stations.geojson", 1, "mg/m3"),
    (set_in("stations", 1, height_m=-3), "stations.geojson", 1, "`height_m`"),
    (set_in("depots", 1, kind="garage"), "depots.geojson", 1, "refill"),
    (set_in("depots", 1, refill_minutes=-1), "depots.geojson", 1, "`refill_minutes`"),
    (text("crews.toml", "water_truck", "tank"), "crews.toml", 1, "fog_cannon"),
    (text("crews.toml", 'depot = "D1"', 'depot = "D1"\ntank_m3 = nan'), "crews.toml", 1, "tank_m3"),
    (text("crews.toml", 'depot = "D1"', 'depot = "D1"\ntank_m3 = inf'), "crews.toml", 1, "tank_m3"),
    # Ids.
    (set_in("segments", 2, id="B 2"), "segments.geojson", 2, "A-Z a-z 0-9 _ -"),
    (set_in("segments", 2, id="x" * 65), "segments.geojson", 2, "1 to 64"),
    (set_in("segments", 2, id=7), "segments.geojson", 2, "`id` is 7"),
    (set_in("segments", 2, id="B\n"), "segments.geojson", 2, "A-Z a-z 0-9 _ -"),
    (set_in("segments", 3, id="B"), "segments.geojson", 3, "'B' is that of feature 2"),
    (set_in("depots", 2, id="D1"), "depots.geojson", 2, "its own id"),
    (
        lambda draft: [set_in("stations", n, mn="X1")(draft) for n in (1, 3)],
        "stations.geojson", 3, "the MN of its own device",
    ),
    # Names that point nowhere.
    (set_in("sites", 1, gates=["A", "Q"]), "sites.geojson", 1, "`gates` names 'Q'"),
    (set_in("stations", 1, segment="Q"), "stations.geojson", 1, "`segment` names 'Q'"),
    (set_in("stations", 3, site="Q"), "stations.geojson", 3, "`site` names 'Q'"),
    (set_in("cameras", 1, segment="Q"), "cameras.geojson", 1, "`segment` names 'Q'"),
    (set_in("cameras", 1, site="Q"), "cameras.geojson", 1, "`site` names 'Q'"),
    (text("crews.toml", '"D1"', '"Q"'), "crews.toml", 1, "`depot` names 'Q'"),
    (text("crews.toml", '"D1"', '"F1"'), "crews.toml", 1, "only a refill point"),
    (set_in("stations", 4, segment="A"), "stations.geojson", 4, "stands for no segment"),
    (lambda draft: draft.layers["sites.geojson"].clear(), "stations.geojson", 3, "has none"),
    # Geometry.
    (shape("segments", 2, "Point", [0, 0]), "segments.geojson", 2, "Draw it as a LineString"),
    (shape("stations", 1, "LineString", [[0, 0], [9, 9]]), "stations.geojson", 1, "as a Point"),
    (shape("segments", 2, "LineString", [[5, 5], [5, 5]]), "segments.geojson", 2, "two different"),
    (shape("segments", 2, "LineString", [[0, 0], [0, 0.5]]), "segments.geojson", 2, "0.50 m long"),
    (shape("sites", 1, "Polygon", BOWTIE), "sites.geojson", 1, "not valid"),
    (shape("sites", 1, "Polygon", [BOWTIE[0][:3]]), "sites.geojson", 1, "first point"),
    (raw("stations", 1, None), "stations.geojson", 1, "the geometry is missing"),
    (
        raw("stations", 1, {"type": "Point", "coordinates": [22.49, 113.89]}),
        "stations.geojson", 1, "longitude first",
    ),
    (
        raw("stations", 1, {"type": "Point", "coordinates": [801234.5, 2489012.1]}),
        "stations.geojson", 1, "not in metres",
    ),
    (
        raw("stations", 1, {"type": "Point", "coordinates": [113.89]}),
        "stations.geojson", 1, "malformed",
    ),
    (
        raw("segments", 1, {"type": "LineString", "coordinates": [[113.89, "x"]]}),
        "segments.geojson", 1, "malformed",
    ),
    # Shifts.
    (text("crews.toml", "06:00-14:00", "6-14"), "crews.toml", 1, "22:00-06:00"),
    (text("crews.toml", "06:00-14:00", "06:00-25:00"), "crews.toml", 1, "`shifts`"),
    (text("crews.toml", "06:00-14:00", "24:00-06:00"), "crews.toml", 1, "`shifts`"),
    (text("crews.toml", '["06:00-14:00"]', "[]"), "crews.toml", 1, "`shifts`"),
    (text("crews.toml", '14:00"', '14:00", "13:00-15:00"'), "crews.toml", 1, "overlap"),
    (text("crews.toml", '14:00"', '14:00", "22:00-06:30"'), "crews.toml", 1, "overlap"),
    # The district itself.
    (text("district.toml", "Asia/Shanghai", "Asia/Chiwan"), "district.toml", None, "IANA"),
    (text("district.toml", "Asia/Shanghai", "../etc"), "district.toml", None, "IANA"),
    (text("district.toml", "Asia/Shanghai", "Asia"), "district.toml", None, "IANA"),
    (text("district.toml", '"square"', '"sq are"'), "district.toml", None, "`id`"),
    (text("district.toml", "timezone", 'datum = "bd09"\ntimezone'), "district.toml", None, "gcj02"),
    # Whole files.
    (text("district.toml", "id =", "id"), "district.toml", None, "not TOML"),
    (text("crews.toml", "[[crew]]", "[crew]"), "crews.toml", None, "[[crew]]"),
    (
        lambda draft: [
            row["properties"].update(treat=False) for row in draft.layers["segments.geojson"]
        ],
        "segments.geojson", None, "to be treated",
    ),
]  # fmt: skip


def only(problems: list[Problem], severity: str) -> list[Problem]:
    """The problems of one severity."""
    return [problem for problem in problems if problem.severity == severity]


@pytest.mark.parametrize(("spoil", "file", "number", "words"), ERRORS)
def test_errors_refuse_the_folder(  # type: ignore[no-untyped-def]
    draft, spoil: Callable[..., None], file: str, number: int | None, words: str
) -> None:
    """Each fault is blamed on its file and feature, says what to do, and refuses the folder."""
    spoil(draft)
    folder = draft.write()
    problems = only(check_district(folder), "error")
    blamed = [problem for problem in problems if (problem.file, problem.feature) == (file, number)]
    assert any(words in f"{one.message}. {one.remedy}" for one in blamed), problems
    assert all(len(str(one).splitlines()) == 1 for one in problems)
    with pytest.raises(DistrictError) as refused:
        load_district(folder)
    assert list(refused.value.problems) == check_district(folder)
    assert str(blamed[0]) in str(refused.value)


@pytest.mark.parametrize(
    "file",
    [
        "district.toml",
        "segments.geojson",
        "sites.geojson",
        "stations.geojson",
        "cameras.geojson",
        "depots.geojson",
        "crews.toml",
    ],
)
def test_missing_files(draft, file: str) -> None:  # type: ignore[no-untyped-def]
    """A file that is missing is named, and refuses the folder."""
    folder = draft.write()
    (folder / file).unlink()
    problems = check_district(folder)
    assert ("error", file, None, "the file is missing") in [
        (one.severity, one.file, one.feature, one.message) for one in problems
    ]


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there is every file missing."""
    assert len(check_district(tmp_path / "nowhere")) == 7


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[]", "not a GeoJSON FeatureCollection"),
        ('{"type": "FeatureCollection", "features": {}}', "not a GeoJSON FeatureCollection"),
        ('{"type": "FeatureCollection", "features": [1]}', "not a GeoJSON Feature"),
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null}]}',
            "no properties",
        ),
        (
            '{"type": "FeatureCollection", "features": [], "crs": "urn:ogc:def:crs:EPSG::3857"}',
            "EPSG::3857",
        ),
    ],
)
def test_broken_layers(draft, content: str, words: str) -> None:  # type: ignore[no-untyped-def]
    """A layer that is no GeoJSON in degrees is refused with the reason."""
    folder = draft.write()
    (folder / "cameras.geojson").write_text(content)
    problems = only(check_district(folder), "error")
    assert {one.file for one in problems} == {"cameras.geojson"}
    assert words in problems[0].message


def test_all_faults_at_once(draft) -> None:  # type: ignore[no-untyped-def]
    """Every fault is told at once, also several of one feature, in the order of the files."""
    draft.properties("segments", 1).update(lanes=-1, speed_kmh="fast")
    draft.properties("depots", 1)["kind"] = "garage"
    draft.texts["district.toml"] = draft.texts["district.toml"].replace("Shanghai", "Nowhere")
    problems = check_district(draft.write())
    assert [(one.file, one.feature) for one in problems[:3]] == [
        ("district.toml", None), ("segments.geojson", 1), ("segments.geojson", 1),
    ]  # fmt: skip
    assert "depots.geojson" in {one.file for one in problems}


# What is drawn, the features that are warned of, and words of the message.
WARNINGS = [
    # A gap of 5 m beside two ends that dangle, on a street that is then cut in two.
    (shape("segments", 2, "LineString", [[305, 0], [300, 300]]), {1, 2}, "without meeting it"),
    # An end near the middle of another segment instead of an end of it.
    (shape("segments", 3, "LineString", [[300, 300], [15, 150]]), {3}, "15.0 m from 'D'"),
    # A segment far from all others, so that D, one-way, leads into a dead end.
    (shape("segments", 1, "LineString", [[900, 900], [900, 800]]), {1, 4}, "cannot be reached"),
    # Into a dead end by a one-way street: D leads away from where C ends, nothing leads back.
    (shape("segments", 4, "LineString", [[0, 300], [-300, 300]]), {4}, "cannot be reached"),
]


@pytest.mark.parametrize(("spoil", "numbers", "words"), WARNINGS)
def test_warnings_let_the_folder_load(  # type: ignore[no-untyped-def]
    draft, spoil: Callable[..., None], numbers: set[int], words: str
) -> None:
    """A street that does not join is warned of by its number, and the district still loads."""
    spoil(draft)
    folder = draft.write()
    problems = check_district(folder)
    assert only(problems, "error") == []
    warned = {one.feature for one in problems if words in one.message}
    assert warned == numbers, problems
    assert load_district(folder).segments


@pytest.mark.parametrize(
    ("gap_m", "warned"), [(0.9, False), (1.2, True), (19.0, True), (21, False)]
)
def test_dangling_distance(draft, gap_m: float, warned: bool) -> None:  # type: ignore[no-untyped-def]
    """Ends within 1 m are one junction; a loose end is warned of within 20 m, not beyond."""
    draft.move("segments", 2, "LineString", [[300 + gap_m, 0], [300, 300]])
    messages = [one.message for one in check_district(draft.write())]
    assert any("without meeting it" in message for message in messages) == warned


def test_strays_are_warned_of(draft) -> None:  # type: ignore[no-untyped-def]
    """A camera kilometres from any street is warned of; a background station may be."""
    draft.move("cameras", 1, "Point", [9000, 0])
    draft.move("stations", 4, "Point", [9000, 0])
    assert [(one.severity, one.file, one.feature) for one in check_district(draft.write())] == [
        ("warning", "cameras.geojson", 1)
    ]


def test_an_empty_layer_is_allowed(draft) -> None:  # type: ignore[no-untyped-def]
    """A district without cameras loads; one without stations or crews is warned of."""
    for layer in ("cameras", "stations"):
        draft.layers[f"{layer}.geojson"].clear()
    draft.texts["crews.toml"] = ""
    folder = draft.write()
    assert [(one.severity, one.file) for one in check_district(folder)] == [
        ("warning", "stations.geojson"), ("warning", "crews.toml"),
    ]  # fmt: skip
    assert load_district(folder).cameras == {}


def test_heights_and_byte_order_marks(draft) -> None:  # type: ignore[no-untyped-def]
    """A third coordinate and a byte order mark, as some programs write them, do no harm."""
    draft.layers["cameras.geojson"][0]["geometry"]["coordinates"].append(12.0)
    folder = draft.write()
    for name in ("cameras.geojson", "district.toml"):
        file = folder / name
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert check_district(folder) == []
    assert json.loads((folder / "cameras.geojson").read_text("utf-8-sig"))
