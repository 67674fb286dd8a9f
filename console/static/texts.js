// Words, numbers and times for people: one language and the district's time zone.
import { reactive } from "/lib/vue/vue.esm-browser.prod.js";

const words = reactive({ language: "", all: null });

export const language = () => words.language;

export async function speak(language) {
  const answer = await fetch(`/texts/${language}.json`);
  words.all = await answer.json();
  words.language = language;
}

// "section.key" with {names} filled in; an unknown key of an open set shows itself.
export function t(path, values = {}) {
  const dot = path.indexOf(".");
  const text = words.all?.[path.slice(0, dot)]?.[path.slice(dot + 1)] ?? path.slice(dot + 1);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

let zone = "UTC";
let formats = {};

export function setZone(name) {
  zone = name;
  formats = {};
}

function format(kind, options) {
  const key = kind + words.language;
  formats[key] ??= new Intl.DateTimeFormat(words.language || "zh-CN", {
    timeZone: zone,
    hourCycle: "h23",
    ...options,
  });
  return formats[key];
}

const HM = { hour: "2-digit", minute: "2-digit" };

export const clock = (time) => (time ? format("hm", HM).format(new Date(time)) : "–");

export const clockSeconds = (time) =>
  format("hms", { ...HM, second: "2-digit" }).format(new Date(time));

export const day = (time) =>
  format("day", { year: "numeric", month: "short", day: "numeric", weekday: "short" }).format(
    new Date(time),
  );

// Hour and minute, with the day in front when it is not today's.
export function moment(time, now) {
  if (!time) return "–";
  const iso = format("iso", { year: "numeric", month: "2-digit", day: "2-digit" });
  const at = new Date(time);
  if (now && iso.format(at) === iso.format(new Date(now))) return clock(time);
  return format("mdhm", { month: "numeric", day: "numeric", ...HM }).format(at);
}

// The local day of a time, as 2026-03-02.
export const dayIn = (time) => {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  return parts.format(new Date(time));
};

export function age(from, to) {
  const seconds = Math.max(0, Math.round((new Date(to) - new Date(from)) / 1000));
  if (seconds < 90) return t("age.seconds", { n: seconds });
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return t("age.minutes", { n: minutes });
  if (minutes < 24 * 60) {
    const [h, m] = [Math.floor(minutes / 60), minutes % 60];
    return m ? t("age.hours_minutes", { h, m }) : t("age.hours", { n: h });
  }
  return t("age.days", { n: Math.round(minutes / 1440) });
}

export const whole = (value) => (value == null ? "–" : String(Math.round(value)));

export const signed = (value) =>
  value == null ? "–" : `${value >= 0.5 ? "+" : value <= -0.5 ? "−" : ""}${Math.abs(Math.round(value))}`;

// What a thing is called in the page's language. A name that is written in both, Chinese first
// ("洒水一班 Water truck A"), shows the half that is wanted.
export function nameOf(thing) {
  const english = words.language === "en";
  if (english && thing.name_en) return thing.name_en;
  const both = /^([^A-Za-z]*[\u4e00-\u9fff][^A-Za-z]*?)\s+([A-Za-z].*)$/.exec(thing.name);
  return both ? both[english ? 2 : 1] : thing.name;
}

const POINTS = ["n", "ne", "e", "se", "s", "sw", "w", "nw"];
export const compass = (degrees) => t(`compass.${POINTS[Math.round(degrees / 45) % 8]}`);

const han = (text) => text?.match(/[\u4e00-\u9fff]/g)?.length ?? 0;

// Of a sentence that is kept in both languages, the one of the page: that with more Chinese letters
// is the Chinese one, for an English one may name a place in Chinese. What is kept in one alone is
// shown as it is.
export function inOwn(text, also) {
  const more = also ? han(text) - han(also) : 0;
  return more && more > 0 === (language() === "en") ? also : text;
}
