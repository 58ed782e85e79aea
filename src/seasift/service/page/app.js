// The page: its state, and what happens when something of it changes.

import { about, cardText, example, hasToken, Refused, useToken } from "./api.js";
import { fillCard } from "./card.js";
import { askToken, wireDialogs } from "./dialogs.js";
import { Film } from "./film.js";
import { wireInput } from "./input.js";
import { calledOf, withCoarse } from "./groups.js";
import { sorted, unique } from "./intake.js";
import { dismiss, notice, say } from "./notices.js";
import { isVideo, Jobs } from "./jobs.js";
import { Counts, ObjectList } from "./panels.js";
import { pixels } from "./pixels.js";
import { nothing, progress, tally } from "./progress.js";
import { Queue } from "./queue.js";
import { saveAs } from "./saves.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const LOWEST = 0.05; // scores are asked for from here on, so that the slider needs no new request
const EXAMPLES = ["example-1-shrimp.jpg", "example-2-coral.jpg", "example-3-coral.jpg"];

const state = {
  labels: [], named: [], least: 0, groups: new Map(), model: null, entries: [], names: new Set(), current: null,
  selected: null, hovered: null, threshold: 0.3, hidden: new Set(), allClasses: false,
};
let ready = false; // the server has told its classes

const view = new View($("canvas"), {
  hover, select, zoom: (scale) => { $("zoom-fit").textContent = `${Math.round(scale * 100)}%`; },
});
const film = new Film($("film"), show);
const list = new ObjectList($("objects"), { hover, select: (found) => { select(found); view.reveal(state.selected); } });
const counts = new Counts($("counts"), filter);
const jobs = new Jobs($("jobs-pane"), $("jobs"));
const queue = new Queue({ change: changed, held });

// ---- the server

async function begin() {
  try {
    const { labels, model } = await about();
    const named = model.rollup ? withCoarse(labels) : labels;
    Object.assign(state, { labels, named, model, groups: new Map(named.map(({ name, group }) => [name, group])) });
    ready = true;
    dismiss("server");
    $("server-dot").dataset.state = "good";
    $("model-name").textContent = model.name;
    fillCard($("card-body"), model, labels, await cardText());
    $("card-title").textContent = `Model card: ${model.name}`;
    const lowest = Math.min(LOWEST, model.threshold);
    queue.threshold = lowest;
    $("threshold").min = lowest;
    // With rolled-up names the slider is for the score of the name; what is sure at some level shows at first.
    state.least = model.rollup ? Math.min(model.rollup.by_class, model.rollup.by_supercategory, model.rollup.by_object) : 0;
    $("threshold").value = model.rollup ? state.least : model.threshold;
    $("threshold-note").textContent = model.calibrated
      ? "Leaves out what the model is less sure of. On footage like its own, a score is the chance of being right."
      : "Leaves out what the model is less sure of.";
    state.threshold = Number($("threshold").value);
    queue.resume();
    refresh();
  } catch (error) {
    held(error);
  }
}

/** The queue waits: for a token, or for the server. */
function held(error) {
  if (error instanceof Refused && error.status === 401) {
    askToken(hasToken() ? "The server does not take this token." : "");
    notice("The server asks for a token.", { key: "server", action: ["Enter it", () => askToken("")] });
    return;
  }
  $("server-dot").dataset.state = "bad";
  notice(error.message, { key: "server", action: ["Try again", again] });
  refresh();
}

function again() {
  dismiss("server");
  if (ready) {
    $("server-dot").dataset.state = "good";
    queue.resume();
    refresh();
  } else begin();
}

// ---- images

