// Dialogs of the head: model card, help, token; and dark or light.

import { GROUPS, signElement } from "./groups.js";
import { element } from "./panels.js";

const $ = (id) => document.getElementById(id);
const THEMES = ["system", "light", "dark"];

/** Make the buttons of the head work. */
export function wireDialogs(onToken) {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelectorAll("[data-close]").forEach((button) => button.addEventListener("click", () => dialog.close()));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
  $("open-card")?.addEventListener("click", () => $("card").showModal()); // the review has none
  $("open-help").addEventListener("click", () => $("help").showModal());
  $("open-token").addEventListener("click", () => askToken(""));
  $("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("token").close();
    onToken($("token-field").value);
  });
  $("legend")?.append(...GROUPS.map((group) => element("li", {}, signElement(group.id), group.name)));
  wireTheme();
}

/** Ask for the token; `wrong` says why again. */
export function askToken(wrong) {
  $("open-token").hidden = false;
  $("token-wrong").textContent = wrong;
  $("token-wrong").hidden = !wrong;
  if (!$("token").open) $("token").showModal();
  $("token-field").select();
}

function wireTheme() {
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    $("theme").title = `Colours: ${theme === "system" ? "as the system" : theme}`;
    $("theme-words").textContent = `Colours: ${theme === "system" ? "as the system" : theme}. Change`;
  };
  let stored = "system";
  try { stored = localStorage.getItem("seasift-theme") ?? "system"; } catch { /* switched off: forgotten, no more */ }
  set(THEMES.includes(stored) ? stored : "system");
  $("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const order = dark ? ["system", "light", "dark"] : ["system", "dark", "light"]; // the first press must show
    const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % 3];
    set(next);
    try { localStorage.setItem("seasift-theme", next); } catch { /* as above */ }
  });
}
