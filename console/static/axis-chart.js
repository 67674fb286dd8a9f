// Everything about a segment on one time axis: its increment with the model's interval, limits and
// forecast; PM10 over the background; what was done; what was seen, heard, doubted, and rain.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { echarts } from "/lib/echarts/index.js";
import { district } from "./board.js";
import { band, colour, fan, hourlyMean, withGaps } from "./chart.js";
import { scaled } from "./scale.js";
import { clock, language, moment, t, whole } from "./texts.js";
import { theme } from "./theme-switch.js";

const LANES = ["complaints", "seen", "doubts", "rain"];
const SHAPES = { complaints: "pin", seen: "diamond", doubts: "rect", rain: "rect" };

function worked(orders, since, until, end) {
  return orders.filter(({ started_at: from, state }) => from && state !== "refused").map((order) => ({
    ...order,
    from: Math.max(since, Date.parse(order.started_at)),
    to: Math.min(until, Date.parse(order.ended_at ?? new Date(until).toISOString())),
  })).filter(({ from, to }) => to > since && from < end);
}

const marks = (why) => [
  ...why.complaints.map(({ ts, text }) => ["complaints", ts, text ?? ""]),
  ...why.seen.map(({ ts, kind, source }) => ["seen", ts, `${t(`seen_kind.${kind}`)} · ${source}`]),
  ...why.doubts.map(({ since, station, test, readings }) => ["doubts", since, t("segment.doubt", { station, test: t(`doubt.${test}`), n: readings })]),
  ...why.rain.map(({ at, mm }) => ["rain", at, `${mm.toFixed(1)} mm`]),
];

function limitLines(rule) {
  return (district.limits[rule] ?? []).flatMap((value, i) => (value == null ? [] : [{
    yAxis: value, lineStyle: { color: colour(`--level-${i + 1}`), type: i === 2 ? "solid" : "dashed", width: 1.2 },
    label: { formatter: t("chart.limit", { level: t(`level.${i + 1}`), value }), position: "insideStartTop", color: colour(`--level-${i + 1}-ink`), fontSize: scaled(11), distance: [2, 1], backgroundColor: colour("--panel"), padding: [0, 3], borderRadius: 3 },
  }]));
}

