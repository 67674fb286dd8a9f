"""The dispatcher: takes in what crews say and, when there is a reason, plans and gives orders."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dispatch import ledger, tables
from dispatch.crews import Standing, standings
from dispatch.facts import Order, Present
from dispatch.life import Change, reminders, told, unanswered, withdrawals
from dispatch.matters import answers
from dispatch.messages import Message, encode, plan_message, tells_anew, tells_more
from dispatch.names import Names
from dispatch.planning import Plan, Planner
from dispatch.positions import Positions
from dispatch.previews import Draft, answer_waiting
from dispatch.settings import DispatchSettings
from dispatch.triggers import PlanInForce, gain_s, settled, situation, trigger
from dispatch.troubles import Troubles, against
from dispatch.wants import CLEANS, Exclusion, wishes
from dispatch.weather import hindrance
from dispatch.words import Reason, Words, other
from geo.district import District
from store import outbox
from store.database import Connection
from store.episodes import publish
from store.leadership import Leadership
from store.statements import statements

SQL = statements("dispatch")


class Dispatcher:
    """Plans for one district. Everything that matters is in the tables: a new one goes on."""

    def __init__(self, district: District, settings: DispatchSettings) -> None:
        self.district = district
        self.settings = settings
        self.words = Words(settings.language, district.timezone)
        self.names = Names(district, self.words)
        self.planner = Planner(district, settings)
        self.troubles = Troubles(district, settings, self.words)
        self.positions = Positions(district, settings)
        self._leadership = Leadership("dispatch")

    def lead(self, conn: Connection) -> bool:
        """Try to become the one that plans; holds until the session of `conn` ends."""
        return self._leadership.take(conn)

    def step(self, conn: Connection, now: datetime) -> None:
        """Bring orders and plans up to `now` (aware, UTC) in one transaction, and commit.

        Does nothing while another dispatcher leads. On an error nothing has happened.
        """
        if not self.lead(conn):
            return
        try:
            self._step(conn, now)
        except BaseException:
            conn.rollback()
            raise
        conn.commit()
        answer_waiting(conn, now, self.planner, self._draft)

    def _step(self, conn: Connection, now: datetime) -> None:
        self._hear(conn)
        ledger.end_made_overrides(conn, now)
        ledger.open_matters(conn, self.district, self.planner.places, now, self.settings)
        present = tables.load_present(conn, self.district, now)
        crews = standings(present, self.district, self.settings)
        silences = [
            change
            for standing in crews.values()
            for change in unanswered(standing, now, self.settings, self.words)
        ]
        if silences:
            tables.save_changes(conn, silences)
            present = tables.load_present(conn, self.district, now)
            crews = standings(present, self.district, self.settings)
        force = tables.load_plan_in_force(conn)
        self._remind(conn, crews, force, now)
        before = force.situation.get("weather") if force else None
        dry = hindrance(present.weather, self.settings, self.words, before)
        counts = {crew: len(standing.orders) for crew, standing in crews.items()}
        holds = situation(present, crews, counts, dry.code if dry else None)
        if reason := trigger(force, holds, now, self.settings):
            held: Mapping[str, Any] = self._plan(conn, present, crews, force, reason, dry)
            present = tables.load_present(conn, self.district, now)
            crews = standings(present, self.district, self.settings)
        else:
            assert force is not None
            held = force.situation
        self._see_to(conn, crews, held, now)

    def _remind(
        self,
        conn: Connection,
        crews: Mapping[str, Standing],
        force: PlanInForce | None,
        now: datetime,
    ) -> None:
        """Say its plan again to a crew that has not answered."""
        changes = [
            change
            for standing in crews.values()
            for change in reminders(standing, now, self.settings)
        ]
        if not changes:
            return
        tables.save_changes(conn, changes)
        told = tables.load_told(conn, force.id if force else None)
        for change in changes:
            crew = change.order.crew
            if crew in told:
                outbox.post(conn, [(f"down/crews/{crew}/orders", encode(told[crew]), True)])
            please = self.words.say(
                "answer_please", crew=self.names.crew(crew),
                place=self.names.place(change.order.place),
                treatment=self.words.treatment(change.order.treatment),
            )  # fmt: skip
            self._by_notice(conn, now, crew, please)

    def _by_notice(self, conn: Connection, now: datetime, crew: str, text: str) -> None:
        """Tell a crew that has no terminal."""
        if crew in self.settings.limits.no_terminal:
            title = self.names.crew(crew)
            ledger.notify(conn, now, f"crew:{crew}", title, text, crew)

    def _see_to(
        self,
        conn: Connection,
        crews: Mapping[str, Standing],
        held: Mapping[str, Any],
        now: datetime,
    ) -> None:
        """Let the clocks run, and call people where something stands too long."""
        tables.log_orders(conn, self.positions.judge(conn, now))
        matters = ledger.move_matters(conn, held.get("said", {}), now)
        astray = self.positions.astray(conn, crews, now)
        standing = self.troubles.standing(
            now, crews, matters, held.get("against", {}), ledger.left_musts(conn, now), astray,
            self.positions.unproven(conn, now),
        )  # fmt: skip
        new = ledger.keep_concerns(conn, standing, now, self.settings.limits, self.words)
        tables.log_orders(
            conn,
            [
                (one.order, now, "dispatch", one.kind, {"crew": one.crew})
                for one in astray
                if ("crew", f"{one.crew}/{one.kind}") in new
            ],
        )

    def _hear(self, conn: Connection) -> None:
        """Take the crews' words into their orders."""
        words = tables.load_progress(conn)
        if not words:
            return
        orders = tables.load_orders(conn, sorted({word.order for word in words}))
        changes: list[Change] = []
        for word in words:
            if word.order not in orders:
                continue
            if change := told(orders[word.order], word):
                orders[word.order] = change.order
                changes.append(change)
        tables.save_changes(conn, changes)
        tables.mark_applied(conn, words)

    def _plan(
        self,
        conn: Connection,
        present: Present,
        crews: Mapping[str, Standing],
        force: PlanInForce | None,
        reason: str,
        dry: Reason | None,
    ) -> dict[str, Any]:
        """Make a plan and give its orders; returns the situation that it was made from."""
        now = present.now
        draft = self._draft(conn, present, crews, force, reason)
        plan_id, wished, plan = draft.plan_id, draft.wished, draft.plan
        chosen = [order for orders in plan.orders.values() for order in orders]
        excluded = (*wished.exclusions, *plan.exclusions)
        before = tables.load_told(conn, force.id if force else None)
        after, changed = self._messages(now, plan_id, plan, before)
        known = {order.id for order in present.open_orders}
        withdrawn = withdrawals(crews.values(), chosen, now, self.words, dry, present.overrides)
        said, episode_lines = _episode_lines(present, force, chosen, excluded)
        said |= _answers(present, chosen, excluded)
        counts = {crew: len(orders) for crew, orders in plan.orders.items()}
        holds = situation(present, crews, counts, dry.code if dry else None)
        holds |= {"said": said, "left_out": plan.left_out, "against": against(excluded)}
        tables.save_plan(
            conn, plan_id, now, reason,
            {
                "seed": self.settings.seed, "wants": len(wished.wants), "searches": plan.detail,
                "after": force.id if force else None, "language": self.settings.language,
                "situation": holds,
            },
            after,
            wished.price,
        )  # fmt: skip
        tables.save_orders(conn, [order for order in chosen if order.crew in changed])
        tables.save_changes(conn, withdrawn)
        shift = timedelta(minutes=self.settings.publish_shift_min)
        tables.log_orders(conn, _order_lines(now, plan_id, chosen, known, before, changed, shift))
        tables.save_decisions(conn, plan_id, chosen, excluded)
        tables.log_episodes(conn, now, episode_lines)
        publish(conn, [episode for episode, event, _ in episode_lines if event == "order"])
        outbox.post(
            conn,
            [
                (f"down/crews/{crew}/orders", encode(after[crew]), True)
                for crew in after
                if crew in changed
            ],
        )

        for crew in sorted(changed & set(self.settings.limits.no_terminal)):
            orders = "; ".join(
                f"{self.words.time(order.eta)} {self.names.place(order.place)} "
                f"{self.words.treatment(order.treatment)}"
                for order in plan.orders[crew]
            )
            new = self.words.say("new_plan", crew=self.names.crew(crew), orders=orders)
            self._by_notice(conn, now, crew, new)
        return holds

    def _draft(
        self,
        conn: Connection,
        present: Present,
        crews: Mapping[str, Standing],
        force: PlanInForce | None,
        reason: str,
    ) -> Draft:
        """Plan from the situation; nothing is kept and nobody is told."""
        now = present.now
        weather = force.situation.get("weather") if force else None
        dry = hindrance(present.weather, self.settings, self.words, weather)
        facts = tables.load_facts(
            conn, present, self.district, self.planner.places, self.settings, weather
        )
        able = {c: s.crew.kind for c, s in crews.items() if s.condition == "ready"}
        wished = wishes(facts, self.district, self.settings, able)
        plan_id = tables.free_plan_id(conn, now)
        plan = self.planner.plan(
            now, plan_id, crews, wished.wants,
            left_out=None if force is None else settled(force, reason), dry=dry is not None,
            gain_s=gain_s(reason, self.settings), overrides=present.overrides,
        )  # fmt: skip
        return Draft(plan_id, facts, wished, plan)

    def _messages(
        self, now: datetime, plan_id: str, plan: Plan, before: Mapping[str, Message]
    ) -> tuple[dict[str, Message], set[str]]:
        """What every crew has been told once this plan is out, and who must be told anew."""
        shift = timedelta(minutes=self.settings.publish_shift_min)
        after: dict[str, Message] = {}
        changed: set[str] = set()
        for crew, orders in plan.orders.items():
            message = plan_message(plan_id, crew, now, orders)
            if tells_more(before.get(crew), message, shift):
                after[crew] = message
                changed.add(crew)
            elif crew in before:
                after[crew] = before[crew]
        return after, changed


