"""The alarms: the queue, what is done to it one by one or many at once, and how well it serves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path, Query, Request

from console import acts, models
from console.access import Actor, Looker
from console.alarm_models import (
    ALARM_PATTERN,
    Acknowledged,
    Act,
    AlarmHealth,
    AlarmList,
    AlarmState,
    AlarmStory,
    Batch,
    BatchAnswer,
    Norms,
    Outcome,
    OutOfService,
    Source,
    StandingOutOfService,
    Suppressed,
)
from console.alarms import Alarm, merged, urgency
from console.api.common import PathId, Utc, district_of, feed_of, pool_of
from console.pool import row, rows
from console.problems import CONFLICT, NOT_FOUND, Refusal
from store.statements import statements

SQL = statements("alarms")
CONSOLE = statements("console")
LIFE = statements("life")
NORMS = Norms()
TARGETS = {1: 0.80, 2: 0.15, 3: 0.05}
"""Shares of low, medium and high: EEMUA 191; ANSI/ISA-18.2-2016, table 5."""

router = APIRouter(tags=["alarms"])

PathAlarm = Annotated[str, Path(pattern=ALARM_PATTERN)]


@router.get("/alarms")
async def alarms(
    request: Request,
    user: Looker,
    state: Annotated[list[AlarmState] | None, Query()] = None,
    source: Annotated[list[Source] | None, Query()] = None,
    level_min: Annotated[int, Query(ge=1, le=3)] = 1,
    mine: bool = False,
) -> AlarmList:
    """Every alarm that stands or waits, the most urgent first; `mine` are those you took or saw."""
    async with pool_of(request).connection() as conn:
        returned = await row(conn, SQL.returned_count, {})
    found = [
        {"id": id_} | alarm
        for id_, alarm in (await _standing(request)).items()
        if alarm["level"] >= level_min
        and (state is None or alarm["state"] in state)
        and (source is None or alarm["source"] in source)
        and (not mine or user.name in (alarm["taken_by"], alarm["acknowledged_by"]))
    ]
    assert returned is not None
    return AlarmList.model_validate(
        {"items": sorted(found, key=urgency), "returned_in_all": returned["n"]}
    )


@router.get("/alarms/health")
async def health(
    request: Request,
    _: Looker,
    days: Annotated[int, Query(ge=1, le=31)] = 1,
    until: Utc | None = None,
    operators: Annotated[float, Query(ge=0.1, le=100)] = 1,
) -> AlarmHealth:
    """How well the alarms served in the days before `until` (the platform's time when left out),
    against EEMUA 191 and ANSI/ISA-18.2. `operators` are the desks that shared them."""
    now = await feed_of(request).time()
    end = until or now
    since = end - timedelta(days=days)
    span = {
        "since": since,
        "until": end,
        "operators": operators,
        "now": now,
        "zone": district_of(request).timezone,
    }
    async with pool_of(request).connection() as conn, conn.transaction():
        rates = await row(conn, SQL.rates, span)
        answers = await row(conn, SQL.answers, span)
        found = {
            name: await rows(conn, getattr(SQL, name), span)
            for name in ("slots", "floods", "stale", "bad_actors", "shelved", "midnights")
        }
        out = await rows(conn, SQL.standing_out_of_service, {"now": now})
    assert rates is not None
    assert answers is not None
    rate = rates["per_operator_hour"]
    return AlarmHealth.model_validate(
        span
        | rates
        | found
        | {
            "verdict": "acceptable"
            if rate <= NORMS.acceptable_per_operator_hour
            else "manageable"
            if rate <= NORMS.manageable_per_operator_hour
            else "too_many",
            "flood_share": merged(found["floods"]) / (end - since),
            "priorities": _priorities(found["slots"]),
            "acknowledged": answers["acknowledged"],
            "acknowledge_p50_min": answers["p50_min"],
            "acknowledge_p95_min": answers["p95_min"],
            "out_of_service": out,
            "norms": NORMS,
        }
    )


@router.post("/alarms/batch")
async def batch(request: Request, user: Actor, body: Batch) -> BatchAnswer:
    """The same act on several alarms: each in its own transaction, one answer that says which
    could not be done and why. Order and repeats of `ids` do not matter."""
    if body.act == "shelve" and body.minutes is None:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Say for how many `minutes` to shelve.")
    if body.act == "comment" and not body.text:
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "The comment is blank: write something.")
    ids = sorted(set(body.ids))
    doer = await _doer(request, user.name, ids)
    results = []
    for id_ in ids:
        try:
            await doer.do(body.act, id_, body.minutes or 0, body.text)
        except acts.Unfit as unfit:
            outcome = Outcome(id=id_, ok=False, why=unfit.why, detail=str(unfit.detail))
        else:
            outcome = Outcome(id=id_, ok=True)
        results.append(outcome)
    feed_of(request).nudge()
    done = sum(outcome.ok for outcome in results)
    return BatchAnswer(done=done, failed=len(results) - done, results=results)


@router.post("/alarms/returned/acknowledge")
async def acknowledge_returned(request: Request, user: Actor) -> Acknowledged:
    """Acknowledge everything that is over and that nobody has seen, listed or not."""
    ids = await acts.acknowledge_returned(
        pool_of(request), user.name, await feed_of(request).time()
    )
    feed_of(request).nudge()
    return Acknowledged(ids=ids)


@router.get("/alarms/suppressed")
async def suppressed(request: Request, _: Looker) -> list[Suppressed]:
    """What by design calls nobody and is in no queue (ANSI/ISA-18.2, F), the newest first."""
    known = {segment.id for segment in district_of(request).segments}
    now = await feed_of(request).time()
    async with pool_of(request).connection() as conn:
        found = await rows(conn, SQL.suppressed, {"now": now})
    return [
        # A concern knows its place, not of what kind that is.
        Suppressed.model_validate(
            one | {"segment": one["site"], "site": None} if one["site"] in known else one
        )
        for one in found
    ]


@router.get("/alarms/out-of-service")
async def out_of_service(request: Request, _: Looker) -> list[StandingOutOfService]:
    """Segments, sites and stations whose alarms call nobody now."""
    async with pool_of(request).connection() as conn:
        found = await rows(
            conn, SQL.standing_out_of_service, {"now": await feed_of(request).time()}
        )
    return [StandingOutOfService.model_validate(one) for one in found]


@router.post("/alarms/out-of-service", responses=NOT_FOUND)
async def put_out_of_service(
    request: Request, user: Actor, body: OutOfService
) -> list[StandingOutOfService]:
    """Let the alarms of a segment, site or station call nobody for a while: road works, a station
    in repair. It ends by itself. Orders and escalations go on."""
    district = district_of(request)
    known = {one.id for one in district.segments}
    known |= {one.id for one in district.sites} | {one.id for one in district.stations}
    if body.subject not in known:
        raise Refusal(
            HTTPStatus.NOT_FOUND, f"{body.subject} is no segment, site or station of this district."
        )
    now = await feed_of(request).time()
    until = now + timedelta(hours=body.hours)
    await acts.put_out_of_service(pool_of(request), body.subject, user.name, now, until, body.why)
    feed_of(request).nudge()
    return await out_of_service(request, user)


@router.delete("/alarms/out-of-service/{subject}", responses=CONFLICT)
async def put_into_service(
    request: Request, user: Actor, subject: PathId
) -> list[StandingOutOfService]:
    """Let its alarms call again now."""
    await acts.put_into_service(pool_of(request), subject, user.name, await feed_of(request).time())
    feed_of(request).nudge()
    return await out_of_service(request, user)


@router.get("/alarms/{alarm}", responses=NOT_FOUND)
async def alarm(request: Request, _: Looker, alarm: PathAlarm) -> AlarmStory:
    """One alarm that stands or waits, with its whole story."""
    found = (await _standing(request)).get(alarm)
    if found is None:
        raise Refusal(HTTPStatus.NOT_FOUND, f"There is no alarm {alarm}, or it is over and seen.")
    return AlarmStory.model_validate(
        found | {"id": alarm, "log": await _story(request, alarm, found["since"])}
    )


@router.post("/alarms/{alarm}/acknowledge", responses=NOT_FOUND | CONFLICT)
async def acknowledge(request: Request, user: Actor, alarm: PathAlarm) -> Outcome:
    """Say that you have seen it."""
    return await _act(request, user.name, "acknowledge", alarm)


@router.post("/alarms/{alarm}/take", responses=NOT_FOUND | CONFLICT)
async def take(request: Request, user: Actor, alarm: PathAlarm) -> Outcome:
    """Say that you see to a concern: nobody else is called for it meanwhile."""
    return await _act(request, user.name, "take", alarm)


@router.post("/alarms/{alarm}/shelve", responses=NOT_FOUND | CONFLICT)
async def shelve(request: Request, user: Actor, alarm: PathAlarm, body: models.Shelve) -> Outcome:
    """Put it aside for so many minutes; it comes back by itself."""
    return await _act(request, user.name, "shelve", alarm, body.minutes, body.reason)


@router.post("/alarms/{alarm}/unshelve", responses=NOT_FOUND | CONFLICT)
async def unshelve(request: Request, user: Actor, alarm: PathAlarm) -> Outcome:
    """Bring it back now."""
    return await _act(request, user.name, "unshelve", alarm)


@router.post("/alarms/{alarm}/comment", responses=NOT_FOUND)
async def comment(request: Request, user: Actor, alarm: PathAlarm, body: models.Comment) -> Outcome:
    """Add a remark to its story."""
    return await _act(request, user.name, "comment", alarm, text=body.text)


@dataclass(frozen=True, slots=True)
class _Doer:
    """Does acts in one person's name; `devices` are the alarms that have no row of their own."""

    request: Request
    actor: str
    now: datetime
    devices: dict[str, Alarm]

    async def do(self, act: Act, id_: str, minutes: int = 0, text: str = "") -> None:
        """Raises acts.Unfit."""
        source, _, name = id_.partition(":")
        pool = pool_of(self.request)
        if source == "episode":
            if act == "take":
                await acts.take(pool, acts.Call(id_), self.actor, self.now)
            on_episode: dict[str, Callable[[], Awaitable[None]]] = {
                "acknowledge": lambda: acts.acknowledge(pool, name, self.actor, self.now),
                "shelve": lambda: acts.shelve(pool, name, self.actor, self.now, minutes, text),
                "unshelve": lambda: acts.unshelve(pool, name, self.actor, self.now),
                "comment": lambda: acts.comment(pool, name, self.actor, self.now, text),
            }
            await on_episode[act]()
            return
        call = self._call(id_)
        on_call: dict[str, Callable[[], Awaitable[None]]] = {
            "acknowledge": lambda: acts.acknowledge_call(pool, call, self.actor, self.now),
            "shelve": lambda: acts.shelve_call(pool, call, self.actor, self.now, minutes, text),
            "unshelve": lambda: acts.unshelve_call(pool, call, self.actor, self.now),
            "comment": lambda: acts.comment_call(pool, call, self.actor, self.now, text),
            "take": lambda: acts.take(pool, call, self.actor, self.now),
        }
        await on_call[act]()

    def _call(self, id_: str) -> acts.Call:
        if id_.startswith("concern:"):
            return acts.Call(id_)
        if id_ not in self.devices:
            raise acts.Unfit("gone", f"There is no alarm {id_} now.", HTTPStatus.NOT_FOUND)
        return acts.Call(id_, self.devices[id_]["since"])


async def _doer(request: Request, actor: str, ids: list[str]) -> _Doer:
    needed = any(not id_.startswith(("episode:", "concern:")) for id_ in ids)
    devices = await _standing(request) if needed else {}
    return _Doer(request, actor, await feed_of(request).time(), devices)


async def _act(
    request: Request, actor: str, act: Act, id_: str, minutes: int = 0, text: str = ""
) -> Outcome:
    doer = await _doer(request, actor, [id_])
    await doer.do(act, id_, minutes, text)
    feed_of(request).nudge()
    return Outcome(id=id_, ok=True)


async def _standing(request: Request) -> dict[str, Alarm]:
    return cast(dict[str, Alarm], (await feed_of(request).fresh())["alarms"])


async def _story(request: Request, alarm: str, since: datetime) -> list[dict[str, Any]]:
    """Its lines, oldest first; of a concern also whom the chain of roles has called."""
    source, _, name = alarm.partition(":")
    async with pool_of(request).connection() as conn:
        if source == "episode":
            return await rows(conn, CONSOLE.episode_log, {"id": name})
        said = await rows(conn, SQL.alarm_story, {"alarm": alarm, "since": since})
        if source == "concern":
            chain = await rows(conn, LIFE.escalations, {"concern": int(name)})
            said = [line for line in said if line["event"] != "taken"] + [
                line | {"detail": line["detail"] | {"role": line["role"]}} for line in chain
            ]
    return sorted(said, key=lambda line: line["at"])


def _priorities(slots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = {
        level: sum(slot[name] for slot in slots)
        for level, name in ((1, "low"), (2, "medium"), (3, "high"))
    }
    total = sum(counts.values())
    return [
        {
            "level": level,
            "count": count,
            "share": count / total if total else None,
            "target": TARGETS[level],
        }
        for level, count in counts.items()
    ]
