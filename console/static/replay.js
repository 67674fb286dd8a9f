// Any hour again: a slider over a day, with a strip above it that shows where to look.
//
// A moment that was shown is kept for a while, and the next ones are asked for before they are
// needed, so that playing never waits and going back and forth is immediate.
import { h, onBeforeUnmount, onMounted, reactive, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { get } from "./api.js";
import { district, me } from "./board.js";
import { live, presentNow, showPast, showPresent, tables } from "./live.js";
import { clock, dayIn, language, moment, t } from "./texts.js";

const MINUTE_MS = 60_000;
const KEPT = 120;
const AHEAD = 5;
const STRIP_REFRESH_MS = 60_000;
// Minutes a second, in steps of so many minutes: no more than four moments are asked for a second.
export const SPEEDS = { 1: 1, 10: 5, 60: 15 };

export const replay = reactive({
  open: false, at: null, speed: 0, day: null, strip: null, problem: "", shown: null,
});

const kept = new Map();
let mayAct = null;
let busy = false;
let timer = null;

const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

function moments(ms) {
  const key = iso(ms);
  let found = kept.get(key);
  if (found) kept.delete(key);
  else {
    found = get(`replay?at=${encodeURIComponent(key)}`);
    found.catch(() => kept.delete(key));
    while (kept.size >= KEPT) kept.delete(kept.keys().next().value);
  }
  kept.set(key, found);
  return found;
}

const newest = () => {
  const ends = [replay.strip?.last, presentNow()].filter(Boolean).map((time) => Date.parse(time));
  return ends.length ? Math.floor(Math.min(...ends) / MINUTE_MS) * MINUTE_MS : Date.now();
};
const oldest = () => (replay.strip?.first ? Date.parse(replay.strip.first) : 0);
const clamped = (ms) => Math.min(newest(), Math.max(oldest(), Math.floor(ms / MINUTE_MS) * MINUTE_MS));

// Show a moment; while one is being fetched only the last one wanted counts.
export async function seek(ms) {
  replay.at = clamped(ms);
  if (mayAct === null) {
    // What is seen is over: nothing can be done about it.
    mayAct = me.may_act;
    me.may_act = false;
  }
  if (busy) return;
  busy = true;
  try {
    while (replay.at !== null && replay.at !== replay.shown) {
      const wanted = replay.at;
      const state = await moments(wanted);
      if (replay.at === null) break;
      replay.shown = wanted;
      replay.problem = "";
      showPast(state, iso(wanted));
    }
  } catch (error) {
    replay.problem = error.message;
    pause();
  }
  busy = false;
}

export function pause() {
  clearTimeout(timer);
  timer = null;
  replay.speed = 0;
}

export function leave() {
  pause();
  Object.assign(replay, { at: null, shown: null, problem: "" });
  kept.clear();
  if (mayAct !== null) me.may_act = mayAct;
  mayAct = null;
  showPresent();
}

export function play(speed) {
  clearTimeout(timer);
  replay.speed = speed;
  const stepMs = SPEEDS[speed] * MINUTE_MS;
  const everyMs = (1000 * SPEEDS[speed]) / speed;
  if (replay.at === null || replay.at >= newest()) seek(dayStart() + 6 * 60 * MINUTE_MS);
  const tick = async () => {
    const began = performance.now();
    const next = replay.at + stepMs;
    if (next > newest()) return pause();
    for (let i = 1; i <= AHEAD; i++) {
      if (next + i * stepMs <= newest()) moments(next + i * stepMs).catch(() => {});
    }
    await seek(next);
    if (replay.speed === speed) {
      followDay();
      timer = setTimeout(tick, Math.max(0, everyMs - (performance.now() - began)));
    }
  };
  timer = setTimeout(tick, everyMs);
}

const dayStart = () =>
  replay.strip?.ts.length ? Date.parse(replay.strip.ts[0]) - replay.strip.step_minutes * MINUTE_MS : newest();

let asked = 0;

async function loadStrip(day) {
  const turn = ++asked;
  try {
    const found = await get(`replay/strip${day ? `?day=${day}` : ""}`);
    if (turn !== asked) return;
    replay.strip = found;
    replay.day = found.day;
    replay.problem = "";
  } catch (error) {
    if (turn === asked) replay.problem = error.message;
  }
}

function followDay() {
  const day = dayIn(replay.at);
  if (day !== replay.day) loadStrip(day);
}

// The same time of another day.
async function goToDay(day) {
  const since = (replay.at ?? newest()) - dayStart();
  await loadStrip(day);
  if (replay.strip?.ts.length) seek(dayStart() + since);
}

const beside = (day, by) => new Date(Date.parse(`${day}T12:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);

const STRIP = { width: 1440, height: 30, work: 5 };

// One column per step: colour the worst level, height how many streets exceed it, below who worked.
const Strip = ({ strip }) => {
  const segments = Math.max(1, Object.values(district.segments).filter((segment) => segment.treat).length);
  const most = Math.max(3, ...strip.exceeding);
  const wide = strip.step_minutes;
  const body = STRIP.height - STRIP.work;
  const columns = strip.ts.map((ts, i) => {
    const worst = strip.worst[i];
    if (worst == null) return h("rect", { class: "none", x: i * wide, y: body - 3, width: wide, height: 3 });
    const height = worst >= 2 ? body * (0.45 + 0.55 * Math.min(1, strip.exceeding[i] / most)) : worst ? body * 0.32 : body * 0.14;
    return h("rect", { class: strip.measured[i] ? `l${worst}` : "none", x: i * wide, y: body - height, width: wide, height });
  });
  const work = strip.treatments.map((n, i) =>
    n ? h("rect", { class: "work", x: i * wide, y: body + 1, width: wide, height: STRIP.work - 1, opacity: Math.min(1, 0.35 + 0.25 * n) }) : null);
  const hours = [3, 6, 9, 12, 15, 18, 21].map((hour) => h("path", { class: "hour", d: `M${hour * 60} 0V${STRIP.height}` }));
  return h("svg", {
    class: "strip", viewBox: `0 0 ${STRIP.width} ${STRIP.height}`, preserveAspectRatio: "none",
    role: "img", "aria-label": t("replay.strip", { n: strip.exceeding.filter(Boolean).length * wide, all: segments }),
  }, [...hours, ...columns, ...work]);
};

export const PastBanner = () =>
  live.at
    ? h("p", { class: "banner past", role: "status" }, [
      h("b", {}, t("replay.banner", { time: moment(live.at, null) })),
      h("span", {}, t("replay.frozen")),
      h("button", { type: "button", class: "primary", onClick: leave }, t("replay.back")),
    ])
    : null;

export const Replay = {
  setup() {
    const bar = ref(null);
    let refresher = null;
    const refresh = () => {
      clearTimeout(refresher);
      if (replay.open && !live.at) loadStrip(null);
      refresher = setTimeout(refresh, STRIP_REFRESH_MS);
    };
    onMounted(refresh);
    onBeforeUnmount(() => clearTimeout(refresher));
    watch(() => replay.open, (open) => {
      if (open) loadStrip(replay.day);
      else leave();
    });

    const step = (minutes) => seek((replay.at ?? newest()) + minutes * MINUTE_MS);
    const keys = (event) => {
      if (event.key === " ") {
        event.preventDefault();
        if (replay.speed) pause();
        else play(10);
      }
    };
    const button = (label, text, act, attributes = {}) =>
      h("button", { type: "button", title: label, "aria-label": label, onClick: act, ...attributes }, text);

    const slider = () => {
      const at = replay.at ?? newest();
      const value = Math.round((at - dayStart()) / MINUTE_MS);
      return h("div", { class: "track" }, [
        replay.strip ? h(Strip, { strip: replay.strip }) : h("div", { class: "strip" }),
        h("input", {
          type: "range", min: 0, max: 1440, step: 1, value: Math.max(0, Math.min(1440, value)),
          "aria-label": t("replay.slider"), "aria-valuetext": moment(iso(at), null),
          onInput: (event) => {
            pause();
            seek(dayStart() + Number(event.target.value) * MINUTE_MS);
          },
        }),
        h("div", { class: "hours", "aria-hidden": "true" }, [0, 3, 6, 9, 12, 15, 18, 21, 24].map((hour) => h("span", { key: hour }, String(hour)))),
      ]);
    };

    return () =>
      h("section", { class: ["replay", replay.open ? "open" : ""], ref: bar, "aria-label": t("replay.heading"), onKeydown: replay.open ? keys : undefined }, [
        h("button", {
          type: "button", class: "opener", "aria-expanded": replay.open, title: t("replay.heading"),
          onClick: () => (replay.open = !replay.open),
        }, [h("span", { "aria-hidden": "true" }, replay.open ? "×" : "⟲"), ` ${t(replay.open ? "replay.close" : "replay.heading")}`]),
        replay.open ? [
          h("div", { class: "days" }, [
            button(t("replay.day_before"), "‹", () => goToDay(beside(replay.day, -1)), { disabled: !replay.day || Boolean(replay.strip?.first && dayIn(Date.parse(replay.strip.first)) >= replay.day) }),
            h("input", {
              type: "date", value: replay.day, "aria-label": t("replay.day"), lang: language(),
              min: replay.strip?.first ? dayIn(Date.parse(replay.strip.first)) : undefined,
              max: replay.strip?.last ? dayIn(Date.parse(replay.strip.last)) : undefined,
              onChange: (event) => event.target.value && goToDay(event.target.value),
            }),
            button(t("replay.day_after"), "›", () => goToDay(beside(replay.day, 1)), { disabled: !replay.day || Boolean(replay.strip?.last && dayIn(Date.parse(replay.strip.last)) <= replay.day) }),
          ]),
          slider(),
          h("div", { class: "play", role: "group", "aria-label": t("replay.play") }, [
            button(t("replay.step_back"), "−5", () => { pause(); step(-5); }),
            ...Object.keys(SPEEDS).map((speed) => {
              const on = replay.speed === Number(speed);
              return button(t("replay.speed", { n: speed }), on ? "❚❚" : `▶ ${speed}`, () => (on ? pause() : play(Number(speed))), { class: on ? "on" : "", "aria-pressed": on, key: speed });
            }),
            button(t("replay.step_on"), "+5", () => { pause(); step(5); }),
            h("output", {}, replay.at ? clock(iso(replay.at)) : tables.overview.now ? clock(tables.overview.now) : "–"),
          ]),
          replay.problem ? h("p", { class: "problem", role: "alert" }, replay.problem) : null,
        ] : null,
      ]);
  },
};
