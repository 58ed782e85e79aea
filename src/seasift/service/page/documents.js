// Results as the API writes them: JSON document, COCO, CSV; of what threshold and filter leave.

/**
 * @param {object} head  the answer's document without `images` and `failures`
 * @param {object[]} images  entries whose objects are those to keep
 * @param {object[]} failures
 * @param {number} threshold  with rolled-up names that of their scores; the document has that of class scores, as asked for
 * @param {string[] | null} classes  names, or null for all
 */
export function toDocument(head, images, failures, threshold, classes) {
  const { classes: _all, images: _images, failures: _failures, categories, threshold: low, ...rest } = head;
  return { ...rest, threshold: rest.names === "rollup" ? low : threshold, ...(classes ? { classes } : {}), categories, images, failures };
}

/** The document in COCO's form, as `seasift predict --format coco` has it. */
export function toCoco(doc) {
  const images = doc.images.map((image, i) => ({
    id: i + 1, file_name: image.file, width: image.width, height: image.height,
  }));
  const annotations = doc.images.flatMap((image, i) => image.objects.map((found) => ({
    image_id: i + 1,
    category_id: found.category_id,
    bbox: found.box_xywh,
    area: found.area_px ?? found.box_xywh[2] * found.box_xywh[3],
    iscrowd: 0,
    score: found.score,
    ...(found.mask ? { segmentation: found.mask } : {}),
    ...(found.rollup ? { rollup: found.rollup } : {}),
  })));
  return {
    info: {
      description: `predictions of ${doc.model.name} at scores of ${doc.threshold} and more`,
      seasift: doc.seasift,
      model_sha256: doc.model.sha256,
      engine: doc.engine,
      precision: doc.precision,
    },
    images,
    categories: doc.categories,
    annotations: annotations.map((annotation, i) => ({ id: i + 1, ...annotation })),
  };
}

const COLUMNS = [
  "file", "frame", "time_s", "image_width", "image_height", "object",
  "category_id", "name", "score", "box_x", "box_y", "box_width", "box_height", "area_px",
];

/** Only in results with rolled-up names. */
const ROLLUP_COLUMNS = ["rollup_name", "rollup_level", "rollup_score"];

/** A row an object, by RFC 4180, with the byte order mark that spreadsheets need. */
export function toCsv(doc) {
  const rolled = doc.names === "rollup";
  const rows = doc.images.flatMap((image) => image.objects.map((found, i) => [
    image.file, image.frame, image.time_s, image.width, image.height, i + 1,
    found.category_id, found.name, found.score, ...found.box_xywh, found.area_px,
    ...(rolled ? [found.rollup?.name, found.rollup?.level, found.rollup?.score] : []),
  ]));
  return "\ufeff" + [rolled ? [...COLUMNS, ...ROLLUP_COLUMNS] : COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Have the browser save a blob under a name. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
