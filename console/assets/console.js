// What pages do more comfortably with a script. Every page works without it. Sections: pages, live rows, outbox.
// --- Pages -----------------------------------------------------------------------------------------------------------
const root = document.documentElement;
// Only answers of this server become markup, and they are rendered as the pages are.
const policy = window.trustedTypes?.createPolicy("console", { createHTML: (text) => text });
export const parsed = (text) => new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
// Returns what does something one at a time. Asked for meanwhile, however often, it is done once more.
const oneAtATime = (work) => {
  let running, next;
  return () => (next ??= Promise.allSettled([running]).then(() => ((next = undefined), (running = work()))));
};
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
// Returns an answer and its page, or null if none has come.
const ask = (url, options) =>
  fetch(url, { ...options, signal: AbortSignal.timeout(20_000) })
    .then(async (answer) => ({ answer, page: parsed(await answer.text()) }))
    .catch(() => null);
// Returns a part of a page, or null if it cannot be had now.
const load = async (url, part) => {
  const { answer, page } = (await ask(url)) ?? {};
  return answer?.ok && !answer.redirected ? page.querySelector(part) : null;
};
// What is replaced keeps the focus, on the same link or button if that is still there, and what was unfolded stays so.
const replace = (old, fresh) => {
  const focus = document.activeElement;
  const same = (one) => one.tagName === focus.tagName && one.href === focus.href && one.form?.action === focus.form?.action;
  const alike = (place) => [...place.querySelectorAll("a, button, summary")].filter(same);
  const at = alike(old).indexOf(focus);
  const unfolded = [...old.querySelectorAll("details")].map(({ open }) => open);
  old.replaceWith(fresh);
  fresh.querySelectorAll("details").forEach((list, number) => (list.open = unfolded[number] ?? list.open));
  if (at >= 0) (alike(fresh)[at] ?? fresh.querySelector("a"))?.focus({ preventScroll: true });
};
document.querySelector("[data-focus]")?.focus();

// A form that is on its way says so, and is not sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter ?? event.target.querySelector("button");
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
  setTimeout(() => event.target.dataset.sent && button?.setAttribute("aria-busy", "true"), 150);
});
const free = (form) => (delete form.dataset.sent, form.querySelector("[aria-busy]")?.removeAttribute("aria-busy"));
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(free));

// A link to a question opens it in a dialog. Its answer is a page.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaBusy) return;
  link.ariaBusy = "true";
  const content = await load(link.href, "[data-question]");
  link.ariaBusy = null;
  if (!content) return location.assign(link.href);
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.setAttribute("aria-labelledby", content.querySelector("h1").id);
  dialog.append(content);
  dialog.addEventListener("close", () => (dialog.remove(), link.focus()));
  dialog.querySelector("[data-close]")?.addEventListener("click", (click) => (click.preventDefault(), dialog.close()));
  dialog.showModal();
});

// A menu closes when one goes elsewhere.
const menus = () => document.querySelectorAll("details[data-menu][open]");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of menus()) (menu.open = false), menu.querySelector("summary").focus();
});
document.addEventListener("click", ({ target }) => menus().forEach((menu) => menu.contains(target) || (menu.open = false)));

// Times that are told from now on keep being true.
const ago = new Intl.RelativeTimeFormat(root.lang);
const units = Object.entries({ year: 31536000, month: 2592000, week: 604800, day: 86400, hour: 3600, minute: 60, second: 1 }); // As the server tells them: 0.85 of one count as one.
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= 0.85 * length) ?? units.at(-1);
    time.textContent = ago.format(Math.sign(seconds) * Math.round(Math.abs(seconds) / length), unit);
  }
}, 30_000);

// A page that could not be shown tries again by itself, while somebody looks at it.
const failed = document.querySelector("[data-retry]");
if (failed) setInterval(() => document.hidden || location.reload(), 1000 * failed.dataset.retry);

