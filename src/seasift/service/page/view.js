// The stage: one image with its objects, zoomed and moved by wheel, fingers, mouse and keys.

import { drawObjects, hits } from "./drawing.js";

const MOST = 32; // px of the screen a px of the image takes at most
const SLOP = 5; // px a finger may move and still tap

export class View {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{hover: Function, select: Function, zoom: Function}} on  told the object (or null), the zoom
   */
  constructor(canvas, on) {
    this.canvas = canvas;
    this.ctx = canvas.getContext("2d");
    this.on = on;
    this.bitmap = null;
    this.objects = [];
    this.outlines = true;
    this.fingers = new Map();
    new ResizeObserver(() => this.resize()).observe(canvas);
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.fingers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.on.hover(null));
    canvas.addEventListener("dblclick", () => this.fit());
  }

  /** Show an image, whole. `image` has its size in px; without a bitmap the stage is empty. */
  show(bitmap, image) {
    this.bitmap = bitmap;
    this.image = image;
    this.fit();
  }

  /** What lies on the image; best first. */
  set(objects, selected, hovered) {
    Object.assign(this, { objects, selected, hovered });
    this.later();
  }

  get fitted() {
    const { clientWidth, clientHeight } = this.canvas;
    return Math.min(clientWidth / this.image.width, clientHeight / this.image.height) || 1;
  }

  fit() {
    if (!this.bitmap) {
      delete this.canvas.dataset.zoom;
      return this.later();
    }
    this.scale = this.fitted;
    this.x = (this.canvas.clientWidth - this.image.width * this.scale) / 2;
    this.y = (this.canvas.clientHeight - this.image.height * this.scale) / 2;
    return this.changed();
  }

  /** Zoom by a factor around a point of the canvas, else its middle. */
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    if (!this.bitmap) return;
    const scale = Math.min(Math.max(this.scale * factor, this.fitted), Math.max(MOST, this.fitted));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.changed();
  }

  pan(dx, dy) {
    if (!this.bitmap) return;
    this.x += dx;
    this.y += dy;
    this.changed();
  }

  /** Bring an object into view if it is out of it. */
  reveal(found) {
    if (!this.bitmap || !found) return;
    const [x, y, width, height] = found.box_xywh;
    const [left, top] = [this.x + x * this.scale, this.y + y * this.scale];
    const out = left < 0 || top < 0 || left + width * this.scale > this.canvas.clientWidth
      || top + height * this.scale > this.canvas.clientHeight;
    if (!out) return;
    this.pan(this.canvas.clientWidth / 2 - left - (width * this.scale) / 2,
      this.canvas.clientHeight / 2 - top - (height * this.scale) / 2);
  }

  /** Keep the image on the stage: centred where it is smaller, without a gap where it is larger. */
  changed() {
    for (const [place, length, room] of [["x", this.image.width, this.canvas.clientWidth],
      ["y", this.image.height, this.canvas.clientHeight]]) {
      const span = length * this.scale;
      this[place] = span <= room ? (room - span) / 2 : Math.min(0, Math.max(room - span, this[place]));
    }
    const fits = this.scale <= this.fitted * 1.001;
    this.canvas.style.touchAction = fits ? "pan-y" : "none"; // a page longer than the screen still scrolls
    this.canvas.dataset.zoom = (this.scale / this.fitted).toFixed(3);
    this.on.zoom(this.scale);
    this.later();
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const whole = this.bitmap && this.scale <= (this.was ?? this.fitted) * 1.001;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    if (this.bitmap) {
      if (whole || this.scale < this.fitted) this.fit();
      else this.changed();
      this.was = this.fitted;
    }
    this.draw();
  }

  later() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = undefined;
    const ratio = this.canvas.width / (this.canvas.clientWidth || 1);
    this.ctx.setTransform(1, 0, 0, 1, 0, 0);
    this.ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.bitmap) return;
    this.was = this.fitted;
    this.ctx.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * this.x, ratio * this.y);
    this.ctx.imageSmoothingEnabled = this.scale < 4;
    this.ctx.imageSmoothingQuality = "high";
    this.ctx.drawImage(this.bitmap, 0, 0, this.image.width, this.image.height);
    if (!this.outlines) return;
    const { selected, hovered } = this;
    drawObjects(this.ctx, this.objects, {
      unit: 1 / this.scale, size: [this.image.width, this.image.height], selected, hovered,
    });
  }

  /** The smallest object under a point of the canvas, since it may lie on a large one. */
  at(x, y) {
    if (!this.bitmap || !this.outlines) return null;
    const [px, py] = [(x - this.x) / this.scale, (y - this.y) / this.scale];
    this.ctx.save();
    this.ctx.setTransform(1, 0, 0, 1, 0, 0);
    const under = this.objects.map(({ found }) => found).filter((found) => hits(this.ctx, found, px, py, 4 / this.scale));
    this.ctx.restore();
    const size = (found) => found.area_px ?? found.box_xywh[2] * found.box_xywh[3];
    return under.length ? under.reduce((a, b) => (size(b) < size(a) ? b : a)) : null;
  }

  wheel(event) {
    if (!this.bitmap) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), event.offsetX, event.offsetY);
  }

  down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.moved = this.fingers.size > 1 ? Infinity : 0;
  }

  move(event) {
    const [x, y] = [event.offsetX, event.offsetY];
    const finger = this.fingers.get(event.pointerId);
    if (!finger) {
      if (event.pointerType === "mouse") this.on.hover(this.at(x, y));
      return;
    }
    const [dx, dy] = [x - finger.x, y - finger.y];
    if (this.fingers.size === 2) {
      const other = [...this.fingers].find(([id]) => id !== event.pointerId)[1];
      const before = Math.hypot(finger.x - other.x, finger.y - other.y) || 1;
      this.pan(dx / 2, dy / 2);
      this.zoom(Math.hypot(x - other.x, y - other.y) / before, (x + other.x) / 2, (y + other.y) / 2);
    } else {
      this.moved += Math.hypot(dx, dy);
      if (this.moved > SLOP) this.pan(dx, dy);
    }
    Object.assign(finger, { x, y });
  }

  up(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.moved <= SLOP) this.on.select(this.at(event.offsetX, event.offsetY));
  }
}
