// What went wrong, in words, until it is dismissed; and what happened, for screen readers.

import { element } from "./panels.js";

const MOST = 4;
const box = document.getElementById("notices");
const status = document.getElementById("status");

/**
 * Show a notice. One of the same key takes the older one's place.
 * @param {string} words
 * @param {{key?: string, kind?: "bad" | "plain", action?: [string, () => void]}} how
 */
export function notice(words, { key = words, kind = "bad", action = null } = {}) {
  dismiss(key);
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Dismiss" }, "✕");
  const made = element("div", { class: `notice ${kind}` }, element("p", {}, words));
  made.dataset.key = key;
  if (action) {
    const button = element("button", { type: "button" }, action[0]);
    button.addEventListener("click", () => { made.remove(); action[1](); });
    made.append(button);
  }
  close.addEventListener("click", () => made.remove());
  made.append(close);
  box.append(made);
  while (box.children.length > MOST) box.firstChild.remove();
}

/** Take a notice away. */
export function dismiss(key) {
  for (const each of [...box.children]) if (each.dataset.key === key) each.remove();
}

let timer;

/** Say something to a screen reader once nothing newer has come for a moment. */
export function say(words) {
  clearTimeout(timer);
  timer = setTimeout(() => { status.textContent = words; }, 400);
}
