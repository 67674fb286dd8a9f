// Users, tokens of programs, and the record of what was done.
import { createApp, h, onMounted, reactive, ref } from "/lib/vue/vue.esm-browser.prod.js";
import { ask, attempt, Choice, Dialog, Field, root, Sure, Table, Told, Trouble } from "./people-parts.js";
import { moment, nameOf, setZone, speak, t } from "./texts.js";

const ROLES = ["viewer", "operator", "dispatcher", "crew", "administrator"];
const SCOPES = ["read", "act", "dispatch", "complaints", "metrics", "admin"];
const TABS = ["users", "tokens", "audit"];
const part = encodeURIComponent;

const state = reactive({ tab: "users", users: [], tokens: [], crews: [], told: null });

const time = (at) => (at ? h("time", { datetime: at }, moment(at, new Date())) : t("people.never"));
const chip = (words, kind = "") => h("span", { class: `chip ${kind}` }, words);
const note = (words) => h("p", { class: "quiet empty" }, words);
const roleOptions = () => ROLES.map((role) => [role, `${t(`role.${role}`)} – ${t(`role_about.${role}`)}`]);
const crewOptions = () => [["", t("people.no_crew")], ...state.crews.map((crew) => [crew.id, `${nameOf(crew)} (${crew.id})`])];
const crewName = (id) => {
  const crew = state.crews.find((one) => one.id === id);
  return crew ? nameOf(crew) : id;
};

// Users ----------------------------------------------------------------------------------------

const loadUsers = () => attempt(async () => (state.users = await ask("GET", "users")));

function userState(user) {
  if (user.disabled_at) return chip(t("people.disabled"), "shut");
  if (user.locked_until && Date.parse(user.locked_until) > Date.now())
    return chip(t("people.locked", { time: moment(user.locked_until, new Date()) }), "shut");
  if (user.must_change) return chip(t("people.must_change"), "accepted");
  return chip(t("people.active"), "ok");
}

const EditUser = {
  props: ["user"],
  emits: ["close"],
  setup(props, { emit }) {
    const form = reactive({ role: props.user.role, crew: props.user.crew ?? "" });
    const path = `users/${part(props.user.name)}`;
    const finish = async (act) => {
      if ((await attempt(act)) !== undefined) {
        await loadUsers();
        emit("close");
      }
    };
    const change = (body) => finish(() => ask("PATCH", path, body));
    const reset = () =>
      finish(async () => {
        const { one_time_password: secret } = await ask("POST", `${path}/password`);
        state.told = { words: t("people.made_up", { name: props.user.name }), secret };
        return true;
      });
    return () =>
      h(Dialog, { heading: props.user.name, onClose: () => emit("close") }, () => [
        h("form", { class: "stack", onSubmit: (event) => { event.preventDefault(); change({ role: form.role, crew: form.role === "crew" ? form.crew : "" }); } }, [
          h(Field, { label: t("people.role") }, () => h(Choice, { value: form.role, options: roleOptions(), onPick: (value) => (form.role = value) })),
          form.role === "crew"
            ? h(Field, { label: t("people.their_crew") }, () => h(Choice, { value: form.crew, options: crewOptions(), onPick: (value) => (form.crew = value) }))
            : null,
          h("div", { class: "row end" }, [
            h("button", { type: "button", onClick: () => emit("close") }, t("people.cancel")),
            h("button", { class: "primary" }, t("people.save")),
          ]),
        ]),
        h("div", { class: "row acts" }, [
          h(Sure, { label: t("people.reset"), onSure: reset }),
          h(Sure, { label: t("people.sign_out"), onSure: () => finish(() => ask("DELETE", `${path}/sessions`)) }),
          props.user.locked_until ? h("button", { type: "button", onClick: () => change({ unlock: true }) }, t("people.unlock")) : null,
          props.user.disabled_at
            ? h("button", { type: "button", onClick: () => change({ disabled: false }) }, t("people.enable"))
            : h(Sure, { label: t("people.disable"), onSure: () => change({ disabled: true }) }),
        ]),
        h(Trouble),
      ]);
  },
};

