"use strict";
// Reloads an open page when the templates or the configuration have changed since it was made.
// The browser keeps where the page is scrolled to, and the fragment keeps the open view.
const made = document.currentScript.dataset.version;
const PAUSE = 700;

async function changed() {
  try {
    const answer = await fetch("/version", { cache: "no-store" });
    return answer.ok && (await answer.text()) !== made;
  } catch {
    return false; // the preview was stopped; it may come back
  }
}

async function watch() {
  if (document.visibilityState === "visible" && (await changed())) {
    location.reload();
  } else {
    setTimeout(watch, PAUSE);
  }
}

// Where the frames are scrolled to is ours to keep: also over the time that a template is broken.
function keepFrames(frames) {
  const kept = JSON.parse(sessionStorage.getItem(location.pathname) ?? "[]");
  frames.forEach((frame, place) => {
    const restore = () => frame.contentWindow.scrollTo(0, kept[place] ?? 0);
    restore();
    frame.addEventListener("load", restore, { once: true });
  });
  addEventListener("pagehide", () => {
    const now = frames.map((frame) => frame.contentWindow.scrollY);
    sessionStorage.setItem(location.pathname, JSON.stringify(now));
  });
}

watch();
const frames = [...document.querySelectorAll("iframe")];
if (frames.length > 0) {
  keepFrames(frames);
}