// --- Live rows -------------------------------------------------------------------------------------------------------
const follow = (board) => {
  const bar = board.querySelector(".live-bar");
  const [news, pause, clock] = ["news", "pause", "clock"].map((name) => bar.querySelector(`[data-${name}]`));
  const hours = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: clock.dataset.clock });
  const missing = new Set();
  let { after } = board.dataset, stream, paused;

  const tell = (state) => {
    if (state === "live") clock.textContent = hours.format();
    if (bar.dataset.state === state) return;
    bar.dataset.state = state;
    for (const text of bar.querySelectorAll("[data-when]")) text.hidden = text.dataset.when !== state;
  };

  // The numbers follow at most every five seconds.
  const count = oneAtATime(async () => {
    await sleep(300);
    const fresh = await load(board.dataset.counts, "[data-numbers]");
    if (fresh) replace(board.querySelector("[data-numbers]"), fresh);
    await sleep(4700);
  });

  // A row that is there changes in its place. Others wait until they are asked for, so that nothing moves.
  const take = (event) => {
    after = event.lastEventId;
    const row = parsed(`<table>${event.data}</table>`).querySelector("tr");
    const old = document.getElementById(row.id);
    if (old && Number(old.dataset.version) < Number(row.dataset.version)) replace(old, row), row.classList.add("moved");
    if (!old) "fresh" in row.dataset ? missing.add(row.id) : missing.delete(row.id);
    news.hidden = !missing.size;
    news.textContent = missing.size === 1 ? news.dataset.one : news.dataset.many.replace("{}", missing.size);
    tell("live");
    count();
  };

  const open = () => {
    stream?.close();
    if (paused || document.hidden) return;
    stream = new EventSource(`${board.dataset.live}&after=${after}`);
    for (const state of ["live", "away"]) stream.addEventListener(state, () => tell(state));
    stream.addEventListener("row", take);
    stream.addEventListener("error", () => {
      const closed = stream.readyState === EventSource.CLOSED;
      tell(closed ? "stopped" : "away");
      if (closed) setTimeout(open, 15_000);
    });
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", (paused = !paused));
    open();
    if (paused) tell("paused");
  });
  document.addEventListener("visibilitychange", open);
  open();
};

for (const board of document.querySelectorAll("[data-live]")) follow(board);

// Keys: `/` goes to the search, `j` and `k` to the next and to the previous order, `?` opens what says so.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (root.dataset.shortcuts !== "1" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll("[data-rows] .opens")], at = rows.indexOf(document.activeElement);
  const [search, help] = ["input[type=search]", "details:has([data-keys]) > summary"].map((one) => document.querySelector(one));
  const goal = { j: rows[at + 1], k: rows[at - 1], "/": search, "?": help }[event.key];
  if (goal) event.preventDefault(), goal.focus(), goal === help && help.click();
});

// --- Outbox: what an engineer has sent without an answer is kept, and sent again. The same act again counts once. ------
const outbox = () => document.querySelector("[data-outbox]");
const kept = () => JSON.parse(sessionStorage.getItem("outbox") ?? "[]").filter((act) => act.by === outbox()?.dataset.outbox);
const without = (act) => kept().filter((other) => other.at !== act.at);
const keep = (acts) => sessionStorage.setItem("outbox", JSON.stringify(acts));
// Whoever signs out leaves nobody's name behind.
document.querySelector('form[action="/logout"]')?.addEventListener("submit", () => sessionStorage.removeItem("outbox"));

const tellKept = () => {
  for (const notice of outbox().querySelectorAll(".notice")) notice.remove();
  for (const act of kept()) {
    const notice = outbox().querySelector("template").content.firstElementChild.cloneNode(true);
    notice.classList.toggle("refused", "refused" in act);
    notice.querySelector("[data-what]").textContent = act.what;
    notice.querySelector("[data-why]").textContent = act.refused;
    notice.querySelector("[data-again]").addEventListener("click", sendKept);
    notice.querySelector("[data-drop]").addEventListener("click", () => (keep(without(act)), tellKept()));
    outbox().append(notice);
  }
};

