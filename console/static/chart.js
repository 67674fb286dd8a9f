// A segment over the last hours: PM10 and background above, the increment and its limits below.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { echarts } from "/lib/echarts/index.js";
import { LEAD_H } from "./api.js";
import { district } from "./board.js";
import { scaled } from "./scale.js";
import { clock, language, moment, signed, t, whole } from "./texts.js";
import { theme } from "./theme-switch.js";

const WINDOW_MIN = 60;
const SHARE_NEEDED = 0.75;

// Trailing mean over an hour, null where more than a quarter of its minutes is missing.
export function hourlyMean(values, step) {
  const width = Math.max(1, Math.round(WINDOW_MIN / step));
  let sum = 0;
  let known = 0;
  return values.map((value, i) => {
    if (value != null) [sum, known] = [sum + value, known + 1];
    const old = i >= width ? values[i - width] : null;
    if (old != null) [sum, known] = [sum - old, known - 1];
    return known >= SHARE_NEEDED * width ? sum / known : null;
  });
}

// [time, value] pairs with a gap wherever a minute is missing, so that no line is drawn over it.
export function withGaps(times, values, step) {
  const pairs = [];
  const limit = 2.5 * step * 60_000;
  times.forEach((time, i) => {
    if (i && time - times[i - 1] > limit) pairs.push([times[i - 1] + step * 60_000, null]);
    pairs.push([time, values[i]]);
  });
  return pairs;
}

// The filled space between two lines: an invisible one below, what lies between them stacked on it.
export function band(name, stack, shade, opacity, points, axis = 1) {
  const shared = {
    type: "line", xAxisIndex: axis, yAxisIndex: axis, showSymbol: false, stack, silent: true, lineStyle: { width: 0 },
    itemStyle: { color: shade },
  };
  const between = ([time, low, high]) => [time, low == null ? null : high - low, low, high];
  return [
    { ...shared, name: "", data: points.map(([time, low]) => [time, low]) },
    { ...shared, name, data: points.map(between), areaStyle: { color: shade, opacity } },
  ];
}

