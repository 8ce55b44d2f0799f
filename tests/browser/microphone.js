/**
 * A microphone and an ear for tests: `room.say(wav)` speaks into the page's microphone, `room.heard()` gives what the
 * assistant's track sounded like, as base64 of float32 at `room.rate`. The calls themselves are real.
 */
(() => {
  const context = new AudioContext({ sampleRate: 48000 });
  const mouth = context.createMediaStreamDestination();
  const pieces = [];
  const room = (window.room = { rate: 48000, started: 0, offers: 0 });

  // A room is never digitally silent.
  const hiss = context.createBuffer(1, 48000, 48000);
  hiss.getChannelData(0).forEach((_, i, data) => (data[i] = (Math.random() - 0.5) * 0.0008));
  const noise = context.createBufferSource();
  Object.assign(noise, { buffer: hiss, loop: true });
  noise.connect(mouth);
  noise.start();

  navigator.mediaDevices.getUserMedia = async () => {
    await context.resume();
    return mouth.stream.clone();
  };

  const decoded = (base64) => context.decodeAudioData(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
  room.say = async (base64) => {
    const source = context.createBufferSource();
    source.buffer = await decoded(base64);
    source.connect(mouth);
    source.start();
    return source.buffer.duration;
  };

  room.listen = (stream) => {
    const ear = context.createScriptProcessor(4096, 1, 1);
    ear.onaudioprocess = (event) => pieces.push(event.inputBuffer.getChannelData(0).slice());
    context.createMediaStreamSource(stream).connect(ear).connect(context.destination);
  };
  room.heard = () => {
    const all = new Float32Array(pieces.length * 4096);
    pieces.splice(0).forEach((piece, i) => all.set(piece, i * 4096));
    const bytes = new Uint8Array(all.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  };

  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...settings) {
      super(...settings);
      room.peer = this;
      room.offers += 1;
      this.addEventListener("track", (event) => room.listen(event.streams[0] ?? new MediaStream([event.track])));
    }
  };
})();
