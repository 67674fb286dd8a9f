// How well the alarms serve: rates, floods, bad actors, stale and shelved ones, against EEMUA 191 and
// ISA-18.2.
import { createApp, h, onBeforeUnmount, onMounted, reactive, ref, shallowRef, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { echarts } from "/lib/echarts/index.js";
import { alarmHealth, suppressed } from "./alarm-api.js";
import { Service } from "./alarm-service.js";
import { get } from "./api.js";
import { crewName, district, me, placeName, setDistrict } from "./board.js";
import { scaled } from "./scale.js";
import { age, clock, day, language, moment, setZone, speak, t } from "./texts.js";
import { theme } from "./theme-switch.js";

const NOTICES = new Set(["haze", "sand_dust"]);
const RULES = new Set(["inc60", "inc15", "pm10_60", "tsp5", "cusum", "gate"]);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const percent = (value, digits = 0) => (value == null ? "–" : `${(100 * value).toFixed(digits)}%`);
const minutes = (value) => (value == null ? "–" : value < 90 ? t("health.minutes", { n: Math.round(value) }) : t("health.hours", { n: (value / 60).toFixed(1) }));
const rate = (value) => (value < 9.95 ? value.toFixed(1) : String(Math.round(value)));
const kindOf = (kind) => t(NOTICES.has(kind) ? `notice.${kind}` : RULES.has(kind) ? `rule.${kind}` : `alarm_kind.${kind === "station" ? "silent" : kind}`);
const where = (place) => {
  if (district.depots[place]) return t(`map.${district.depots[place].kind}`);
  return district.crews[place] ? crewName(place) : placeName({ segment: place, site: place }) || "–";
};

// Slots of ten minutes added up to bars of so many.
export function bars(slots, width) {
  const found = [];
  slots.forEach((slot, i) => {
    if (i % width === 0) found.push({ at: slot.at, low: 0, medium: 0, high: 0 });
    for (const level of ["low", "medium", "high"]) found.at(-1)[level] += slot[level];
  });
  return found;
}

function option(health) {
  const hourly = 6;
  const width = Date.parse(health.until) - Date.parse(health.since) > 2 * 86_400_000 ? hourly * 3 : hourly;
  const shown = bars(health.slots, width);
  const perBar = health.operators * (width / hourly);
  const [ink, faint, rule] = ["--ink", "--ink-3", "--rule"].map(colour);
  const line = (value, name, shade) => ({
    yAxis: value, lineStyle: { color: shade, type: "dashed", width: 1.3 },
    label: { formatter: name, position: "insideStartTop", color: ink, fontSize: scaled(11), backgroundColor: colour("--panel"), padding: [0, 3] },
  });
  const level = (name, n) => ({
    name: t(`level.${n}`), type: "bar", stack: "all", barCategoryGap: "18%", itemStyle: { color: colour(`--level-${n}`) },
    data: shown.map((bar) => [Date.parse(bar.at) + (width * 600_000) / 2, bar[name]]),
  });
  const norm = [
    line(health.norms.acceptable_per_operator_hour * perBar, t("health.acceptable_line", { n: health.norms.acceptable_per_operator_hour }), colour("--good")),
    line(health.norms.manageable_per_operator_hour * perBar, t("health.manageable_line", { n: health.norms.manageable_per_operator_hour }), colour("--bad")),
  ];
  const highest = Math.max(1, ...shown.map((bar) => bar.low + bar.medium + bar.high));
  return {
    animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
    legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 9, textStyle: { color: colour("--ink-2"), fontSize: scaled(12) } },
    grid: { left: scaled(36), right: 12, top: scaled(30), bottom: scaled(24) },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("--panel"), borderColor: rule, textStyle: { color: ink, fontSize: scaled(12) },
      formatter: (items) => [moment(items[0].value[0] - (width * 600_000) / 2), ...items.map(({ seriesName, value }) => `${seriesName}  ${value[1]}`)].join("\n"),
    },
    xAxis: { type: "time", min: Date.parse(health.since), max: Date.parse(health.until), axisLabel: { fontSize: scaled(12), color: faint, hideOverlap: true, formatter: (time) => (width > hourly ? moment(time) : clock(time)) }, axisLine: { lineStyle: { color: rule } }, splitLine: { show: false } },
    yAxis: { type: "value", minInterval: 1, max: Math.max(highest, Math.ceil(health.norms.acceptable_per_operator_hour * perBar * 1.15)), axisLabel: { fontSize: scaled(12), color: faint }, splitLine: { lineStyle: { color: rule, opacity: 0.6 } } },
    series: [
      { ...level("high", 3), markLine: { silent: true, symbol: "none", data: norm },
        markArea: { silent: true, itemStyle: { color: colour("--level-3"), opacity: 0.14 },
          data: health.floods.map(({ since, until }) => [{ xAxis: Date.parse(since), name: t("health.flood"), label: { color: ink, fontSize: scaled(11), position: "top", distance: 2 } }, { xAxis: Date.parse(until) }]) } },
      level("medium", 2), level("low", 1),
    ],
  };
}

