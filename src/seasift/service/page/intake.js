// Images and folders from dialogs, drops and the clipboard.

const ENDINGS = /\.(jpe?g|png|tiff?|webp|bmp)$/i;

/** Whether a name's ending is that of an image the server reads. */
export const isImage = (name) => ENDINGS.test(name);

/** @returns {{name: string, file: File, chosen: boolean}[]} chosen: named by the user itself, not as part of a folder */
export function fromInput(input) {
  return [...input.files].map((file) => ({
    name: file.webkitRelativePath || file.name, file, chosen: !file.webkitRelativePath,
  }));
}

/** What was dropped; folders are read to their depth. Must be called within the event, before anything is awaited. */
export function fromDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.());
  if (entries.some((entry) => !entry)) {
    return Promise.resolve([...transfer.files].map((file) => ({ name: file.name, file, chosen: true })));
  }
  return Promise.all(entries.map((entry) => read(entry, true))).then((lists) => lists.flat());
}

async function read(entry, chosen) {
  const name = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise((yes, no) => entry.file(yes, no));
    return [{ name, file, chosen }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no)); // browsers give 100 at a time
    if (!some.length) break;
    for (const each of some) found.push(...await read(each, false));
  }
  return found;
}

/** Images of the clipboard. */
export function fromPaste(transfer) {
  return [...transfer.files].filter((file) => file.type.startsWith("image/"))
    .map((file) => ({ name: file.name || "pasted.png", file, chosen: true }));
}

/** Split into images, in the order of their names within folders, and what is none; hidden files do not count. */
export function sorted(given) {
  const order = new Intl.Collator("en", { numeric: true });
  const seen = given.filter(({ name, chosen }) => chosen || !name.split("/").pop().startsWith("."));
  const inOrder = [...seen].sort((a, b) => Number(b.chosen) - Number(a.chosen) || order.compare(a.name, b.name));
  return { entries: inOrder.filter(({ name }) => isImage(name)), others: inOrder.filter(({ name }) => !isImage(name)) };
}

/** A name that no other image has. */
export function unique(name, taken) {
  let again = name;
  for (let number = 2; taken.has(again); number++) again = `${name} (${number})`;
  taken.add(again);
  return again;
}