def _answers(
    present: Present, orders: Iterable[Order], excluded: Iterable[Exclusion]
) -> dict[str, str]:
    """What the plan answers to each complaint."""
    at_place = {order.place: order.id for order in orders if order.treatment in CLEANS}
    reasons: dict[str, str] = {}
    for exclusion in excluded:
        if exclusion.treatment is None or exclusion.treatment in CLEANS:
            reasons.setdefault(exclusion.place, exclusion.reason.code)
    return answers(at_place, reasons, present.complaints)


def _order_lines(
    now: datetime,
    plan_id: str,
    orders: Iterable[Order],
    known: set[str],
    before: Mapping[str, Message],
    changed: set[str],
    shift: timedelta,
) -> list[tuple[str, datetime, str, str, dict[str, Any]]]:
    """The log of a plan's orders: the new ones, and those that a crew is told otherwise of, or
    to arrive at by more than `shift` from what it was told."""
    old = {order["order"]: order for message in before.values() for order in message["orders"]}
    lines = []
    for order in orders:
        if order.crew not in changed:
            continue
        detail = {"plan": plan_id, "crew": order.crew, "eta": order.eta}
        if order.id not in known:
            lines.append((order.id, now, "dispatch", "sent", detail))
        elif order.id in old and tells_anew(old[order.id], order, shift):
            lines.append((order.id, now, "dispatch", "replanned", detail))
    return lines