function add(given) {
  const videos = given.filter(({ name }) => isVideo(name));
  for (const { name, file } of videos) jobs.add(file, name, state.threshold);
  const { entries, others } = sorted(given.filter((each) => !videos.includes(each)));
  const loud = others.filter(({ chosen }) => chosen);
  if (loud.length) {
    const names = loud.slice(0, 3).map(({ name }) => name).join(", ");
    const more = loud.length > 3 ? ` and ${loud.length - 3} more` : "";
    notice(`${names}${more}: not an image; expected JPEG, PNG, TIFF, WebP, BMP or a video.`, { key: "others" });
  } else if (others.length) {
    notice(`${others.length} of the folder's files ${others.length === 1 ? "is no image and was" : "are no images and were"} left out.`,
      { key: "others", kind: "plain" });
  }
  if (!entries.length) {
    if (given.length && !others.length && !videos.length) notice("There is nothing in that folder.", { key: "others", kind: "plain" });
    return;
  }
  const made = entries.map(({ name, file }) => ({ name: unique(name, state.names), file, state: "waiting", error: "" }));
  state.entries.push(...made);
  film.add(made);
  $("welcome").hidden = true;
  $("work").hidden = false;
  if (!ready) queue.paused = true;
  queue.add(made);
  if (!state.current) show(made[0]);
  refresh();
}

async function addExample() {
  try {
    const blobs = await Promise.all(EXAMPLES.map(example));
    add(EXAMPLES.map((name, i) => ({ name: name.replace("example-", ""), file: new File([blobs[i]], name), chosen: true })));
  } catch (error) {
    notice(error.message, { key: "server", action: ["Try again", addExample] });
  }
}

function clear() {
  queue.stop();
  Object.assign(state, { entries: [], names: new Set(), current: null, selected: null, hovered: null });
  film.clear();
  view.show(null);
  $("work").hidden = true;
  $("welcome").hidden = false;
  dismiss("others");
  say("No images.");
  document.querySelector("#welcome button").focus();
}

async function show(entry) {
  if (!entry) return;
  Object.assign(state, { current: entry, selected: null, hovered: null });
  film.current(entry);
  $("stage-title").textContent = entry.name;
  await load(entry);
}

/** The current image's pixels; a TIFF has none until the server has seen it. */
async function load(entry) {
  view.bitmap?.close();
  view.show(null);
  refresh();
  let bitmap = null;
  try {
    bitmap = await pixels(entry);
  } catch {
    // what is wrong is said by the server, in its words
  }
  if (state.current !== entry) return bitmap?.close();
  entry.unshown = !bitmap && entry.state === "done";
  const size = entry.image ?? (bitmap && { width: bitmap.width, height: bitmap.height });
  view.show(bitmap, size);
  return refresh();
}

function step(by) {
  const next = state.entries[state.entries.indexOf(state.current) + by];
  if (next) show(next);
}

function changed(entry) {
  if (!entry) return refresh();
  film.set(entry, entry.state === "done" ? shown(entry).length : null);
  if (entry.state === "done" && entry.image.pages > 1) {
    notice(`${entry.name}: ${entry.image.pages} pages, of which only the first was looked at.`,
      { key: `pages ${entry.name}`, kind: "plain" });
  }
  if (entry === state.current && entry.state === "done" && !view.bitmap) return load(entry);
  return refresh();
}

// ---- objects

/** What threshold and filter leave of an image, best first. */
function shown(entry) {
  return (entry?.image?.objects ?? [])
    .filter((found) => isStrong(found) && !state.hidden.has(calledOf(found).name))
    .sort((a, b) => calledOf(b).score - calledOf(a).score)
    .map((found) => ({ found, group: groupOf(found) }));
}

/** Whether the threshold leaves an object; one that is sure at no level of rolled-up names needs a lower one than usual. */
function isStrong(found) {
  const unsure = found.rollup?.level === "object" && found.rollup.score < state.model.rollup.by_object;
  return calledOf(found).score >= state.threshold && !(unsure && state.threshold >= state.least);
}

/** The group of what an object is called: of its class, or the one that it was rolled up to. */
function groupOf(found) {
  if (found.rollup?.level === "object") return "other";
  return found.rollup?.level === "supercategory" ? found.rollup.name : state.groups.get(found.name) ?? "other";
}

function select(found) {
  state.selected = found === state.selected ? null : found;
  marked();
  if (state.selected) {
    const index = shown(state.current).findIndex((each) => each.found === found) + 1;
    const called = calledOf(found);
    say(`Object ${index}: ${called.name.replaceAll("_", " ")}, score ${called.score.toFixed(2)}`);
  }
}

function hover(found) {
  if (found === state.hovered) return;
  state.hovered = found;
  marked();
}

