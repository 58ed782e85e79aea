// Keys: single letters, unless someone types or has switched them off.

const $ = (id) => document.getElementById(id);
const KEY = "seasift-review-keys";

/** @param {Record<string, Function>} on  by key; `digit` is told which */
export function wireKeys(on) {
  try { $("keys-on").checked = localStorage.getItem(KEY) !== "off"; } catch { /* switched off: on */ }
  $("keys-on").addEventListener("change", () => {
    try { localStorage.setItem(KEY, $("keys-on").checked ? "on" : "off"); } catch { /* forgotten, no more */ }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !$("keys-on").checked) return;
    if (document.querySelector("dialog[open]") || event.target.closest("input, select, textarea")) return;
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
    const act = digit ? () => on.digit(digit) : on[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) act(); // a key held down decides once
  });
}
