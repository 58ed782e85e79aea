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
   * @param {(picture: object) => void} on.change  an image's state changed
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

  add(pictures) {
    for (const picture of pictures) this.set(picture, "waiting");
    this.waiting.push(...pictures);
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
    for (const picture of given) this.set(picture, "stopped");
  }

  set(picture, state, error = "") {
    Object.assign(picture, { state, error });
    this.on.change(picture);
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

  async one(picture, signal) {
    this.set(picture, "working");
    try {
      const answer = await this.patiently(picture, signal);
      const { images, failures: _none, ...head } = answer;
      picture.head = head;
      picture.image = { ...images[0], file: picture.name };
      this.set(picture, "done");
    } catch (error) {
      if (signal.aborted) this.set(picture, "stopped");
      else if (error instanceof Gone || error.status === 401) this.hold(picture, error);
      else this.set(picture, "failed", error.message);
    }
  }

  /** A server without room says when to come back; the image waits so long and tries again. */
  async patiently(picture, signal) {
    for (;;) {
      try {
        return await look(picture.file, picture.name, this.threshold, signal);
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 429) throw error;
        this.set(picture, "working", `The server is busy; trying again in ${error.waitSeconds} s.`);
        await sleep(error.waitSeconds, signal);
        this.set(picture, "working");
      }
    }
  }

  hold(picture, error) {
    this.waiting.unshift(picture);
    const first = !this.paused;
    this.paused = true;
    this.set(picture, "waiting");
    if (first) this.on.held(error);
  }
}