function marked() {
  view.set(shown(state.current), state.selected, state.hovered);
  list.mark(state.selected, state.hovered);
  $("canvas").classList.toggle("on-object", Boolean(state.hovered));
}

function stepObject(by) {
  const objects = shown(state.current).map(({ found }) => found);
  if (!objects.length) return;
  const at = objects.indexOf(state.selected);
  const next = at < 0 ? (by > 0 ? 0 : objects.length - 1) : (at + by + objects.length) % objects.length;
  state.selected = null;
  select(objects[next]);
  view.reveal(state.selected);
}

function filter(names, on) {
  for (const name of names) {
    if (on) state.hidden.delete(name);
    else state.hidden.add(name);
  }
  filtered();
}

function filtered() {
  for (const entry of state.entries) if (entry.state === "done") film.set(entry, shown(entry).length);
  refresh();
}

// ---- everything that follows from the state

let frame;
function refresh() {
  frame ??= requestAnimationFrame(() => { frame = undefined; render(); });
}

function render() {
  const { current, entries } = state;
  const objects = shown(current);
  if (!objects.some(({ found }) => found === state.selected)) state.selected = null;
  if (!objects.some(({ found }) => found === state.hovered)) state.hovered = null;
  $("threshold-value").textContent = state.threshold.toFixed(2);
  const above = (entry) => (entry?.image?.objects ?? []).filter(isStrong);
  const all = tally(entries, above);
  const rows = state.named.filter(({ name }) => state.allClasses || all.has(name) || state.hidden.has(name));
  counts.set(rows, tally([current], above), all, state.hidden);
  list.set(objects);
  $("objects-count").textContent = current?.state === "done" ? objects.length : "";
  nothing(current, objects);
  marked();
  stageWords(current, objects);
  progress(state);
}

function stageWords(current, objects) {
  if (!current) return;
  const index = state.entries.indexOf(current);
  $("stage-where").textContent = `${index + 1} of ${state.entries.length}`;
  $("previous").disabled = index === 0;
  $("next").disabled = index === state.entries.length - 1;
  const words = {
    waiting: queue.paused ? "Waiting for the server" : "Waiting for its turn", working: current.error || "Looking …",
    stopped: "Stopped before this image was processed.", failed: current.error,
    done: current.unshown ? "This image cannot be shown here; its results are in the list." : "",
  }[current.state];
  $("veil").hidden = !words;
  $("veil").dataset.state = current.state;
  $("veil-words").textContent = words;
  $("veil-again").hidden = !["failed", "stopped"].includes(current.state);
  const kinds = [...tally([current], () => objects.map(({ found }) => found))]
    .map(([name, count]) => `${count} ${name.replaceAll("_", " ")}`).join(", ");
  const sum = `${objects.length} ${objects.length === 1 ? "object" : "objects"}${kinds ? `: ${kinds}` : ""}`;
  const label = `${current.name}. ${current.state === "done" ? sum : words}`;
  if ($("canvas").getAttribute("aria-label") !== label) {
    $("canvas").setAttribute("aria-label", label);
    say(label);
  }
}

async function download(button) {
  const words = button.textContent;
  button.disabled = true;
  try {
    await saveAs(button.dataset.save, state, shown, (at, all) => { button.textContent = `${at} of ${all} …`; });
    say(`${words}: saved.`);
  } catch (error) {
    notice(`${words}: ${error.message}`, { key: "download" });
  } finally {
    button.textContent = words;
    refresh();
  }
}

function stopOrGoOn() {
  if (state.entries.some((entry) => ["waiting", "working"].includes(entry.state))) queue.stop();
  else queue.add(state.entries.filter((entry) => entry.state === "stopped"));
}

wireDialogs((token) => { useToken(token); dismiss("server"); begin(); });
wireInput({
  view, add, addExample, clear, step, stepObject, download, stopOrGoOn,
  letGo: () => select(null), again: () => queue.add([state.current]),
  any: () => state.entries.length || jobs.open,
  threshold: (value) => { state.threshold = value; filtered(); },
  allClasses: (on) => { state.allClasses = on; refresh(); },
});
begin();
