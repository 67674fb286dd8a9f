// The dispatch board: crews over their shifts, decisions against the plan, and what they would change.
import { computed, createApp, h, nextTick, onBeforeUnmount, reactive, shallowRef, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { get } from "./board-api.js";
import { Decision } from "./decision.js";
import { Gantt, barText, placeOf } from "./gantt.js";
import { fact, inHead } from "./head.js";
import { listen, live, onChange, tables } from "./live.js";
import { clock, inOwn, moment, nameOf, setZone, speak, t } from "./texts.js";
import "./why.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const AGAIN_MS = 5000;
const SOON_MS = 600;
const ZOOMS = ["two", "shift", "day"];

const district = { crews: [], segments: {}, sites: {}, depots: {} };
const me = reactive({ name: "", role: "" });
const view = reactive({ zoom: "shift", since: 0, until: 0, follow: true, table: false });
const board = shallowRef(null);
const story = shallowRef(null);
const photos = shallowRef([]);
const chosen = reactive({ order: null, crew: null });
const decision = reactive({ open: null, number: 0 });
const effect = shallowRef(null);
const trouble = reactive({ text: "" });

const mayDispatch = () => ["dispatcher", "administrator"].includes(me.role);
const mayAdd = () => mayDispatch() || me.role === "operator";

const placeName = (id) => {
  const place = district.segments[id] ?? district.sites[id];
  if (place) return nameOf(place);
  return district.depots[id] ? t(`map.${district.depots[id].kind}`) : id ?? "";
};
const names = {
  place: (order) => placeName(placeOf(order)),
  // Within a bar, the longest that fits: what is done is told by the row, but for inspections.
  labels: (order) => {
    const what = order.treatment === "inspect" ? `${t("treatment.inspect")} ` : "";
    return [`${what}${placeName(placeOf(order))}`, placeOf(order), what.trim()].filter(Boolean);
  },
  reason: (order) => inOwn(order.reason, order.also),
};
const crewName = (id) => {
  const crew = district.crews.find((one) => one.id === id);
  return crew ? nameOf(crew) : id;
};
const orderOf = (id) => board.value?.crews.flatMap((state) => state.orders).find((order) => order.id === id);

// The span ------------------------------------------------------------------------------------

function fit() {
  const now = board.value ? Date.parse(board.value.now) : Date.now();
  if (view.zoom === "two") [view.since, view.until] = [now - 30 * MINUTE, now + 90 * MINUTE];
  else if (view.zoom === "day") {
    const hours = clock(new Date(now)).split(":").map(Number);
    const midnight = Math.floor(now / MINUTE) * MINUTE - (hours[0] * 60 + hours[1]) * MINUTE;
    [view.since, view.until] = [midnight, midnight + 24 * HOUR];
  } else [view.since, view.until] = [now - 3 * HOUR, now + 5 * HOUR];
}

function show(zoom) {
  view.zoom = zoom;
  view.follow = true;
  fit();
  load();
}

function pan(share) {
  const by = (view.until - view.since) * share;
  panTo(view.since + by);
}

function panTo(since) {
  const span = view.until - view.since;
  view.follow = false;
  [view.since, view.until] = [since, since + span];
  loadSoon();
}

let asked = 0;
let timer = null;
async function load() {
  clearTimeout(timer);
  timer = null;
  const turn = ++asked;
  try {
    const span = `from=${new Date(view.since).toISOString()}&until=${new Date(view.until).toISOString()}`;
    const found = await get(`board?${span}`);
    if (turn !== asked) return;
    board.value = found;
    trouble.text = "";
    if (view.follow) {
      const before = view.since;
      fit();
      // The first answer tells the platform's time, which need not be this machine's.
      if (Math.abs(view.since - before) > 10 * MINUTE) return load();
    }
  } catch (error) {
    if (turn === asked) trouble.text = error.message;
  }
}
const loadSoon = () => (timer ??= setTimeout(load, SOON_MS));

async function openOrder(id) {
  chosen.order = id;
  chosen.crew = null;
  decision.open = null;
  story.value = null;
  photos.value = [];
  try {
    const [told, pictures] = await Promise.all([get(`orders/${encodeURIComponent(id)}`), get(`photos?order=${encodeURIComponent(id)}`)]);
    if (chosen.order === id) [story.value, photos.value] = [told, pictures];
  } catch (error) {
    trouble.text = error.message;
  }
}

function decide(kind, values = {}) {
  effect.value = null;
  decision.open = { kind, ...values };
  decision.number += 1;
}

function closeDecision() {
  decision.open = null;
  effect.value = null;
}

async function kept() {
  closeDecision();
  await load();
}

// Parts ---------------------------------------------------------------------------------------

const share = (today) => (today.due ? `${Math.round((100 * today.on_time) / today.due)}%` : "–");
const expected = (today) => `${Math.round((100 * (today.on_time + today.on_time_planned)) / (today.due + today.due_planned))}%`;
const m3 = (litres) => (litres / 1000).toFixed(1);

const Today = () => {
  const { today } = board.value;
  const of = (label, value, ahead) => fact(label, [value, ahead ? h("small", {}, ` / ${ahead}`) : null]);
  return inHead([
    of(t("board.treatments"), String(today.treatments), String(today.treatments + today.treatments_planned)),
    of(t("board.water"), `${m3(today.water_l)} m³`, m3(today.water_l + today.water_planned_l)),
    of(t("board.km"), `${today.km.toFixed(1)} km`, (today.km + today.km_planned).toFixed(1)),
    of(t("board.on_time"), share(today), today.due + today.due_planned ? t("board.of_musts", { share: expected(today), n: today.due + today.due_planned }) : ""),
  ], t("board.today_hint"));
};

const Tools = () =>
  h("div", { class: "boardtools" }, [
    h("div", { class: "group", role: "group", "aria-label": t("board.zoom") }, ZOOMS.map((zoom) =>
      h("button", { key: zoom, type: "button", class: view.zoom === zoom ? "on" : "", "aria-pressed": view.zoom === zoom, onClick: () => show(zoom) }, t(`zoom.${zoom}`)))),
    h("div", { class: "group", role: "group", "aria-label": t("board.pan") }, [
      h("button", { type: "button", "aria-label": t("board.earlier"), title: t("board.earlier"), onClick: () => pan(-0.5) }, "◀"),
      h("button", { type: "button", class: view.follow ? "on" : "", "aria-pressed": view.follow, onClick: () => show(view.zoom) }, t("board.now")),
      h("button", { type: "button", "aria-label": t("board.later"), title: t("board.later"), onClick: () => pan(0.5) }, "▶"),
    ]),
    h("button", { type: "button", class: view.table ? "on" : "", "aria-pressed": view.table, onClick: () => (view.table = !view.table) }, t("board.as_table")),
    mayAdd() ? h("button", { type: "button", class: "primary", onClick: () => decide("add") }, t("board.add")) : null,
  ]);

const Key = () =>
  h("footer", { class: "boardfoot" }, [
    h("ul", { class: "key", "aria-hidden": "true" }, ["drive", "work", "refill", "standing"].map((kind) =>
      h("li", { key: kind }, [h("i", { class: kind }), t(`bar.${kind}`)])).concat([
      h("li", { key: "planned" }, [h("i", { class: "work planned" }), t("board.planned")]),
      h("li", { key: "late" }, [h("i", { class: "late" }), t("board.late")]),
    ])),
    board.value?.plan_at ? h("span", { class: "plannote" }, t("board.plan_at", { time: clock(board.value.plan_at), why: t(`trigger.${board.value.trigger}`) })) : null,
  ]);

const Table = () =>
  h("div", { class: "scroll boardtable", id: "boardtable", tabindex: -1 }, h("table", {}, [
    h("caption", {}, t("board.table_caption", { from: clock(view.since), until: clock(view.until) })),
    h("thead", {}, h("tr", {}, ["crew", "what", "place", "start", "end", "state", "due"].map((column) => h("th", { key: column, scope: "col" }, t(`column.${column}`))))),
    h("tbody", {}, district.crews.flatMap((crew) => {
      const state = board.value.crews.find((one) => one.crew === crew.id);
      return state.bars.filter((bar) => !["standing", "off"].includes(bar.kind)).map((bar, i) => {
        const order = state.orders.find((one) => one.id === bar.order);
        return h("tr", { key: `${crew.id}${i}`, class: bar.late ? "late" : bar.planned ? "ahead" : "" }, [
          h("th", { scope: "row" }, nameOf(crew)),
          h("td", {}, bar.kind === "work" && order ? t(`treatment.${order.treatment}`) : t(`bar.${bar.kind}`)),
          h("td", {}, order && bar.kind !== "drive"
            ? h("button", { type: "button", class: "link", onClick: () => openOrder(order.id) }, names.place(order))
            : order ? t("board.drive_to", { place: names.place(order) }) : "–"),
          h("td", {}, clock(bar.start)), h("td", {}, clock(bar.end)),
          h("td", {}, bar.planned && order?.state !== "started" ? t("board.planned") : order && bar.kind === "work" ? t(`order_state.${order.state}`) : ""),
          h("td", { class: bar.late ? "bad" : "" }, order?.due && order.priority <= 3 && bar.kind === "work" ? `${clock(order.due)}${bar.late ? ` ${t("board.late")}` : ""}` : ""),
        ]);
      });
    })),
  ]));

const Close = (act) =>
  h("button", { type: "button", class: "close", "aria-label": t("app.close"), title: t("app.close"), onClick: act }, "×");

const OrderPane = () => {
  const order = orderOf(chosen.order) ?? story.value?.order;
  if (!order) return h("section", { class: "pane" }, h("p", { class: "quiet" }, t("app.loading")));
  const open = ["sent", "accepted", "started"].includes(order.state);
  const log = story.value?.log ?? [];
  const pin = board.value.overrides.find((one) => one.kind === "pin" && one.order_id === order.id);
  return h("section", { class: "pane", "aria-label": t("board.order") }, [
    h("header", {}, [
      h("h2", {}, [t(`treatment.${order.treatment}`), " ", names.place(order)]),
      Close(() => (chosen.order = null)),
    ]),
    h("p", { class: "tags" }, [
      h("span", { class: `chip ${order.state}` }, t(`order_state.${order.state}`)),
      h("span", { class: `chip prio p${order.priority}` }, t(`priority.${order.priority}`)),
      pin ? h("span", { class: "chip accepted" }, t("board.pinned")) : null,
    ]),
    h("p", { class: "whyline" }, names.reason(order)),
    h("button", { type: "button", "data-why-order": order.id }, t("why.why_order")),
    order.outcome ? h("p", { class: "bad" }, inOwn(order.outcome, order.outcome_also)) : null,
    h("dl", {}, [
      ["column.crew", crewName(order.crew)],
      order.started_at ? ["board.began", clock(order.started_at)] : ["board.eta", clock(order.eta)],
      order.ended_at ? ["board.ended", clock(order.ended_at)] : null,
      order.due ? ["board.due", clock(order.due)] : null,
      ["board.lasts", t("plan.minutes", { n: Math.round(order.minutes) })],
      order.water_l ? ["board.uses", `${Math.round(order.water_l)} L`] : null,
      story.value?.proof?.share != null ? ["board.proof", `${Math.round(100 * story.value.proof.share)}%`] : null,
    ].filter(Boolean).flatMap(([label, value]) => [h("dt", { key: label }, t(label)), h("dd", {}, value)])),
    open && !order.depot && mayDispatch() ? h("div", { class: "acts" }, [
      order.state !== "started" ? h("button", { type: "button", class: "primary", onClick: () => decide("assign", { place: placeOf(order), treatment: order.treatment, from: order.crew }) }, t("decide.assign")) : null,
      pin ? h("button", { type: "button", onClick: () => decide("withdraw", { override: pin }) }, t("board.unpin"))
        : h("button", { type: "button", onClick: () => decide("pin", { order: order.id, place: placeOf(order), treatment: order.treatment }) }, t("decide.pin")),
      h("button", { type: "button", onClick: () => decide("forbid", { place: placeOf(order), treatment: order.treatment }) }, t("decide.forbid")),
    ]) : null,
    photos.value.length ? h("div", { class: "photos" }, [
      h("h3", {}, t("board.photos")),
      h("ul", {}, photos.value.map((photo) => h("li", { key: photo.id }, [
        h("img", { src: `/api/v1/photos/${photo.id}`, alt: t("board.photo_alt", { time: clock(photo.taken_at), who: photo.taken_by }), width: photo.width_px, height: photo.height_px, loading: "lazy" }),
        h("small", {}, `${clock(photo.taken_at)} ${photo.taken_by}`),
      ]))),
    ]) : null,
    log.length ? h("div", {}, [
      h("h3", {}, t("board.story")),
      h("ol", { class: "log" }, log.filter((line) => line.event !== "position").map((line, i) => h("li", { key: i }, [
        h("time", {}, moment(line.at, board.value.now)),
        h("div", {}, [h("b", {}, t(`order_story.${line.event}`)), h("small", {}, ` ${who(line.actor)}`), line.detail?.reason ? h("p", {}, inOwn(line.detail.reason, line.detail.also)) : null]),
      ]))),
    ]) : null,
  ]);
};

const who = (actor) => (["dispatch", "analytics"].includes(actor) ? t(`actor.${actor}`) : crewName(actor));

const CrewPane = () => {
  const crew = district.crews.find((one) => one.id === chosen.crew);
  const state = board.value.crews.find((one) => one.crew === chosen.crew);
  const hold = board.value.overrides.find((one) => one.kind === "hold" && one.crew === chosen.crew);
  const { today } = state;
  return h("section", { class: "pane", "aria-label": nameOf(crew) }, [
    h("header", {}, [h("h2", {}, nameOf(crew)), Close(() => (chosen.crew = null))]),
    h("p", { class: "quiet" }, `${t(`crew_kind.${crew.kind}`)} · ${t("plan.off_shift", { shifts: crew.shifts.join(", ") })}`),
    h("dl", {}, [
      ["column.state", hold ? t("board.held") : t(`crew_state.${state.state ?? "unknown"}`)],
      state.seen_at ? ["board.seen", moment(state.seen_at, board.value.now)] : null,
      crew.tank_l && state.water_l != null ? ["plan.water", `${m3(state.water_l)} / ${m3(crew.tank_l)} m³`] : null,
      ["board.treatments", `${today.treatments} / ${today.treatments + today.treatments_planned}`],
      ["board.water", `${m3(today.water_l)} / ${m3(today.water_l + today.water_planned_l)} m³`],
      ["board.km", `${today.km.toFixed(1)} / ${(today.km + today.km_planned).toFixed(1)} km`],
      ["board.on_time", today.due + today.due_planned ? `${share(today)} / ${t("board.of_musts", { share: expected(today), n: today.due + today.due_planned })}` : "–"],
    ].filter(Boolean).flatMap(([label, value]) => [h("dt", { key: label }, t(label)), h("dd", {}, value)])),
    mayDispatch() ? h("div", { class: "acts" }, [
      hold ? h("button", { type: "button", class: "primary", onClick: () => decide("withdraw", { override: hold }) }, t("board.release"))
        : h("button", { type: "button", onClick: () => decide("hold", { crew: crew.id }) }, t("decide.hold")),
      h("button", { type: "button", onClick: () => decide("add", { crew: crew.id }) }, t("board.add")),
    ]) : null,
    h("p", {}, h("a", { href: `/crew?crew=${encodeURIComponent(crew.id)}` }, t("board.crew_page"))),
  ]);
};

export const overrideText = (one) => {
  const words = {
    crew: one.crew ? crewName(one.crew) : "",
    place: one.place ? placeName(one.place) : "",
    treatment: one.treatment ? t(`treatment.${one.treatment}`) : t("board.every"),
  };
  return t(`decide_says.${one.kind}`, words);
};

const Overview = () => {
  const { overrides, left_out: left } = board.value;
  return h("section", { class: "pane", "aria-label": t("board.standing") }, [
    h("h2", {}, t("board.left_out")),
    left.length ? h("ul", { class: "leftout" }, left.map((one) => h("li", { key: one.place }, [
      h("b", {}, placeName(one.place)), one.level ? h("span", { class: `badge l${one.level}` }, h("i", {}, String(one.level))) : null,
      one.due ? h("small", {}, ` ${t("board.due")} ${clock(one.due)}`) : null,
      h("p", {}, inOwn(one.reason, one.also)),
    ]))) : h("p", { class: "quiet" }, t("board.nothing_left")),
    h("h2", {}, t("board.standing")),
    overrides.length ? h("ul", { class: "standing" }, overrides.map((one) => h("li", { key: one.id }, [
      h("span", { class: "chip" }, t(`decide.${one.kind}`)),
      h("b", {}, overrideText(one)),
      h("p", {}, `${one.why} · ${one.given_by} · ${t("queue.until", { time: moment(one.until, board.value.now) })}`),
      mayDispatch() || (one.kind === "add" && mayAdd())
        ? h("button", { type: "button", onClick: () => decide("withdraw", { override: one }) }, t("decide.withdraw")) : null,
    ]))) : h("p", { class: "quiet" }, t("board.no_overrides")),
    h("p", { class: "hint" }, mayDispatch() ? t("board.hint_drag") : mayAdd() ? t("board.hint_add") : t("board.hint_look")),
  ]);
};

const Side = () =>
  h("aside", { class: "side", "aria-live": "off" }, decision.open
    ? h(Decision, {
      key: decision.number, wish: decision.open, district, board: board.value, placeName, crewName, overrideText,
      onEffect: (found) => (effect.value = found), onClose: closeDecision, onKept: kept,
    })
    : chosen.order ? h(OrderPane) : chosen.crew ? h(CrewPane) : h(Overview));

const Page = {
  setup() {
    const again = setInterval(() => !decision.open && load(), AGAIN_MS);
    onBeforeUnmount(() => clearInterval(again));
    onChange((section) => section === "orders" && loadSoon());
    watch(() => tables.overview.plan, loadSoon);
    const crews = computed(() => district.crews);
    return () =>
      h("div", { class: ["boardpage", decision.open || chosen.order || chosen.crew ? "opened" : ""] }, [
        board.value ? h(Today) : inHead([]),
        trouble.text ? h("p", { class: "banner lost", role: "alert" }, trouble.text) : null,
        live.known && !live.connected ? h("p", { class: "banner lost", role: "alert" }, t("app.reconnecting")) : null,
        h("main", {}, board.value ? [
          h("div", { class: "stage" }, [
            h(Tools),
            view.table ? h(Table) : h("div", { class: "scroll" }, h(Gantt, {
              board: board.value, crews: crews.value, since: view.since, until: view.until, chosen: chosen.order,
              effect: effect.value, mayDrag: mayDispatch(), names,
              onChoose: openOrder, onPan: panTo, onCrew: (id) => { chosen.crew = id; chosen.order = null; closeDecision(); },
              onMove: (order, crew) => decide("assign", { place: placeOf(order), treatment: order.treatment, crew, from: order.crew }),
            })),
            h(Key),
          ]),
          h(Side),
        ] : h("p", { class: "quiet waiting", role: "status" }, t("app.loading"))),
      ]);
  },
};

const [layers, user] = await Promise.all([get("district"), get("me"), speak(document.documentElement.lang)]);
Object.assign(district, layers, {
  segments: Object.fromEntries(layers.segments.map((one) => [one.id, one])),
  sites: Object.fromEntries(layers.sites.map((one) => [one.id, one])),
  depots: Object.fromEntries(layers.depots.map((one) => [one.id, one])),
});
setZone(layers.timezone);
Object.assign(me, user);
fit();
document.querySelector(".skip").addEventListener("click", async (event) => {
  event.preventDefault();
  view.table = true;
  await nextTick();
  document.getElementById("boardtable")?.focus();
});
createApp(Page).mount("#app");
await load();
listen();
// An alarm leads here with the place where somebody is to go.
const led = new URLSearchParams(location.search);
if (mayAdd() && led.has("add") && placeName(led.get("add")) !== led.get("add")) {
  decide("add", { place: led.get("add"), treatment: led.get("treatment") ?? "", why: t("why_common.alarm") });
  history.replaceState(null, "", location.pathname);
}
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (decision.open) closeDecision();
  else [chosen.order, chosen.crew] = [null, null];
});
