// The crew's page: what is next, large, and what the crew says of it. Every word is kept on the phone
// first and sent from there, so a tunnel or a restarted server loses nothing.
import { createApp, h, nextTick, reactive, ref, shallowRef } from "/lib/vue/vue.esm-browser.prod.js";
import { CrewMap } from "./crew-map.js";
import { addWord, dropWord, flush, keep, kept, words } from "./crew-store.js";
import { clock, inOwn, language, nameOf, setZone, speak, t } from "./texts.js";
import { switchTheme, theme } from "./theme-switch.js";

const LOOK_EVERY_MS = 10_000;
const TRY_EVERY_MS = 4_000;
const UNDO_MS = 4_000;
const PHOTO_SIDE_PX = 1600;
const PHOTO_QUALITY = 0.82;
const PHOTOS_A_WORD = 12;
const PLACE_EVERY_MS = 15_000;
const OLD_MS = 60_000;
const LATER_SHOWN = 5;
const TROUBLES = ["breakdown", "blocked", "no_water", "weather", "accident", "unsafe", "shift_end", "not_needed"];
const AFTER = { accepted: "accepted", started: "started", done: "done", failed: "failed", refused: "refused" };

// A dispatcher may look at, and speak for, any crew: `/crew?crew=WATER-A`.
const asked = new URLSearchParams(location.search).get("crew");
const suffix = asked ? `?crew=${encodeURIComponent(asked)}` : "";

const base = shallowRef(null);
const page = shallowRef(null);
const waiting = shallowRef([]);
const state = reactive({
  online: navigator.onLine, heard: 0, signedOut: false, problem: "", trouble: null, other: "", history: false, sharing: false, shareProblem: "",
  undo: null, busy: false, tick: 0, all: false,
});
let offset_ms = 0;
let tag = null;

const now = () => new Date(Date.now() + offset_ms);

// Orders as the crew sees them: with its own words on top of what the server knows.
function shown() {
  const said = {};
  for (const word of waiting.value) if (word.event && !word.refused) (said[word.order] ??= []).push(word.event);
  return (page.value?.orders ?? []).map((order) => {
    let now_state = order.state;
    for (const event of [...order.said, ...(said[order.id] ?? [])]) now_state = AFTER[event] ?? now_state;
    return { ...order, state: now_state };
  }).filter((order) => ["sent", "accepted", "started"].includes(order.state))
    .sort((a, b) => (b.state === "started") - (a.state === "started") || a.seq - b.seq);
}

const placeName = (order) => {
  const found = base.value?.segments.find((one) => one.id === order.segment) ?? base.value?.sites.find((one) => one.id === order.site);
  if (found) return nameOf(found);
  if (order.depot) return t(`crew_depot.${base.value?.depots.find((one) => one.id === order.depot)?.kind ?? "depot"}`);
  return order.segment ?? order.site ?? "";
};
const reason = (order) => inOwn(order.reason, order.also);

// Talking to the server ---------------------------------------------------------------------

async function look() {
  try {
    const answer = await fetch(`/api/v1/crew/orders${suffix}`, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 401) return (state.signedOut = true);
    const told = answer.headers.get("Roaddust-Now");
    if (told) offset_ms = Date.parse(told) - Date.now();
    if (answer.ok) {
      page.value = await answer.json();
      tag = answer.headers.get("ETag");
      // JSON once more: a proxy of Vue's cannot be put into a database.
      await keep(`page${suffix}`, { page: page.value, offset_ms });
    } else if (answer.status !== 304) {
      const body = await answer.json().catch(() => ({}));
      state.problem = body.detail ?? String(answer.status);
      return;
    }
    Object.assign(state, { heard: Date.now(), problem: "", signedOut: false });
  } catch {
    state.tick += 1; // no signal: what is kept is shown
  }
}

async function refresh() {
  waiting.value = await words();
}

let sending = null;
async function push() {
  clearTimeout(sending);
  const crew = page.value?.crew;
  const result = await flush(crew, () => Date.now(), async (word, { outcome }) => {
    if (outcome === "taken" && word.event) note(word);
    await refresh();
  }).catch(() => ({ out: false }));
  await refresh();
  if (result.signedOut) state.signedOut = true;
  if (result.out) {
    if (!waiting.value.some((word) => word.crew === crew)) await look();
  } else sending = setTimeout(push, Math.max(200, Math.min(result.next ?? TRY_EVERY_MS, TRY_EVERY_MS)));
}

// Until the next answer the page must remember what the server has just taken.
function note(word) {
  const orders = page.value?.orders.map((order) => (order.id === word.order ? { ...order, said: [...order.said, word.event] } : order));
  if (orders) page.value = { ...page.value, orders };
  tag = null;
}

