// The list of tracks: what it shows, and in which order.

import { groupById, shortName, signElement } from "../page/groups.js";
import { element } from "../page/panels.js";

const STEP = 300; // rows made at a time
const MARKS = { undecided: "", accepted: "✓", relabelled: "✓", rejected: "✕" };

/** Seconds on the dive's clock as 1:02:03. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The tracks that a choice of state, class and order shows. */
export function chosen(tracks, { state, name, order }) {
  const found = tracks.filter((track) => (!state || track.state === state) && (!name || track.name === name));
  const by = order === "time" ? (a, b) => a.first_s - b.first_s || a.id - b.id : (a, b) => a.score - b.score || a.id - b.id;
  return found.sort(by);
}

export class TrackList {
  /** @param {HTMLElement} list  @param {HTMLElement} more  @param {(track: object) => void} onChoose */
  constructor(list, more, onChoose) {
    Object.assign(this, { list, more, onChoose, limit: STEP, rows: new Map(), shown: [] });
    more.addEventListener("click", () => { this.limit += STEP; this.render(); });
  }

  /** Show these tracks. */
  set(tracks, groups, current) {
    Object.assign(this, { shown: tracks, groups, current });
    const at = tracks.indexOf(current);
    if (at >= this.limit) this.limit = at + STEP;
    this.render();
  }

  render() {
    const focused = [...this.rows].find(([, row]) => row.contains(document.activeElement))?.[0];
    const part = this.shown.slice(0, this.limit);
    this.rows = new Map(part.map((track) => [track, this.row(track)]));
    this.list.replaceChildren(...this.rows.values());
    this.more.hidden = part.length === this.shown.length;
    const row = this.rows.get(this.current);
    if (focused && row) row.firstChild.focus({ preventScroll: true });
    if (row) this.reveal(row);
  }

  row(track) {
    const group = this.groups.get(track.name) ?? "other";
    const name = shortName(track.name, group);
    const button = element(
      "button", { type: "button", class: "film-item", "data-state": track.state, "data-track": track.id }, signElement(group),
      element("span", { class: "film-name" }, name, element("span", { class: "unseen" }, `, ${groupById(group).name}`)),
      element("span", { class: "film-note" }, `${track.id} · ${clock(track.first_s)} · ${track.score.toFixed(2)}`),
      element("span", { class: "film-state" }, element("span", { "aria-hidden": "true" }, MARKS[track.state]),
        element("span", { class: "unseen" }, track.state)),
    );
    if (track === this.current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.onChoose(track));
    return element("li", {}, button);
  }

  /** Scrolls the list alone. */
  reveal(row) {
    const [item, list] = [row.getBoundingClientRect(), this.list.getBoundingClientRect()];
    if (item.top < list.top) this.list.scrollTop -= list.top - item.top;
    if (item.bottom > list.bottom) this.list.scrollTop += item.bottom - list.bottom;
    if (item.left < list.left) this.list.scrollLeft -= list.left - item.left;
    if (item.right > list.right) this.list.scrollLeft += item.right - list.right;
  }
}
