// What is live in the head that the server has drawn: the time, facts, how the connection stands.
import { h, Teleport } from "/lib/vue/vue.esm-browser.prod.js";
import { live, tables } from "./live.js";
import { clockSeconds, day, t } from "./texts.js";

export const fact = (label, value, className = "") =>
  h("div", { class: `fact ${className}` }, [h("span", {}, label), h("b", {}, value)]);

const now = () => (tables.overview.now
  ? h("div", { class: "time" }, [h("b", {}, clockSeconds(tables.overview.now)), h("span", {}, day(tables.overview.now))])
  : null);

const pulse = () => (live.at
  ? h("span", { class: "pulse past" }, [h("i"), t("replay.heading")])
  : h("span", { class: ["pulse", live.connected ? "on" : live.known ? "" : "coming"], role: "status" }, [
    h("i"), t(live.connected ? "header.live" : live.known ? "header.offline" : "header.connecting"),
  ]));

export const inHead = (facts, hint) =>
  h(Teleport, { to: "#head-live" }, [now(), h("div", { class: "factrow", title: hint }, facts), pulse()]);
