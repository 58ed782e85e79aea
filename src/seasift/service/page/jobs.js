// Videos: too long for one request, so each becomes a job of the server, where it keeps jobs.

import { ask, Refused } from "./api.js";
import { notice, say } from "./notices.js";
import { element } from "./panels.js";

const ENDINGS = /\.(mp4|mov|m4v|avi|mkv|webm|mpe?g|ts|mts|m2ts|wmv)$/i;
const ASK_S = 1;
const sleep = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });

/** Whether a name's ending is that of a video. */
export const isVideo = (name) => ENDINGS.test(name);

export class Jobs {
  /** @param {HTMLElement} pane  hidden while there are none  @param {HTMLElement} list */
  constructor(pane, list) {
    Object.assign(this, { pane, list, open: 0 });
  }

  /** Send a video and follow its job. */
  async add(file, name, threshold) {
    const words = element("span", { class: "job-words" }, "Sending …");
    const tools = element("span", { class: "pane-tools" });
    const row = element("li", { class: "job", "data-state": "sending" }, element("b", {}, name), words, tools);
    this.list.append(row);
    this.pane.hidden = false;
    this.open++;
    const tell = (state, text) => { row.dataset.state = state; words.textContent = text; };
    try {
      const body = new FormData();
      body.append("file", file, name.split("/").pop());
      body.append("threshold", threshold);
      const { id } = await (await ask("v1/jobs", { method: "POST", body })).json();
      row.dataset.job = id;
      this.button(tools, "Stop", () => ask(`v1/jobs/${id}`, { method: "DELETE" }));
      const job = await this.followed(id, tell);
      tools.replaceChildren();
      if (job.state !== "done") return tell(job.state, job.error || "Stopped.");
      const failed = job.failures ? `, ${job.failures} could not be read` : "";
      tell("done", `${job.done} frame${job.done === 1 ? "" : "s"}${failed}.`);
      for (const each of job.files) this.button(tools, each, () => this.save(id, each));
      return say(`${name}: done.`);
    } catch (error) {
      tools.replaceChildren();
      tell("failed", error.status === 404 && !row.dataset.job
        ? "This server keeps no jobs, so it takes no video. Start it with --jobs FOLDER, or use seasift survey." : error.message);
      return say(`${name}: ${words.textContent}`);
    } finally {
      this.open--;
    }
  }

  /** Ask until the job ends; a server without room or answer is asked again. */
  async followed(id, tell) {
    for (;;) {
      try {
        const job = await (await ask(`v1/jobs/${id}`)).json();
        if (!["queued", "running"].includes(job.state)) return job;
        tell(job.state, job.state === "queued" ? "Waiting for its turn" : `${job.done} of about ${job.total} frames`);
      } catch (error) {
        if (error instanceof Refused && ![429, 502, 503].includes(error.status)) throw error;
        tell("running", error.message);
      }
      await sleep(ASK_S);
    }
  }

  async save(id, name) {
    const blob = await (await ask(`v1/jobs/${id}/files/${name}`)).blob();
    const link = element("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  button(tools, words, act) {
    const button = element("button", { type: "button", class: "quiet" }, words);
    button.addEventListener("click", () => act().catch((error) => notice(`${words}: ${error.message}`, { key: "job" })));
    tools.append(button);
  }
}
