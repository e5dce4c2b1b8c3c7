"use strict";
// Reloads an open page when templates, translations or the configuration have changed since it was made.
// The browser keeps where the page is scrolled to, and the address keeps the open view.
const made = document.currentScript.dataset.version;
const PAUSE = 300;

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

// An element that is pointed out is shown; else where a frame is scrolled to is ours to keep, also over the time
// that a template is broken.
function keepFrames(frames) {
  const place = location.pathname + location.search;
  const kept = JSON.parse(sessionStorage.getItem(place) ?? "[]");
  frames.forEach((frame, number) => {
    const restore = () => {
      const marked = frame.dataset.mark && frame.contentDocument?.querySelector(frame.dataset.mark);
      if (marked && kept[number] === undefined) {
        marked.scrollIntoView({ block: "center" });
      } else {
        frame.contentWindow.scrollTo(0, kept[number] ?? 0);
      }
    };
    restore();
    frame.addEventListener("load", restore, { once: true });
  });
  addEventListener("pagehide", () => {
    const now = frames.map((frame) => frame.contentWindow.scrollY);
    sessionStorage.setItem(place, JSON.stringify(now));
  });
}

watch();
const frames = [...document.querySelectorAll("iframe:not([loading=lazy])")];
if (frames.length > 0) {
  keepFrames(frames);
}
