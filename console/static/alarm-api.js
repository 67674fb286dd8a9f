// What the alarms and the explanations ask of the server.
import { get, post, remove } from "./api.js";
import { live } from "./live.js";

const part = encodeURIComponent;

export const alarmStory = (id) => get(`alarms/${part(id)}`);
export const actOn = (id, what, body) => post(`alarms/${part(id)}/${what}`, body);
export const batch = (act, ids, rest = {}) => post("alarms/batch", { act, ids, ...rest });
export const acknowledgeReturned = () => post("alarms/returned/acknowledge");
export const alarmHealth = (query) => get(`alarms/health?${new URLSearchParams(query)}`);
export const suppressed = () => get("alarms/suppressed");
export const outOfService = (wish) => post("alarms/out-of-service", wish);
export const intoService = (subject) => remove(`alarms/out-of-service/${part(subject)}`);
export const orderStory = (id) => get(`orders/${part(id)}`);
// As of the moment that is shown.
export const placeWhy = (kind, id, query) =>
  get(`${kind}/${part(id)}/why?${new URLSearchParams(live.at ? { ...query, at: live.at } : query)}`);
export const historyUntil = (segment, query) => get(`segments/${part(segment)}/history?${new URLSearchParams(query)}`);
