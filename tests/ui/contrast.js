// Every visible piece of text with its contrast to what lies behind it (WCAG 2.2, 1.4.3). Returns the poor ones.
const least = arguments[0];

function parse(color) {
  const parts = color.match(/[\d.]+/g).map(Number);
  return { rgb: parts.slice(0, 3), alpha: parts[3] ?? 1 };
}

function over(front, back) {
  return front.rgb.map((part, index) => part * front.alpha + back[index] * (1 - front.alpha));
}

function ground(element) {
  const layers = [];
  for (let one = element; one; one = one.parentElement) layers.unshift(parse(getComputedStyle(one).backgroundColor));
  return layers.reduce((back, layer) => over(layer, back), [255, 255, 255]);
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function ratio(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const poor = [];
let seen = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  if (!text || element.closest("noscript") || !element.checkVisibility({ visibilityProperty: true })) continue;
  const box = element.getBoundingClientRect();
  if (box.width < 2 || box.height < 2) continue;
  seen += 1;
  const back = ground(element);
  const found = ratio(over(parse(getComputedStyle(element).color), back), back);
  if (found < least) poor.push(`${found.toFixed(2)} ${text.slice(0, 40)}`);
}
// What isn't text and still says something: bars against their tracks, and the marks of states (1.4.11).
for (const bar of document.querySelectorAll(".group .bar")) {
  const found = ratio(ground(bar.firstElementChild), ground(bar));
  if (found < 3) poor.push(`${found.toFixed(2)} a bar`);
}
return { poor, seen };
