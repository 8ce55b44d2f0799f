/**
 * Measures two inputs (0: the person, 1: the assistant) in windows of 10 ms and tells four windows at a time.
 *
 * One message is a Float32Array of rows [input rms, input peak, output rms, output peak], linear, 1 = full scale.
 */
const WINDOW_S = 0.01;
const ROWS = 4;
const WIDTH = 4;

class Meter extends AudioWorkletProcessor {
  constructor() {
    super();
    this.window = Math.round(sampleRate * WINDOW_S);
    this.rows = new Float32Array(ROWS * WIDTH);
    this.row = 0;
    this.due = this.window;
    this.reset();
  }

  reset() {
    this.count = 0;
    this.power = [0, 0];
    this.peak = [0, 0];
  }

  process(inputs) {
    const length = inputs[0]?.[0]?.length ?? inputs[1]?.[0]?.length ?? 128;
    for (let side = 0; side < 2; side++) {
      const samples = inputs[side]?.[0];
      if (samples) this.measure(side, samples);
    }
    this.count += length;
    this.due -= length;
    // Blocks do not divide a window: what is over belongs to the next one, so that 100 windows are a second.
    if (this.due <= 0) {
      this.due += this.window;
      this.close();
    }
    return true;
  }

  measure(side, samples) {
    let power = 0;
    let peak = this.peak[side];
    for (let i = 0; i < samples.length; i++) {
      const value = Math.abs(samples[i]);
      power += value * value;
      if (value > peak) peak = value;
    }
    this.power[side] += power;
    this.peak[side] = peak;
  }

  close() {
    const at = this.row * WIDTH;
    for (let side = 0; side < 2; side++) {
      this.rows[at + side * 2] = Math.sqrt(this.power[side] / this.count);
      this.rows[at + side * 2 + 1] = this.peak[side];
    }
    this.reset();
    this.row += 1;
    if (this.row === ROWS) {
      this.port.postMessage(this.rows.slice());
      this.row = 0;
    }
  }
}

registerProcessor("voice-meter", Meter);
