// How well the stations are: one row each, the troubled first.
import { h, onBeforeUnmount, onMounted, ref } from "/lib/vue/vue.esm-browser.prod.js";
import { get } from "./api.js";
import { district, placeName } from "./board.js";
import { live, tables } from "./live.js";
import { age, t, whole } from "./texts.js";

const REFRESH_MS = 60_000;
const ORDER = ["silent", "doubted", "late", "live"];
const percent = (share) => (share == null ? "–" : `${Math.round(100 * share)}%`);

// The last day per station; the days of a span are weighed alike.
export function byStation(days) {
  const found = {};
  for (const day of days) {
    if (!found[day.station] || found[day.station].day < day.day) found[day.station] = day;
  }
  return found;
}

export const StationHealth = {
  emits: ["close", "show"],
  setup(_, { emit }) {
    const days = ref({});
    const problem = ref("");
    let timer = null;
    async function load() {
      clearTimeout(timer);
      try {
        days.value = byStation(await get("stations/health?hours=24"));
        problem.value = "";
      } catch (error) {
        problem.value = error.message;
      }
      timer = setTimeout(load, REFRESH_MS);
    }
    onMounted(load);
    onBeforeUnmount(() => clearTimeout(timer));

    const row = (station) => {
      const now = tables.stations[station.id] ?? {};
      const day = days.value[station.id] ?? {};
      const doubts = now.doubts?.length ? now.doubts.map((test) => t(`test.${test}`)).join(t("alarm.joint")) : "";
      const worst = Object.entries(day.by_test ?? {}).sort((a, b) => b[1] - a[1])[0];
      return h("tr", { key: station.id, class: now.health }, [
        h("th", { scope: "row" }, h("button", { type: "button", class: "link", onClick: () => emit("show", station) }, [
          h("i", { class: `station-sign ${station.kind} ${now.health ?? "silent"}`, "aria-hidden": "true" }),
          h("span", {}, [h("b", {}, station.id), h("small", {}, placeName(station) || t(`station_kind.${station.kind}`))]),
        ])),
        h("td", {}, [t(`map.health_${now.health ?? "silent"}`), doubts ? h("small", {}, doubts) : null,
          now.ts && now.health !== "live" && now.health !== "doubted" ? h("small", {}, age(now.ts, tables.overview.now)) : null]),
        h("td", { class: "number" }, whole(now.pm10)),
        h("td", { class: "number" }, percent(day.missing)),
        h("td", { class: "number", title: worst ? `${t(`test.${worst[0]}`)} ${percent(worst[1])}` : "" }, percent(day.flagged)),
        h("td", { class: "number" }, day.gain == null ? "–" : `×${day.gain.toFixed(2)}`),
      ]);
    };

    return () => {
      const rank = (station) => ORDER.indexOf(tables.stations[station.id]?.health ?? "silent");
      const stations = Object.values(district.stations).sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
      return h("div", { class: "panel health", role: "dialog", "aria-label": t("map.health") }, [
        h("header", {}, [h("h2", {}, t("map.health")),
          h("button", { type: "button", class: "close", "aria-label": t("app.close"), title: t("app.close"), onClick: () => emit("close") }, "×")]),
        problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
        live.at ? h("p", { class: "quiet" }, t("map.health_now")) : null,
        h("div", { class: "scroll", tabindex: 0 }, h("table", {}, [
          h("thead", {}, h("tr", {}, ["station", "state", "pm10", "missing", "doubted", "gain"].map((column) =>
            h("th", { key: column, scope: "col", title: t(`map.health_hint_${column}`) }, t(`map.health_col_${column}`))))),
          h("tbody", {}, stations.map(row)),
        ])),
      ]);
    };
  },
};
