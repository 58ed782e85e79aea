// The button that writes the data set, and how far that is.

import { element } from "../page/panels.js";
import { beginExport, exportState } from "./asking.js";

const POLL_MS = 400;
const pause = () => new Promise((done) => { setTimeout(done, POLL_MS); });

/** Make the button work; an export that is under way already is followed, too. */
export async function followExport(button, list) {
  const tell = (words, bad = false) => {
    list.replaceChildren(...words.map((each) => element("li", bad ? { class: "bad-words" } : {}, each)));
  };
  const follow = async () => {
    button.disabled = true;
    try {
      let state = await exportState();
      while (state.state === "running") {
        tell([state.total ? `${state.done} of ${state.total} images …` : "Reading tracks …"]);
        await pause();
        state = await exportState();
      }
      if (state.state === "done") tell([state.path, ...state.words]);
      if (state.state === "failed") tell(state.words, true);
    } catch (error) {
      tell([error.message], true);
    } finally {
      button.disabled = false;
    }
  };
  button.onclick = async () => {
    try {
      await beginExport();
      await follow();
    } catch (error) {
      tell([error.message], true);
    }
  };
  await follow();
}
