// An archive of files that are compressed already: entries are stored as they are.

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

/** What local and central headers share: version 2.0, names in UTF-8, stored, 1 January 1980. */
function fields(entry) {
  return [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, entry.crc], [4, entry.size], [4, entry.size],
    [2, entry.name.length], [2, 0]];
}

function packed(parts) {
  const view = new DataView(new ArrayBuffer(parts.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of parts) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

/**
 * @param {{name: string, data: Blob}[]} files  fewer than 65,536, together below 4 GiB
 * @returns {Promise<Blob>}
 */
export async function toZip(files) {
  const body = [];
  const central = [];
  let offset = 0;
  let centralSize = 0;
  for (const file of files) {
    const name = new TextEncoder().encode(file.name);
    const crc = crc32(new Uint8Array(await file.data.arrayBuffer()));
    const entry = { name, crc, size: file.data.size };
    const local = packed([[4, 0x04034b50], ...fields(entry)]);
    const listed = packed([[4, 0x02014b50], [2, 20], ...fields(entry), [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
    body.push(local, name, file.data);
    central.push(listed, name);
    offset += local.length + name.length + entry.size;
    centralSize += listed.length + name.length;
  }
  const end = packed([[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length],
    [4, centralSize], [4, offset], [2, 0]]);
  return new Blob([...body, ...central, end], { type: "application/zip" });
}
