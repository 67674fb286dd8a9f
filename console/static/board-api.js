// Requests of the board to the REST API; a refusal becomes an Error with the server's sentence.
import { t } from "./texts.js";

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, options);
  } catch {
    throw new Error(t("error.network"));
  }
  if (answer.status === 401) location.assign("/login");
  const body = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(t("error.failed", { detail: body.detail }));
  return body;
}

const withBody = (method) => (path, body) =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const get = (path) => ask(path);
export const post = withBody("POST");
export const remove = (path) => ask(path, { method: "DELETE" });
