// One segment over the last hours and the next, in lines that are seen across a room.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { echarts } from "/lib/echarts/index.js";
import { district } from "./board.js";
import { clock, language, t } from "./texts.js";

const AHEAD_MS = 3 * 3600_000;
const colour = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

function options(history, rem) {
  const times = history.minutes.ts.map((ts) => Date.parse(ts));
  const until = Date.parse(history.until);
  const ink = colour("--ink-2");
  const limits = district.limits.inc60 ?? [];
  const shown = [1, 2, 3].filter((level) => limits[level - 1] != null);
  const hours = history.forecast.filter(({ horizon_min }) => horizon_min >= 60);
  const from = hours.length ? Date.parse(hours[0].ts) : null;
  const steps = hours.map(({ horizon_min, q10, q50, q90 }) => [from + horizon_min * 60_000, q10, q50, q90]);
  const highest = Math.max(60, ...history.minutes.increment.filter((value) => value != null), ...steps.map(([, , , q90]) => q90));
  const text = { color: ink, fontSize: 1.7 * rem };
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 6.5 * rem, right: (language() === "en" ? 15 : 9) * rem, top: 1.5 * rem, bottom: 3.4 * rem },
    xAxis: {
      type: "time", min: Date.parse(history.since), max: until + AHEAD_MS, axisLine: { lineStyle: { color: colour("--rule"), width: 2 } },
      axisLabel: { ...text, formatter: (time) => clock(time), hideOverlap: true }, splitLine: { show: false },
    },
    yAxis: { type: "value", max: Math.ceil(highest / 20) * 20, axisLabel: text, splitLine: { lineStyle: { color: colour("--rule") } } },
    series: [
      { type: "line", stack: "band", silent: true, showSymbol: false, lineStyle: { width: 0 }, data: steps.map(([time, low]) => [time, low]) },
      { type: "line", stack: "band", silent: true, showSymbol: false, lineStyle: { width: 0 }, areaStyle: { color: colour("--model"), opacity: 0.3 }, data: steps.map(([time, low, , high]) => [time, high - low]) },
      { type: "line", silent: true, symbolSize: rem, lineStyle: { color: colour("--model"), width: 0.4 * rem, type: "dashed" }, itemStyle: { color: colour("--model") }, data: steps.map(([time, , middle]) => [time, middle]) },
      {
        type: "line", silent: true, showSymbol: false, lineStyle: { color: colour("--increment"), width: 0.5 * rem }, data: times.map((time, i) => [time, history.minutes.increment[i]]),
        markLine: {
          silent: true, symbol: "none",
          data: [
            ...shown.filter((level) => limits[level - 1] < Math.ceil(highest / 20) * 20 || level === 1).map((level) => ({
              yAxis: limits[level - 1], lineStyle: { color: colour(`--level-${level}`), width: 0.25 * rem, type: "solid" },
              label: { formatter: `${t(`level.${level}`)} ${limits[level - 1]}`, color: colour(`--level-${level}-ink`), fontSize: 1.7 * rem, position: "end" },
            })),
            { xAxis: until, lineStyle: { color: ink, width: 0.15 * rem, type: "dotted" }, label: { show: false } },
          ],
        },
        markArea: {
          silent: true, itemStyle: { color: colour("--water"), opacity: 0.28 },
          data: history.orders.filter((order) => order.started_at).map((order) => [{ xAxis: Date.parse(order.started_at) }, { xAxis: Date.parse(order.ended_at ?? history.until) }]),
        },
      },
    ],
  };
}

export const WallChart = {
  props: ["history"],
  setup(props) {
    const host = ref(null);
    let chart = null;
    let resized = null;
    const draw = () => {
      if (!chart || !props.history) return;
      const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
      chart.setOption(options(props.history, rem), { notMerge: true });
    };
    onMounted(() => {
      chart = echarts.init(host.value);
      resized = new ResizeObserver(() => {
        chart.resize();
        draw();
      });
      resized.observe(host.value);
      draw();
    });
    watch(() => props.history, draw);
    onBeforeUnmount(() => {
      resized.disconnect();
      chart.dispose();
    });
    return () => h("div", { class: "wallchart", ref: host, role: "img", "aria-label": t("wall.worst") });
  },
};
