// The side: counts with the class filter, and the list of objects.

import { calledOf, GROUPS, groupById, memberName, shortName, signElement } from "./groups.js";

/** Make an element; `parts` are texts or elements. */
export function element(tag, attributes = {}, ...parts) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...parts.filter((part) => part != null));
  return made;
}

/** The counts table. Rows are made again only when the classes to show change, so that focus stays. */
export class Counts {
  constructor(table, onFilter) {
    this.table = table;
    this.onFilter = onFilter;
    this.shown = "";
  }

  /**
   * @param {object[]} labels  classes to show: name, group
   * @param {Map<string, number>} here
   * @param {Map<string, number>} all
   * @param {Set<string>} hidden  classes that the filter leaves out
   */
  set(labels, here, all, hidden) {
    const key = JSON.stringify(labels.map(({ name }) => name));
    if (key !== this.shown) this.build(labels);
    this.shown = key;
    const sum = (counts, names) => names.reduce((total, name) => total + (counts.get(name) ?? 0), 0);
    for (const row of this.rows) {
      const on = row.names.filter((name) => !hidden.has(name)).length;
      if (row.box) {
        row.box.checked = on > 0;
        row.box.indeterminate = on > 0 && on < row.names.length;
      }
      row.here.textContent = sum(here, row.names);
      row.all.textContent = sum(all, row.names);
      row.row.classList.toggle("off", on === 0 && row.names.length > 0);
      row.row.classList.toggle("zero", sum(all, row.names) === 0);
    }
  }

  build(labels) {
    this.rows = [];
    this.table.querySelectorAll("tbody, tfoot").forEach((part) => part.remove());
    for (const group of GROUPS) {
      const members = labels.filter((label) => groupById(label.group) === group);
      if (!members.length) continue;
      const body = element("tbody");
      const lone = members.length === 1 && shortName(members[0].name, "").toLowerCase() === group.id;
      body.append(this.row(group.name, members.map(({ name }) => name), "group-row", signElement(group.id)));
      const last = (label) => Number(Boolean(label.coarse));
      members.sort((a, b) => last(a) - last(b));
      if (!lone) for (const label of members) body.append(this.row(memberName(label), [label.name], "class-row"));
      this.table.append(body);
    }
    const names = labels.map(({ name }) => name);
    const total = this.row("All", names, "total-row", null, false);
    this.table.append(element("tfoot", {}, total));
  }

  row(words, names, kind, sign = null, filters = true) {
    const box = filters ? element("input", { type: "checkbox", checked: true }) : null;
    box?.addEventListener("change", () => this.onFilter(names, box.checked));
    const title = filters ? element("label", {}, box, sign, element("span", {}, words)) : words;
    const [here, all] = [element("td", { class: "number" }), element("td", { class: "number" })];
    const row = element("tr", { class: kind }, element("th", { scope: "row" }, title), here, all);
    this.rows.push({ row, box, here, all, names });
    return row;
  }
}

/** The list of objects; Up and Down walk through it. */
export class ObjectList {
  constructor(list, on) {
    this.list = list;
    this.on = on;
    this.buttons = new Map();
    list.addEventListener("pointerleave", () => on.hover(null));
  }

  /** @param {{found: object, group: string}[]} objects */
  set(objects) {
    const focused = [...this.buttons].find(([, button]) => button === document.activeElement)?.[0];
    this.objects = objects;
    const before = this.buttons;
    this.buttons = new Map(objects.map((each) => [each.found, before.get(each.found) ?? this.button(each)]));
    this.list.replaceChildren(...[...this.buttons.values()].map((button) => element("li", {}, button)));
    if (focused && this.buttons.has(focused)) this.buttons.get(focused).focus();
  }

  button({ found, group }) {
    const called = calledOf(found);
    const name = shortName(called.name, group);
    const [, , width, height] = found.box_xywh;
    const meter = element("span", { class: "meter", "aria-hidden": "true" }, element("span"));
    meter.firstChild.style.width = `${called.score * 100}%`;
    const button = element(
      "button", { type: "button", class: "object", "aria-pressed": "false" }, signElement(group),
      element("span", { class: "object-name" }, name),
      element("span", { class: "object-size" }, `${Math.round(width)} × ${Math.round(height)} px`),
      element("span", { class: "object-score" }, element("span", { class: "unseen" }, "score "), called.score.toFixed(2)), meter,
    );
    button.addEventListener("click", () => this.on.select(found));
    button.addEventListener("pointerenter", () => this.on.hover(found));
    return button;
  }

  /** Mark what is selected and hovered, and bring it into view. */
  mark(selected, hovered) {
    for (const [found, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(found === selected));
      button.classList.toggle("near", found === hovered);
      if (found === selected && document.activeElement !== button) this.reveal(button);
    }
  }

  /** Scrolls the list alone; `scrollIntoView` would also move the page on a small screen. */
  reveal(button) {
    const [item, list] = [button.getBoundingClientRect(), this.list.getBoundingClientRect()];
    if (item.top < list.top) this.list.scrollTop -= list.top - item.top;
    if (item.bottom > list.bottom) this.list.scrollTop += item.bottom - list.bottom;
  }
}
