// Requests to the REST API; a refusal becomes an Error with the server's sentence.
import { gate } from "./gate.js";
import { live } from "./live.js";
import { t } from "./texts.js";

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, options);
  } catch {
    throw new Error(t("error.network"));
  }
  if (answer.status === 401) gate.shut();
  const body = await answer.json();
  if (!answer.ok) throw new Error(t("error.failed", { detail: body.detail }));
  return body;
}

export const get = (path) => ask(path, {});

// What is seen while a moment of the past is shown is over: nothing can be done about it.
const inThePast = () => Promise.reject(new Error(t("replay.no_acts")));

export const remove = (path) => (live.at ? inThePast() : ask(path, { method: "DELETE" }));

export const post = (path, body) =>
  live.at ? inThePast() : ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

const part = encodeURIComponent;

// While a moment of the past is shown, everything asked is as of then.
const until = () => (live.at ? `&until=${part(live.at)}` : "");

export async function episode(id) {
  const story = await get(`episodes/${part(id)}`);
  const at = live.at && Date.parse(live.at);
  return at ? { ...story, log: story.log.filter((line) => Date.parse(line.at) <= at) } : story;
}

export const act = (id, what, body) => post(`episodes/${part(id)}/${what}`, body);

// Asked for before the span that is shown, so that the hourly mean is whole from its start.
export const LEAD_H = 1;

export const history = (segment, hours) =>
  get(`segments/${part(segment)}/history?hours=${hours}${until()}`);

// The plan of all crews, or of one.
export const plan = (crew) =>
  get(live.at
    ? `replay/plan?at=${part(live.at)}${crew ? `&crew=${part(crew)}` : ""}`
    : `plan${crew ? `?crew=${part(crew)}` : ""}`);
export const crewPlan = plan;
