// What the head says of the street: the air, how old the data is, how many alarms wait.
import { h } from "/lib/vue/vue.esm-browser.prod.js";
import { tally } from "./alarms.js";
import { district } from "./board.js";
import { fact, inHead } from "./head.js";
import { tables } from "./live.js";
import { age, compass, t, whole } from "./texts.js";

const OLD_MS = 10 * 60_000;

export const Header = () => {
  const { now, wind, background, newest_reading: newest, stations_live: alive } = tables.overview;
  const alarms = tally();
  const stations = Object.keys(district.stations).length;
  const old = !newest || Date.parse(now) - Date.parse(newest) > OLD_MS;
  return inHead(now ? [
    fact(t("header.wind"), wind ? `${t("header.wind_from", { dir: compass(wind.dir) })} ${wind.speed.toFixed(1)} m/s` : "–", "wind"),
    fact(t("header.background"), background == null ? "–" : [whole(background), h("small", {}, " µg/m³")]),
    fact(t("header.data"), newest ? t("header.ago", { age: age(newest, now) }) : t("header.no_data"), old ? "bad" : ""),
    fact(t("map.stations"), [String(alive), h("small", {}, ` / ${stations}`)], "stations"),
    fact(t("header.unacknowledged"), alarms.waiting, alarms.waiting ? "big alert" : "big"),
    fact(t("header.open"), alarms.standing, "big"),
  ] : []);
};
