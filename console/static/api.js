// Requests to the REST API; a refusal becomes an Error with the server's sentence.
import { t } from "./texts.js";

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, options);
  } catch {
    throw new Error(t("error.network"));
  }
  if (answer.status === 401) location.assign("/login");
  const body = await answer.json();
  if (!answer.ok) throw new Error(t("error.failed", { detail: body.detail }));
  return body;
}

export const get = (path) => ask(path, {});

export const post = (path, body) =>
  ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

const part = encodeURIComponent;

export const episode = (id) => get(`episodes/${part(id)}`);
export const act = (id, what, body) => post(`episodes/${part(id)}/${what}`, body);
export const history = (segment, hours) => get(`segments/${part(segment)}/history?hours=${hours}`);
export const crewPlan = (crew) => get(`plan?crew=${part(crew)}`);
