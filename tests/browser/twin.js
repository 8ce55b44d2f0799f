/**
 * A service inside the page, for tests of the page alone: WebRTC and the microphone are replaced before it loads.
 *
 * `twin.serve(event, …)` says something as the service would; `twin.sent` is what the page said; `twin.speak`,
 * `twin.sound` make a microphone and an assistant heard; `twin.drop()` breaks the line.
 */
(() => {
  let context;
  const graph = () => (context ??= new AudioContext());
  const made = {};
  const stream = (side) => (made[side] ??= graph().createMediaStreamDestination());

  // What reaches the loudspeaker through the audio graph can be listened to.
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) twin.loudspeaker = this;
    return connect.call(this, target, ...rest);
  };

  /** Speech-like noise: syllables of a few formants. */
  function murmur(side, seconds, loudness, pitch) {
    const rate = graph().sampleRate;
    const buffer = graph().createBuffer(1, rate * seconds, rate);
    const data = buffer.getChannelData(0);
    for (let i = 0; i < data.length; i++) {
      const t = i / rate;
      const syllable = Math.max(0, Math.sin(t * 11 + Math.sin(t * 3.1) * 2)) * (0.45 + 0.55 * Math.sin(t * 1.7) ** 2);
      const edge = Math.min(1, t * 12, (seconds - t) * 12);
      data[i] = loudness * edge * syllable * (Math.sin(t * pitch * 6.28) + 0.5 * Math.sin(t * pitch * 3.1 * 6.28)) * 0.6;
    }
    const source = graph().createBufferSource();
    source.buffer = buffer;
    source.connect(stream(side));
    source.start();
    return source;
  }

  const twin = (window.twin = {
    sent: [],
    channel: undefined,
    sounds: [],
    serve: (...events) => events.forEach((event) => twin.channel.onmessage({ data: JSON.stringify({ event_id: "e", ...event }) })),
    speak: (seconds, loudness = 0.5) => void murmur("you", seconds, loudness, 150),
    sound: (seconds, loudness = 0.4) => void twin.sounds.push(murmur("them", seconds, loudness, 210)),
    tone: (hertz) => {
      const source = new OscillatorNode(graph(), { frequency: hertz });
      source.connect(new GainNode(graph(), { gain: 0.25 })).connect(stream("them"));
      source.start();
      twin.sounds.push(source);
    },
    /** dB of a tone in what goes to the loudspeaker. */
    loudness: (hertz) => {
      twin.analyser ??= new AnalyserNode(twin.loudspeaker.context, { fftSize: 8192, smoothingTimeConstant: 0 });
      twin.loudspeaker.connect(twin.analyser);
      const spectrum = new Float32Array(4096);
      twin.analyser.getFloatFrequencyData(spectrum);
      return spectrum[Math.round((hertz * 8192) / twin.loudspeaker.context.sampleRate)];
    },
    hush: () => twin.sounds.splice(0).forEach((source) => source.stop()),
    drop: () => {
      const channel = twin.channel;
      channel.readyState = "closed";
      channel.onclose?.();
    },
    created: { type: "session.created", session: { type: "realtime", id: "sess_1", audio: { input: { turn_detection: { type: "server_vad" } } } } },
  });

  class Channel extends EventTarget {
    readyState = "connecting";
    send(data) {
      twin.sent.push(JSON.parse(data));
    }
    close() {
      this.readyState = "closed";
    }
  }

  window.RTCPeerConnection = class extends EventTarget {
    connectionState = "new";
    localDescription = null;
    addTransceiver() {
      return { sender: { replaceTrack: async () => undefined } };
    }
    createDataChannel() {
      return (twin.channel = new Channel());
    }
    async createOffer() {
      return { type: "offer", sdp: "v=0\r\n" };
    }
    async setLocalDescription(description) {
      this.localDescription = description;
    }
    async setRemoteDescription() {
      this.connectionState = "connected";
      const { channel } = twin;
      this.ontrack?.({ streams: [stream("them").stream], track: stream("them").stream.getAudioTracks()[0] });
      setTimeout(() => {
        channel.readyState = "open";
        channel.dispatchEvent(new Event("open"));
        twin.serve(twin.created);
      }, 5);
    }
    async getStats() {
      return new Map();
    }
    close() {
      this.connectionState = "closed";
    }
  };

  const hiss = () => {
    const buffer = graph().createBuffer(1, graph().sampleRate, graph().sampleRate);
    buffer.getChannelData(0).forEach((_, i, data) => (data[i] = (Math.random() - 0.5) * 0.004));
    const source = graph().createBufferSource();
    Object.assign(source, { buffer, loop: true });
    source.connect(stream("you"));
    source.start();
  };
  twin.microphone = async () => {
    await graph().resume();
    if (!made.hiss) hiss();
    made.hiss = true;
    return stream("you").stream.clone();
  };
  if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = (wanted) => twin.microphone(wanted);
})();
