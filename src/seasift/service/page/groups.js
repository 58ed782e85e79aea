// The groups of classes: their order, words, colours and signs.
//
// The colours differ from each other by at least 25 in CIELAB also to eyes without red, green or blue cones (a test
// computes it), and each group has a sign of its own, so that nothing is told by colour alone. They are the same in
// dark and light, since they lie on images; the style gives them a rim on light ground.

export const GROUPS = [
  { id: "trash", name: "Trash", colour: "#ffd219", sign: "triangle" },
  { id: "animal", name: "Animals", colour: "#429aff", sign: "circle" },
  { id: "plant", name: "Plants", colour: "#18ee94", sign: "square" },
  { id: "vehicle", name: "Vehicle", colour: "#ff51aa", sign: "diamond" },
  { id: "other", name: "Other", colour: "#f2f2f2", sign: "bar" },
];

const BY_ID = Object.fromEntries(GROUPS.map((group) => [group.id, group]));

/** A group by its id; what the page does not know is "other". */
export const groupById = (id) => BY_ID[id] ?? BY_ID.other;

/** A class's name for people: `animal_fish` of the animals is "fish", `trash_unknown_instance` "unknown instance". */
export function shortName(name, groupId) {
  const words = name.replaceAll("_", " ");
  const start = `${groupId} `;
  return words.startsWith(start) && words.length > start.length ? words.slice(start.length) : words;
}

/** What an object is called, and how sure that name is: its rolled-up name if it has one, else its class. */
export function calledOf(found) {
  return found.rollup ?? { name: found.name, score: found.score };
}

/**
 * The classes with the names that objects of uncertain class can have: a supercategory, or "object".
 * @param {{name: string, group: string}[]} labels
 */
export function withCoarse(labels) {
  const taken = new Set(labels.map(({ name }) => name));
  const groups = [...new Set(labels.map(({ group }) => group))].filter((group) => group !== "other");
  const coarse = [...groups.map((group) => ({ name: group, group, coarse: true })), { name: "object", group: "other", coarse: true }];
  return [...labels, ...coarse.filter(({ name }) => !taken.has(name))];
}

/** The words of a row within its supercategory. */
export function memberName({ name, group, coarse }) {
  return coarse && name === group ? "class uncertain" : shortName(name, group);
}

/** The corners of a group's sign in a square from -1 to 1; a circle has none. */
const CORNERS = {
  triangle: [[0, -0.95], [1, 0.8], [-1, 0.8]],
  square: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  diamond: [[0, -1], [1, 0], [0, 1], [-1, 0]],
  bar: [[-1, -0.35], [1, -0.35], [1, 0.35], [-1, 0.35]],
};

/** The sign as a path around (x, y). */
export function signPath(sign, x, y, radius) {
  const path = new Path2D();
  if (!CORNERS[sign]) {
    path.arc(x, y, radius * 0.9, 0, Math.PI * 2);
    return path;
  }
  CORNERS[sign].forEach(([dx, dy], i) => path[i ? "lineTo" : "moveTo"](x + dx * radius, y + dy * radius));
  path.closePath();
  return path;
}

/** The sign as an SVG element for lists; screen readers pass over it. */
export function signElement(groupId) {
  const group = groupById(groupId);
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "-1.3 -1.3 2.6 2.6");
  svg.setAttribute("class", "sign");
  svg.setAttribute("aria-hidden", "true");
  const corners = CORNERS[group.sign];
  const shape = document.createElementNS(space, corners ? "polygon" : "circle");
  if (corners) shape.setAttribute("points", corners.map((corner) => corner.join(",")).join(" "));
  else shape.setAttribute("r", "0.9");
  shape.setAttribute("fill", group.colour);
  svg.append(shape);
  return svg;
}
