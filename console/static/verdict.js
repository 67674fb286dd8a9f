// A verdict in words.
import { t } from "./texts.js";

const percent = (value) => Math.abs(Math.round(value));

export function verdictText(verdict) {
  if (verdict.reduction_pct == null) {
    return t(verdict.effective == null ? "verdict.unclear" : verdict.effective ? "verdict.effective" : "verdict.ineffective");
  }
  const pct = percent(verdict.reduction_pct);
  const change = t(verdict.reduction_pct >= 0 ? "verdict.reduction" : "verdict.rise", { pct });
  return verdict.effective === false ? `${t("verdict.ineffective")} · ${change}` : change;
}

// The two sources of a verdict, one line each, as far as each could tell.
export const sourceTexts = (verdict) =>
  ["model", "differences"].filter((source) => verdict[`${source}_pct`] != null).map((source) => {
    const [pct, low, high] = ["pct", "low", "high"].map((part) => verdict[`${source}_${part}`]);
    return `${t(`verdict.${source}`)} ${verdictText({ reduction_pct: pct })} · ${intervalText({ low, high })}`;
  });

export const intervalText = (verdict) =>
  verdict.low == null || verdict.high == null ? ""
    : t("verdict.interval", { low: Math.round(verdict.low), high: Math.round(verdict.high) });
