import { signal, type Signal } from "@preact/signals";
import { plugIn } from "../call.ts";
import { assistant, devices, inCall, info, listensOnly } from "../known.ts";
import { settings, telephone } from "../settings.ts";

/** Devices, and how they are used. */
export function Setup() {
  const { microphones, speakers } = devices.value;
  const change = () => inCall.value && !listensOnly.value && void plugIn();
  const canChoose = "setSinkId" in HTMLMediaElement.prototype;
  return (
    <div class="setup">
      <h2>Microphone</h2>
      <Picker label="Microphone" list={microphones} chosen={settings.microphone} changed={change} />
      <Check label="Take the loudspeaker out (echo)" chosen={settings.echoCancellation} changed={change} />
      <Check label="Take noise out" chosen={settings.noiseSuppression} changed={change} />
      <Check label="Even out the level" chosen={settings.autoGainControl} changed={change} />
      <h2>Loudspeaker</h2>
      {canChoose ? <Picker label="Loudspeaker" list={speakers} chosen={settings.speaker} /> : <p class="nothing">This browser leaves the choice to the system.</p>}
      <Check label="As a phone: 300–3400 Hz, µ-law" chosen={telephone} />
      {info.value && <About />}
    </div>
  );
}

function Picker({ label, list, chosen, changed }: { label: string; list: MediaDeviceInfo[]; chosen: Signal<string>; changed?: () => void }) {
  const known = list.filter((device) => device.deviceId !== "default" && device.label !== "");
  return (
    <span class="pick wide">
      <select aria-label={label} value={known.some((device) => device.deviceId === chosen.value) ? chosen.value : ""} onChange={(event) => {
        chosen.value = event.currentTarget.value;
        changed?.();
      }}>
        <option value="">The system's choice</option>
        {known.map((device) => <option key={device.deviceId} value={device.deviceId}>{device.label}</option>)}
      </select>
    </span>
  );
}

function Check({ label, chosen, changed }: { label: string; chosen: Signal<boolean>; changed?: () => void }) {
  const flip = () => {
    chosen.value = !chosen.value;
    changed?.();
  };
  return <label class="check"><input type="checkbox" checked={chosen.value} onChange={flip} />{label}</label>;
}

const showTools = signal(false);

function About() {
  const said = info.value;
  if (!said) return null;
  const tools = (assistant.value?.tools ?? []).map((tool) => (typeof tool === "string" ? tool : tool.name));
  return (
    <>
      <h2>Service</h2>
      <dl class="about">
        {assistant.value && <div><dt>assistant</dt><dd>{assistant.value.name}</dd></div>}
        <div><dt>engine</dt><dd>{said.engine}</dd></div>
        <div><dt>version</dt><dd>{said.version}</dd></div>
        {tools.length > 0 && (
          <div><dt>tools</dt><dd>
            <button class="link" type="button" aria-expanded={showTools.value} onClick={() => (showTools.value = !showTools.value)}>{tools.length}</button>
            {showTools.value && <ul>{tools.map((name) => <li key={name}>{name.replaceAll("_", " ")}</li>)}</ul>}
          </dd></div>
        )}
      </dl>
    </>
  );
}
