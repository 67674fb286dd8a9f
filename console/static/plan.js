// The plan as a list per crew: what each does now, what comes next, its water and where it is.
import { computed, h, reactive } from "/lib/vue/vue.esm-browser.prod.js";
import { district, placeName, selectCrew, selected, selectSegment } from "./board.js";
import { live, tables } from "./live.js";
import { clock, inOwn, nameOf, t, whole } from "./texts.js";

const OPEN = ["sent", "accepted", "started"];

export function ordersOf(crew, orders) {
  const mine = orders.filter((order) => order.crew === crew);
  return {
    open: mine.filter((order) => OPEN.includes(order.state)).sort((a, b) => a.seq - b.seq),
    ended: mine
      .filter((order) => !OPEN.includes(order.state))
      .sort((a, b) => Date.parse(b.ended_at) - Date.parse(a.ended_at)),
  };
}

const where = (order) =>
  order.depot ? t(`map.${district.depots[order.depot]?.kind ?? "depot"}`) : placeName(order);

const OrderRow = ({ order }) =>
  h("li", {
    class: `order ${order.state} p${order.priority} ${order.segment && order.segment === selected.segment ? "chosen" : ""}`,
    key: order.id,
  }, [
    h("time", { title: t(order.started_at ? "plan.started" : "plan.eta") },
      clock(order.ended_at ?? order.started_at ?? order.eta)),
    h("div", {}, [
      h("div", { class: "what" }, [
        h("b", {}, t(`treatment.${order.treatment}`)),
        order.segment
          ? h("button", { type: "button", class: "link", onClick: () => selectSegment(order.segment) }, where(order))
          : h("span", { class: "where" }, where(order)),
        order.priority <= 2 ? h("span", { class: `chip prio p${order.priority}` }, t(`priority.${order.priority}`)) : null,
        h("span", { class: `chip ${order.state}` }, t(`order_state.${order.state}`)),
      ]),
      h("div", { class: "because" }, [
        h("p", {}, inOwn(order.outcome, order.outcome_also) ?? inOwn(order.reason, order.also)),
        h("button", { type: "button", class: "link askwhy", "data-why-order": order.id, "aria-label": `${t("why.why_order")} ${order.id}` }, t("why.why")),
      ]),
    ]),
  ]);

const Water = ({ crew, now }) => {
  if (!crew.tank_l || now.water_l == null) return null;
  const share = Math.min(1, now.water_l / crew.tank_l);
  return h("div", { class: share < 0.2 ? "water low" : "water" }, [
    h("meter", { min: 0, max: crew.tank_l, low: crew.tank_l * 0.2, value: now.water_l, "aria-label": t("plan.water") }),
    h("span", {}, `${(now.water_l / 1000).toFixed(1)} / ${(crew.tank_l / 1000).toFixed(0)} m³`),
  ]);
};

export const Plan = {
  setup() {
    const unfolded = reactive({});
    const crews = computed(() => {
      const orders = Object.values(tables.orders);
      return Object.values(district.crews).map((crew) => ({ crew, ...ordersOf(crew.id, orders) }));
    });
    return () =>
      h("section", { class: "plan", "aria-label": t("plan.heading") }, [
        h("h2", { class: "panehead" }, [
          t("plan.heading"),
          h("small", {}, tables.overview.plan_at
            ? t("plan.issued", { time: clock(tables.overview.plan_at) })
            : live.known ? t("plan.no_plan") : ""),
        ]),
        h("div", { class: "scroll" }, crews.value.map(({ crew, open, ended }) => {
          const now = tables.crews[crew.id] ?? {};
          const state = now.freshness === "live" ? now.state ?? "unknown" : "unknown";
          return h("article", { class: ["crewplan", selected.crew === crew.id ? "chosen" : ""], key: crew.id }, [
            h("button", { type: "button", class: "crewhead", "aria-pressed": selected.crew === crew.id, onClick: () => selectCrew(crew.id) }, [
              h("span", { class: `lamp ${state}`, "aria-hidden": "true" }),
              h("span", { class: "crewname" }, [h("b", {}, nameOf(crew)), h("small", {}, [t(`crew_kind.${crew.kind}`), " · ", t("plan.off_shift", { shifts: crew.shifts.join(", ") })])]),
              h("span", { class: "crewstate" }, [
                h("b", {}, live.known ? t(`crew_state.${state}`) : "–"),
                now.speed_kmh != null && ["driving", "working"].includes(state) ? h("small", {}, `${whole(now.speed_kmh)} km/h`) : null,
              ]),
              h(Water, { crew, now }),
            ]),
            open.length
              ? h("ol", {}, open.map((order) => h(OrderRow, { order, key: order.id })))
              : h("p", { class: "quiet" }, t(live.known ? "plan.no_orders" : "app.loading")),
            ended.length
              ? h("button", {
                type: "button", class: "link ended", "aria-expanded": !!unfolded[crew.id],
                onClick: () => (unfolded[crew.id] = !unfolded[crew.id]),
              }, t("plan.ended", { n: ended.length }))
              : null,
            unfolded[crew.id] ? h("ol", { class: "past" }, ended.map((order) => h(OrderRow, { order, key: order.id }))) : null,
          ]);
        })),
      ]);
  },
};
