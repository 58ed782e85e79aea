// The model card: what the model's file says of itself, for people.

import { fromMarkdown } from "./markdown.js";
import { element } from "./panels.js";

const figure = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(3));

function table(rows, heads = null) {
  const head = heads && element("thead", {}, element("tr", {}, ...heads.map((words) => element("th", { scope: "col" }, words))));
  const body = element("tbody", {}, ...rows.map(([name, ...values]) => element(
    "tr", {}, element("th", { scope: "row" }, name), ...values.map((value) => element("td", {}, value)),
  )));
  return element("table", { class: "facts" }, head, body);
}

const scores = (model) => (model.calibrated
  ? "calibrated: on images like those it was evaluated on, a score is the chance of being right"
  : "not calibrated: higher is surer, but a score is no chance of being right");

/** One data set's figures: masks and boxes beside each other, the rest in one line. */
function measured(data, figures, open) {
  const pairs = Object.keys(figures).filter((name) => name.startsWith("masks ")).map((name) => name.slice(6));
  const alone = Object.entries(figures).filter(([name]) => !/^(masks|boxes) /.test(name));
  const value = (name) => (name in figures ? figure(figures[name]) : "");
  const rows = pairs.length
    ? pairs.map((name) => [name, value(`masks ${name}`), value(`boxes ${name}`)])
    : alone.map(([name, number]) => [name, figure(number)]);
  return element(
    "details", { open }, element("summary", {}, `On ${data}`),
    pairs.length ? element("p", { class: "small" }, alone.map(([name, number]) => `${name}: ${figure(number)}`).join(", ")) : null,
    table(rows, pairs.length ? ["", "masks", "boxes"] : null),
  );
}

/**
 * Fill the dialog: the card where the model has one, else what its file says.
 * @param {string | null} text  the card in Markdown
 */
export function fillCard(body, model, labels, text) {
  if (text) {
    const parts = fromMarkdown(text);
    const title = parts[0].tagName === "H3" ? 1 : 0; // the dialog has it
    body.replaceChildren(...parts.slice(title), element("p", { class: "small" }, `SHA-256 of the file: ${model.sha256}`));
    return;
  }
  const training = Object.entries(model.training).filter(([, value]) => ["string", "number"].includes(typeof value));
  const parts = [
    element("p", { class: "warning" }, "Figures hold for footage like that they were measured on. On another dive expect less, and check what is found."),
    table([
      ["Name", model.name],
      ["Head", model.head],
      ["Input", `${model.input_size_hw[0]} × ${model.input_size_hw[1]} px (height × width)`],
      ["Runs on", `${model.engine}, ${model.precision}${model.quantized ? `, 8-bit (${model.quantized})` : ""}`],
      ["Minimum score", String(model.threshold)],
      ["Scores", scores(model)],
      ["Classes", labels.map(({ name }) => name).join(", ")],
      ["Licence", model.licence || "not said"],
      ["Credit", model.attribution || "not said"],
      ["SHA-256", model.sha256],
    ]),
  ];
  Object.entries(model.figures).forEach(([data, figures], i) => parts.push(measured(data, figures, i === 0)));
  if (training.length) {
    parts.push(element("h3", {}, "Training"));
    parts.push(table(training.map(([name, value]) => [name.replaceAll("_", " "), String(value)])));
  }
  body.replaceChildren(...parts);
}