const here = () => location.pathname + location.search;
const signIn = () => location.assign(`/login?${new URLSearchParams({ next: here() })}`);
// An answer is shown on the page from which the act was sent, or on one about the same visit. Others stay as they are.
// A session that has ended leads to the sign-in, but not away from another form. The act is sent afterwards.
const settle = (act, { answer, page }) => {
  const isHere = document.querySelector(`form[data-sent][action="${CSS.escape(act.to)}"]`) ?? `${act.to}/`.startsWith(`${location.pathname}/`);
  if (answer.status === 401) return (isHere || !document.querySelector("form.form")) && signIn();
  const shown = isHere && page.querySelector("[data-outbox]");
  const refused = !shown && !answer.ok && (page.querySelector("main [role=alert], main h1") ?? page.body).textContent.trim();
  keep(refused === false ? without(act) : [...without(act), { ...act, refused }]);
  if (!shown) return refresh();
  for (const part of ["main", ".menu"]) document.querySelector(part)?.replaceWith(page.querySelector(part));
  document.title = page.title;
  if (answer.redirected) history.pushState(null, "", answer.url), (shownAt = here());
  listen();
  (document.querySelector("[data-focus]") ?? document.querySelector("main")).focus();
};

// What was not answered, or by an answer that does not tell whether the act counts, is sent again.
const sendKept = oneAtATime(async () => {
  for (const { at } of kept()) {
    const act = kept().find((one) => one.at === at && !("refused" in one));
    const sent = act && (await ask(act.to, { method: "POST", body: new URLSearchParams(act.fields) }));
    if (sent && sent.answer.status < 500 && ![408, 429].includes(sent.answer.status)) settle(act, sent);
    tellKept();
  }
});

// What is sent is kept from the beginning: whoever leaves the page loses nothing.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || !form.dataset.act || event.submitter?.name) return;
  event.preventDefault();
  const act = { at: Date.now(), by: outbox().dataset.outbox, to: form.getAttribute("action"), what: form.dataset.act, fields: [...new FormData(form)] };
  keep([...kept().filter((other) => other.to !== act.to), act]);
  await sendKept();
  free(form);
  if (kept().some((one) => one.at === act.at)) outbox().scrollIntoView({ block: "center" });
});

// A scanner ends each serial number with Enter: that leads to the next line.
document.addEventListener("keydown", (event) => {
  const next = event.key === "Enter" && event.target.name === "serial" && event.target.nextElementSibling;
  if (next?.name === "serial") event.preventDefault(), next.focus();
});

// A day, or an order, follows what happens, while somebody looks at it: it looks again after a change, and after a break.
const refresh = oneAtATime(async () => {
  const day = document.querySelector("[data-agenda]");
  if (!day || document.hidden) return;
  const fresh = await load(location.href, "[data-agenda]");
  if (fresh && day.isConnected && !day.querySelector("input:focus, form[data-sent]")) replace(day, fresh);
});

let changes, shownAt = here();
const listen = () => {
  changes?.close();
  const stream = !document.hidden && document.querySelector("[data-agenda]")?.dataset.agenda;
  if (!stream) return;
  changes = new EventSource(stream);
  const again = () => changes.addEventListener("live", refresh, { once: true });
  again();
  changes.addEventListener("error", again);
  changes.addEventListener("row", refresh);
};
listen(), document.addEventListener("visibilitychange", listen);
setInterval(refresh, 60_000); // Where no stream can be had.
if (outbox()) {
  tellKept(), sendKept();
  addEventListener("online", sendKept);
  addEventListener("popstate", () => here() === shownAt || location.reload()); // Links within a page end here, too.
  setInterval(sendKept, 15_000);
}
