// What happened, for eyes and ears: a short message over the page, and the live region.

import { byId, make, write } from "./dom.js";

const STAYS = 7000; // milliseconds that a good message is seen

/** Tell something that a screen reader should say when it has a moment. */
export function say(text) {
  const region = byId("said");
  write(region, "");
  requestAnimationFrame(() => write(region, text));
}

/** Something was done; asides are worth knowing besides. */
export function tell(text, asides = []) {
  clear();
  const message = make("div", { className: "message", "aria-hidden": "true" }, make("p", { className: "told", textContent: text }));
  message.append(...asides.map((aside) => make("p", { className: "advice" }, ...prose(aside))));
  byId("messages").append(message);
  setTimeout(() => message.remove(), STAYS * (1 + asides.length));
  say([text, ...asides].join(" "));
}

/** Something went wrong. It stays until it is put away or something else happens. */
export function complain(problem) {
  clear();
  const away = make("button", { type: "button", className: "button quiet", textContent: "Close" });
  const message = make("div", { className: "message bad", role: "alert" }, make("p", { className: "told" }, ...prose(problem.message)), away);
  if (problem.advice) message.append(make("p", { className: "advice" }, ...prose(problem.advice)));
  if (problem.details?.length) message.append(make("ul", {}, ...problem.details.map(line)));
  if (problem.yaml) message.append(make("pre", { textContent: problem.yaml, tabIndex: 0, role: "group", "aria-label": "YAML to add" }));
  const before = document.activeElement;
  away.addEventListener("click", () => {
    message.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  byId("messages").append(message);
}

/** A sentence in which `this` is code. */
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", { textContent: part }) : part));
}

function line(detail) {
  const place = [detail.location, detail.code, detail.address].filter(Boolean).join(" · ");
  return make("li", {}, make("code", { textContent: place }), ` ${detail.detail ?? ""}`);
}

/** What was told before is put away. */
export function clear() {
  byId("messages").replaceChildren();
}