const AddUser = {
  emits: ["close"],
  setup(_, { emit }) {
    const form = reactive({ name: "", role: "operator", crew: "" });
    const add = async () => {
      const body = { name: form.name.trim(), role: form.role };
      if (form.role === "crew" && form.crew) body.crew = form.crew;
      const made = await attempt(() => ask("POST", "users", body));
      if (!made) return;
      emit("close");
      state.told = { words: t("people.made_up", { name: made.name }), secret: made.one_time_password };
      await loadUsers();
    };
    return () =>
      h(Dialog, { heading: t("people.add_user"), onClose: () => emit("close") }, () => [
        h("form", { class: "stack", onSubmit: (event) => { event.preventDefault(); add(); } }, [
          h(Field, { label: t("people.name") }, () =>
            h("input", { name: "new-name", value: form.name, required: true, maxlength: 64, autocomplete: "off", onInput: (event) => (form.name = event.target.value) })),
          h(Field, { label: t("people.role") }, () => h(Choice, { value: form.role, options: roleOptions(), onPick: (value) => (form.role = value) })),
          form.role === "crew"
            ? h(Field, { label: t("people.their_crew") }, () => h(Choice, { value: form.crew, options: crewOptions(), onPick: (value) => (form.crew = value) }))
            : null,
          h("div", { class: "row end" }, [
            h("button", { type: "button", onClick: () => emit("close") }, t("people.cancel")),
            h("button", { class: "primary" }, t("people.add")),
          ]),
        ]),
        h(Trouble),
      ]);
  },
};

const Users = {
  setup() {
    const editing = ref(null);
    const adding = ref(false);
    onMounted(loadUsers);
    return () => [
      h("div", { class: "panehead" }, [
        h("h2", {}, t("people.users")),
        h("button", { type: "button", class: "primary", onClick: () => (adding.value = true) }, t("people.add_user")),
      ]),
      h(Table, {
        caption: t("people.users"),
        columns: ["name", "role", "crew", "state", "last_seen", "sessions", "actions"].map((name) => t(`people.${name}`)),
        rows: state.users.map((user) => ({
          key: user.name,
          className: user.disabled_at ? "off" : "",
          cells: [
            [h("b", {}, user.name), user.name === root.dataset.name ? h("small", {}, ` ${t("people.yourself")}`) : null],
            t(`role.${user.role}`),
            user.crew ? crewName(user.crew) : "–",
            userState(user),
            time(user.seen_at),
            String(user.sessions),
            h("button", { type: "button", "aria-label": `${t("people.edit")} ${user.name}`, onClick: () => (editing.value = user) }, t("people.edit")),
          ],
        })),
      }),
      editing.value ? h(EditUser, { user: editing.value, onClose: () => (editing.value = null) }) : null,
      adding.value ? h(AddUser, { onClose: () => (adding.value = false) }) : null,
    ];
  },
};

// Tokens ---------------------------------------------------------------------------------------

const loadTokens = () => attempt(async () => (state.tokens = await ask("GET", "tokens")));

const tokenState = (token) =>
  token.revoked_at ? "revoked" : Date.parse(token.expires_at) <= Date.now() ? "expired" : "valid";

const AddToken = {
  emits: ["close"],
  setup(_, { emit }) {
    const form = reactive({ name: "", scopes: ["read"], days: "365", missing: false });
    const toggle = (scope) =>
      (form.scopes = form.scopes.includes(scope) ? form.scopes.filter((one) => one !== scope) : [...form.scopes, scope]);
    const add = async () => {
      form.missing = form.scopes.length === 0;
      if (form.missing) return;
      const body = { name: form.name.trim(), scopes: form.scopes, days: Number(form.days) };
      const made = await attempt(() => ask("POST", "tokens", body));
      if (!made) return;
      emit("close");
      state.told = { words: t("token.made_up", { name: made.name }), secret: made.token };
      await loadTokens();
    };
    return () =>
      h(Dialog, { heading: t("token.add"), onClose: () => emit("close") }, () => [
        h("form", { class: "stack", onSubmit: (event) => { event.preventDefault(); add(); } }, [
          h(Field, { label: t("token.name") }, () =>
            h("input", { name: "token-name", value: form.name, required: true, maxlength: 64, autocomplete: "off", onInput: (event) => (form.name = event.target.value) })),
          h("fieldset", {}, [
            h("legend", {}, t("token.scopes")),
            SCOPES.map((scope) =>
              h("label", { class: "check" }, [
                h("input", { type: "checkbox", checked: form.scopes.includes(scope), onChange: () => toggle(scope) }),
                h("span", {}, [t(`scope.${scope}`), " ", h("code", {}, scope)]),
              ])),
          ]),
          h(Field, { label: t("token.days") }, () =>
            h(Choice, { value: form.days, options: ["30", "90", "365", "1826"].map((days) => [days, t(`token_days.${days}`)]), onPick: (value) => (form.days = value) })),
          form.missing ? h("p", { class: "trouble", role: "alert" }, t("token.scope_needed")) : null,
          h("div", { class: "row end" }, [
            h("button", { type: "button", onClick: () => emit("close") }, t("people.cancel")),
            h("button", { class: "primary" }, t("token.add")),
          ]),
        ]),
        h(Trouble),
      ]);
  },
};

