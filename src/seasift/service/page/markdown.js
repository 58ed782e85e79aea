// Model cards are Markdown: headings, paragraphs, bold, code, lists and tables, made into elements (never into HTML text).

import { element } from "./panels.js";

/** A line's parts: **bold**, `code`, the rest as it is. */
function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith("**") && part.length > 4) return element("strong", {}, part.slice(2, -2));
    if (part.startsWith("`") && part.length > 2) return element("code", {}, part.slice(1, -1));
    return part;
  });
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function table(lines) {
  const head = cells(lines[0]);
  const rows = lines.slice(2).map(cells);
  const numbers = cells(lines[1]).map((rule) => rule.endsWith(":"));
  const kind = (i) => (numbers[i] ? { class: "number" } : {});
  const top = head.some(Boolean)
    ? element("thead", {}, element("tr", {}, ...head.map((words, i) => element(words ? "th" : "td", words ? { scope: "col", ...kind(i) } : {}, ...inline(words)))))
    : null;
  const body = element("tbody", {}, ...rows.map(([name, ...rest]) => element(
    "tr", {}, element("th", { scope: "row" }, ...inline(name)), ...rest.map((words, i) => element("td", kind(i + 1), ...inline(words))),
  )));
  return element("div", { class: "wide-table", tabindex: "0", role: "group", "aria-label": "table" }, element("table", { class: "facts" }, top, body));
}

/**
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function fromMarkdown(text) {
  return text.trim().split(/\n\s*\n/).flatMap((block) => {
    const lines = block.split("\n");
    const heading = /^(#{1,4}) (.*)$/.exec(lines[0]);
    if (heading) {
      const made = element(heading[1].length < 3 ? "h3" : "h4", {}, ...inline(heading[2]));
      return lines.length > 1 ? [made, ...fromMarkdown(lines.slice(1).join("\n"))] : [made];
    }
    if (lines[0].startsWith("|") && lines.length > 1) return [table(lines)];
    if (/^[-*] /.test(lines[0])) {
      const items = block.split(/\n(?=[-*] )/).map((item) => item.slice(2).replaceAll("\n", " "));
      return [element("ul", {}, ...items.map((item) => element("li", {}, ...inline(item))))];
    }
    return [element("p", {}, ...inline(lines.join(" ")))];
  });
}
