// A segment opened: its last hours as a chart, its facts, its orders and their verdicts.
import { defineAsyncComponent, h, onBeforeUnmount, ref, shallowRef, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { placeWhy } from "./alarm-api.js";
import { history as askHistory, LEAD_H } from "./api.js";
import { crewName, district, roadName, selected } from "./board.js";
import { tables } from "./live.js";
import { inOwn, moment, nameOf, signed, t, whole } from "./texts.js";
import { intervalText, sourceTexts, verdictText } from "./verdict.js";
import { explainOrder } from "./why.js";
import { decisionLines, groundLines, worthLines } from "./why-words.js";

const SPANS_H = [2, 6, 24];
// Data is by the minute; in a simulated day a minute passes faster than a chart can be read.
const REFRESH_MS = 3000;

// The charts' library is larger than all else together, and the street is seen without it.
const SegmentChart = defineAsyncComponent({
  loader: () => import("./chart.js").then((chart) => chart.SegmentChart),
  loadingComponent: { render: () => h("div", { class: "chart" }) },
  delay: 0,
});

const figure = (label, value, unit) =>
  h("div", { class: "figure" }, [h("span", {}, label), h("b", {}, value), unit ? h("small", {}, unit) : null]);

const verdictOf = (order) => {
  if (order.judged_at) {
    const sources = sourceTexts(order);
    return h("span", { class: order.effective ? "good" : "", title: intervalText(order) }, [
      verdictText(order),
      order.disagree ? h("span", { class: "chip warn" }, t("verdict.disagree")) : null,
      ...(sources.length ? sources : [intervalText(order)]).map((line) => h("small", { class: "source" }, ` ${line}`)),
    ]);
  }
  return order.state === "done" ? h("span", { class: "quiet" }, t("verdict.waiting")) : "–";
};

export const Detail = {
  setup() {
    const hours = ref(2);
    const history = shallowRef(null);
    const why = shallowRef(null);
    const problem = ref("");
    let asked = 0;
    let timer = null;

    async function load() {
      clearTimeout(timer);
      timer = null;
      const segment = selected.segment;
      const turn = ++asked;
      try {
        const [found, said] = await Promise.all([
          askHistory(segment, hours.value + LEAD_H), placeWhy("segments", segment, { hours: hours.value }),
        ]);
        if (turn === asked) [history.value, why.value, problem.value] = [found, said, ""];
      } catch (error) {
        if (turn === asked) problem.value = error.message;
      }
    }
    const loadSoon = () => (timer ??= setTimeout(load, REFRESH_MS));

    watch(() => [selected.segment, hours.value], () => {
      history.value = why.value = null;
      load();
    }, { immediate: true });
    watch(() => tables.segments[selected.segment]?.ts, loadSoon);
    onBeforeUnmount(() => clearTimeout(timer));

    return () => {
      const segment = district.segments[selected.segment];
      if (!segment) return null;
      const state = tables.segments[segment.id] ?? {};
      const measured = state.standing !== "unmeasured";
      const orders = history.value?.orders ?? [];
      const standing = state.standing === "live" ? `l${state.level}` : state.standing;
      return h("section", { class: "detail", "aria-label": nameOf(segment) }, [
        h("header", {}, [
          h("span", { class: `badge ${standing}` }, [
            state.standing === "live" ? h("i", {}, String(state.level)) : null,
            state.standing === "live" ? t(`level.${state.level}`) : t(`standing.${state.standing}`),
          ]),
          h("h2", {}, [nameOf(segment), h("small", {}, ` ${segment.id}`)]),
          h("div", { class: "spans", role: "group", "aria-label": t("chart.span") }, SPANS_H.map((n) =>
            h("button", { type: "button", "aria-pressed": hours.value === n, class: hours.value === n ? "on" : "", onClick: () => (hours.value = n) },
              t("chart.hours", { n })))),
          h("a", { class: "whylink", href: `/segments/${encodeURIComponent(segment.id)}` }, t("why.open_place")),
          h("button", { type: "button", class: "close", "aria-label": t("app.close"), title: t("app.close"), onClick: () => (selected.segment = null) }, "×"),
        ]),
        h("div", { class: "body" }, [
          h("div", { class: "left" }, [
            problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
            history.value && !history.value.minutes.ts.length ? h("p", { class: "overlay" }, t("chart.empty")) : null,
            h(SegmentChart, { history: history.value }),
          ]),
          h("div", { class: "right" }, [
            h("div", { class: "figures" }, [
              figure(t("chart.increment"), measured ? signed(state.increment) : "–", "µg/m³"),
              figure("PM10", measured ? whole(state.pm10) : "–", "µg/m³"),
              figure(t("chart.background"), whole(state.background), "µg/m³"),
              figure(t("detail.confidence"), `${Math.round((state.confidence ?? 0) * 100)}%`),
            ]),
            h("p", { class: "facts" }, [
              [roadName(segment), `${whole(segment.length_m)} m`,
                segment.residents ? `${t("detail.residents")} ${t("detail.people", { n: segment.residents })}` : "",
                state.treated_at ? t("map.treated_at", { time: moment(state.treated_at, tables.overview.now) }) : t("map.untreated"),
              ].filter(Boolean).join(" · "),
            ]),
            ...worthLines(history.value).map((line) => h("p", { class: "facts", key: line }, line)),
            why.value ? h("p", { class: "facts decided" }, decisionLines(why.value).join(" ")) : null,
            why.value?.ground ? h("p", { class: "facts" }, groundLines(why.value).slice(0, 3).join("")) : null,
            orders.length
              ? h("table", {}, [
                h("thead", {}, h("tr", {}, ["time", "crew", "treatment", "state", "verdict"].map((column) => h("th", { key: column, scope: "col" }, t(`detail.${column}`))).concat(h("th", { key: "why", scope: "col" }, t("why.why"))))),
                h("tbody", {}, orders.map((order) =>
                  h("tr", { key: order.id, class: order.state, title: inOwn(order.outcome, order.outcome_also) ?? inOwn(order.reason, order.also) }, [
                    h("td", {}, moment(order.started_at ?? order.eta, tables.overview.now)),
                    h("td", {}, crewName(order.crew)),
                    h("td", {}, t(`treatment.${order.treatment}`)),
                    h("td", {}, h("span", { class: `chip ${order.state}` }, t(`order_state.${order.state}`))),
                    h("td", {}, verdictOf(order)),
                    h("td", {}, h("button", { type: "button", class: "link askwhy", "aria-label": `${t("why.why_order")} ${order.id}`, onClick: () => explainOrder(order.id) }, t("why.why"))),
                  ]))),
              ])
              : h("p", { class: "quiet" }, t("detail.no_orders")),
          ]),
        ]),
      ]);
    };
  },
};

