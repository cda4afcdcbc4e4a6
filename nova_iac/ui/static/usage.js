// Today's usage: the total, and a bar for each group. Amounts are shown as the server wrote them; nothing is computed here.

import { post } from "./api.js";
import { byId, keyed, make, ready, write } from "./dom.js";
import { clear, complain, say } from "./say.js";

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
const SHORT = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

let after = () => {};
let enabled = false;
let said = null;
let customer = null;

/** done is called after each event that was sent. */
export function startUsage(done) {
  after = done;
}

/** Whether usage can be made now. */
export function allowGenerating(yes) {
  enabled = yes;
  for (const one of document.querySelectorAll(".group .button")) one.disabled = !enabled;
}

/** Show a usage document. */
export function showUsage(usage, note) {
  const section = byId("usage");
  customer = usage.customer;
  const total = usage.total.join(" + ");
  write(byId("day"), `${DAY.format(new Date(`${usage.day}T00:00:00Z`))}, UTC`);
  write(byId("total"), total || "Nothing billed yet");
  section.dataset.calm = total ? "no" : "yes";
  write(byId("draft"), drafts(usage.invoices) || "No draft invoice yet");
  const products = byId("products");
  products.querySelector(".ghost")?.closest(".product")?.remove();
  keyed(products, usage.products, (one) => one.key, buildProduct, showProduct);
  write(byId("usage-note"), note ?? "");
  announce(usage, total);
  ready(section);
}

function drafts(invoices) {
  return invoices
    .map((one) => {
      const last = one.ending_before && new Date(Date.parse(one.ending_before) - 1);
      const span = last ? ` ${SHORT.format(new Date(one.starting_on))} – ${SHORT.format(last)}` : "";
      return `Draft invoice${span}: ${one.total}`;
    })
    .join(" · ");
}

/** A screen reader hears of new usage, not of every look. */
function announce(usage, total) {
  const text = usage.products.map((one) => `${one.name}: ${counted(one.quantity, one.unit)}`).join(", ");
  const now = `Usage today ${text}${total ? `, billed ${total}` : ""}.`;
  if (said !== null && now !== said) say(now);
  said = now;
}

function buildProduct(product) {
  return make(
    "div",
    { className: "product" },
    make("div", { className: "product-head" }, make("h3"), make("p")),
    make("ul", { className: "groups", "aria-label": `Usage of ${product.name} by group` }),
  );
}

function showProduct(element, product) {
  write(element.querySelector("h3"), product.name);
  const by = product.tier_key ? ` by ${product.tier_key}` : "";
  write(element.querySelector(".product-head p"), `${counted(product.quantity, product.unit)} today${by}`);
  const show = (row, one) => showGroup(row, one, product.unit);
  keyed(element.querySelector(".groups"), product.groups, (one) => JSON.stringify(one.values), (one) => buildGroup(product, one), show);
}

/** "3 images" of 3 and num_images. */
function counted(quantity, unit) {
  const word = unit.replace(/^(num|number_of|count_of)_/, "").replaceAll("_", " ");
  return `${quantity} ${quantity === "1" ? word.replace(/(?<=[^s])s$/, "") : word}`;
}

function buildGroup(product, group) {
  const press = make("p", { className: "press" });
  if (group.tier !== null) {
    const button = make("button", { type: "button", className: "button", textContent: "Generate", "aria-label": `Generate 1 ${group.label}`, disabled: !enabled });
    button.addEventListener("click", () => generate(button, product.key, group.tier));
    press.append(button);
  }
  return make(
    "li",
    { className: "group" },
    make("span", { className: "name", textContent: group.label }),
    make("span", { className: "price" }),
    make("span", { className: "bar", "aria-hidden": "true" }, make("span")),
    make("span", { className: "count" }, make("span", { className: "number" }), make("span", { className: "unit" })),
    make("span", { className: "amount" }),
    press,
  );
}

function showGroup(element, group, unit) {
  const amount = group.amount?.join(" + ") ?? (group.quantity === "0" ? "–" : "not billed");
  const count = element.querySelector(".number");
  const changed = count.textContent !== "" && (count.textContent !== group.quantity || element.querySelector(".amount").textContent !== amount);
  write(count, group.quantity);
  write(element.querySelector(".unit"), counted(group.quantity, unit).slice(group.quantity.length));
  write(element.querySelector(".amount"), amount);
  element.querySelector(".amount").classList.toggle("none", group.amount === null);
  write(element.querySelector(".price"), group.price ? `${group.price} each` : group.tier ? "tiered price" : "no price");
  element.querySelector(".bar span").style.width = `${group.share}%`;
  if (changed) {
    element.classList.remove("changed");
    requestAnimationFrame(() => element.classList.add("changed"));
  }
}

async function generate(button, product, tier) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await post("/api/generate", { tier, product, ...(customer === null ? {} : { customer }) });
    clear();
    await after();
  } catch (problem) {
    complain(problem);
  } finally {
    button.removeAttribute("aria-busy");
  }
}
