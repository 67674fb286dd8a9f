// What a place's answers say, in sentences; shared by the panel beside the map and the segment's page.
import { moment, t } from "./texts.js";
import { sentence, share } from "./why.js";

export function decisionLines(why) {
  const { decision } = why;
  if (!decision) return [t("segment.never_weighed")];
  return [
    t(decision.chosen ? "segment.decided_for" : "segment.decided_against", { time: moment(decision.issued_at, why.at), treatment: decision.treatment ? t(`treatment.${decision.treatment}`) : t("segment.any_treatment") }),
    sentence(decision.reason),
  ].filter(Boolean);
}

const soiled = (silt) => t(silt < 0.5 ? "segment.soil_clean" : silt < 2 ? "segment.soil_some" : silt < 5 ? "segment.soil_much" : "segment.soil_heavy");

export function groundLines({ ground, at }) {
  if (!ground) return [t("segment.no_ground")];
  return [
    t("segment.silt", { silt: ground.silt.toFixed(1), low: ground.silt_low.toFixed(1), high: ground.silt_high.toFixed(1), word: soiled(ground.silt) }),
    t("segment.tracked", { share: share(ground.tracked) }),
    ground.film_mm < 0.005 ? t("segment.dry") : t("segment.wet", { film: ground.film_mm.toFixed(2), share: share(ground.wet) }),
    t("segment.as_of", { time: moment(ground.ts, at) }),
  ];
}

// The chance of the limit that matters, and the treatment worth most.
export function worthLines(history) {
  const far = history?.forecast.at(-1);
  const level = [2, 1, 3].find((n) => far?.[`chance_${n}`] != null);
  const best = history?.worth[0];
  return [
    level ? t("detail.ahead", { limit: t(`level.${level}`), n: far.horizon_min / 60, pct: Math.round(100 * far[`chance_${level}`]) }) : "",
    best && best.spared > 0 && best.dose > 0
      ? t("detail.worth", { treatment: t(`treatment.${best.treatment}`), pct: Math.round(100 * best.spared / best.dose) }) : "",
  ].filter(Boolean);
}

