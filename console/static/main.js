// Puts the page together.
import { createApp, h, onMounted, ref } from "/lib/vue/vue.esm-browser.prod.js";
import { get } from "./api.js";
import { me, selected, setDistrict } from "./board.js";
import { Detail } from "./detail.js";
import { Header } from "./header.js";
import { listen, live, tables } from "./live.js";
import { StreetMap } from "./map.js";
import { Plan } from "./plan.js";
import { Queue } from "./queue.js";
import { leave, PastBanner, Replay } from "./replay.js";
import { setZone, speak, t } from "./texts.js";

const VIEWS = ["queue", "map", "plan"];

const Page = {
  setup() {
    // The streets and the alarms are seen first; what every crew does next comes a frame later.
    const seen = ref(false);
    onMounted(() => requestAnimationFrame(() => setTimeout(() => (seen.value = true))));
    return () =>
      h("div", { class: ["page", `view-${selected.view}`, selected.segment ? "detailed" : ""] }, [
        h(Header),
        tables.overview.sand_dust_since ? h("p", { class: "banner sand", role: "status" }, t(tables.overview.no_water === "sand_dust" ? "header.sand_dust_dry" : "header.sand_dust")) : null,
        tables.overview.haze_since ? h("p", { class: "banner sand", role: "status" }, t("header.haze")) : null,
        h(PastBanner),
        live.known && !live.connected ? h("p", { class: "banner lost", role: "alert" }, t("app.reconnecting")) : null,
        h("main", { class: live.at ? "past" : "" }, [h(Queue), h("div", { class: "mapside" }, [h(StreetMap), h(Replay)]), seen.value ? h(Plan) : h("section", { class: "plan" }), selected.segment ? h(Detail, { key: "detail" }) : null]),
        h("nav", { class: "views" }, VIEWS.map((view) =>
          h("button", { type: "button", class: selected.view === view ? "on" : "", "aria-pressed": selected.view === view, onClick: () => (selected.view = view) },
            t(`app.${view}`)))),
      ]);
  },
};

// The state comes while the district does: what it says first is drawn with the page.
listen();
const [layers, user] = await Promise.all([
  get("district"),
  get("me"),
  speak(document.documentElement.lang),
]);
setDistrict(layers);
setZone(layers.timezone);
Object.assign(me, user);
createApp(Page).mount("#app");
addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (selected.segment) selected.segment = null;
  else if (live.at) leave();
});
// What a segment opens with, ready before anybody asks.
(globalThis.requestIdleCallback ?? setTimeout)(() => import("./chart.js"));
