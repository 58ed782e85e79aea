// What the page asks the server, and how it says what went wrong.

/** The server answered, and said no. */
export class Refused extends Error {
  constructor(words, status, waitSeconds) {
    super(words);
    this.status = status;
    this.waitSeconds = waitSeconds;
  }
}

/** Nobody answered. */
export class Gone extends Error {
  constructor() {
    super("The server does not answer. It may have been stopped, or the network is down.");
  }
}

const KEY = "seasift-token";
let token = sessionStorage.getItem(KEY) ?? "";

/** Use a token from now on, until the tab is closed. */
export function useToken(value) {
  token = value.trim();
  sessionStorage.setItem(KEY, token);
}

export const hasToken = () => token !== "";

/**
 * @param {string} path  relative to the page, so that the server may stand behind another
 * @returns {Promise<Response>}
 * @throws Refused, Gone, or what aborting throws
 */
export async function ask(path, options = {}) {
  let answer;
  try {
    const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted || error.name === "AbortError") throw error;
    if (error instanceof TypeError && /ISO-8859-1|ByteString/i.test(error.message)) {
      throw new Refused("The token has letters that no token can have.", 401, 0);
    }
    throw new Gone();
  }
  if (answer.ok) return answer;
  throw new Refused(await wordsOf(answer), answer.status, Number(answer.headers.get("Retry-After")) || 1);
}

async function wordsOf(answer) {
  try {
    const { error } = await answer.json();
    if (error) return error;
  } catch {
    // not our server's words: something stands between
  }
  return `The server answered ${answer.status} ${answer.statusText}`.trim() + ".";
}

/** The classes and the model. */
export async function about() {
  const [labels, models] = await Promise.all([ask("v1/labels"), ask("v1/models")]);
  return { labels: (await labels.json()).labels, model: (await models.json()).models[0] };
}

/** The model card in Markdown; null where the model has none. */
export async function cardText() {
  try {
    return await (await ask("v1/card")).text();
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function form(file, name, fields) {
  const body = new FormData();
  body.append("files", file, name.split("/").pop() || "image");
  for (const [key, value] of Object.entries(fields)) body.append(key, value);
  return body;
}

/** Look at one image; gives the result document. */
export async function look(file, name, threshold, signal) {
  const answer = await ask("v1/predict", { method: "POST", body: form(file, name, { threshold }), signal });
  return answer.json();
}

/** An image of a kind that the browser cannot show, as a JPEG: an overlay on which nothing scores enough to be drawn. */
export async function asJpeg(file, name) {
  const fields = { threshold: 1, format: "overlay", overlay_type: "jpeg" };
  return (await ask("v1/predict", { method: "POST", body: form(file, name, fields) })).blob();
}

/** An example image of the page. */
export async function example(name) {
  return (await ask(`page/${name}`)).blob();
}
