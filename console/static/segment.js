// Why, for a segment: one time axis, then in sentences what causes its dust, what lies on it, what
// would help, what was decided and why, and what was done and achieved.
import { createApp, h, reactive, ref, shallowRef, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { historyUntil, placeWhy } from "./alarm-api.js";
import { Causes } from "./alarm-story.js";
import { get, LEAD_H } from "./api.js";
import { AxisChart } from "./axis-chart.js";
import { crewName, district, me, roadName, setDistrict } from "./board.js";
import { age, clock, inOwn, moment, setZone, signed, speak, t, whole } from "./texts.js";
import { intervalText, sourceTexts, verdictText } from "./verdict.js";
import { explainOrder, sentence, share } from "./why.js";
import { decisionLines, groundLines, worthLines } from "./why-words.js";

const SPANS_H = [6, 24, 72, 168];
const id = document.querySelector("#app").dataset.segment;

const section = (name, ...content) =>
  h("section", { "aria-labelledby": `h-${name}` }, [h("h2", { id: `h-${name}` }, t(`segment.${name}`)), ...content.flat()]);

const say = (lines) => lines.filter(Boolean).map((line) => h("p", { class: "say", key: line }, line));

// What is so now, in one or two sentences, before any figure.
function lead(segment, history, why) {
  const last = history.minutes.increment.findLastIndex((value) => value != null);
  const standing = why.episodes.find(({ state }) => ["active", "recovering"].includes(state));
  return [
    last < 0 ? t("segment.unmeasured") : t("segment.lead", {
      time: clock(history.minutes.ts[last]), pm10: whole(history.minutes.pm10[last]), background: whole(history.minutes.background[last]),
      increment: signed(history.minutes.increment[last]), low: whole(history.minutes.low[last]), high: whole(history.minutes.high[last]),
    }),
    standing ? t("segment.standing", { level: t(`level.${standing.level}`), rule: t(`rule.${standing.rule}`), time: moment(standing.started_at, why.at), age: age(standing.started_at, why.at) }) : t("segment.no_standing"),
    segment.residents ? t("segment.residents", { n: segment.residents }) : "",
  ];
}

// Axes with nothing between them would look like clean air.
const anything = ({ minutes, episodes, orders: done }) =>
  minutes.increment.some((value) => value != null) || minutes.pm10.some((value) => value != null) || episodes.length > 0 || done.length > 0;

function causes(why) {
  const shown = why.episodes.filter(({ causes: found }) => found.length).slice(0, 3);
  if (!shown.length) return say([t(why.episodes.length ? "segment.causes_unknown" : "segment.no_episodes")]);
  return shown.map((episode) => h("div", { key: episode.id }, [
    h("h3", {}, t("segment.episode", { time: moment(episode.started_at, why.at), level: t(`level.${episode.level}`), state: t(`state.${episode.state}`) })),
    h(Causes, { causes: episode.causes }),
    episode.measured ? null : h("p", { class: "quiet" }, t("segment.estimated")),
  ]));
}

const rangeBar = (low, middle, high, most) =>
  h("div", { class: "rangebar", "aria-hidden": "true" }, [
    h("i", { style: { left: `${(100 * Math.max(0, low)) / most}%`, width: `${(100 * (high - Math.max(0, low))) / most}%` } }),
    h("b", { style: { left: `${(100 * Math.max(0, middle)) / most}%` } }),
  ]);

function worths(why) {
  const found = why.worths.filter(({ dose }) => dose > 0);
  if (!found.length) return say([t("segment.no_worth")]);
  const most = Math.max(1, ...found.map(({ spared, spared_sd: sd, dose }) => (100 * (spared + 1.645 * sd)) / dose));
  return [
    ...say([t("segment.worth_lead", { time: clock(found[0].ts) })]),
    h("div", { class: "tablebox" }, h("table", {}, [
      h("thead", {}, h("tr", {}, ["treatment", "spares", "interval", ...(why.learned.length ? ["learned"] : [])].map((name) => h("th", { key: name, scope: "col" }, t(`segment.col_${name}`))))),
      h("tbody", {}, found.map(({ treatment, spared, spared_sd: sd, dose }) => {
        const [pct, low, high] = [spared, spared - 1.645 * sd, spared + 1.645 * sd].map((value) => (100 * value) / dose);
        const learned = why.learned.find((one) => one.treatment === treatment);
        return h("tr", { key: treatment }, [
          h("td", {}, h("b", {}, t(`treatment.${treatment}`))),
          h("td", {}, `${whole(pct)}%`),
          h("td", { style: { minWidth: "150px" } }, [`${whole(Math.max(-100, low))}% ～ ${whole(Math.min(100, high))}%`, rangeBar(low, pct, Math.min(most, high), most)]),
          !why.learned.length ? null : h("td", {}, learned ? t("segment.learned", { pct: share(learned.removes), low: share(learned.low), high: share(learned.high) }) : "–"),
        ]);
      })),
    ])),
  ];
}

const proofOf = (order) => (order.proven == null ? (order.proven_share == null ? "–" : share(order.proven_share)) : `${order.proven ? "✓" : "✗"} ${share(order.proven_share)}`);

function verdictOf(order) {
  if (!order.judged_at) return order.state === "done" ? t("verdict.waiting") : "–";
  return [h("span", { class: order.effective ? "good" : "" }, `${verdictText(order)} · ${intervalText(order)}`),
    ...sourceTexts(order).map((line) => h("small", { class: "source", key: line }, line)),
    order.disagree ? h("span", { class: "chip warn" }, t("verdict.disagree")) : null];
}

const orders = (why) => (why.orders.length
  ? h("div", { class: "tablebox" }, h("table", {}, [
    h("thead", {}, h("tr", {}, ["time", "crew", "treatment", "state", "reason", "proof", "verdict", "why"].map((name) => h("th", { key: name, scope: "col" }, name === "why" ? t("why.why") : t(`segment.col_${name}`))))),
    h("tbody", {}, why.orders.map((order) => h("tr", { key: order.id, class: order.state }, [
      h("td", {}, moment(order.started_at ?? order.eta, why.at)),
      h("td", {}, crewName(order.crew)),
      h("td", {}, t(`treatment.${order.treatment}`)),
      h("td", {}, h("span", { class: `chip ${order.state}` }, t(`order_state.${order.state}`))),
      h("td", {}, [inOwn(order.reason, order.also), order.outcome ? h("small", { class: "source" }, inOwn(order.outcome, order.outcome_also)) : null]),
      h("td", {}, proofOf(order)),
      h("td", {}, verdictOf(order)),
      h("td", {}, h("button", { type: "button", "aria-label": `${t("why.why_order")} ${order.id}`, onClick: () => explainOrder(order.id) }, t("why.why"))),
    ]))),
  ]))
  : say([t("segment.no_orders")]));

const decisions = (why) => [
  ...say(decisionLines(why)),
  ...why.overrides.map((one) => h("p", { class: "say", key: one.id }, t("whysay.override", { who: one.given_by, kind: t(`why_override.${one.kind}`), why: one.why, until: moment(one.until, why.at) }))),
  why.decisions.length > 1 ? h("details", {}, [
    h("summary", {}, t("segment.earlier_decisions", { n: why.decisions.length })),
    h("ol", { class: "log" }, why.decisions.map((one) => h("li", { key: one.plan }, [
      h("time", {}, moment(one.issued_at, why.at)),
      h("div", {}, [h("b", {}, t(one.chosen ? "segment.chosen" : "segment.left_out", { treatment: one.treatment ? t(`treatment.${one.treatment}`) : "" })), h("p", {}, sentence(one.reason))]),
    ]))),
  ]) : null,
];

const matters = (why) => why.matters.map((one) => t("segment.matter", {
  opened: moment(one.opened_at, why.at), due: clock(one.due),
  answered: one.answered_at ? t("segment.matter_answered", { time: clock(one.answered_at) }) : t("segment.matter_open"),
  outcome: one.outcome ? t(`outcome.${one.outcome}`) : t("outcome.running"),
}));

const Page = {
  setup() {
    const asked = reactive({ hours: 24 });
    const history = shallowRef(null);
    const why = shallowRef(null);
    const problem = ref("");
    let turn = 0;
    async function load() {
      const mine = ++turn;
      try {
        const [past, found] = await Promise.all([
          historyUntil(id, { hours: Math.min(168, asked.hours + LEAD_H) }), placeWhy("segments", id, { hours: asked.hours }),
        ]);
        if (mine === turn) [history.value, why.value, problem.value] = [past, found, ""];
      } catch (error) {
        if (mine === turn) problem.value = error.message;
      }
    }
    watch(asked, load, { immediate: true });
    return () => {
      const segment = district.segments[id];
      const [past, found] = [history.value, why.value];
      return h("main", { class: "sheet-page" }, [
        h("header", {}, [
          h("p", { class: "quiet" }, `${roadName(segment)} · ${whole(segment.length_m)} m`),
          h("div", { class: "right noprint" }, [
            h("div", { class: "spans", role: "group", "aria-label": t("chart.span") }, SPANS_H.map((n) =>
              h("button", { type: "button", key: n, class: asked.hours === n ? "on" : "", "aria-pressed": asked.hours === n, onClick: () => (asked.hours = n) }, n > 24 ? t("segment.days", { n: n / 24 }) : t("chart.hours", { n })))),
            h("button", { type: "button", onClick: load }, t("segment.again")),
            h("button", { type: "button", onClick: () => print() }, t("health.print")),
            h("a", { class: "button", href: "/" }, t("segment.to_street")),
          ]),
        ]),
        problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
        !past || !found ? h("p", { class: "quiet", role: "status" }, t("app.loading")) : [
          section("now_heading", say(lead(segment, past, found))),
          section("axis", h("p", { class: "norm" }, t("segment.axis_says", { until: moment(past.until) })), anything(past) ? h(AxisChart, { history: past, why: found, lead: LEAD_H, onOrder: explainOrder }) : say([t("segment.nothing_in_span")])),
          h("div", { class: "two" }, [
            section("causes", causes(found)),
            section("decision", decisions(found), say(matters(found))),
          ]),
          h("div", { class: "two" }, [
            section("ground", say(groundLines(found))),
            section("worth", say(worthLines(past)), worths(found)),
          ]),
          section("orders", orders(found)),
        ],
      ]);
    };
  },
};

const [layers, user] = await Promise.all([get("district"), get("me"), speak(document.documentElement.lang)]);
setDistrict(layers);
setZone(layers.timezone);
Object.assign(me, user);
createApp(Page).mount("#app");
