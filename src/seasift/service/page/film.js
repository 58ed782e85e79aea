// The list of images: small image, name, how far it is, how much is in it.

import { element } from "./panels.js";

const WORDS = { waiting: "waiting", working: "looking …", failed: "failed", stopped: "stopped" };
const SIDE = 160;

export class Film {
  constructor(list, onPick) {
    this.list = list;
    this.onPick = onPick;
    this.items = new Map();
    this.watcher = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) if (isIntersecting) this.thumbnail(target);
    }, { root: list, rootMargin: "200px" });
  }

  add(entries) {
    const made = entries.map((entry) => {
      const small = element("canvas", { class: "thumb", width: 2, height: 2, "aria-hidden": "true" });
      const name = element("span", { class: "film-name" }, entry.name);
      const state = element("span", { class: "film-state" });
      const button = element("button", { type: "button", class: "film-item", title: entry.name }, small, name, state);
      button.addEventListener("click", () => this.onPick(entry));
      this.items.set(entry, { button, state, small });
      small.entry = entry;
      this.watcher.observe(small);
      return element("li", {}, button);
    });
    this.list.append(...made);
  }

  clear() {
    this.watcher.disconnect();
    this.items.clear();
    this.list.replaceChildren();
  }

  /** @param {number | null} count  objects that threshold and filter leave */
  set(entry, count) {
    const item = this.items.get(entry);
    if (!item) return;
    item.button.dataset.state = entry.state;
    const words = entry.state === "done" ? String(count) : WORDS[entry.state];
    item.state.replaceChildren(words);
    if (entry.state === "done") item.state.append(element("span", { class: "unseen" }, count === 1 ? " object" : " objects"));
    item.state.classList.toggle("none", entry.state === "done" && !count);
  }

  current(entry) {
    for (const [each, { button }] of this.items) {
      if (each === entry) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    const item = this.items.get(entry)?.button.parentElement;
    if (!item) return;
    const [one, list] = [item.getBoundingClientRect(), this.list.getBoundingClientRect()];
    this.list.scrollBy(
      one.left < list.left ? one.left - list.left : Math.max(0, one.right - list.right),
      one.top < list.top ? one.top - list.top : Math.max(0, one.bottom - list.bottom),
    );
  }

  /** Made when the item comes into sight: a folder may hold thousands. */
  async thumbnail(canvas) {
    this.watcher.unobserve(canvas);
    try {
      const bitmap = await createImageBitmap(canvas.entry.file, { resizeWidth: SIDE, resizeQuality: "medium" });
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      bitmap.close();
    } catch {
      // a TIFF, or no image at all; its name has to do
    }
  }
}
