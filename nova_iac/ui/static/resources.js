// Every resource with its state; those that need a look come first when there are many.

import { byId, keyed, make, ready, write } from "./dom.js";

const MOST = 200;

/** Show the resources of a status document. */
export function showResources(status) {
  const list = byId("resource-rows");
  if (list.classList.contains("ghost")) {
    list.replaceChildren();
    list.classList.remove("ghost");
    list.removeAttribute("aria-hidden");
  }
  const all = status.resources;
  const synced = all.filter((one) => one.state === "synced").length;
  const ordered = all.length > MOST ? [...all].sort((a, b) => Number(a.state === "synced") - Number(b.state === "synced")) : all;
  const shown = ordered.slice(0, MOST);
  write(byId("resources-count"), all.length ? `${synced} of ${all.length} in sync` : "Nothing declared");
  const rows = all.length > MOST ? [...shown, { address: "", more: all.length - MOST }] : shown;
  keyed(list, rows, (one) => one.address, build, (element, one) => show(element, one, status.labels));
  ready(byId("resources"));
}

function build(one) {
  if (one.more) return make("li", {}, make("span", { className: "more" }));
  const address = make("span", { className: "address" }, ...breakable(one.address));
  return make("li", {}, make("span", { className: "label" }), address, make("span", { className: "state" }));
}

/** An address that may go on in the next line before each dot and bracket. */
function breakable(address) {
  return address.split(/(?=[.[])/).flatMap((part) => [make("wbr"), part]);
}

function show(element, one, labels) {
  if (one.more) {
    write(element.querySelector(".more"), `and ${one.more} more`);
    return;
  }
  write(element.querySelector(".label"), one.name);
  const state = element.querySelector(".state");
  state.dataset.state = one.state;
  state.title = one.reason ?? "";
  write(state, labels[one.state]);
}
