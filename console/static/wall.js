// The screen on the wall: four views that take turns, whatever happens to server, database or line.
import { createApp, h, onBeforeUnmount, onMounted, reactive, ref, shallowRef } from "/lib/vue/vue.esm-browser.prod.js";
import { get, history as askHistory } from "./api.js";
import { crewName, district, me, placeName, setDistrict } from "./board.js";
import { gate } from "./gate.js";
import { listen, live, onChange, tables } from "./live.js";
import { StreetMap } from "./map.js";
import { tally } from "./alarms.js";
import { alarmLevel, alarmsOf } from "./map-colours.js";
import { age, clock, clockSeconds, compass, language, nameOf, setZone, signed, speak, t, whole } from "./texts.js";
import { WallChart } from "./wall-chart.js";

const asked = new URLSearchParams(location.search);
const TURN_MS = 1000 * (Number(asked.get("turn")) || 20);
const HISTORY_H = 3;
const REFRESH_MS = 30_000;
const PULSE_MS = 60_000;
const RETRY_MS = 3000;
// After so long without news the picture says that it stands still.
const OLD_MS = 20_000;
const SHIFT_MS = 60_000;
const SHIFTS = [[0, 0], [3, 0], [3, 3], [0, 3], [-3, 3], [-3, 0], [-3, -3], [0, -3], [3, -3]];
const CURSOR_MS = 4000;
const CREWS_SHOWN = 10;
const ROWS_AHEAD = 9;
const WORRIES = 6;
const OPEN = ["sent", "accepted", "started"];
const VIEWS = ["street", "worst", "crews", "ahead"];

const wall = reactive({ view: VIEWS.includes(asked.get("view")) ? asked.get("view") : "street", pinned: asked.has("view"), age: 0, out: false, shift: 0, turn: 0 });
const history = shallowRef(null);
const today = shallowRef(null);
const outlook = shallowRef(null);

// Segments, what matters most first: what nobody has acknowledged, then level, then increment.
function ranked() {
  const alarms = alarmsOf(Object.values(tables.episodes), tables.overview.now);
  const entries = Object.entries(tables.segments).map(([id, state]) => {
    const { level, calm } = alarmLevel(state, alarms[id]);
    const rank = [alarms[id]?.unseen ? 1 : 0, calm ? level - 0.5 : level, state.standing === "live" ? 1 : 0, state.increment ?? -1];
    return { id, level, calm, rank, state };
  });
  return entries.sort((a, b) => {
    const i = a.rank.findIndex((value, n) => value !== b.rank[n]);
    return i < 0 ? 0 : b.rank[i] - a.rank[i];
  });
}

const worst = () => ranked()[0];

let chosen = null;
const keep = (box, asking) => asking.then((found) => (box.value = found)).catch(() => {});

async function refresh() {
  const segment = (chosen = worst()?.id ?? null);
  await Promise.all([
    segment ? askHistory(segment, HISTORY_H).then((found) => chosen === segment && (history.value = found)).catch(() => {}) : null,
    keep(today, get("today")),
    keep(outlook, get("outlook")),
  ]);
}

const tell = (label, value, className = "") =>
  h("div", { class: `tell ${className}` }, [h("span", {}, label), h("b", {}, value)]);

const Head = () => {
  const { now, wind, background } = tables.overview;
  const alarms = tally();
  return h("header", { class: "wallhead" }, [
    h("h1", {}, nameOf(district)),
    h("span", { class: "view" }, t(`wall.${wall.view}`)),
    h("div", { class: "dots", "aria-hidden": "true" }, VIEWS.map((view) => h("i", { key: view, class: view === wall.view ? "on" : "" }))),
    h("span", { class: "spacer" }),
    tell(t("header.wind"), wind ? `${t("header.wind_from", { dir: compass(wind.dir) })} ${wind.speed.toFixed(1)} m/s` : "–"),
    tell(t("header.background"), background == null ? "–" : [whole(background), h("small", {}, " µg/m³")]),
    tell(t("wall.unacknowledged"), now ? alarms.waiting : "–", alarms.waiting ? "alert" : ""),
    tell(t("wall.open"), now ? alarms.standing : "–"),
    h("b", { class: "clock" }, now ? clock(now) : "–"),
  ]);
};

const plate = ({ level, calm }, standing) => {
  const unknown = standing !== "live" && !level;
  return h("span", { class: `plate ${unknown ? "" : `l${level}`}${calm ? " calm" : ""}` }, unknown ? t(`standing.${standing}`) : t(`level.${level}`));
};

