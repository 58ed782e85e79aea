// How far the work is, how much was found, and why a list is empty.

import { calledOf } from "./groups.js";

const $ = (id) => document.getElementById(id);

/** The bar, its words, and which buttons can do something. */
export function progress(state) {
  const { entries } = state;
  const many = (name) => entries.filter((entry) => entry.state === name).length;
  const [done, failed, stopped] = [many("done"), many("failed"), many("stopped")];
  const finished = done + failed + stopped;
  const going = finished < entries.length;
  $("film-count").textContent = entries.length || "";
  $("bar").max = entries.length || 1;
  $("bar").value = finished;
  const notes = [failed && `${failed} failed`, stopped && `${stopped} not processed`].filter(Boolean);
  const words = going ? `${done + failed} of ${entries.length} processed` : notes.length ? "" : "All processed";
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
    waiting: "Waits for its turn.", working: "In work.", stopped: "Not processed.", failed: "No result.",
    done: all ? `Nothing left; the model has ${all} with a lower score or of other classes.` : "Nothing found.",
  };
  $("objects-none").hidden = objects.length > 0;
  $("objects-none").textContent = words[current?.state] ?? "";
}

/** How often each class occurs in what `of` gives of the images. */
export const tally = (entries, of) => {
  const found = new Map();
  for (const entry of entries) for (const object of of(entry)) {
    const { name } = calledOf(object);
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  return found;
};
