// Downloads: what threshold and filter leave, made in the browser.

import { save, toCoco, toCsv, toDocument } from "./documents.js";
import { overlay } from "./drawing.js";
import { pixels } from "./pixels.js";
import { toZip } from "./zip.js";

const json = (value) => new Blob([`${JSON.stringify(value, null, 1)}\n`], { type: "application/json" });
const OVERLAYS_AT_MOST = 3e9; // bytes; an archive of this kind ends at 4 GiB

/** A name for an overlay that is safe on any disk. */
const overlayName = (name) => `${name.split("/").pop().replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N}._-]+/gu, "_") || "image"}-found.jpg`;

/**
 * The result document of all images.
 * @param {object} state  of the page
 * @param {(entry: object) => {found: object}[]} shown  the objects that are left of an image
 */
export function documentOf(state, shown) {
  const done = state.entries.filter((entry) => entry.state === "done");
  const failed = state.entries.filter((entry) => entry.state === "failed");
  const names = state.labels.map(({ name }) => name);
  const classes = state.hidden.size ? names.filter((name) => !state.hidden.has(name)) : null;
  return toDocument(
    done[0].head,
    done.map((entry) => {
      const left = new Set(shown(entry).map(({ found }) => found));
      return { ...entry.image, objects: entry.image.objects.filter((found) => left.has(found)) };
    }),
    failed.map((entry) => ({ file: entry.name, error: entry.error })),
    state.threshold, classes,
  );
}

/** Make a file of a kind and have it saved. */
export async function saveAs(kind, state, shown, onProgress) {
  if (kind === "json") return save(json(documentOf(state, shown)), "predictions.json");
  if (kind === "coco") return save(json(toCoco(documentOf(state, shown))), "predictions.coco.json");
  if (kind === "csv") return save(new Blob([toCsv(documentOf(state, shown))], { type: "text/csv" }), "predictions.csv");
  if (kind === "overlay") {
    const { current } = state;
    return save(await overlayOf(current, shown), overlayName(current.name));
  }
  return save(await archive(state, shown, onProgress), "overlays.zip");
}

async function overlayOf(entry, shown) {
  const bitmap = await pixels(entry);
  try {
    return await overlay(bitmap, entry.image, shown(entry));
  } finally {
    bitmap.close();
  }
}

async function archive(state, shown, onProgress) {
  const done = state.entries.filter((entry) => entry.state === "done");
  const files = [];
  let size = 0;
  for (const entry of done) {
    const data = await overlayOf(entry, shown);
    size += data.size;
    if (size > OVERLAYS_AT_MOST) throw new Error("All overlays together are more than 3 GB. Use `seasift predict` for so many.");
    files.push({ name: `${String(files.length + 1).padStart(4, "0")}-${overlayName(entry.name)}`, data });
    onProgress(files.length, done.length);
  }
  return toZip(files);
}
