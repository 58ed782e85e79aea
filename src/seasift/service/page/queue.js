// Images on their way to the server: a few at a time, stoppable, patient with a busy server.

import { Gone, look, Refused } from "./api.js";

const AT_ONCE = 3;
const sleep = (seconds, signal) => new Promise((done, stop) => {
  const timer = setTimeout(done, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); }, { once: true });
});

export class Queue {
  /**
   * @param {object} on
   * @param {(entry: object) => void} on.change  an image's state changed
   * @param {(error: Error) => void} on.held  nothing goes on until `resume`: token wanted, or server gone
   */
  constructor(on) {
    this.on = on;
    this.waiting = [];
    this.underWay = 0;
    this.paused = false;
    this.abort = new AbortController();
    this.threshold = 0.05;
  }

  get busy() {
    return this.underWay > 0 || (!this.paused && this.waiting.length > 0);
  }

  add(entries) {
    for (const entry of entries) this.set(entry, "waiting");
    this.waiting.push(...entries);
    this.fill();
  }

  /** Go on after a hold. */
  resume() {
    this.paused = false;
    this.fill();
  }

  /** Give up what is under way and what waits. */
  stop() {
    const given = this.waiting.splice(0);
    this.abort.abort();
    this.abort = new AbortController();
    this.paused = false;
    for (const entry of given) this.set(entry, "stopped");
  }

  set(entry, state, error = "") {
    Object.assign(entry, { state, error });
    this.on.change(entry);
  }

  fill() {
    while (!this.paused && this.underWay < AT_ONCE && this.waiting.length) {
      this.underWay++;
      this.one(this.waiting.shift(), this.abort.signal).finally(() => {
        this.underWay--;
        this.fill();
        this.on.change(null);
      });
    }
  }

  async one(entry, signal) {
    this.set(entry, "working");
    try {
      const answer = await this.patiently(entry, signal);
      const { images, failures: _none, ...head } = answer;
      entry.head = head;
      entry.image = { ...images[0], file: entry.name };
      this.set(entry, "done");
    } catch (error) {
      if (signal.aborted) this.set(entry, "stopped");
      else if (error instanceof Gone || error.status === 401) this.hold(entry, error);
      else this.set(entry, "failed", error.message);
    }
  }

  /** A server without room says when to come back; the image waits so long and tries again. */
  async patiently(entry, signal) {
    for (;;) {
      try {
        return await look(entry.file, entry.name, this.threshold, signal);
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 429) throw error;
        this.set(entry, "working", `The server is busy; trying again in ${error.waitSeconds} s.`);
        await sleep(error.waitSeconds, signal);
        this.set(entry, "working");
      }
    }
  }

  hold(entry, error) {
    this.waiting.unshift(entry);
    const first = !this.paused;
    this.paused = true;
    this.set(entry, "waiting");
    if (first) this.on.held(error);
  }
}
