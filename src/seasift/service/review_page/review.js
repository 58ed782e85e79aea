// The review's state, and what happens when.

import { hasToken, useToken } from "../page/api.js";
import { askToken, wireDialogs } from "../page/dialogs.js";
import { GROUPS, memberName, signElement } from "../page/groups.js";
import { dismiss, notice, say } from "../page/notices.js";
import { element } from "../page/panels.js";
import * as server from "./asking.js";
import { ClassDialog, fillQuick, quickOf } from "./classes.js";
import { followExport } from "./export.js";
import { wireKeys } from "./keys.js";
import { TrackList, chosen, clock } from "./list.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const state = { tracks: [], categories: [], groups: new Map(), videos: [], quick: [], shown: [], current: null, busy: false, acts: [] };
const list = new TrackList($("list"), $("more"), (track) => show(track));
const stage = new Stage($("large"), $("no-image"), $("strip"));
const dialog = new ClassDialog((name) => decide("accept", name));
const plain = (name) => name.replaceAll("_", " ");

async function begin() {
  try {
    const { tracks, categories, videos, reviewer, folder } = await server.overview();
    Object.assign(state, { tracks, videos });
    classes(categories);
    $("reviewer").value = reviewer || stored() || "";
    document.title = `${folder.split(/[\\/]/).filter(Boolean).pop()} – seasift review`;
    dismiss("server");
    const first = chosen(tracks, choice());
    show(first.find((track) => track.state === "undecided") ?? first[0] ?? null);
    followExport($("export"), $("export-words"));
  } catch (error) {
    if (error.status === 401) askToken(hasToken() ? error.message : "");
    else notice(error.message, { key: "server", action: ["Try again", begin] });
  }
}

function stored() {
  try { return localStorage.getItem("seasift-reviewer"); } catch { return null; }
}

function classes(categories) {
  state.categories = categories;
  state.groups = new Map(categories.map(({ name, group }) => [name, group]));
  const names = [...new Set(state.tracks.map(({ name }) => name))].sort();
  const kept = $("only-class").value;
  const option = (value, words) => element("option", { value }, words);
  $("only-class").replaceChildren(option("", "all"), ...names.map((name) => option(name, name.replaceAll("_", " "))));
  $("only-class").value = names.includes(kept) ? kept : "";
  const quick = quickOf(categories, state.tracks, state.quick);
  if (quick.length !== state.quick.length) {
    state.quick = quick;
    fillQuick($("quick"), quick, (name) => decide("accept", name));
  }
}

const choice = () => ({ state: $("only-state").value, name: $("only-class").value, order: $("order").value });

function show(track) {
  state.current = track;
  stage.show(track, track ? `Track ${track.id}, ${plain(track.name)}.` : "");
  render();
}

function step(by) {
  const { shown, current } = state;
  const at = shown.indexOf(current);
  const next = shown[at < 0 ? 0 : at + by];
  if (!next) return;
  show(next);
  say(words(next));
}

const words = (track) => `Track ${track.id}, ${plain(track.name)}, ${track.state}, score ${track.score.toFixed(2)}`;

/** The track to go on with: the next undecided one behind a place of the list, else before it. */
function following(before) {
  const at = before.indexOf(state.current);
  return [...before.slice(at + 1), ...before.slice(0, Math.max(at, 0))].find((track) => track.state === "undecided");
}

/** Acts follow each other: a key pressed while a decision is on its way is kept, and means the track that comes next. */
async function inTurn(act) {
  state.acts.push(act);
  if (state.busy) return;
  state.busy = true;
  try {
    while (state.acts.length) await state.acts.shift()();
  } catch (error) {
    state.acts = []; // what was pressed after it was meant for another state of things
    failed(error);
  } finally {
    state.busy = false;
  }
}

const decide = (word, name = null) => inTurn(async () => {
  const track = state.current;
  if (!track) return;
  const before = state.shown;
  const answer = await server.decide(track.id, word, name, $("reviewer").value);
  update(answer);
  const next = following(before);
  const done = `Track ${track.id}: ${track.state}${track.state === "rejected" ? "" : ` as ${plain(track.name)}`}.`;
  if (next) show(next);
  else show(track);
  say(next ? `${done} ${words(next)}` : `${done} ${open() ? "" : "All decided."}`);
});

const undo = () => inTurn(async () => {
  try {
    const track = update(await server.undo($("reviewer").value));
    show(track);
    say(`Taken back. ${words(track)}`);
  } catch (error) {
    if (error.status !== 404) throw error;
    say("Nothing to undo.");
    notice("Nothing to undo.", { key: "decision", kind: "plain" });
  }
});

function failed(error) {
  if (error.status === 401) askToken(error.message);
  else notice(`Not kept: ${error.message}`, { key: "decision" });
}