const causeText = (cause) =>
  cause.kind === "site" && cause.site ? placeName(cause) : t(`cause.${cause.kind}`);

// Beside the map: the streets that matter, by name.
const Worries = () => {
  const shown = ranked().filter(({ level, state }) => level && state.standing !== "unmeasured").slice(0, WORRIES);
  const blind = !tables.overview.stations_live;
  if (!live.known) return null;
  return h("ul", { class: "worries" }, shown.length
    ? shown.map(({ id, level, calm, state }) => h("li", { key: id, class: `l${level}${calm ? " calm" : ""}` }, [
      h("span", {}, placeName({ segment: id })), h("b", {}, signed(state.increment))]))
    : h("li", { class: blind ? "blind" : "clean" }, h("span", {}, t(blind ? "wall.blind" : "wall.clean"))));
};

const Worst = () => {
  const found = worst();
  const segment = district.segments[found?.id];
  if (!segment) return h("section", { class: "worst" }, h("p", { class: "starting" }, t(live.known ? "wall.blind" : "app.loading")));
  const state = tables.segments[segment.id];
  const episode = Object.values(tables.episodes)
    .filter((one) => one.segment === segment.id && ["active", "recovering"].includes(one.state))
    .sort((a, b) => b.level - a.level || Date.parse(a.started_at) - Date.parse(b.started_at))[0];
  const cause = episode ? [...episode.causes].sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0))[0] : null;
  const order = Object.values(tables.orders)
    .filter((one) => one.segment === segment.id && OPEN.includes(one.state))
    .sort((a, b) => Date.parse(a.eta) - Date.parse(b.eta))[0];
  const measured = state.standing !== "unmeasured";
  return h("section", { class: "worst" }, [
    h("header", {}, [
      plate(found, state.standing),
      h("div", {}, [
        h("h2", {}, nameOf(segment)),
        h("p", { class: "why" }, episode
          ? [t("wall.cause"), " ", h("b", {}, cause ? `${causeText(cause)}${cause.probability == null ? "" : ` ${Math.round(100 * cause.probability)}%`}` : t("cause.unknown")),
            " · ", t(`rule.${episode.rule}`), " · ", age(episode.started_at, tables.overview.now), " · ",
            order ? [h("b", {}, crewName(order.crew)), ` ${t(`treatment.${order.treatment}`)} ${t(`order_state.${order.state}`)} ${clock(order.started_at ?? order.eta)}`] : t("wall.no_order")]
          : found.level < 2 ? t("wall.no_alarm") : t("wall.no_order")),
      ]),
      // In the colour of this minute: what calls may be the mean of an hour.
      h("div", { class: `big ${measured ? `l${state.level}` : ""}` }, [h("b", {}, measured ? signed(state.increment) : "–"), h("span", {}, `${t("wall.increment")} µg/m³ · PM10 ${measured ? whole(state.pm10) : "–"}`)]),
    ]),
    history.value?.segment === segment.id ? h(WallChart, { history: history.value, key: segment.id }) : h("div", { class: "wallchart" }),
  ]);
};

// As people say large numbers: 万 in Chinese, k in English; two digits, for the interval is wide.
const short = (value) => new Intl.NumberFormat(language(), { notation: "compact", maximumSignificantDigits: 2 }).format(value);

const WORKING = ["working", "driving", "refilling", "broken", "idle"];

