// Elements, made and changed without ever parsing text as HTML.

/** The element of an id; it is there, or the page is broken. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no #${id}`);
  return found;
}

/** A new element. Properties beginning with "data-" or "aria-", and "role", are attributes; the rest are properties. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("data-") || name.startsWith("aria-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Puts a text in place; what hasn't changed isn't touched, so that nothing blinks and nothing is read out again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Says that a part has its content now. */
export function ready(section) {
  section.setAttribute("aria-busy", "false");
}

/** A list whose rows are kept by key: what stays keeps its element, and with it the focus. */
export function keyed(parent, rows, keyOf, build, update) {
  const kept = new Map([...parent.children].filter((one) => one.dataset.key !== undefined).map((one) => [one.dataset.key, one]));
  const wanted = rows.map((row) => {
    const key = keyOf(row);
    const element = kept.get(key) ?? build(row);
    element.dataset.key = key;
    update(element, row);
    return element;
  });
  const same = wanted.length === parent.children.length && wanted.every((one, index) => one === parent.children[index]);
  if (!same) parent.replaceChildren(...wanted);
}
