// Buttons, keys, drops and pastes, and what of the page they call.

import { fromDrop, fromInput, fromPaste } from "./intake.js";

const $ = (id) => document.getElementById(id);
const click = (id, act) => $(id).addEventListener("click", act);

/** Make the page's controls work. `page` holds what they do. */
export function wireInput(page) {
  wireButtons(page);
  wireIntake(page);
  wireKeys(page);
}

function wireButtons(page) {
  for (const button of document.querySelectorAll("[data-act]")) {
    const acts = { images: () => $("pick-images").click(), folder: () => $("pick-folder").click(), example: page.addExample };
    button.addEventListener("click", acts[button.dataset.act]);
  }
  for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => page.download(button));
  click("previous", () => page.step(-1));
  click("next", () => page.step(1));
  click("zoom-in", () => page.view.zoom(1.5));
  click("zoom-out", () => page.view.zoom(1 / 1.5));
  click("zoom-fit", () => page.view.fit());
  click("cancel", page.stopOrGoOn);
  click("veil-again", page.again);
  click("clear", () => { if (window.confirm("Remove all images and their results from this page?")) page.clear(); });
  for (const [id, act] of [["outlines", (on) => { page.view.outlines = on; page.view.later(); }], ["all-classes", page.allClasses]]) {
    click(id, () => {
      const on = $(id).getAttribute("aria-pressed") !== "true";
      $(id).setAttribute("aria-pressed", String(on));
      act(on);
    });
  }
  $("threshold").addEventListener("input", () => page.threshold(Number($("threshold").value)));
}

function wireIntake(page) {
  for (const id of ["pick-images", "pick-folder"]) {
    $(id).addEventListener("change", () => {
      page.add(fromInput($(id)));
      $(id).value = ""; // so that the same choice counts again
    });
  }
  let depth = 0; // dragenter and dragleave come for each element on the way
  const veil = (on) => { $("drop-veil").hidden = !on; };
  const files = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => { if (files(event)) { depth++; veil(true); } });
  document.addEventListener("dragleave", (event) => { if (files(event) && --depth <= 0) { depth = 0; veil(false); } });
  document.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  document.addEventListener("drop", async (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    veil(false);
    page.add(await fromDrop(event.dataTransfer));
  });
  document.addEventListener("paste", (event) => {
    const pasted = fromPaste(event.clipboardData);
    if (pasted.length) page.add(pasted);
  });
  window.addEventListener("beforeunload", (event) => { if (page.any()) event.preventDefault(); });
}

/** Arrows work everywhere but in fields; letters and signs only on the image, where no reader's own keys are. */
function wireKeys(page) {
  const STAGE = {
    "+": () => page.view.zoom(1.5), "=": () => page.view.zoom(1.5), "-": () => page.view.zoom(1 / 1.5), 0: () => page.view.fit(),
  };
  const MOVES = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !page.any()) return;
    const { target, key } = event;
    if (target.matches("input:not([type=checkbox]), select, textarea")) return;
    const stage = target === $("canvas");
    const objects = target.closest("#objects");
    let act = null;
    if (stage && event.shiftKey && MOVES[key]) act = () => page.view.pan(...MOVES[key]);
    else if (key === "ArrowLeft") act = () => page.step(-1);
    else if (key === "ArrowRight") act = () => page.step(1);
    else if (key === "Escape") act = page.letGo;
    else if (stage && STAGE[key]) act = STAGE[key];
    else if (objects && (key === "ArrowUp" || key === "ArrowDown")) act = () => walk(target, key === "ArrowUp" ? -1 : 1);
    else if (stage && key === "ArrowUp") act = () => page.stepObject(-1);
    else if (stage && key === "ArrowDown") act = () => page.stepObject(1);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function walk(button, by) {
  const buttons = [...$("objects").querySelectorAll("button")];
  buttons[buttons.indexOf(button) + by]?.focus();
}