const Crews = () => {
  const figures = today.value;
  const alarms = tally();
  const orders = Object.values(tables.orders).filter((order) => OPEN.includes(order.state));
  const stateOf = (crew) => {
    const now = tables.crews[crew.id] ?? {};
    return now.freshness === "live" ? now.state ?? "unknown" : "unknown";
  };
  const rank = (crew) => (WORKING.indexOf(stateOf(crew)) + WORKING.length + 1) % (WORKING.length + 1);
  const crews = Object.values(district.crews).sort((a, b) => rank(a) - rank(b));
  const pages = Math.max(1, Math.ceil(crews.length / CREWS_SHOWN));
  const shown = crews.slice((wall.turn % pages) * CREWS_SHOWN).slice(0, CREWS_SHOWN);
  const done = figures ? Object.values(figures.treatments).reduce((a, b) => a + b, 0) : null;
  const number = (label, value, small, className = "") =>
    h("div", { class: className }, [h("span", {}, label), h("b", {}, value ?? "–"), small ? h("small", {}, small) : null]);
  return h("section", { class: "crewswall" }, [
    h("div", { class: "numbers" }, [
      number(t("wall.unacknowledged"), alarms.waiting, `${t("wall.open")} ${alarms.standing}`, alarms.waiting ? "alert" : ""),
      number(t("wall.opened"), figures?.opened, figures ? `${t("wall.closed")} ${figures.closed}` : ""),
      number(t("wall.treatments"), done, ""),
      number(t("wall.water"), figures ? (figures.water_l / 1000).toFixed(figures.water_l < 10_000 ? 1 : 0) : null, "m³"),
      number(t("wall.effective"), figures?.judged ? figures.effective : null, figures?.judged ? `/ ${figures.judged}` : ""),
      number(t("wall.avoided"), figures?.avoided.of ? short(figures.avoided.value) : null,
        figures?.avoided.of ? t("wall.between", { low: short(figures.avoided.low), high: short(figures.avoided.high) }) : ""),
    ]),
    h("ul", { class: "crewlist" }, [
      ...shown.map((crew) => {
        const now = tables.crews[crew.id] ?? {};
        const state = stateOf(crew);
        const order = orders.filter((one) => one.crew === crew.id).sort((a, b) => a.seq - b.seq)[0];
        const share = crew.tank_l && now.water_l != null ? Math.min(1, now.water_l / crew.tank_l) : null;
        return h("li", { key: crew.id }, [
          h("span", { class: `lamp ${state}`, "aria-hidden": "true" }),
          h("b", {}, nameOf(crew)), h("em", {}, t(`crew_state.${state}`)),
          h("p", {}, [
            h("span", {}, order ? `${clock(order.started_at ?? order.eta)} ${t(`treatment.${order.treatment}`)} ${order.depot ? t(`map.${district.depots[order.depot]?.kind ?? "depot"}`) : placeName(order)}` : t("plan.no_orders")),
            share == null ? null : h("span", { class: "tank", "aria-hidden": "true" }, h("i", { class: share < 0.2 ? "low" : "", style: { width: `${Math.round(100 * share)}%` } })),
          ]),
        ]);
      }),
      crews.length > shown.length ? h("li", { class: "others", key: "others" }, t("wall.more_crews", { n: crews.length - shown.length })) : null,
    ]),
  ]);
};

const chance = (value) =>
  h("div", { class: `chance ${value >= 0.5 ? "high" : value >= 0.2 ? "some" : ""}` }, [
    h("i", {}, h("span", { style: { width: `${Math.round(100 * (value ?? 0))}%` } })),
    h("b", {}, value == null ? "–" : `${Math.round(100 * value)}%`),
  ]);

const Ahead = () => {
  const at = (steps, horizon) => steps.find((step) => step.horizon_min === horizon) ?? {};
  const rows = Object.entries(outlook.value?.segments ?? {})
    .map(([id, steps]) => ({ id, hour: at(steps, 60), later: at(steps, 180) }))
    .sort((a, b) => (b.hour.chance_2 ?? 0) - (a.hour.chance_2 ?? 0) || (b.later.chance_2 ?? 0) - (a.later.chance_2 ?? 0) || (b.hour.q50 ?? 0) - (a.hour.q50 ?? 0))
    .slice(0, ROWS_AHEAD);
  if (!rows.length) return h("section", { class: "aheadwall" }, h("p", { class: "nothing" }, t("wall.no_outlook")));
  return h("section", { class: "aheadwall" }, h("table", {}, [
    h("thead", {}, h("tr", {}, [
      h("th", { scope: "col" }, t("detail.heading")),
      h("th", { scope: "col" }, `${t("wall.chance")} ${t("wall.within_1h")}`),
      h("th", { scope: "col" }, t("wall.within_3h")),
      h("th", { scope: "col" }, `${t("wall.foreseen")} µg/m³`),
    ])),
    h("tbody", {}, rows.map(({ id, hour, later }) => h("tr", { key: id }, [
      h("td", { class: "place" }, placeName({ segment: id })),
      h("td", { class: "bar" }, chance(hour.chance_2)),
      h("td", { class: "bar" }, chance(later.chance_2)),
      h("td", { class: "number" }, `${signed(hour.q50)} (${whole(hour.q10)} – ${whole(hour.q90)})`),
    ]))),
  ]));
};

// Said large when there is no news: how long ago the picture was true.
const Frozen = () => {
  if (wall.out) return h("div", { class: "frozen", role: "alert" }, [h("b", {}, t("wall.signed_out")), h("span", {}, t("wall.signed_out_hint"))]);
  if (wall.age < OLD_MS) return null;
  return h("div", { class: "frozen", role: "alert" }, [
    h("b", {}, t("wall.frozen", { time: tables.overview.now ? clockSeconds(tables.overview.now) : "–" })),
    h("span", {}, t("wall.frozen_for", { age: age(0, wall.age) })),
  ]);
};

