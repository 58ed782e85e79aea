// What the review asks the server.

import { ask } from "../page/api.js";

const post = async (path, value) => (await ask(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value),
})).json();

/** Tracks, classes, videos. */
export const overview = async () => (await ask("v1/review")).json();

/** Keep a word on a track; gives the track and the classes as they are now. */
export const decide = (track, word, name, reviewer) => post("v1/review/decisions", { track, word, name, reviewer });

/** Take back the reviewer's last word. */
export const undo = (reviewer) => post("v1/review/undo", { reviewer });

/** The best image of a track. */
export const imageOf = async (track, signal) => (await ask(`v1/review/tracks/${track}/picture`, { signal })).blob();

/** One of its observations, from the video. */
export const view = async (track, index, signal) => (
  await ask(`v1/review/tracks/${track}/views/${index}`, { signal })).blob();

/** Begin to write the data set. */
export const beginExport = () => post("v1/review/export", {});

/** How far that is. */
export const exportState = async () => (await ask("v1/review/export")).json();
