"""The REST API answers what the database holds, typed, paged, and refuses in one shape."""

from datetime import timedelta

import httpx
import pytest

from console.problems import MEDIA_TYPE
from geo.district import District
from store.database import connect
from tests.console import plausible
from tests.console.conftest import Running


def test_state_says_what_each_segment_and_crew_does(
    reader: httpx.Client, district: District
) -> None:
    """Every treatable segment has a state that tells live, stale and unmeasured apart."""
    state = reader.get("/api/v1/state").json()
    segments = state["segments"]
    assert set(segments) == {s.id for s in district.segments.values() if s.treat}
    assert segments["XH07N"]["level"] == 3
    assert segments["XH07N"]["standing"] == "live"
    assert {id_ for id_, s in segments.items() if s["standing"] == "stale"} == set(plausible.STALE)
    unmeasured = {id_ for id_, s in segments.items() if s["standing"] == "unmeasured"}
    assert unmeasured == set(plausible.UNMEASURED)
    assert state["crews"]["WATER-A"]["state"] == "working"
    assert state["crews"]["WATER-A"]["heading"] is not None
    assert state["overview"]["counts"]["levels"]["3"] == 1
    assert state["overview"]["counts"]["open"] == 4
    assert state["overview"]["counts"]["unacknowledged"] == 3
    assert 100 < state["overview"]["wind"]["dir"] < 150


def test_district_is_drawn_whole(reader: httpx.Client, district: District) -> None:
    """The layers hold every feature of the folder, and the limits of every rule."""
    layers = reader.get("/api/v1/district").json()
    assert [s["id"] for s in layers["segments"]] == list(district.segments)
    assert all(len(s["line"]) >= 2 for s in layers["segments"])
    assert [s["id"] for s in layers["sites"]] == list(district.sites)
    assert [s["id"] for s in layers["crews"]] == list(district.crews)
    assert layers["timezone"] == "Asia/Shanghai"
    assert layers["limits"]["pm10_60"] == [None, 250, 420]
    for name in ("segments", "sites", "stations", "crews"):
        assert reader.get(f"/api/v1/{name}").json() == layers[name]


def test_station_health_is_told_by_day(reader: httpx.Client, district: District) -> None:
    """Every station that spoke has a row for the day, with what is missing of it."""
    found = reader.get("/api/v1/stations/health", params={"hours": 3}).json()
    assert {day["station"] for day in found} <= set(district.stations)
    assert found
    for day in found:
        assert day["readings"] > 0
        assert 0 <= day["missing"] < 1
        assert day["flagged"] == 0
        assert day["by_test"] == {}
        assert day["gain"] is None
    assert reader.get("/api/v1/stations/health", params={"hours": 0}).status_code == 422


def test_history_gives_minutes_orders_and_verdicts(
    reader: httpx.Client, still_console: Running
) -> None:
    """A segment's history holds each stored minute once, its orders, verdicts and episodes."""
    history = reader.get("/api/v1/segments/XH05S/history", params={"hours": 2}).json()
    with connect(still_console.dsn, name="test") as conn:
        stored = conn.execute(
            "SELECT ts, pm10 FROM segment_minutes WHERE segment = 'XH05S' AND ts > %s ORDER BY ts",
            (plausible.NOW - timedelta(hours=2),),
        ).fetchall()
    assert history["minutes"]["ts"] == [ts.isoformat().replace("+00:00", "Z") for ts, _ in stored]
    assert history["minutes"]["pm10"] == [pm10 for _, pm10 in stored]
    assert history["step_minutes"] == 1
    (order,) = history["orders"]
    assert (order["id"], order["effective"], order["reduction_pct"]) == ("O-1001", True, 41.3)
    assert (order["model_low"], order["differences_high"], order["disagree"]) == (22.0, 8.0, True)
    assert [e["state"] for e in history["episodes"]] == ["closed"]