const newKey = () => crypto.randomUUID?.() ?? "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) =>
  (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16));

async function say(order, event, why = "") {
  if (state.busy) return;
  state.busy = true;
  const word = { key: newKey(), crew: page.value.crew, order: order.id, event, at: now().toISOString(), reason: why, leaves: Date.now() + UNDO_MS };
  word.n = await addWord(word);
  state.undo = { n: word.n, text: t("crew.said", { what: t(`said.${event}`), place: placeName(order) }) };
  Object.assign(state, { trouble: null, other: "" });
  await refresh();
  state.busy = false;
  navigator.vibrate?.(60);
  setTimeout(() => { if (state.undo?.n === word.n) state.undo = null; }, UNDO_MS);
  push();
  await nextTick();
  scrollTo({ top: 0 });
}

async function undo() {
  const { n } = state.undo;
  state.undo = null;
  if ((await words()).some((word) => word.n === n)) await dropWord(n);
  await refresh();
}

// Photos --------------------------------------------------------------------------------------

async function smaller(file) {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, PHOTO_SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", PHOTO_QUALITY));
}

async function photo(order, event) {
  const [file] = event.target.files;
  event.target.value = "";
  if (!file) return;
  let picture;
  try {
    picture = await smaller(file);
  } catch {
    picture = null;
  }
  if (!picture) {
    state.problem = t("crew.bad_photo");
    return;
  }
  state.problem = "";
  await addWord({ key: newKey(), crew: page.value.crew, order: order.id, photo: picture, at: now().toISOString(), leaves: 0 });
  await refresh();
  push();
}

// Where the phone is --------------------------------------------------------------------------

