// How far the work is, how much was found, and why a list is empty.

import { calledOf } from "./groups.js";

const $ = (id) => document.getElementById(id);

/** The bar, its words, and which buttons can do something. */
export function progress(state) {
  const { pictures } = state;
  const many = (name) => pictures.filter((picture) => picture.state === name).length;
  const [done, failed, stopped] = [many("done"), many("failed"), many("stopped")];
  const finished = done + failed + stopped;
  const going = finished < pictures.length;
  $("film-count").textContent = pictures.length || "";
  $("bar").max = pictures.length || 1;
  $("bar").value = finished;
  const notes = [failed && `${failed} failed`, stopped && `${stopped} not looked at`].filter(Boolean);
  const words = going ? `${done + failed} of ${pictures.length} looked at` : notes.length ? "" : "All looked at";
  $("bar-words").textContent = [words, ...notes].filter(Boolean).join(", ");
  $("cancel").hidden = !going && !stopped;
  $("cancel").textContent = going ? "Stop" : "Go on";
  $("progress").dataset.state = going ? "going" : "still";
  for (const button of $("downloads").children) {
    button.disabled = button.dataset.save === "overlay" ? state.current?.state !== "done" : !done;
  }
}

/** Why the list of objects is empty. */
export function nothing(current, objects) {
  const all = current?.image?.objects.length ?? 0;
  const words = {
    waiting: "Waits for its turn.", working: "Being looked at.", stopped: "Not looked at.", failed: "No result.",
    done: all ? `Nothing left; the model has ${all} with a lower score or of other classes.` : "Nothing found.",
  };
  $("objects-none").hidden = objects.length > 0;
  $("objects-none").textContent = words[current?.state] ?? "";
}

/** How often each class occurs in what `of` gives of the images. */
export const tally = (pictures, of) => {
  const found = new Map();
  for (const picture of pictures) for (const object of of(picture)) {
    const { name } = calledOf(object);
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
};