const Tokens = {
  setup() {
    const adding = ref(false);
    const revoke = (token) =>
      attempt(async () => {
        await ask("DELETE", `tokens/${token.id}`);
        await loadTokens();
      });
    onMounted(loadTokens);
    return () => [
      h("div", { class: "panehead" }, [
        h("div", {}, [h("h2", {}, t("token.heading")), h("p", { class: "quiet" }, t("token.about"))]),
        h("button", { type: "button", class: "primary", onClick: () => (adding.value = true) }, t("token.add")),
      ]),
      state.tokens.length
        ? h(Table, {
            caption: t("token.heading"),
            columns: [t("token.name"), t("token.scopes"), t("people.state"), t("token.expires"), t("token.used"), t("token.made"), t("people.actions")],
            rows: state.tokens.map((token) => {
              const standing = tokenState(token);
              return {
                key: token.id,
                className: standing === "valid" ? "" : "off",
                cells: [
                  [h("b", {}, token.name), " ", h("code", {}, `…${token.ending}`)],
                  h("span", { class: "chips" }, token.scopes.map((scope) => chip(t(`scope.${scope}`)))),
                  chip(t(`token.${standing}`), standing === "valid" ? "ok" : "shut"),
                  time(token.expires_at),
                  [time(token.used_at), token.used_from ? h("small", {}, ` ${t("token.from", { where: token.used_from })}`) : null],
                  [time(token.made_at), h("small", {}, ` ${t("token.by", { who: token.made_by })}`)],
                  standing === "revoked" ? "–" : h(Sure, { label: t("token.revoke"), onSure: () => revoke(token) }),
                ],
              };
            }),
          })
        : note(t("people.none")),
      adding.value ? h(AddToken, { onClose: () => (adding.value = false) }) : null,
    ];
  },
};

// The record -----------------------------------------------------------------------------------

const actionName = (action) => t(`audit_action.${action}`);

