// Keeps the crew's page on the phone, so that it opens without a signal. Only the shell is kept:
// orders and what is waiting to be sent are the page's own business (crew-store.js).
const SHELL = "crew-shell-1";
const PARTS = [
  "/crew", "/static/style.css", "/static/crew.css", "/static/theme.js", "/static/crew.js", "/static/crew-store.js",
  "/static/crew-map.js", "/static/texts.js", "/static/theme-switch.js", "/static/icon.svg",
  "/static/crew.webmanifest", "/texts/zh-CN.json", "/texts/en.json", "/lib/vue/vue.esm-browser.prod.js",
  "/lib/leaflet/index.js", "/lib/leaflet/leaflet/leaflet.css", "/api/v1/crew/map",
];
const WAIT_MS = 4000;

const keepable = (answer) => answer.ok && !answer.redirected && answer.type === "basic";

addEventListener("install", (event) => {
  // One part that is missing must not keep the others from being kept.
  event.waitUntil(
    caches.open(SHELL)
      .then((cache) => Promise.allSettled(PARTS.map(async (path) => {
        const answer = await fetch(path, { credentials: "same-origin" });
        if (keepable(answer)) await cache.put(path, answer);
      })))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== SHELL).map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

// The net first, because it has the newest; what is kept when it is silent or slow.
async function answered(request, key) {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(key);
  const fresh = fetch(request).then((answer) => {
    if (keepable(answer)) cache.put(key, answer.clone());
    return answer;
  });
  if (!kept) return fresh;
  const late = new Promise((resolve) => setTimeout(() => resolve(kept), WAIT_MS));
  return Promise.race([fresh.catch(() => kept), late]);
}

addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const shell = url.pathname === "/crew" || url.pathname === "/api/v1/crew/map" ||
    ["/static/", "/lib/", "/texts/"].some((start) => url.pathname.startsWith(start));
  if (shell) event.respondWith(answered(event.request, url.pathname));
});
