"use strict";
// Keys for what the page's own links and buttons do; without this script they are reached by Tab.
const overlay = document.getElementById("keys");
const opener = document.getElementById("show-keys");
opener.hidden = false;
opener.addEventListener("click", () => overlay.showModal());

function widths() {
  const links = [...document.querySelectorAll('[aria-label="Width"] a')];
  return { links, at: links.findIndex((link) => link.hasAttribute("aria-current")) };
}

const TARGETS = {
  j: () => document.querySelector("a[rel=next]"),
  k: () => document.querySelector("a[rel=prev]"),
  ArrowRight: () => document.querySelector("a[rel=next]"),
  ArrowLeft: () => document.querySelector("a[rel=prev]"),
  i: () => document.querySelector("a.home"),
  m: () => document.querySelector('a[href="/matrix"]'),
  l: () => document.querySelector("[data-mode=light]"),
  d: () => document.querySelector("[data-mode=dark]"),
  f: () => document.querySelector("[data-mode=inverted]"),
  "[": () => widths().links[Math.max(0, widths().at - 1)],
  "]": () => widths().links[widths().at + 1],
};

addEventListener("keydown", (event) => {
  // What is being typed into, and what scrolls by arrows, keeps its keys.
  const busy = event.target.closest("input, select, textarea, dialog");
  const scrolls = event.key.startsWith("Arrow") && event.target.closest("[tabindex='0']");
  if (busy || scrolls || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  }
  if (event.key === "?") {
    overlay.showModal();
    return;
  }
  const tabs = document.querySelectorAll("nav.tabs a");
  const target = /^[1-9]$/.test(event.key) ? tabs[event.key - 1] : TARGETS[event.key]?.();
  target?.click();
});
