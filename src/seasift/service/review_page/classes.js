// Choosing a class: nine by digits, all by a list that is searched, new ones by typing.

import { shortName, signElement } from "../page/groups.js";
import { element } from "../page/panels.js";

const $ = (id) => document.getElementById(id);

/**
 * The classes of the digits: those that the survey found, most often first (of a track with a coarser name, its likeliest
 * class), then those that a person gave, then the model's others. A digit keeps its class while the page is open; a new class gets one only if one is free.
 * @param {object[]} before  what this gave last
 */
export function quickOf(categories, tracks, before = []) {
  const found = new Map();
  for (const { class_name: name } of tracks) found.set(name, (found.get(name) ?? 0) + 1);
  const given = new Set(tracks.filter(({ state }) => state === "relabelled").map(({ name }) => name));
  const used = ({ name }) => found.has(name) || given.has(name);
  const often = [...categories].sort((a, b) => (found.get(b.name) ?? 0) - (found.get(a.name) ?? 0));
  const quick = before.length ? [...before] : often.filter(({ name }) => found.has(name)).slice(0, 9);
  const fresh = often.filter((each) => used(each) && !quick.some(({ name }) => name === each.name));
  const others = often.filter((each) => !used(each) && !quick.some(({ name }) => name === each.name));
  return [...quick, ...fresh, ...others].slice(0, 9);
}

/** Make the buttons of the digits. */
export function fillQuick(list, quick, onChoose) {
  list.replaceChildren(...quick.map((category, index) => {
    const button = element("button", { type: "button", "data-name": category.name, "aria-keyshortcuts": String(index + 1) },
      element("kbd", {}, String(index + 1)), signElement(category.group), shortName(category.name, category.group));
    button.addEventListener("click", () => onChoose(category.name));
    return element("li", {}, button);
  }));
}

export class ClassDialog {
  constructor(onChoose) {
    Object.assign(this, { onChoose, dialog: $("classes"), field: $("search"), list: $("found"), categories: [], at: 0 });
    this.field.addEventListener("input", () => { this.at = 0; this.render(); });
    this.field.addEventListener("keydown", (event) => this.key(event));
  }

  open(categories) {
    Object.assign(this, { categories, at: 0 });
    this.field.value = "";
    this.render();
    this.dialog.showModal();
    this.field.focus();
  }

  render() {
    const typed = this.field.value.trim().replace(/\s+/g, " ");
    const words = typed.toLowerCase().split(" ");
    const plain = ({ name }) => name.toLowerCase().replaceAll("_", " ");
    this.names = this.categories.filter((each) => words.every((word) => plain(each).includes(word)));
    const known = this.categories.some((each) => each.name === typed || plain(each) === typed.toLowerCase());
    if (typed && !known) this.names.push({ name: typed, group: "other", fresh: true });
    this.at = Math.min(this.at, Math.max(0, this.names.length - 1));
    this.list.replaceChildren(...this.names.map((each, index) => {
      const words = each.fresh ? `New class “${each.name}”` : each.name.replaceAll("_", " ");
      const item = element("li", { role: "option", id: `class-${index}`, "aria-selected": String(index === this.at) },
        signElement(each.group), words);
      item.addEventListener("click", () => this.choose(index));
      return item;
    }));
    this.field.setAttribute("aria-activedescendant", this.names.length ? `class-${this.at}` : "");
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.names.length) {
      this.at = (this.at + step + this.names.length) % this.names.length;
      this.render();
    } else if (event.key === "Enter" && !event.isComposing) this.choose(this.at);
    else return;
    event.preventDefault();
  }

  choose(index) {
    const chosen = this.names[index];
    if (!chosen) return;
    this.dialog.close();
    this.onChoose(chosen.name);
  }
}
