// Objects on a canvas: the same drawing on the screen and in an overlay that is downloaded.

import { calledOf, groupById, shortName, signPath } from "./groups.js";
import { shape } from "./masks.js";

const RIM = "rgba(2, 12, 18, 0.78)";
const shapes = new WeakMap();

/** An object's outline and mask, made when first asked for. */
export function shapeOf(found) {
  if (!shapes.has(found)) shapes.set(found, shape(found));
  return shapes.get(found);
}

/**
 * Draw outlines, then labels, worst object first so that the best lies on top.
 * @param {CanvasRenderingContext2D} ctx  scaled so that one unit is a px of the image
 * @param {{found: object, group: string}[]} objects  best first
 * @param {{unit: number, size: number[], selected?: object, hovered?: object, labels?: boolean}} how
 *     unit: px of the image that one px of line or text takes; size: width, height to keep labels within
 */
export function drawObjects(ctx, objects, how) {
  ctx.lineJoin = "round";
  for (const { found, group } of [...objects].reverse()) outline(ctx, found, group, how);
  if (how.labels === false) return;
  const chosen = objects.filter(({ found }) => found === how.selected || found === how.hovered);
  const taken = [];
  for (const object of [...chosen, ...objects.filter((each) => !chosen.includes(each))]) {
    label(ctx, object, how, taken, chosen.includes(object));
  }
}

function outline(ctx, found, group, { unit, selected, hovered }) {
  const { path, mask } = shapeOf(found);
  const { colour } = groupById(group);
  const chosen = found === selected;
  const near = chosen || found === hovered;
  ctx.globalAlpha = near ? 0.16 : selected ? 0.05 : 0.12;
  ctx.fillStyle = colour;
  if (mask || found.polygons) ctx.fill(path, "evenodd");
  ctx.globalAlpha = selected && !near ? 0.65 : 1;
  const line = (near ? 3 : 2) * unit;
  ctx.lineWidth = line + 2 * unit;
  ctx.strokeStyle = RIM;
  ctx.stroke(path);
  ctx.lineWidth = line;
  ctx.strokeStyle = colour;
  ctx.stroke(path);
  if (chosen) {
    const [x, y, width, height] = found.box_xywh;
    const gap = 6 * unit;
    ctx.lineWidth = 1.5 * unit;
    ctx.strokeStyle = "#fff";
    ctx.setLineDash([5 * unit, 4 * unit]);
    ctx.strokeRect(x - gap, y - gap, width + 2 * gap, height + 2 * gap);
    ctx.setLineDash([]);
  }
  ctx.globalAlpha = 1;
}

/** Name and score beside an object, where they cover no other label; a chosen object's always. */
function label(ctx, { found, group }, { unit, size }, taken, always) {
  const { colour, sign } = groupById(group);
  ctx.font = `600 ${12 * unit}px system-ui, "Segoe UI", sans-serif`;
  const called = calledOf(found);
  const text = `${shortName(called.name, group)} ${called.score.toFixed(2)}`;
  const width = ctx.measureText(text).width + 26 * unit;
  const height = 20 * unit;
  const [x, y, w, h] = found.box_xywh;
  const gap = 7 * unit;
  const places = [[x, y - height - gap], [x, y + h + gap], [x + w + gap, y], [x - width - gap, y], [x, y + gap]];
  const areas = places.map(([left, top]) => [
    Math.min(Math.max(left, 0), Math.max(size[0] - width, 0)), Math.min(Math.max(top, 0), Math.max(size[1] - height, 0)),
  ]);
  const free = areas.find(([left, top]) => !taken.some((other) => left < other[0] + other[2] && other[0] < left + width
    && top < other[1] + other[3] && other[1] < top + height)) ?? (always ? areas[0] : null);
  if (!free) return;
  taken.push([free[0], free[1], width, height]);
  ctx.fillStyle = "rgba(4, 18, 26, 0.86)";
  ctx.beginPath();
  ctx.roundRect(free[0], free[1], width, height, 5 * unit);
  ctx.fill();
  ctx.fillStyle = colour;
  ctx.fill(signPath(sign, free[0] + 11 * unit, free[1] + height / 2, 4.5 * unit));
  ctx.fillStyle = "#f2f8fa";
  ctx.textBaseline = "middle";
  ctx.fillText(text, free[0] + 20 * unit, free[1] + height / 2 + 0.5 * unit);
}

/** Whether a point lies in an object: in its mask, or near it by so many px. */
export function hits(ctx, found, x, y, near) {
  const { path, mask } = shapeOf(found);
  const [left, top, width, height] = found.box_xywh;
  const margin = near + 4;
  if (x < left - margin || y < top - margin || x > left + width + margin || y > top + height + margin) return false;
  if (mask || found.polygons) {
    ctx.lineWidth = 2 * near;
    return ctx.isPointInPath(path, x, y, "evenodd") || ctx.isPointInStroke(path, x, y);
  }
  return x >= left - near && y >= top - near && x <= left + width + near && y <= top + height + near;
}

/** An image with its objects as a JPEG of its own size, or twice it where it is small. */
export async function overlay(bitmap, image, objects) {
  const factor = Math.max(image.width, image.height) < 480 ? 2 : 1;
  const canvas = new OffscreenCanvas(image.width * factor, image.height * factor);
  const ctx = canvas.getContext("2d");
  ctx.scale(factor, factor);
  ctx.drawImage(bitmap, 0, 0, image.width, image.height);
  const unit = Math.max(1 / factor, Math.min(image.width, image.height) / 640);
  drawObjects(ctx, objects, { unit, size: [image.width, image.height] });
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}