const RateChart = {
  props: ["health"],
  setup(props) {
    const host = ref(null);
    let chart;
    const draw = () => chart?.setOption(option(props.health), { notMerge: true });
    onMounted(() => {
      chart = echarts.init(host.value, null, { renderer: "canvas" });
      const resized = new ResizeObserver(() => chart.resize());
      resized.observe(host.value);
      onBeforeUnmount(() => {
        resized.disconnect();
        chart.dispose();
      });
      draw();
    });
    watch([() => props.health, theme, language], draw, { flush: "post" });
    return () => h("div", { class: "bigchart", ref: host, role: "img", "aria-label": t("health.chart_says", { n: props.health.annunciations, rate: rate(props.health.per_operator_hour) }) });
  },
};

const tile = (name, value, state, ...says) =>
  h("div", { class: ["tile", state] }, [h("span", {}, t(`health.${name}`)), h("b", {}, value), ...says.filter(Boolean).map((say) => h("small", { key: say }, say))]);

const table = (columns, rows) =>
  h("div", { class: "tablebox" }, h("table", {}, [
    h("thead", {}, h("tr", {}, columns.map(([name, kind]) => h("th", { key: name, scope: "col", class: kind }, t(`health.${name}`))))),
    h("tbody", {}, rows.map((row, i) => h("tr", { key: i }, row.map((cell, j) => h("td", { key: j, class: columns[j][1] }, cell))))),
  ]));

const section = (name, content, norm = true) =>
  h("section", { "aria-labelledby": `h-${name}` }, [h("h2", { id: `h-${name}` }, t(`health.${name}`)), norm ? h("p", { class: "norm" }, t(`health.${name}_norm`)) : null, content]);

const none = (key) => h("p", { class: "quiet" }, t(`health.${key}`));

function tiles(health) {
  const rateState = { acceptable: "ok", manageable: "so", too_many: "bad" }[health.verdict];
  const stale = health.stale.length;
  const midnight = health.midnights.at(-1);
  return h("div", { class: "tiles" }, [
    tile("per_hour", rate(health.per_operator_hour), rateState, t(`health.${health.verdict}`), t("health.total", { n: health.annunciations })),
    tile("peak", health.peak_10min, health.peak_10min > health.norms.flood_begins_above ? "bad" : "ok", health.peak_at ? moment(health.peak_at, health.until) : ""),
    tile("floods", health.floods.length, health.floods.length ? "bad" : "ok", t("health.flood_share", { share: percent(health.flood_share, 1) })),
    tile("acknowledging", minutes(health.acknowledge_p50_min), "", t("health.p95", { time: minutes(health.acknowledge_p95_min) }), t("health.of", { n: health.acknowledged })),
    tile("stale", stale, stale >= health.norms.stale_most ? "bad" : stale ? "so" : "ok", t("health.stale_short")),
    tile("midnight", midnight ? midnight.unacknowledged : "–", midnight?.unacknowledged ? "so" : "ok", midnight ? day(midnight.at) : t("health.no_midnight")),
  ]);
}

const priorities = (health) => table([["level", ""], ["count", "num"], ["share", ""], ["target", ""]], [...health.priorities].reverse().map((one) => [
  h("span", { class: `badge l${one.level}` }, [h("i", {}, String(one.level)), t(`level.${one.level}`)]),
  one.count,
  [h("span", { class: "bar", style: { width: `${Math.round(90 * (one.share ?? 0))}px`, background: `var(--level-${one.level})` } }), percent(one.share)],
  [h("span", { class: "bar target", style: { width: `${Math.round(90 * one.target)}px` } }), percent(one.target)],
]));

