// Masks: COCO's run lengths to a bitmap crop, its outline, and whether a point lies in it.

/**
 * Run lengths of COCO's compressed form: background first, the image read column by column.
 * Each number is written in groups of 5 bits, lowest first; from the third on it is a difference.
 * @param {string} counts
 * @returns {number[]}
 */
export function runs(counts) {
  const found = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const code = counts.charCodeAt(at++) - 48;
      value += (code & 31) * 2 ** shift;
      more = (code & 32) !== 0;
      shift += 5;
      if (!more && code & 16) value -= 2 ** shift;
    }
    if (found.length > 2) value += found[found.length - 2];
    found.push(value);
  }
  return found;
}

/**
 * The mask as the smallest bitmap that holds it, row by row, in px of the image.
 * @param {{size: number[], counts: string}} rle
 * @returns {{x: number, y: number, width: number, height: number, bits: Uint8Array} | null} null if empty
 */
export function crop(rle) {
  const height = rle.size[0];
  const spans = []; // [column, first row, last row + 1]
  let index = 0;
  let set = false;
  let [left, right, top, bottom] = [Infinity, -1, Infinity, -1];
  for (const length of runs(rle.counts)) {
    if (set && length > 0) {
      let start = index;
      while (start < index + length) {
        const column = Math.floor(start / height);
        const end = Math.min(index + length, (column + 1) * height);
        const [y1, y2] = [start - column * height, end - column * height];
        spans.push([column, y1, y2]);
        left = Math.min(left, column);
        right = Math.max(right, column + 1);
        top = Math.min(top, y1);
        bottom = Math.max(bottom, y2);
        start = end;
      }
    }
    index += length;
    set = !set;
  }
  if (right < 0) return null;
  const width = right - left;
  const bits = new Uint8Array(width * (bottom - top));
  for (const [column, y1, y2] of spans) {
    for (let y = y1; y < y2; y++) bits[(y - top) * width + column - left] = 1;
  }
  return { x: left, y: top, width, height: bottom - top, bits };
}

const STEPS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // right, down, left, up

/**
 * Closed lines around a bitmap, holes included, through the middles of pixel edges, which rounds off the steps.
 * @param {ReturnType<typeof crop>} mask
 * @returns {number[][]} rings [x1, y1, x2, y2, ...] in px of the image
 */
export function rings(mask) {
  const { width, height, bits } = mask;
  const across = width + 1;
  const out = new Uint8Array(across * (height + 1)); // of each corner, the edges that leave it, inside on the right
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && bits[y * width + x] === 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!bits[y * width + x]) continue;
      if (!at(x, y - 1)) out[y * across + x] |= 1;
      if (!at(x + 1, y)) out[y * across + x + 1] |= 2;
      if (!at(x, y + 1)) out[(y + 1) * across + x + 1] |= 4;
      if (!at(x - 1, y)) out[(y + 1) * across + x] |= 8;
    }
  }
  const found = [];
  for (let corner = 0; corner < out.length; corner++) {
    while (out[corner]) found.push(follow(out, corner, across, mask));
  }
  return found;
}

function follow(out, start, across, mask) {
  const ring = [];
  let corner = start;
  let heading = -1;
  do {
    const open = out[corner];
    // Where two pixels touch at a corner only, turning right keeps them apart.
    const tries = heading < 0 ? [0, 1, 2, 3] : [(heading + 1) % 4, heading, (heading + 3) % 4];
    const next = tries.find((way) => open & (1 << way));
    if (next === undefined) break;
    out[corner] &= ~(1 << next);
    const [dx, dy] = STEPS[next];
    const [x, y] = [corner % across, Math.floor(corner / across)];
    ring.push(mask.x + x + dx / 2, mask.y + y + dy / 2);
    corner += dx + dy * across;
    heading = next;
  } while (corner !== start);
  return ring;
}

/**
 * What is drawn of an object: its mask's outline, its polygons, or its box.
 * @returns {{path: Path2D, mask: ReturnType<typeof crop>}} in px of the image
 */
export function shape(found) {
  const path = new Path2D();
  const mask = found.mask ? crop(found.mask) : null;
  const lines = mask ? rings(mask) : found.polygons?.length ? found.polygons : [];
  for (const ring of lines) {
    path.moveTo(ring[0], ring[1]);
    for (let i = 2; i < ring.length; i += 2) path.lineTo(ring[i], ring[i + 1]);
    path.closePath();
  }
  if (!lines.length) path.rect(...found.box_xywh);
  return { path, mask };
}
