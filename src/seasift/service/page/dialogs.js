// Dialogs of the head: model card, help, token; and dark or light.

import { GROUPS, signElement } from "./groups.js";
import { element } from "./panels.js";

const $ = (id) => document.getElementById(id);
const THEMES = ["system", "light", "dark"];

const wrongWords = element("p", { class: "bad-words", id: "token-wrong", role: "alert", hidden: true });
const field = element("input", {
  type: "password", id: "token-field", autocomplete: "off", required: true, spellcheck: "false" });
const form = element("form", {},
  element("div", { class: "dialog-head" }, element("h2", { id: "token-title" }, "This server asks for a token")),
  element("div", { class: "dialog-body" },
    element("p", {}, "Whoever runs the server has it. It is kept until this tab is closed."),
    wrongWords,
    element("label", { for: "token-field" }, "Token"),
    field,
    element("div", { class: "actions" },
      element("button", { class: "strong" }, "Use it"), element("button", { type: "button", "data-close": true }, "Not now"))));
const tokenDialog = element("dialog", { id: "token", "aria-labelledby": "token-title" }, form);

/** Make the buttons of the head work. Page and review share them, and the dialog for the token. */
export function wireDialogs(onToken) {
  document.body.append(tokenDialog);
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelectorAll("[data-close]").forEach((button) => button.addEventListener("click", () => dialog.close()));
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }
  $("open-card")?.addEventListener("click", () => $("card").showModal()); // the review has none
  $("open-help").addEventListener("click", () => $("help").showModal());
  $("open-token").addEventListener("click", () => askToken(""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tokenDialog.close();
    onToken(field.value);
  });
  $("legend")?.append(...GROUPS.map((group) => element("li", {}, signElement(group.id), group.name)));
  wireTheme();
}

/** Ask for the token; `wrong` says why again. */
export function askToken(wrong) {
  $("open-token").hidden = false;
  wrongWords.textContent = wrong;
  wrongWords.hidden = !wrong;
  if (!tokenDialog.open) tokenDialog.showModal();
  field.select();
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
