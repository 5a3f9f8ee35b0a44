// Helpers of all pages. Text from data only ever becomes text nodes and attributes, never HTML.
const pageData = JSON.parse(document.getElementById("data").textContent);
const kSvg = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) node.append(child);
  }
  return node;
}
const element = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const drawn = (tag, attributes, ...children) => fill(document.createElementNS(kSvg, tag), attributes, children);

function seconds(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const [scaled, unit] = size < 0.9995e-3 ? [value * 1e6, "µs"] : size < 0.9995 ? [value * 1e3, "ms"] : [value, "s"];
  const shown = Math.abs(scaled);
  return `${scaled.toFixed(shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0)} ${unit}`;
}
const growth = (value) => (value < 0 ? "−" : "+") + seconds(Math.abs(value));
const percent = (fraction, digits = 1) =>
  fraction === null || fraction === undefined ? "–" : `${(100 * fraction).toFixed(digits)} %`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const count = (n, word, words) => `${n} ${n === 1 ? word : words ?? word + "s"}`;

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  const button = document.getElementById("theme");
  if (button) button.textContent = theme === "dark" ? "Light" : "Dark";
}
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.getElementById("theme")?.addEventListener("click", () =>
  setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