def test_history_gives_what_the_model_says(reader: httpx.Client) -> None:
    """Estimates with intervals for each minute, what comes next, and the treatments by worth; of a
    span that ended long ago nothing of the present."""
    history = reader.get("/api/v1/segments/XH05S/history", params={"hours": 2}).json()
    minutes = history["minutes"]
    assert len(minutes["low"]) == len(minutes["ts"]) > 60
    told = zip(minutes["low"], minutes["estimate"], minutes["high"], strict=True)
    assert all(low < estimate < high for low, estimate, high in told)
    assert [step["horizon_min"] for step in history["forecast"]] == [15, 60, 180]
    assert (history["forecast"][2]["q90"], history["forecast"][1]["chance_2"]) == (85.0, 0.12)
    assert [worth["treatment"] for worth in history["worth"]] == ["heavy_clean", "wash", "sweep"]
    before = (plausible.NOW - timedelta(hours=3)).isoformat()
    past = reader.get("/api/v1/segments/XH05S/history", params={"until": before}).json()
    assert (past["forecast"], past["worth"]) == ([], [])


def test_long_history_is_thinned_to_what_a_chart_can_show(reader: httpx.Client) -> None:
    """Over a week the steps are means of several minutes, each named by its end."""
    history = reader.get("/api/v1/segments/XH07N/history", params={"hours": 168}).json()
    assert history["step_minutes"] == 7
    assert 25 <= len(history["minutes"]["ts"]) <= 27
    assert max(history["minutes"]["level"]) == 3


def test_pages_of_episodes_hold_each_once(reader: httpx.Client) -> None:
    """Walking the pages by their cursor meets every episode once, newest first."""
    seen: list[str] = []
    after = None
    while True:
        params = {"limit": "2"} | ({"after": after} if after else {})
        page = reader.get("/api/v1/episodes", params=params).json()
        assert len(page["items"]) <= 2
        seen += [episode["id"] for episode in page["items"]]
        after = page["next"]
        if after is None:
            break
    whole = reader.get("/api/v1/episodes").json()["items"]
    assert seen == [episode["id"] for episode in whole]
    assert len(set(seen)) == 5
    starts = [episode["started_at"] for episode in whole]
    assert starts == sorted(starts, reverse=True)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"state": "closed"}, {"XH05S"}),
        ({"state": ["closed", "recovering"]}, {"XH05S", "XH12S"}),
        ({"level_min": 3}, {"XH07N"}),
        ({"segment": "XH09N"}, {"XH09N"}),
        ({"site": "SITE-SPOIL-1"}, set()),
        ({"since": "2026-03-02T09:50:00+08:00"}, {"XH09N", "XH03S"}),
        ({"until": "2026-03-02T01:00:00Z"}, {"XH05S"}),
    ],
)
def test_episodes_are_filtered(
    reader: httpx.Client, params: dict[str, str], expected: set[str]
) -> None:
    """Each filter leaves the episodes that it names."""
    items = reader.get("/api/v1/episodes", params=params).json()["items"]
    assert {episode["segment"] for episode in items} == expected


def test_story_of_an_episode(reader: httpx.Client) -> None:
    """An episode comes with its causes, orders and log."""
    story = reader.get("/api/v1/episodes/E-20260302-0149-XH07N-inc60").json()
    assert story["causes"][0]["site"] == "SITE-SPOIL-1"
    assert story["causes"][0]["evidence"].startswith("风向 128°")
    assert story["causes"][0]["also"].startswith("Xiaonanshan spoil site, 310 m away")
    assert story["causes"][2]["also"] is None, "stored before there was an English one"
    assert story["orders"] == ["O-1003"]
    assert [line["event"] for line in story["log"]] == ["opened", "activated", "cause", "order"]


def test_plan_lists_standing_orders_by_crew(reader: httpx.Client) -> None:
    """The plan holds the open orders of each crew in sequence, with their paths."""
    plan = reader.get("/api/v1/plan").json()
    crews = {crew["crew"]: crew["orders"] for crew in plan["crews"]}
    assert [order["seq"] for order in crews["WATER-A"]] == [3, 4, 5, 6]
    assert len(crews["WATER-A"][0]["path"]) >= 2
    only = reader.get("/api/v1/plan", params={"crew": "FOG-A"}).json()["crews"]
    assert [crew["crew"] for crew in only] == ["FOG-A"]


def test_orders_and_verdicts(reader: httpx.Client) -> None:
    """Orders are filtered by state and crew; a verdict keeps its interval."""
    params = {"state": "done", "crew": "WATER-A"}
    done = reader.get("/api/v1/orders", params=params).json()["items"]
    assert {order["id"] for order in done} == {"O-1001", "O-1002"}
    (verdict,) = reader.get("/api/v1/verdicts").json()["items"]
    assert (verdict["low"], verdict["high"]) == (22.0, 57.5)
    assert (verdict["model_pct"], verdict["differences_pct"]) == (41.3, -12.0)
    assert verdict["disagree"] is True


