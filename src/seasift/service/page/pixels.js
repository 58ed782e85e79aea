// An image's pixels, upright: from the browser, or from the server for kinds that browsers cannot show.

import { asJpeg } from "./api.js";

/** @returns {Promise<ImageBitmap>} to be closed by who asked */
export async function pixels(picture) {
  try {
    return await createImageBitmap(picture.shown ?? picture.file, { imageOrientation: "from-image" });
  } catch (error) {
    if (picture.state !== "done" || picture.shown) throw error;
    picture.shown = await asJpeg(picture.file, picture.name);
    return createImageBitmap(picture.shown);
  }
}