def _episode_lines(
    present: Present,
    force: PlanInForce | None,
    orders: Sequence[Order],
    excluded: Sequence[Exclusion],
) -> tuple[dict[str, str], list[tuple[str, str, dict[str, Any]]]]:
    """What each open episode has been answered, and what has to be added to its log for it."""
    before: Mapping[str, str] = force.situation.get("said", {}) if force else {}
    # Two rules may be broken at one place: what serves or rules out one answers both.
    at_place = {order.segment or order.site: order for order in reversed(orders) if order.episode}
    serving = {order.episode: order for order in reversed(orders) if order.episode is not None}
    against: dict[str, Exclusion] = {}
    for exclusion in excluded:
        if exclusion.episode is not None:
            against.setdefault(exclusion.episode, exclusion)
            against.setdefault(exclusion.place, exclusion)
    said: dict[str, str] = {}
    lines: list[tuple[str, str, dict[str, Any]]] = []
    for episode in present.episodes:
        place = episode.segment or episode.site or ""
        if order := serving.get(episode.id) or at_place.get(place):
            said[episode.id] = order.id
            line = (
                episode.id, "order",
                {
                    "order": order.id, "crew": order.crew, "treatment": order.treatment,
                    "eta": order.eta,
                },
            )  # fmt: skip
        elif exclusion_ := against.get(episode.id) or against.get(place):
            said[episode.id] = exclusion_.reason.code
            text = exclusion_.reason.text
            line = (episode.id, "reason", {"reason": text, "also": other(text)})
        else:
            continue
        if before.get(episode.id) != said[episode.id]:
            lines.append(line)
    return said, lines
