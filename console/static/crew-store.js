// What the phone keeps by itself: the newest orders, and every word that has yet to arrive.
//
// A word gets its key and its time when the button is pressed. It is sent again until the server
// says that it has it; the key makes the repeat harmless, so each is taken once. Words leave in
// the order in which they were said: one that cannot leave yet holds back those behind it.
const NAME = "roaddust-crew";

let opened = null;
function database() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("words", { keyPath: "n", autoIncrement: true });
      asked.result.createObjectStore("kept");
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opened;
}

async function use(store, mode, act) {
  const base = await database();
  return new Promise((resolve, reject) => {
    const transaction = base.transaction(store, mode);
    const asked = act(transaction.objectStore(store));
    // Done is what is on the disk, not what was asked for.
    transaction.oncomplete = () => resolve(asked?.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const keep = (name, value) => use("kept", "readwrite", (store) => store.put(value, name));
export const kept = (name) => use("kept", "readonly", (store) => store.get(name));
export const words = () => use("words", "readonly", (store) => store.getAll());
export const addWord = (word) => use("words", "readwrite", (store) => store.add(word));
export const changeWord = (word) => use("words", "readwrite", (store) => store.put(word));
export const dropWord = (n) => use("words", "readwrite", (store) => store.delete(n));

const FINAL = new Set([400, 403, 404, 409, 413, 415, 422]);

// "taken", "refused" (with the server's sentence; it would never be taken), or "wait".
async function send(word) {
  const whose = `crew=${encodeURIComponent(word.crew)}`;
  const asked = word.photo
    ? [`/api/v1/crew/photos?key=${word.key}&order=${encodeURIComponent(word.order)}&at=${encodeURIComponent(word.at)}&${whose}`,
      { method: "POST", headers: { "Content-Type": word.photo.type }, body: word.photo }]
    : [`/api/v1/crew/progress?${whose}`, {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key: word.key, order: word.order, event: word.event, at: word.at, reason: word.reason || null }),
    }];
  let answer;
  try {
    answer = await fetch(...asked);
  } catch {
    return { outcome: "wait" };
  }
  if (answer.ok) return { outcome: "taken" };
  if (answer.status === 401) return { outcome: "wait", signedOut: true };
  if (!FINAL.has(answer.status)) return { outcome: "wait" };
  const body = await answer.json().catch(() => ({}));
  return { outcome: "refused", why: body.detail ?? String(answer.status) };
}

// One at a time over all pages of this phone: two open pages must not send out of order.
const alone = (act) => (navigator.locks ? navigator.locks.request("roaddust-crew-send", act) : act());

// Send what may leave of a crew; gives whether all is out. `tell(word, result)` hears of each. What
// another crew has said on this phone waits until that crew has it in hand again.
export const flush = (crew, now, tell) => alone(async () => {
  for (const word of await words()) {
    if (word.refused || word.crew !== crew) continue;
    if (word.leaves > now()) return { out: false, next: word.leaves - now() };
    const result = await send(word);
    if (result.outcome === "wait") return { out: false, signedOut: result.signedOut };
    if (result.outcome === "taken") await dropWord(word.n);
    else await changeWord({ ...word, photo: undefined, refused: result.why });
    await tell(word, result);
  }
  return { out: true };
});
