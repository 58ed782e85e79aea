// The stage: the best image of a track, and a strip of its other views from the video.

import { element } from "../page/panels.js";
import { imageOf, view } from "./asking.js";

const PAUSE_MS = 150; // who walks quickly through the tracks asks for no views

export class Stage {
  constructor(large, none, strip) {
    Object.assign(this, { large, none, strip, urls: [], frames: [], at: 0, stop: new AbortController() });
  }

  /** Show a track. @param {string} words  for screen readers */
  async show(track, words) {
    this.stop.abort();
    this.stop = new AbortController();
    const { signal } = this.stop;
    for (const url of this.urls) URL.revokeObjectURL(url);
    Object.assign(this, { urls: [], frames: [], at: 0, words });
    this.strip.replaceChildren();
    if (!track) return this.put(null, "");
    const best = this.add("best");
    await this.load(best, () => imageOf(track.id, signal), signal);
    if (signal.aborted) return undefined;
    await new Promise((done) => { setTimeout(done, PAUSE_MS); });
    const frames = signal.aborted ? [] : track.views.map((index, number) => [index, this.add(`view ${number + 1}`)]);
    for (const [index, frame] of frames) {
      if (signal.aborted) return undefined;
      await this.load(frame, () => view(track.id, index, signal), signal);
      if (!signal.aborted && frame.error) this.drop(frame);
    }
    if (!signal.aborted && frames.length && this.frames.length === 1) {
      this.strip.append(element("p", { class: "small no-views" }, `No other views: ${frames[0][1].error}`));
    }
    return undefined;
  }

  /** The view before or after. */
  step(by) {
    if (this.frames.length > 1) this.choose((this.at + by + this.frames.length) % this.frames.length);
  }

  add(words) {
    const number = this.frames.length;
    const button = element("button", { type: "button", "aria-pressed": String(number === 0), "aria-label": words },
      element("span", { class: "when" }, words));
    const frame = { button, words };
    button.addEventListener("click", () => this.choose(this.frames.indexOf(frame)));
    this.frames.push(frame);
    this.strip.append(button);
    return frame;
  }

  drop(frame) {
    const index = this.frames.indexOf(frame);
    frame.button.remove();
    this.frames.splice(index, 1);
    if (this.at >= index) this.choose(Math.max(0, this.at - 1));
  }

  async load(frame, get, signal) {
    try {
      const blob = await get();
      if (signal.aborted) return;
      frame.url = URL.createObjectURL(blob);
      this.urls.push(frame.url);
      frame.button.prepend(element("img", { src: frame.url, alt: "" }));
    } catch (error) {
      if (signal.aborted) return;
      frame.error = error.message;
    }
    if (this.frames[this.at] === frame) this.choose(this.at);
  }

  choose(at) {
    this.at = at;
    this.frames.forEach(({ button }, number) => button.setAttribute("aria-pressed", String(number === at)));
    const { url, error, words } = this.frames[at];
    this.put(url ?? null, error ?? "", words);
    const [item, strip] = [this.frames[at].button.getBoundingClientRect(), this.strip.getBoundingClientRect()];
    if (item.left < strip.left) this.strip.scrollLeft -= strip.left - item.left + 12;
    if (item.right > strip.right) this.strip.scrollLeft += item.right - strip.right + 12;
  }

  put(url, error, which = "") {
    this.large.hidden = !url;
    if (url) this.large.src = url;
    else this.large.removeAttribute("src");
    this.large.alt = `${this.words} ${which}`.trim();
    this.none.hidden = Boolean(url) || !error;
    this.none.textContent = error;
  }
}
