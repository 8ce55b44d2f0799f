const BYTES_PER_MS = 48;
const PIECE_MS = 40;

/** Gives PCM16 of 24 kHz in pieces as a microphone would: in real time. */
export async function pace(pcm, give) {
  const began = performance.now();
  for (let at = 0; at < pcm.length; at += PIECE_MS * BYTES_PER_MS) {
    const piece = pcm.subarray(at, at + PIECE_MS * BYTES_PER_MS);
    give(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
    const due = began + at / BYTES_PER_MS;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
  }
}
