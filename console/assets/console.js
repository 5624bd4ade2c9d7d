// What pages do more comfortably with a script. Every page works without it. Sections: pages, live rows, outbox.

// --- Pages -----------------------------------------------------------------------------------------------------------

const root = document.documentElement;
const language = root.lang;
// Only answers of this server become markup, and they are rendered as the pages are.
const policy = window.trustedTypes?.createPolicy("console", { createHTML: (text) => text });
export const parsed = (text) => new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");

document.querySelector("[data-focus]")?.focus();

// A form that is on its way says so, and is not sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter ?? event.target.querySelector("button");
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "1";
  setTimeout(() => button?.setAttribute("aria-busy", "true"), 150);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    for (const busy of form.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
  }
});

// A link to a question opens it in a dialog. Its answer is a page.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.href).catch(() => null);
  const content = answer?.ok && !answer.redirected && parsed(await answer.text()).querySelector("[data-question]");
  if (!content) return location.assign(link.href);
  const dialog = document.body.appendChild(document.createElement("dialog"));
  dialog.setAttribute("aria-labelledby", content.querySelector("h1").id);
  dialog.append(document.adoptNode(content));
  dialog.addEventListener("close", () => (dialog.remove(), link.focus()));
  dialog.querySelector("[data-close]")?.addEventListener("click", (click) => (click.preventDefault(), dialog.close()));
  dialog.showModal();
});

// A menu closes when one goes elsewhere.
const menus = () => document.querySelectorAll("details[data-menu][open]");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const menu of menus()) (menu.open = false), menu.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
});

// Times that are told from now on keep being true.
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (new Date(time.dateTime) - Date.now()) / 1000;
    const [unit, length] = units.find(([, least]) => Math.abs(seconds) >= least) ?? units.at(-1);
    time.textContent = ago.format(Math.trunc(seconds / length), unit);
  }
}, 30_000);

// A page that could not be shown tries again by itself, while somebody looks at it.
const failed = document.querySelector("[data-retry]");
if (failed) setInterval(() => document.hidden || location.reload(), 1000 * failed.dataset.retry);