// What somebody wrote is shown letter by letter, as text.
const detailText = (detail) =>
  Object.entries(detail)
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${t(`audit_key.${key}`)} ${detailValue(key, value)}`)
    .join(" · ");

function detailValue(key, value) {
  if (Array.isArray(value)) return value.map((one) => detailValue(key === "scopes" ? "scope" : "", one)).join(", ");
  if (typeof value === "object") return JSON.stringify(value);
  if (key === "role" || key === "scope") return t(`${key}.${value}`);
  if (key === "kind") return t(`session_kind.${value}`);
  if (key === "crew") return crewName(value);
  return String(value);
}

const Audit = {
  setup() {
    const filter = reactive({ actor: "", action: "", since: "", until: "" });
    const found = reactive({ lines: [], next: null, actors: [], actions: [], asked: false });
    const query = () => {
      const asked = new URLSearchParams();
      if (filter.actor) asked.set("actor", filter.actor);
      if (filter.action) asked.set("action", filter.action);
      // The days are the district's, as the page shows its times.
      for (const [name, days] of [["since", 0], ["until", 1]])
        if (filter[name]) asked.set(name, startOfDay(filter[name], days));
      return asked;
    };
    const load = (more = false) =>
      attempt(async () => {
        const asked = query();
        if (more) asked.set("before", found.next);
        const page = await ask("GET", `audit?${asked}`);
        found.lines = more ? [...found.lines, ...page.items] : page.items;
        found.next = page.next;
        found.asked = true;
      });
    const pick = (name, value) => {
      filter[name] = value;
      load();
    };
    onMounted(() =>
      attempt(async () => {
        Object.assign(found, await ask("GET", "audit/words"));
        await load();
      }));
    const dateField = (name) =>
      h(Field, { label: t(`audit.${name}`) }, () => h("input", { type: "date", value: filter[name], onChange: (event) => pick(name, event.target.value) }));
    return () => [
      h("div", { class: "panehead" }, [
        h("div", {}, [h("h2", {}, t("audit.heading")), h("p", { class: "quiet" }, t("audit.about"))]),
        h("a", { class: "button", href: `/api/v1/audit.csv?${query()}`, download: "audit.csv" }, t("audit.export")),
      ]),
      h("div", { class: "filters" }, [
        h(Field, { label: t("audit.actor") }, () =>
          h(Choice, { value: filter.actor, options: [["", t("audit.anybody")], ...found.actors.map((one) => [one, one])], onPick: (value) => pick("actor", value) })),
        h(Field, { label: t("audit.action") }, () =>
          h(Choice, { value: filter.action, options: [["", t("audit.anything")], ...found.actions.map((one) => [one, actionName(one)])], onPick: (value) => pick("action", value) })),
        dateField("since"),
        dateField("until"),
      ]),
      found.lines.length
        ? h(Table, {
            caption: t("audit.heading"),
            columns: ["at", "actor", "action", "detail"].map((name) => t(`audit.${name}`)),
            rows: found.lines.map((line) => ({
              key: line.id,
              className: ["login_failed", "locked_out"].includes(line.action) ? "bad" : "",
              cells: [time(line.at), h("b", {}, line.actor), actionName(line.action), h("span", { class: "detail-text" }, detailText(line.detail))],
            })),
          })
        : found.asked ? note(t("audit.empty")) : null,
      found.next ? h("p", { class: "more" }, h("button", { type: "button", onClick: () => load(true) }, t("audit.more"))) : null,
    ];
  },
};

// When a local day begins, in UTC: what the zone's clock shows is corrected until it shows midnight.
function startOfDay(day, later) {
  const wanted = Date.parse(`${day}T00:00:00Z`) + later * 86_400_000;
  const shown = (at) => {
    const parts = new Intl.DateTimeFormat("en-CA", {
      timeZone: root.dataset.zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).formatToParts(at);
    const of = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
    return Date.parse(`${of.year}-${of.month}-${of.day}T${of.hour}:${of.minute}:${of.second}Z`);
  };
  let at = wanted;
  for (let i = 0; i < 2; i += 1) at += wanted - shown(new Date(at));
  return new Date(at).toISOString();
}

// The page -------------------------------------------------------------------------------------

const PANES = { users: Users, tokens: Tokens, audit: Audit };

function turn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  choose(TABS[(TABS.indexOf(state.tab) + step + TABS.length) % TABS.length]);
  document.getElementById(`tab-${state.tab}`).focus();
}

function choose(tab) {
  state.tab = tab;
  history.replaceState(null, "", `#${tab}`);
}

const Page = {
  setup() {
    return () =>
      h("div", { class: "sheetpage" }, [
        h("main", { class: "solo" }, [
          h("div", { class: "tabs", role: "tablist", "aria-label": t("people.heading"), onKeydown: turn },
            TABS.map((tab) =>
              h("button", {
                id: `tab-${tab}`, type: "button", role: "tab", "aria-selected": state.tab === tab ? "true" : "false",
                "aria-controls": "pane", tabindex: state.tab === tab ? 0 : -1, onClick: () => choose(tab),
              }, t(`people.${tab}`)))),
          h(Trouble),
          h("section", { id: "pane", role: "tabpanel", "aria-labelledby": `tab-${state.tab}`, class: "panel" }, h(PANES[state.tab], { key: state.tab })),
        ]),
        state.told ? h(Told, { ...state.told, onClose: () => (state.told = null) }) : null,
      ]);
  },
};

await speak(document.documentElement.lang);
setZone(root.dataset.zone);
state.crews = (await attempt(() => ask("GET", "crews"))) ?? [];
if (TABS.includes(location.hash.slice(1))) state.tab = location.hash.slice(1);
createApp(Page).mount("#app");
