/**
 * What G.711 does to a voice: 8 000 samples a second, each a byte of mu-law (ITU-T G.711), held until the next.
 * The band is limited before and after by filters of the audio graph.
 */
const TELEPHONE_HZ = 8000;
const MU = 255;

/** A sample as it comes back from its byte. */
export function throughMuLaw(sample) {
  const size = Math.min(1, Math.abs(sample));
  const code = Math.round((Math.log1p(MU * size) / Math.log1p(MU)) * 127) / 127;
  return (Math.sign(sample) * (Math.pow(1 + MU, code) - 1)) / MU;
}

class Telephone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.phase = 1;
    this.held = 0;
  }

  process(inputs, outputs) {
    const input = inputs[0]?.[0];
    const output = outputs[0]?.[0];
    if (!output) return true;
    const step = TELEPHONE_HZ / sampleRate;
    for (let i = 0; i < output.length; i++) {
      this.phase += step;
      if (this.phase >= 1) {
        this.phase -= 1;
        this.held = throughMuLaw(input ? input[i] : 0);
      }
      output[i] = this.held;
    }
    return true;
  }
}

if (typeof registerProcessor === "function") registerProcessor("voice-telephone", Telephone);