def test_health_goes_bad_when_readings_stop(operator: httpx.Client, console: Running) -> None:
    """Health is good while batches come in and bad a quarter of an hour after the last."""
    assert operator.get("/api/v1/health").json()["ok"] is True
    assert console.now is not None
    console.now.forward(minutes=15)
    assert operator.get("/api/v1/health").json()["ok"] is False


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/segments/NOWHERE/history", 404),
        ("/api/v1/episodes/E-none", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/segments/XH07N/history?hours=-1", 422),
        ("/api/v1/segments/XH07N/history?until=2026-03-02T00:00:00", 422),  # no offset
        ("/api/v1/episodes?after=rubbish", 422),
        ("/api/v1/episodes?after=2026-03-02T00:00:00~x", 422),  # a cursor without an offset
        ("/api/v1/episodes?limit=0", 422),
        ("/api/v1/orders?state=lost", 422),
        ("/api/v1/orders?crew=%27%3B--", 422),
        ("/api/v1/episodes/%00", 422),  # a character that the database cannot hold
        ("/api/v1/episodes?after=2026-03-02T00:00:00Z~%00", 422),
        ("/api/v1/episodes?until=9999-12-31T23:59:59-12:00", 422),  # no such time in UTC
    ],
)
def test_refusals_are_problem_details(reader: httpx.Client, path: str, status: int) -> None:
    """Every refusal is RFC 9457 with the status, a title and a sentence."""
    answer = reader.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]


def test_openapi_types_every_answer(reader: httpx.Client) -> None:
    """The description gives a schema for each answer and the three ways to sign in."""
    description = reader.get("/api/v1/openapi.json").json()
    for path, acts in description["paths"].items():
        for act in acts.values():
            assert act["description"], path
            success = next(a for status, a in act["responses"].items() if status.startswith("2"))
            assert path == "/api/v1/live" or "204" in act["responses"] or success["content"]
            # What kinds of complaint there are is for whoever has one.
            public = path.startswith(("/open311/discovery", "/open311/v2/services"))
            assert public or act["security"], path
    assert set(description["components"]["securitySchemes"]) == {"session", "token", "password"}


def test_api_page_needs_nothing_from_outside(reader: httpx.Client) -> None:
    """The page of the API names every path, and loads scripts and styles from here alone."""
    text = reader.get("/api").text
    assert "/api/v1/episodes/{episode}/shelve" in text
    assert "http://" not in text
    assert "https://" not in text


def test_before_the_first_tick_there_is_no_state(empty_console: Running) -> None:
    """In lockstep without a tick the state is not there yet, but the district is."""
    with empty_console.as_("watcher") as client:
        assert client.get("/api/v1/state").status_code == 503
        assert client.get("/api/v1/district").status_code == 200
        with connect(empty_console.dsn, name="test", autocommit=True) as conn:
            conn.execute("""INSERT INTO meta VALUES ('now', '{"now": "2026-03-01T08:00:00Z"}')""")
        state = client.get("/api/v1/state").json()
        assert state["overview"]["now"] == "2026-03-01T08:00:00Z"
        assert {s["standing"] for s in state["segments"].values()} == {"unmeasured"}
        assert {c["freshness"] for c in state["crews"].values()} == {"none"}


def test_a_district_without_any_history_has_an_answer_to_everything(empty_console: Running) -> None:
    """On its first minute nothing has been measured, planned or said; nothing fails for that."""
    known = {
        "{segment}": "XH07N",
        "{site}": "SITE-SPOIL-1",
        "{kind}": "week",
        "{day}": "2026-03-01",
        "{dossier_name}": "dossier",
    }
    asked = []
    with empty_console.as_("boss") as client:
        with connect(empty_console.dsn, name="test", autocommit=True) as conn:
            conn.execute("""INSERT INTO meta VALUES ('now', '{"now": "2026-03-01T08:00:00Z"}')""")
        for path, acts in client.get("/api/v1/openapi.json").json()["paths"].items():
            for name, value in known.items():
                path = path.replace(name, value)
            if "get" not in acts or "{" in path or path == "/api/v1/live":
                continue
            answer = client.get(path)
            assert answer.status_code < 500, (path, answer.text)
            asked.append(path)
    assert "/api/v1/board" in asked
    assert len(asked) > 25