function update({ track, categories }) {
  dismiss("decision");
  const mine = state.tracks.find(({ id }) => id === track.id);
  Object.assign(mine, track);
  classes(categories);
  return mine;
}

const open = () => state.tracks.filter((track) => track.state === "undecided").length;

function render() {
  const { tracks, current } = state;
  state.shown = chosen(tracks, choice());
  list.set(state.shown, state.groups, current);
  $("list-count").textContent = state.shown.length === tracks.length ? tracks.length : `${state.shown.length} of ${tracks.length}`;
  $("list-none").hidden = state.shown.length > 0;
  $("list-none").textContent = tracks.length ? "No track is so." : "This survey has no tracks that count.";
  $("bar").max = tracks.length || 1;
  $("bar").value = tracks.length - open();
  $("bar-words").textContent = `${tracks.length - open()} of ${tracks.length} decided`;
  for (const id of ["accept", "reject", "relabel"]) $(id).disabled = !current;
  $("asked").textContent = current ? plain(current.machine_name) : "…";
  $("track-title").textContent = current ? `Track ${current.id}` : "No track";
  $("track-where").textContent = current ? about(current) : "";
  $("stamp").hidden = !current || current.state === "undecided";
  $("stamp").textContent = current ? stampOf(current) : "";
  for (const button of $("quick").querySelectorAll("button")) {
    const on = current && ["accepted", "relabelled"].includes(current.state) && current.name === button.dataset.name;
    button.setAttribute("aria-pressed", String(Boolean(on)));
    button.disabled = !current;
  }
  counts();
}

function about({ video, first_s: first, last_s: last, frames, score, level, class_name: likely, class_score: sure }) {
  const file = state.videos[video].file.split(/[\\/]/).pop();
  const perhaps = level === "class" ? "" : ` · perhaps ${plain(likely)} ${sure.toFixed(2)}`;
  return `${file} · ${clock(first)} – ${clock(last)} · ${frames} frames · score ${score.toFixed(2)}${perhaps}`;
}

function stampOf({ state: what, name, reviewer }) {
  const by = reviewer ? ` · ${reviewer}` : "";
  return `${what === "rejected" ? "Rejected" : `${what === "accepted" ? "Accepted" : "Relabelled"}: ${plain(name)}`}${by}`;
}

function counts() {
  const rows = new Map();
  const row = (name) => rows.get(name) ?? rows.set(name, [0, 0, 0]).get(name);
  for (const track of state.tracks) {
    row(track.machine_name)[0] += 1;
    if (["accepted", "relabelled"].includes(track.state)) row(track.name)[1] += 1;
    if (track.state === "undecided") row(track.name)[2] += 1;
  }
  const grouped = state.categories.some(({ group }) => group !== "other");
  $("counts-rows").replaceChildren(...GROUPS.flatMap(({ id, name: title }) => {
    const own = state.categories.filter(({ name, group }) => group === id && rows.has(name));
    if (!own.length) return [];
    const sums = [0, 1, 2].map((column) => own.reduce((sum, { name }) => sum + rows.get(name)[column], 0));
    // A track that is no more than trash comes after the classes of trash.
    own.sort((a, b) => Number(a.coarse) - Number(b.coarse));
    const members = own.map((each) => countRow(id, memberName(each), rows.get(each.name), grouped ? "member" : ""));
    return grouped ? [countRow(id, title, sums, "group"), ...members] : members;
  }));
}

const countRow = (group, words, values, kind) => element("tr", kind ? { class: kind } : {},
  element("th", { scope: "row" }, element("span", {}, ...(kind === "member" ? [] : [signElement(group)]), words)),
  ...values.map((value) => element("td", { class: "number" }, String(value))));

for (const id of ["only-state", "only-class", "order"]) {
  $(id).addEventListener("change", () => {
    const shown = chosen(state.tracks, choice());
    if (shown.includes(state.current) || !shown.length) render();
    else show(shown[0]);
  });
}
$("reviewer").addEventListener("change", () => {
  try { localStorage.setItem("seasift-reviewer", $("reviewer").value); } catch { /* switched off: forgotten */ }
});
$("accept").addEventListener("click", () => decide("accept"));
$("reject").addEventListener("click", () => decide("reject"));
$("relabel").addEventListener("click", () => dialog.open(state.categories));
$("undo").addEventListener("click", undo);
wireDialogs((token) => { useToken(token); begin(); });
wireKeys({
  a: () => decide("accept"), r: () => decide("reject"), u: undo, l: () => $("relabel").click(),
  j: () => inTurn(() => step(1)), k: () => inTurn(() => step(-1)), "?": () => $("help").showModal(),
  ArrowDown: () => inTurn(() => step(1)), ArrowUp: () => inTurn(() => step(-1)), ArrowRight: () => stage.step(1), ArrowLeft: () => stage.step(-1),
  digit: (number) => { if (state.quick[number - 1]) decide("accept", state.quick[number - 1].name); },
});
begin();