const Page = {
  setup() {
    const query = reactive({ days: 1, operators: 1, until: null });
    const health = shallowRef(null);
    const hushed = shallowRef([]);
    const problem = ref("");
    let turn = 0;
    async function load() {
      const mine = ++turn;
      try {
        const asked = { days: query.days, operators: query.operators, ...(query.until ? { until: query.until } : {}) };
        const [found, quiet] = await Promise.all([alarmHealth(asked), suppressed()]);
        if (mine === turn) [health.value, hushed.value, problem.value] = [found, quiet, ""];
      } catch (error) {
        if (mine === turn) problem.value = error.message;
      }
    }
    watch(query, load, { immediate: true });
    const step = (sign) => {
      const at = Date.parse(health.value.until) + sign * query.days * 86_400_000;
      query.until = new Date(at).toISOString();
    };

    return () => {
      const found = health.value;
      return h("main", { class: "sheet-page" }, [
        h("header", {}, [
          h("div", { class: "right noprint" }, [
            h("div", { class: "spans", role: "group", "aria-label": t("health.span") }, [1, 7].map((days) =>
              h("button", { type: "button", key: days, class: query.days === days ? "on" : "", "aria-pressed": query.days === days, onClick: () => (query.days = days) }, t(days === 1 ? "health.a_day" : "health.a_week")))),
            h("button", { type: "button", disabled: !found, onClick: () => step(-1) }, t("health.earlier")),
            h("button", { type: "button", disabled: !found || !query.until, onClick: () => (query.until = null) }, t("health.until_now")),
            h("label", {}, [t("health.operators"), " ", h("select", { value: query.operators, onChange: (event) => (query.operators = Number(event.target.value)) }, [1, 2, 3, 4].map((n) => h("option", { key: n, value: n }, n)))]),
            h("button", { type: "button", onClick: () => print() }, t("health.print")),
          ]),
          found ? h("p", { class: "lead" }, t("health.lead", { since: moment(found.since), until: moment(found.until), n: found.operators })) : null,
        ]),
        problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
        !found ? h("p", { class: "quiet", role: "status" }, t("app.loading")) : [
          tiles(found),
          section("rates", h(RateChart, { health: found })),
          h("div", { class: "two" }, [
            section("priorities", priorities(found)),
            section("flood_list", found.floods.length
              ? table([["begins", ""], ["ends", ""], ["lasted", ""], ["count", "num"], ["peak_short", "num"]], found.floods.map((one) =>
                [moment(one.since, found.until), one.until === found.until ? t("health.goes_on") : moment(one.until, found.until), age(one.since, one.until), one.annunciations, one.peak_10min]))
              : none("no_floods")),
          ]),
          section("bad_actors", found.bad_actors.length
            ? table([["source", ""], ["kind", ""], ["count", "num"], ["share", ""], ["swings", "num"], ["in_hour", "num"], ["in_minute", "num"], ["judged", ""]], found.bad_actors.map((one) => [
              h("b", {}, where(one.place)), kindOf(one.kind), one.times,
              [h("span", { class: "bar", style: { width: `${Math.round(120 * one.share)}px` } }), percent(one.share)],
              one.swings, one.most_in_hour, one.most_in_minute,
              one.chatters ? h("span", { class: "chip warn" }, t("health.chatters")) : "",
            ]))
            : none("no_alarms")),
          h("div", { class: "two" }, [
            section("stale_list", found.stale.length
              ? table([["source", ""], ["kind", ""], ["stood", ""], ["seen", ""]], found.stale.map((one) =>
                [where(one.place), kindOf(one.kind), age(one.since, found.until), t(one.acknowledged ? "alarm_state.acknowledged" : "alarm_state.unacknowledged")]))
              : none("no_stale")),
            section("shelved_list", found.shelved.length
              ? table([["source", ""], ["kind", ""], ["comes_back", ""], ["by", ""], ["why", ""]], found.shelved.map((one) =>
                [where(one.place), kindOf(one.kind), moment(one.until, found.until), one.by ?? "–", one.why || "–"]))
              : none("no_shelved")),
            section("midnights", found.midnights.length
              ? table([["night", ""], ["left", "num"]], found.midnights.map((one) => [day(one.at), one.unacknowledged])) : none("no_midnight")),
            section("service", h(Service, { standing: found.out_of_service, where, until: found.until, onChanged: load })),
            section("suppressed", hushed.value.length
              ? table([["source", ""], ["kind", ""], ["begins", ""], ["because", ""]], hushed.value.map((one) => [
                where(one.crew ?? one.segment ?? one.site), kindOf(one.kind), moment(one.since, found.until),
                t(`suppressed.${one.why}`, { n: one.swings ?? 0 }),
              ]))
              : none("no_suppressed")),
          ]),
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