let watching = null;
let placed = 0;
function share() {
  if (watching !== null) {
    navigator.geolocation.clearWatch(watching);
    watching = null;
    state.sharing = false;
    return;
  }
  if (!navigator.geolocation) return (state.shareProblem = t("crew.no_place"));
  state.shareProblem = "";
  watching = navigator.geolocation.watchPosition(async ({ coords }) => {
    state.sharing = true;
    if (Date.now() - placed < PLACE_EVERY_MS) return;
    placed = Date.now();
    const place = { at: now().toISOString(), lon: coords.longitude, lat: coords.latitude };
    if (coords.speed >= 0 && coords.speed !== null) place.speed_kmh = coords.speed * 3.6;
    // An old position is worth nothing: one that does not arrive is let go.
    await fetch(`/api/v1/crew/position${suffix}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(place) }).catch(() => {});
  }, () => {
    state.shareProblem = t("crew.no_place");
    state.sharing = false;
    watching = null;
  }, { enableHighAccuracy: true, maximumAge: 10_000 });
}

// The page ------------------------------------------------------------------------------------

const due = (order) => {
  if (order.state === "started" && order.started_at) {
    return h("span", { class: "due" }, t("crew.ends", { time: clock(new Date(Date.parse(order.started_at) + order.minutes * 60_000)) }));
  }
  const late = order.due && Date.parse(order.due) < now();
  return order.due ? h("span", { class: late ? "due late" : "due" }, t(late ? "crew.was_due" : "crew.due", { time: clock(order.due) }))
    : h("span", { class: "due" }, t("crew.about", { time: clock(order.eta) }));
};

const Links = ({ order }) => {
  if (!order.goal_gcj) return null;
  const name = encodeURIComponent(placeName(order));
  const [lon, lat] = order.goal_gcj;
  const [bd_lon, bd_lat] = order.goal_bd;
  const links = {
    amap: `https://uri.amap.com/navigation?to=${lon},${lat},${name}&mode=car&coordinate=gaode&callnative=1&src=roaddust`,
    baidu: `https://api.map.baidu.com/marker?location=${bd_lat},${bd_lon}&title=${name}&content=${name}&coord_type=bd09ll&output=html&src=roaddust`,
    tencent: `https://apis.map.qq.com/uri/v1/routeplan?type=drive&to=${name}&tocoord=${lat},${lon}&referer=roaddust`,
  };
  return h("nav", { class: "links", "aria-label": t("crew.navigate") }, Object.entries(links).map(([app, href]) =>
    h("a", { key: app, href, target: "_blank", rel: "noopener noreferrer" }, t(`navigator.${app}`))));
};

const Current = ({ order }) => {
  const next = { sent: "accepted", accepted: "started", started: "done" }[order.state];
  const photos = waiting.value.filter((word) => word.photo && word.order === order.id).length;
  return h("article", { class: ["current", order.state, `p${order.priority}`] }, [
    h("p", { class: "step" }, [h("b", {}, t(`crew_step.${order.state}`)), order.priority === 1 ? h("span", { class: "urgent" }, t("priority.1")) : null, due(order)]),
    h("h1", {}, t(`treatment.${order.treatment}`)),
    h("p", { class: "where" }, [placeName(order), order.direction ? h("small", {}, ` ${order.segment}`) : null]),
    h("p", { class: "reason" }, reason(order)),
    base.value ? h(CrewMap, { base: base.value, order, position: page.value.position }) : null,
    h(Links, { order }),
    h("div", { class: "big" }, [
      h("button", { type: "button", class: `go ${next}`, disabled: state.busy, onClick: () => say(order, next) }, t(`say.${next}`)),
      h("div", { class: "pair" }, [
        h("button", { type: "button", class: "trouble", onClick: () => openTrouble(order) }, t("crew.trouble")),
        order.depot ? null : h("label", { class: "camera" }, [
          h("input", { type: "file", accept: "image/*", capture: "environment", onChange: (event) => photo(order, event) }),
          h("span", {}, photos ? t("crew.photos_waiting", { n: photos }) : t("crew.photo")),
        ]),
      ]),
    ]),
  ]);
};

async function openTrouble(order) {
  state.trouble = order.id;
  await nextTick();
  document.querySelector(".sheet h2")?.focus();
}

const Trouble = ({ order }) =>
  h("section", { class: "sheet", onKeydown: (event) => { if (event.key === "Escape") state.trouble = null; }, role: "dialog", "aria-modal": "true", "aria-label": t("crew.trouble") }, [
    h("h2", { tabindex: -1 }, t("crew.what_trouble")),
    h("div", { class: "reasons" }, TROUBLES.map((one) =>
      h("button", { key: one, type: "button", onClick: () => say(order, order.state === "started" ? "failed" : "refused", t(`trouble.${one}`)) }, t(`trouble.${one}`)))),
    h("form", { onSubmit: (event) => { event.preventDefault(); if (state.other.trim()) say(order, order.state === "started" ? "failed" : "refused", state.other.trim()); } }, [
      h("input", { value: state.other, maxlength: 500, "aria-label": t("crew.other"), placeholder: t("crew.other"), onInput: (event) => (state.other = event.target.value) }),
      h("button", { type: "submit", disabled: !state.other.trim() }, t("crew.send")),
    ]),
    h("button", { type: "button", class: "back", onClick: () => (state.trouble = null) }, t("crew.back")),
  ]);

const Row = ({ order }) =>
  h("li", { class: `p${order.priority}` }, [
    h("time", {}, clock(order.eta)),
    h("div", {}, [h("b", {}, t(`treatment.${order.treatment}`)), " ", placeName(order), order.due && order.priority <= 3 ? h("small", {}, ` ${t(Date.parse(order.due) < now() ? "crew.was_due" : "crew.due", { time: clock(order.due) })}`) : null]),
  ]);

const Signal = () => {
  const mine = page.value?.crew;
  const pending = waiting.value.filter((word) => !word.refused && word.crew === mine);
  const others = waiting.value.filter((word) => !word.refused && word.crew !== mine);
  const refused = waiting.value.filter((word) => word.refused);
  const old = state.tick >= 0 && Date.now() - state.heard > OLD_MS;
  return [
    state.signedOut ? h("p", { class: "strip bad", role: "alert" }, [t("crew.signed_out"), " ", h("a", { href: "/login" }, t("login.enter"))]) : null,
    !state.online || old ? h("p", { class: "strip off", role: "status" }, t(state.heard ? "crew.no_signal" : "crew.no_signal_yet", { time: state.heard ? clock(new Date(state.heard + offset_ms)) : "" })) : null,
    pending.length ? h("div", { class: "strip queue", role: "status" }, [
      h("b", {}, t("crew.waiting", { n: pending.length })),
      h("ul", {}, pending.slice(0, 4).map((word) => h("li", { key: word.n }, `${clock(word.at)} ${word.photo ? t("crew.photo") : t(`said.${word.event}`)}`))),
    ]) : null,
    others.length && mine ? h("p", { class: "strip other", role: "status" }, t("crew.of_others", { n: others.length, crew: [...new Set(others.map((word) => word.crew))].join(", ") })) : null,
    ...refused.map((word) => h("div", { class: "strip bad", key: word.n, role: "alert" }, [
      h("span", {}, `${clock(word.at)} ${word.event ? t(`said.${word.event}`) : t("crew.photo")}: ${t("crew.not_taken")} ${word.refused}`),
      h("button", { type: "button", onClick: async () => { await dropWord(word.n); await refresh(); } }, t("app.close")),
    ])),
    state.problem ? h("p", { class: "strip bad", role: "alert" }, state.problem) : null,
  ];
};

const Page = {
  setup() {
    return () => {
      const orders = shown();
      const [current, ...later] = orders;
      const troubled = orders.find((order) => order.id === state.trouble);
      return h("div", { class: "crewpage" }, [
        h("header", {}, [
          h("b", {}, page.value ? nameOf(page.value) : t("menu.crew")),
          page.value?.position?.water_l != null && page.value.tank_l ? h("span", {}, t("crew.water", { n: (page.value.position.water_l / 1000).toFixed(1), all: (page.value.tank_l / 1000).toFixed(0) })) : null,
          h("span", { class: state.online && Date.now() - state.heard < OLD_MS ? "lamp on" : "lamp", role: "img", "aria-label": t(state.online ? "header.live" : "header.offline") }),
        ]),
        h("main", {}, [
          ...Signal(),
          current ? h(Current, { order: current, key: current.id })
            : page.value ? h("p", { class: "none" }, [h("b", {}, t("crew.none")), h("small", {}, t("crew.none_hint"))]) : h("p", { class: "none" }, t("app.loading")),
          later.length ? h("section", {}, [h("h2", {}, t("crew.next", { n: later.length })), h("ol", { class: "later" }, (state.all ? later : later.slice(0, LATER_SHOWN)).map((order) => h(Row, { order, key: order.id }))),
            later.length > LATER_SHOWN ? h("button", { type: "button", class: "fold", "aria-expanded": state.all, onClick: () => (state.all = !state.all) }, t(state.all ? "crew.fewer" : "crew.all", { n: later.length })) : null,
          ]) : null,
          page.value?.history.length ? h("section", {}, [
            h("button", { type: "button", class: "fold", "aria-expanded": state.history, onClick: () => (state.history = !state.history) }, t("crew.today", { n: page.value.history.length })),
            state.history ? h("ol", { class: "later past" }, page.value.history.map((order) => h("li", { key: order.id }, [
              h("time", {}, clock(order.ended_at)),
              h("div", {}, [h("b", {}, t(`treatment.${order.treatment}`)), " ", placeName(order), h("small", {}, ` ${t(`order_state.${order.state}`)}${order.photos ? ` · ${t("crew.has_photos", { n: order.photos })}` : ""}${order.outcome ? ` · ${order.outcome}` : ""}`)]),
            ]))) : null,
          ]) : null,
          h("section", { class: "more" }, [
            h("button", { type: "button", "aria-pressed": state.sharing, class: state.sharing ? "on" : "", onClick: share }, t(state.sharing ? "crew.sharing" : "crew.share")),
            state.shareProblem ? h("p", { class: "bad", role: "status" }, state.shareProblem) : null,
            h("div", { class: "pair" }, [
              h("button", { type: "button", onClick: switchTheme }, t(theme.value === "dark" ? "app.to_light" : "app.to_dark")),
              h("a", { class: "button", href: `/crew?${asked ? `crew=${encodeURIComponent(asked)}&` : ""}lang=${language() === "en" ? "zh-CN" : "en"}`, lang: language() === "en" ? "zh-CN" : "en" }, t("app.language")),
            ]),
            h("form", { method: "post", action: "/logout" }, h("button", {}, t("app.sign_out"))),
          ]),
        ]),
        state.undo ? h("div", { class: "toast", role: "status" }, [h("span", {}, state.undo.text), h("button", { type: "button", onClick: undo }, t("crew.undo"))]) : null,
        troubled ? h(Trouble, { order: troubled }) : null,
      ]);
    };
  },
};

async function begin() {
  await speak(document.documentElement.lang);
  const before = await kept(`page${suffix}`).catch(() => null);
  if (before) [page.value, offset_ms] = [before.page, before.offset_ms];
  await refresh().catch(() => {});
  createApp(Page).mount("#app");
  const answer = await fetch("/api/v1/crew/map").catch(() => null);
  base.value = answer?.ok ? await answer.json() : (await kept("map").catch(() => null)) ?? null;
  if (answer?.ok) await keep("map", base.value);
  if (base.value) setZone(base.value.timezone);
  await look();
  await push();
  setInterval(() => { state.tick += 1; look(); }, LOOK_EVERY_MS);
  addEventListener("online", () => { state.online = true; push(); look(); });
  addEventListener("offline", () => (state.online = false));
  // A phone that was asleep looks at once.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { push(); look(); } });
}

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/crew-worker.js", { scope: "/crew" }).catch(() => {});
navigator.storage?.persist?.();
begin();