const Page = {
  setup() {
    const timers = [];
    const every = (ms, act) => timers.push(setInterval(act, ms));
    let turner = null;

    function show(view) {
      wall.view = view;
      wall.turn += 1;
      refresh();
      clearTimeout(turner);
      if (!wall.pinned) turner = setTimeout(() => show(VIEWS[(VIEWS.indexOf(wall.view) + 1) % VIEWS.length]), TURN_MS);
    }

    // A severe alarm that is new turns the screen to it at once.
    let severe = new Set();
    const unlisten = onChange((section) => {
      // Whose hours are shown has changed: they are asked for at once, not at the next turn.
      if (section === "segments" && worst()?.id !== chosen) refresh();
      if (section !== "episodes") return;
      const now = new Set(Object.values(tables.episodes)
        .filter((one) => one.level >= 3 && one.acknowledged_by == null && ["active", "recovering"].includes(one.state)).map((one) => one.id));
      const fresh = [...now].some((id) => !severe.has(id));
      severe = now;
      if (fresh && !wall.pinned) show("worst");
    });

    function keys(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) show(VIEWS[(VIEWS.indexOf(wall.view) + step + VIEWS.length) % VIEWS.length]);
      if (event.key === " " && event.target === document.body) {
        wall.pinned = !wall.pinned;
        show(wall.view);
      }
    }

    onMounted(() => {
      show(wall.view);
      every(1000, () => (wall.age = live.heard ? Date.now() - live.heard : 0));
      every(REFRESH_MS, refresh);
      every(PULSE_MS, pulse);
      every(SHIFT_MS, () => (wall.shift = (wall.shift + 1) % SHIFTS.length));
      addEventListener("keydown", keys);
    });
    onBeforeUnmount(() => {
      timers.forEach(clearInterval);
      clearTimeout(turner);
      unlisten();
      removeEventListener("keydown", keys);
    });

    return () => {
      const [x, y] = SHIFTS[wall.shift];
      return h("div", { class: ["shown", wall.age >= OLD_MS || wall.out ? "stale" : ""], style: { transform: `translate(${x}px, ${y}px)` } }, [
        h(Head),
        h("main", { class: "wallbody" }, [
          // Kept while others are shown: a map costs more to make than to keep.
          h("section", { style: { visibility: wall.view === "street" ? "visible" : "hidden" }, "aria-hidden": wall.view !== "street" }, [h(StreetMap, { plain: true }), h(Worries)]),
          wall.view === "worst" ? h(Worst) : null,
          wall.view === "crews" ? h(Crews) : null,
          wall.view === "ahead" ? h(Ahead) : null,
        ]),
        h(Frozen),
      ]);
    };
  },
};

// Whether the server still knows this screen, and whether it serves a newer page. Only a server that
// answers is worth a reload: the picture that stands is better than a browser's error.
async function pulse() {
  const answer = await fetch("/wall/pulse").catch(() => null);
  if (!answer) return;
  if (answer.status === 401) wall.out = true;
  if (!answer.ok) return;
  if (wall.out) location.reload();
  const { version } = await answer.json().catch(() => ({}));
  if (version && version !== document.body.dataset.version) location.reload();
}

async function insist(ask) {
  for (;;) {
    try {
      return await ask();
    } catch {
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }
}

function showCursorWhenMoved() {
  let timer = null;
  addEventListener("pointermove", () => {
    document.body.classList.add("moved");
    clearTimeout(timer);
    timer = setTimeout(() => document.body.classList.remove("moved"), CURSOR_MS);
  });
}

// A screen that sleeps is no screen; browsers allow this over a secure connection only.
async function stayAwake() {
  const lock = () => navigator.wakeLock?.request("screen").catch(() => {});
  await lock();
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && lock());
}

document.documentElement.style.setProperty("--scale", String(Math.max(1, innerWidth / 1920)));
gate.shut = () => (wall.out = true);
showCursorWhenMoved();
const [layers, user] = await Promise.all([
  insist(() => get("district")),
  insist(() => get("me")),
  insist(() => speak(document.documentElement.lang)),
]);
setDistrict(layers);
setZone(layers.timezone);
Object.assign(me, user, { may_act: false });
createApp(Page).mount("#app");
listen();
stayAwake();