export function axisOption(history, why, leadH, narrow = false) {
  const times = history.minutes.ts.map((ts) => Date.parse(ts));
  const step = history.step_minutes;
  const since = Date.parse(history.since) + leadH * 3_600_000;
  const until = Date.parse(history.until);
  const clip = (pairs) => pairs.filter(([time]) => time >= since);
  const line = (values) => clip(withGaps(times, values, step));
  const inc60 = hourlyMean(history.minutes.increment, step);
  const latest = Math.max(0, ...history.forecast.map(({ ts, horizon_min }) => Date.parse(ts) + horizon_min * 60_000));
  const end = Math.max(until, Math.min(latest, until + (until - since) / 3));
  const foreseen = fan(history.forecast, inc60.at(-1), end);
  const model = clip(withGaps(times, times.map((_, i) => i), step)).map(([time, i]) =>
    (i == null ? [time, null, null] : [time, history.minutes.low[i], history.minutes.high[i]]));
  const [ink, faint, rule] = ["--ink", "--ink-3", "--rule"].map(colour);
  const top = (values, name, room) => {
    const highest = values.reduce((most, value) => Math.max(most, value ?? 0), 0);
    const next = (district.limits[name] ?? []).find((limit) => limit != null && limit > highest);
    return Math.ceil(Math.max(highest, next && next < highest * room ? next : 0, 40) * 1.08 / 10) * 10;
  };
  const orders = worked(history.orders, since, until, end);
  const lanes = [...new Set(orders.map(({ treatment }) => treatment))];
  const found = marks(why).filter(([, at]) => Date.parse(at) >= since);
  const shownLanes = LANES.filter((lane) => found.some(([name]) => name === lane));
  const work = Math.max(1, lanes.length) * 24;
  const seen = Math.max(1, shownLanes.length) * 20;
  const axis = (gridIndex, bottom) => ({
    type: "time", gridIndex, min: since, max: end, axisLine: { lineStyle: { color: rule } }, axisTick: { show: bottom, lineStyle: { color: rule } },
    axisLabel: { fontSize: scaled(12), show: bottom, color: faint, hideOverlap: true, formatter: (time) => (end - since > 30 * 3_600_000 ? moment(time) : clock(time)) }, splitLine: { show: false },
    axisPointer: { label: { show: bottom, formatter: ({ value }) => moment(value, history.until) } },
  });
  const values = (gridIndex, max, name) => ({
    type: "value", gridIndex, max, name, nameTextStyle: { fontSize: scaled(12), color: faint, align: "left", padding: [0, 0, 0, -34] }, nameGap: 8, min: (range) => Math.min(0, Math.floor(range.min / 20) * 20),
    splitNumber: 3, axisLabel: { fontSize: scaled(12), color: faint }, splitLine: { lineStyle: { color: rule, opacity: 0.6 } },
  });
  const laneAxis = (gridIndex, data) => ({ type: "category", gridIndex, data, inverse: true, axisLine: { show: false }, axisTick: { show: false }, axisLabel: { fontSize: scaled(11), color: colour("--ink-2"), width: 58, overflow: "truncate" }, splitLine: { show: true, lineStyle: { color: rule, opacity: 0.5 } } });
  const clamp = (time) => Math.min(end, Math.max(since, time));
  const episodes = history.episodes.filter(({ ended_at: over }) => !over || Date.parse(over) > since).map((episode) => [
    { xAxis: clamp(Date.parse(episode.started_at)), itemStyle: { color: colour(`--level-${Math.max(1, episode.level)}`), opacity: 0.16 } },
    { xAxis: clamp(episode.ended_at ? Date.parse(episode.ended_at) : until) },
  ]);
  const nowLine = { silent: true, symbol: "none", data: [{ xAxis: until, lineStyle: { color: faint, type: "solid", width: 1 }, label: { formatter: t("segment.now"), color: faint, fontSize: scaled(11), position: "end" } }] };
  const proof = new Map(why.orders.map((order) => [order.id, order.proven]));
  return {
    animation: false, textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
    axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: faint } },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true, backgroundColor: colour("--panel"), borderColor: rule, textStyle: { color: ink, fontSize: scaled(12) },
      formatter: (items) => {
        const list = [items].flat();
        const lines = new Map(list.filter(({ value, seriesName }) => seriesName && value?.[1] != null).map(({ seriesName, value, seriesType }) =>
          [seriesType === "scatter" || seriesType === "custom" ? value.at(-1) : seriesName,
            seriesType === "scatter" || seriesType === "custom" ? "" : value.length > 3 ? `${whole(value[2])}–${whole(value[3])}` : whole(value[1])]));
        return [moment(list[0].axisValue ?? list[0].value[0], history.until), ...[...lines].map(([name, value]) => `${name}  ${value}`)].join("\n");
      },
    },
    legend: { top: 0, left: 0, itemWidth: 18, itemHeight: 8, itemGap: 16, textStyle: { color: colour("--ink-2"), fontSize: scaled(12) },
      data: [t("chart.increment_60"), t("chart.increment"), t("chart.estimate"), ...(foreseen.length ? [t("chart.forecast")] : []), t("chart.pm10"), t("chart.background")] },
    grid: [
      { left: 74, right: 14, top: narrow ? 100 : 54, bottom: 212 + work + seen },
      { left: 74, right: 14, height: 110, bottom: 74 + work + seen },
      { left: 74, right: 14, height: work, bottom: 42 + seen },
      { left: 74, right: 14, height: seen, bottom: 26 },
    ],
    xAxis: [axis(0, false), axis(1, false), axis(2, false), axis(3, true)],
    yAxis: [
      values(0, top([...history.minutes.increment, ...inc60, ...history.minutes.high, ...foreseen.map(([, , high]) => high)], "inc60", 1.6), t("segment.axis_increment")),
      values(1, top(history.minutes.pm10, "pm10_60", 1.2), t("segment.axis_pm10")),
      laneAxis(2, lanes.length ? lanes.map((lane) => t(`treatment.${lane}`)) : [t("segment.no_work")]),
      laneAxis(3, shownLanes.length ? shownLanes.map((lane) => t(`segment.lane_${lane}`)) : [t("segment.no_marks")]),
    ],
    series: [
      ...band(t("chart.estimate"), "estimate", colour("--model"), 0.2, model, 0),
      ...band(t("chart.forecast"), "forecast", colour("--increment"), 0.22, foreseen, 0),
      { name: t("chart.forecast"), type: "line", showSymbol: false, silent: true, tooltip: { show: false }, data: foreseen.map(([time, , , middle]) => [time, middle]), lineStyle: { width: 1.6, color: colour("--increment"), type: [4, 3] }, itemStyle: { color: colour("--increment") } },
      { name: t("chart.increment"), type: "line", showSymbol: false, data: line(history.minutes.increment), lineStyle: { width: 1, color: colour("--increment"), opacity: 0.55 }, itemStyle: { color: colour("--increment") }, areaStyle: { color: colour("--increment"), opacity: 0.1 }, markArea: { silent: true, data: episodes } },
      { name: t("chart.increment_60"), type: "line", showSymbol: false, data: line(inc60), lineStyle: { width: 2.4, color: colour("--increment") }, itemStyle: { color: colour("--increment") }, markLine: { silent: true, symbol: "none", data: [...limitLines("inc60"), ...nowLine.data] } },
      { name: t("chart.pm10"), type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, data: line(history.minutes.pm10), lineStyle: { width: 1.6, color: colour("--pm10") }, itemStyle: { color: colour("--pm10") }, markArea: { silent: true, data: episodes } },
      { name: t("chart.background"), type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, data: line(history.minutes.background), lineStyle: { width: 1.4, color: colour("--background"), type: [5, 3] }, itemStyle: { color: colour("--background") }, areaStyle: { color: colour("--background"), opacity: 0.12 } },
      {
        name: t("chart.treatments"), type: "custom", xAxisIndex: 2, yAxisIndex: 2, encode: { x: [0, 2], y: 1 },
        data: orders.map((order) => [order.from, lanes.indexOf(order.treatment), order.to, order.id,
          `${t(`treatment.${order.treatment}`)} ${clock(order.from)}–${clock(order.to)} · ${t(`segment.proven_${proof.get(order.id) ?? "unknown"}`)}`]),
        renderItem: (params, api) => {
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const [to] = api.coord([api.value(2), api.value(1)]);
          const id = orders[params.dataIndex].id;
          const proven = proof.get(id);
          const shade = colour(proven === false ? "--bad" : "--water");
          return { type: "group", children: [
            { type: "rect", shape: { x, y: y - 8, width: Math.max(3, to - x), height: 16, r: 3 }, style: { fill: proven == null ? "transparent" : shade, stroke: shade, lineWidth: 1.6, opacity: 0.95 } },
            { type: "text", style: { text: proven == null ? "?" : proven ? "✓" : "✗", x: Math.max(x + 3, to + 4), y: y - 6, fill: shade, fontSize: scaled(12), fontWeight: 700 } },
          ] };
        },
      },
      {
        name: t("segment.marks"), type: "scatter", xAxisIndex: 3, yAxisIndex: 3, symbolSize: ([, lane]) => (SHAPES[shownLanes[lane]] === "rect" ? [7, 12] : 11),
        symbol: ([, lane]) => SHAPES[shownLanes[lane]] ?? "circle",
        itemStyle: { color: ({ value }) => colour({ complaints: "--bad", seen: "--increment", doubts: "--ink-3", rain: "--water" }[shownLanes[value[1]]]) },
        data: found.map(([lane, at, text]) => [Date.parse(at), shownLanes.indexOf(lane), text]),
      },
    ],
  };
}

export const AxisChart = {
  props: ["history", "why", "lead"],
  emits: ["order"],
  setup(props, { emit }) {
    const host = ref(null);
    let chart;
    const draw = () => {
      if (chart && props.history && props.why) chart.setOption(axisOption(props.history, props.why, props.lead, host.value.clientWidth < 640), { notMerge: true });
    };
    onMounted(() => {
      chart = echarts.init(host.value, null, { renderer: "canvas" });
      chart.on("click", ({ seriesType, value }) => seriesType === "custom" && emit("order", value[3]));
      const resized = new ResizeObserver(() => chart.resize());
      resized.observe(host.value);
      onBeforeUnmount(() => {
        resized.disconnect();
        chart.dispose();
      });
      draw();
    });
    watch([() => props.history, () => props.why, theme, language], draw, { flush: "post" });
    return () => h("div", { class: "axis-chart", ref: host, role: "img", "aria-label": t("segment.chart_says") });
  },
};
