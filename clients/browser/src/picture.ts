/** Pictures small enough for the wire: the data channel carries them as text. */

const LONGEST_SIDE_PX = 1_024;
const LONGEST_URL = 180_000;

/** A data URL of the picture, scaled down and as JPEG. Rejects what is no picture. */
export async function shrunk(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  const paper = canvas.getContext("2d");
  if (paper) {
    // JPEG knows no transparency, and black is a poor guess.
    paper.fillStyle = "#fff";
    paper.fillRect(0, 0, canvas.width, canvas.height);
    paper.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
  picture.close();
  for (const quality of [0.85, 0.7, 0.5, 0.3]) {
    const url = canvas.toDataURL("image/jpeg", quality);
    if (url.length <= LONGEST_URL) return url;
  }
  return canvas.toDataURL("image/jpeg", 0.15);
}
