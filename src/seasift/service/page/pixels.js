// An image's pixels, upright: from the browser, or from the server for kinds that browsers cannot show.

import { asJpeg } from "./api.js";

/** @returns {Promise<ImageBitmap>} to be closed by who asked */
export async function pixels(entry) {
  try {
    return await createImageBitmap(entry.shown ?? entry.file, { imageOrientation: "from-image" });
  } catch (error) {
    if (entry.state !== "done" || entry.shown) throw error;
    entry.shown = await asJpeg(entry.file, entry.name);
    return createImageBitmap(entry.shown);
  }
}
