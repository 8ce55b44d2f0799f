import { useEffect, useRef, useState } from "preact/hooks";
import { write } from "../call.ts";
import { shrunk } from "../picture.ts";
import { CloseIcon, PictureIcon, SendIcon } from "./icons.tsx";

/** Writing instead of speaking, with pictures: chosen, pasted or dropped anywhere on the page. */
export function Composer() {
  const [text, setText] = useState("");
  const [pictures, setPictures] = useState<string[]>([]);
  const [dropping, setDropping] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);

  const add = (files: Iterable<File> | null | undefined) => {
    for (const file of files ?? []) {
      if (file.type.startsWith("image/")) void shrunk(file).then((url) => setPictures((all) => [...all, url]), () => undefined);
    }
  };
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setDropping(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setDropping(false);
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setDropping(false);
      add(event.dataTransfer?.files);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!text.trim() && pictures.length === 0) return;
    void write(text.trim(), pictures);
    setText("");
    setPictures([]);
  };
  return (
    <form class="composer" onSubmit={submit}>
      {dropping && <div class="drop" aria-hidden="true">Drop the picture to show it</div>}
      {pictures.length > 0 && (
        <ul class="pictures" aria-label="Pictures to send">
          {pictures.map((url) => (
            <li key={url}>
              <img src={url} alt="" />
              <button type="button" aria-label="Remove this picture" onClick={() => setPictures(pictures.filter((one) => one !== url))}><CloseIcon /></button>
            </li>
          ))}
        </ul>
      )}
      <input ref={chooser} type="file" accept="image/*" multiple hidden onChange={(event) => {
        add(event.currentTarget.files);
        event.currentTarget.value = "";
      }} />
      <button class="quiet" type="button" aria-label="Add a picture" title="Add a picture" onClick={() => chooser.current?.click()}><PictureIcon /></button>
      <label class="field">
        <span class="sr">Write to the assistant</span>
        <input type="text" placeholder="Or write…" autocomplete="off" enterkeyhint="send" value={text}
          onInput={(event) => setText(event.currentTarget.value)} onPaste={(event) => add(event.clipboardData?.files)} />
      </label>
      <button class="send" type="submit" aria-label="Send" disabled={!text.trim() && pictures.length === 0}><SendIcon /></button>
    </form>
  );
}
