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

export const intervalText = (verdict) =>
  verdict.low == null || verdict.high == null ? ""
    : t("verdict.interval", { low: Math.round(verdict.low), high: Math.round(verdict.high) });