// The hourly mean now, and its quantiles at the horizons that an hour of it lies before.
export function fan(forecast, now, until) {
  const hours = forecast.filter(({ horizon_min }) => horizon_min >= WINDOW_MIN);
  if (!hours.length) return [];
  const from = Date.parse(hours[0].ts);
  const start = now == null ? [] : [[from, now, now, now]];
  return [...start, ...hours.map(({ horizon_min, q10, q50, q90 }) => [from + horizon_min * 60_000, q10, q90, q50])]
    .filter(([time]) => time <= until);
}

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function option(history, narrow) {
  const times = history.minutes.ts.map((ts) => Date.parse(ts));
  const step = history.step_minutes;
  const since = Date.parse(history.since) + LEAD_H * 3_600_000;
  const line = (values) => withGaps(times, values, step).filter(([time]) => time >= since);
  const inc60 = hourlyMean(history.minutes.increment, step);
  const ink = colour("--ink");
  const faint = colour("--ink-3");
  const rule = colour("--rule");
  const until = Date.parse(history.until);
  // No more future than half of the past that is shown.
  const latest = Math.max(0, ...history.forecast.map(({ ts, horizon_min }) => Date.parse(ts) + horizon_min * 60_000));
  const end = Math.max(until, Math.min(latest, until + (until - since) / 2));
  const foreseen = fan(history.forecast, inc60.at(-1), end);
  const model = withGaps(times, times.map((_, i) => i), step).filter(([time]) => time >= since).map(([time, i]) =>
    i == null ? [time, null, null] : [time, history.minutes.low[i], history.minutes.high[i]]);
  const limitLines = (rule) =>
    (district.limits[rule] ?? []).flatMap((value, i) =>
      value == null ? [] : [{
        yAxis: value,
        lineStyle: { color: colour(`--level-${i + 1}`), type: i === 2 ? "solid" : "dashed", width: 1.2 },
        label: {
          formatter: t("chart.limit", { level: t(`level.${i + 1}`), value }),
          position: "insideStartTop", color: colour(`--level-${i + 1}-ink`), fontSize: scaled(11), distance: [2, 1],
          backgroundColor: colour("--panel"), padding: [0, 3], borderRadius: 3,
        },
      }]);
  const clamp = (time) => Math.min(until, Math.max(since, time));
  const episodes = history.episodes.filter(
    (episode) => !episode.ended_at || Date.parse(episode.ended_at) > since).map((episode) => [
    { xAxis: clamp(Date.parse(episode.started_at)), itemStyle: { color: colour(`--level-${episode.level}`), opacity: 0.16 } },
    { xAxis: clamp(episode.ended_at ? Date.parse(episode.ended_at) : until) },
  ]);
  const done = history.orders.filter(
    (order) => order.started_at && (!order.ended_at || Date.parse(order.ended_at) > since));
  const treatments = done.map((order) => [
    {
      xAxis: clamp(Date.parse(order.started_at)),
      name: t(`treatment.${order.treatment}`),
      itemStyle: { color: colour("--water"), opacity: 0.28 },
      label: { show: true, position: "insideTop", color: colour("--water-ink"), fontSize: scaled(11), fontWeight: 600 },
    },
    { xAxis: clamp(order.ended_at ? Date.parse(order.ended_at) : until) },
  ]);
  const top = (values, rule, share) => {
    const highest = values.reduce((most, value) => Math.max(most, value ?? 0), 0);
    const shown = (district.limits[rule] ?? []).filter((limit) => limit != null && limit <= highest * share);
    const next = (district.limits[rule] ?? []).find((limit) => limit != null && limit > highest);
    return Math.ceil(Math.max(highest, ...shown, next && next < highest * 2.2 ? next : 0, 40) * 1.08 / 10) * 10;
  };
  const axis = (gridIndex, bottom) => ({
    type: "time", gridIndex, min: since, max: end,
    axisLine: { lineStyle: { color: rule } },
    axisTick: { show: bottom, lineStyle: { color: rule } },
    axisLabel: { fontSize: scaled(12), show: bottom, color: faint, hideOverlap: true, formatter: (time) => clock(time) },
    splitLine: { show: false },
    axisPointer: { label: { show: bottom, formatter: ({ value }) => moment(value, history.until) } },
  });
  const values = (gridIndex, max) => ({
    type: "value", gridIndex, min: (range) => Math.min(0, Math.floor(range.min / 20) * 20), max,
    splitNumber: 3, axisLabel: { fontSize: scaled(12), color: faint }, splitLine: { lineStyle: { color: rule, opacity: 0.6 } },
  });
  return {
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: ink },
    axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: faint } },
    tooltip: {
      trigger: "axis", renderMode: "richText", confine: true,
      backgroundColor: colour("--panel"), borderColor: rule, textStyle: { color: ink, fontSize: scaled(12) },
      formatter: (items) => {
        const seen = new Map(items.filter(({ value }) => value[1] != null).map(({ seriesName, value }) =>
          [seriesName, value.length > 2 ? `${whole(value[2])}–${whole(value[3])}` : whole(value[1])]));
        return [moment(items[0].value[0], history.until),
          ...[...seen].filter(([name]) => name).map(([name, value]) => `${name}  ${value}`)].join("\n");
      },
    },
    legend: {
      top: 0, left: 0, itemWidth: 18, itemHeight: 8, itemGap: narrow ? 10 : 18,
      textStyle: { color: colour("--ink-2"), fontSize: scaled(12) },
      data: [t("chart.pm10"), t("chart.background"), t("chart.increment"), t("chart.increment_60"),
        t("chart.estimate"), ...(foreseen.length ? [t("chart.forecast")] : [])],
    },
    grid: [
      { left: 40, right: 14, top: narrow ? 50 : 30, height: "36%" },
      { left: 40, right: 14, bottom: 24, height: "34%" },
    ],
    xAxis: [axis(0, false), axis(1, true)],
    yAxis: [values(0, top(history.minutes.pm10, "pm10_60", 1)), values(1, top([...history.minutes.increment, ...history.minutes.high, ...foreseen.map(([, , high]) => high)], "inc60", 1.4))],
    series: [
      {
        name: t("chart.pm10"), type: "line", showSymbol: false, data: line(history.minutes.pm10),
        lineStyle: { width: 1.6, color: colour("--pm10") }, itemStyle: { color: colour("--pm10") },
        markLine: { silent: true, symbol: "none", data: limitLines("pm10_60") },
        markArea: { silent: true, data: [...episodes, ...treatments] },
      },
      {
        name: t("chart.background"), type: "line", showSymbol: false, data: line(history.minutes.background),
        lineStyle: { width: 1.4, color: colour("--background"), type: [5, 3] }, itemStyle: { color: colour("--background") },
        areaStyle: { color: colour("--background"), opacity: 0.12 },
      },
      ...band(t("chart.estimate"), "estimate", colour("--model"), 0.2, model),
      ...band(t("chart.forecast"), "forecast", colour("--increment"), 0.22, foreseen),
      {
        name: t("chart.forecast"), type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false, silent: true,
        tooltip: { show: false }, data: foreseen.map(([time, , , middle]) => [time, middle]),
        lineStyle: { width: 1.6, color: colour("--increment"), type: [4, 3] }, itemStyle: { color: colour("--increment") },
      },
      {
        name: t("chart.increment"), type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false,
        data: line(history.minutes.increment), lineStyle: { width: 1, color: colour("--increment"), opacity: 0.55 },
        itemStyle: { color: colour("--increment") }, areaStyle: { color: colour("--increment"), opacity: 0.12 },
        markArea: { silent: true, data: [...episodes, ...treatments.map(([from, to]) => [{ ...from, label: { show: false } }, to])] },
      },
      {
        name: t("chart.increment_60"), type: "line", xAxisIndex: 1, yAxisIndex: 1, showSymbol: false,
        data: line(inc60), lineStyle: { width: 2.4, color: colour("--increment") }, itemStyle: { color: colour("--increment") },
        markLine: { silent: true, symbol: "none", data: limitLines("inc60") },
      },
    ],
  };
}

export const SegmentChart = {
  props: ["history"],
  setup(props) {
    const host = ref(null);
    let chart;
    const draw = () => {
      if (chart && props.history) {
        chart.setOption(option(props.history, host.value.clientWidth < 640), { notMerge: true });
      }
    };
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
    watch([() => props.history, theme, language], draw, { flush: "post" });
    const summary = () => {
      const last = props.history?.minutes.increment.at(-1);
      return `${t("chart.increment")} ${signed(last)} µg/m³`;
    };
    return () => h("div", { class: "chart", ref: host, role: "img", "aria-label": summary() });
  },
};
