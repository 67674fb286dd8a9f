// The head of the page: where and when, what the air does, how many wait, how old the data is.
import { h } from "/lib/vue/vue.esm-browser.prod.js";
import { tally } from "./alarms.js";
import { district, me } from "./board.js";
import { live, tables } from "./live.js";
import { age, clockSeconds, compass, day, language, nameOf, t, whole } from "./texts.js";
import { switchTheme, theme } from "./theme-switch.js";

const OLD_MS = 10 * 60_000;

const fact = (label, value, className = "") =>
  h("div", { class: `fact ${className}` }, [h("span", {}, label), h("b", {}, value)]);

export const Header = () => {
  const { now, wind, background, newest_reading: newest, stations_live: alive } = tables.overview;
  const alarms = tally();
  const stations = Object.keys(district.stations).length;
  const old = !newest || Date.parse(now) - Date.parse(newest) > OLD_MS;
  return h("header", { class: "top" }, [
    h("a", { class: "skip", href: "#queue" }, t("app.skip")),
    h("img", { src: "/static/icon.svg", alt: "", width: 34, height: 34 }),
    h("div", { class: "title" }, [h("h1", {}, nameOf(district)), h("p", {}, t("app.title"))]),
    now ? h("div", { class: "time" }, [h("b", {}, clockSeconds(now)), h("span", {}, day(now))]) : null,
    h("div", { class: "factrow" }, now ? [
      fact(t("header.wind"), wind ? `${t("header.wind_from", { dir: compass(wind.dir) })} ${wind.speed.toFixed(1)} m/s` : "–", "wind"),
      fact(t("header.background"), background == null ? "–" : [whole(background), h("small", {}, " µg/m³")]),
      fact(t("header.data"), newest ? t("header.ago", { age: age(newest, now) }) : t("header.no_data"), old ? "bad" : ""),
      h("div", { class: "fact stations" }, [h("span", {}, t("map.stations")), h("b", {}, [String(alive), h("small", {}, ` / ${stations}`)])]),
      h("div", { class: `fact big ${alarms.waiting ? "alert" : ""}` }, [h("span", {}, t("header.unacknowledged")), h("b", {}, alarms.waiting)]),
      h("div", { class: "fact big" }, [h("span", {}, t("header.open")), h("b", {}, alarms.standing)]),
    ] : []),
    h("div", { class: "controls" }, [
      live.at
        ? h("span", { class: "pulse past" }, [h("i"), t("replay.heading")])
        : h("span", { class: live.connected ? "pulse on" : "pulse", role: "status" }, [h("i"), t(live.connected ? "header.live" : "header.offline")]),
      h("button", { type: "button", lang: language() === "en" ? "zh-CN" : "en", onClick: () => location.assign(`?lang=${language() === "en" ? "zh-CN" : "en"}`) }, t("app.language")),
      h("button", { type: "button", onClick: switchTheme }, t(theme.value === "dark" ? "app.to_light" : "app.to_dark")),
      h("form", { method: "post", action: "/logout" }, h("button", { title: me.name }, t("app.sign_out"))),
    ]),
  ]);
};
